"""Demo data, of all apps that have some."""

import pytest
from django.core.management import CommandError, call_command

from apps.dev.database import name_of_database
from apps.dev.management.commands import demo as command
from apps.feed.models import Post

pytestmark = pytest.mark.django_db


@pytest.fixture
def _developing(settings):
    settings.DEBUG = True
    settings.DEVELOPMENT_DATABASE = name_of_database()


@pytest.mark.usefixtures("_developing")
def test_demo_data_is_made_once(capsys):
    call_command("demo_users")
    call_command("demo", seed=True)
    posts = Post.objects.count()
    call_command("demo", seed=True)
    assert Post.objects.count() == posts > 0


@pytest.mark.usefixtures("_developing")
def test_something_goes_on_happening_until_it_is_interrupted(monkeypatch, capsys):
    happened = []

    class Module:
        seed = staticmethod(lambda: happened.append("seed"))

        @staticmethod
        def move():
            happened.append("move")
            if len(happened) == 4:
                raise KeyboardInterrupt

    monkeypatch.setattr(command, "demo_modules", lambda: [Module])
    monkeypatch.setattr(command.time, "sleep", lambda seconds: None)
    call_command("demo")
    assert happened == ["seed", "move", "move", "move"]


def test_demo_data_is_refused_in_production(settings):
    settings.DEBUG = False
    with pytest.raises(CommandError, match="DEBUG=1"):
        call_command("demo")
