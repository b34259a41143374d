"""The users to try the site with."""

import pytest
from django.core.management import CommandError, call_command

from apps.accounts.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def development(settings):
    settings.DEBUG = True


def test_demo_users_can_log_in_and_one_may_everything(client, capsys):
    call_command("demo_users")
    assert set(User.objects.values_list("username", "is_staff", "is_superuser")) == {
        ("admin", True, True),
        ("ada", False, False),
        ("grace", False, False),
    }
    assert all(client.login(username=name, password="demo") for name in ("admin", "ada", "grace"))
    assert "admin / demo, ada / demo, grace / demo" in capsys.readouterr().out


def test_a_second_run_changes_nothing():
    call_command("demo_users")
    ada = User.objects.get(username="ada")
    ada.set_password("my own")
    ada.email = "moved@example.com"
    ada.save()
    before = list(User.objects.order_by("pk").values())
    call_command("demo_users")
    assert list(User.objects.order_by("pk").values()) == before


def test_demo_users_are_refused_with_debug_off(settings):
    settings.DEBUG = False
    with pytest.raises(CommandError, match="DEBUG=1"):
        call_command("demo_users")
    assert not User.objects.exists()
