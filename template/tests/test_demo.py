"""The demo data of all apps."""

from types import SimpleNamespace

import pytest
from django.core.management import CommandError, call_command

from apps.dashboard.figures import all_figures
from apps.dashboard.rollups import DAY, start_of
from apps.dev.database import name_of_database
from apps.dev.management.commands import demo as command
from apps.feed.models import Post

pytestmark = pytest.mark.django_db


@pytest.fixture
def _development(settings):
    settings.DEBUG = True
    settings.DEVELOPMENT_DATABASE = name_of_database()


@pytest.mark.usefixtures("_development")
def test_demo_data_is_created_once(capsys):
    call_command("demo_users")
    call_command("demo", seed=True)
    posts = Post.objects.count()
    call_command("demo", seed=True)
    assert Post.objects.count() == posts > 0


@pytest.mark.usefixtures("_development")
def test_activity_shows_two_days_of_demo_data():
    call_command("demo_users")
    call_command("demo", seed=True)
    for figure in all_figures().values():
        days = {start_of(DAY, at) for at in figure.rows.values_list(figure.at, flat=True) if at}
        assert len(days) >= 2 or figure.key == "tasks-failed-imports", figure


@pytest.mark.usefixtures("_development")
def test_events_are_created_until_ctrl_c_by_the_apps_that_have_some(monkeypatch, capsys):
    calls = []

    def tick():
        calls.append("tick")
        if len(calls) == 10:
            raise KeyboardInterrupt

    seed = SimpleNamespace(seed=lambda: calls.append("seed"))
    monkeypatch.setattr(command, "demo_modules", lambda: [seed, SimpleNamespace(seed=seed.seed, tick=tick)])
    monkeypatch.setattr(command.time, "sleep", lambda seconds: None)
    call_command("demo")
    assert calls == ["seed"] * 2 + ["tick"] * 8


def test_demo_data_is_refused_in_production(settings):
    settings.DEBUG = False
    with pytest.raises(CommandError, match="DEBUG=1"):
        call_command("demo")
