"""The demo users."""

import pytest
from asgiref.sync import async_to_sync
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.urls import reverse

from apps.accounts.models import User
from apps.dev.database import name_of_database

pytestmark = pytest.mark.django_db
HASHER = "apps.accounts.models.DemoHasher"


@pytest.fixture(autouse=True)
def development(settings):
    settings.DEBUG = True
    settings.DEVELOPMENT_DATABASE = name_of_database()
    settings.PASSWORD_HASHERS = [*settings.PASSWORD_HASHERS, HASHER]


@pytest.fixture
def without_debug(settings):
    """A function that turns `DEBUG` off, as settings.py does."""

    def turn_off():
        settings.DEBUG = False
        settings.PASSWORD_HASHERS = [name for name in settings.PASSWORD_HASHERS if name != HASHER]

    return turn_off


def test_demo_users_can_log_in_and_admin_is_a_superuser(client, capsys):
    call_command("demo_users")
    assert set(User.objects.values_list("username", "is_staff", "is_superuser")) == {
        ("admin", True, True),
        ("ada", False, False),
        ("grace", False, False),
    }
    assert all(client.login(username=name, password="demo") for name in ("admin", "ada", "grace"))
    assert "admin / demo, ada / demo, grace / demo" in capsys.readouterr().out


def test_the_log_in_page_has_a_button_for_each_demo_user_with_debug_only(client, without_debug):
    page = reverse("account_login")
    assert "demo user" not in client.get(page).text
    call_command("demo_users")
    assert 'name="login" value="grace"' in client.get(page).text
    assert client.post(page, {"login": "grace", "password": "demo"}).url == reverse("home")
    client.logout()
    without_debug()
    assert "demo user" not in client.get(page).text


def test_a_second_run_changes_nothing():
    call_command("demo_users")
    ada = User.objects.get(username="ada")
    ada.set_password("my own")
    ada.email = "moved@example.com"
    ada.save()
    before = list(User.objects.order_by("pk").values())
    call_command("demo_users")
    assert list(User.objects.order_by("pk").values()) == before


def test_a_demo_password_does_not_work_without_debug_even_after_a_login(client, async_client, without_debug):
    call_command("demo_users")
    ways = [client.login, async_to_sync(async_client.alogin)]
    assert all(log_in(username=name, password="demo") for log_in in ways for name in ("admin", "ada"))
    without_debug()
    assert not any(log_in(username=name, password="demo") for log_in in ways for name in ("admin", "ada"))


def test_a_changed_password_works_without_debug(client, without_debug):
    call_command("demo_users")
    ada = User.objects.get(username="ada")
    ada.set_password("my own")
    ada.save()
    without_debug()
    assert client.login(username="ada", password="my own")


def test_the_deployment_check_names_demo_accounts_until_they_are_removed(without_debug, capsys):
    def warnings():
        return [m.msg for m in run_checks(include_deployment_checks=True) if m.id == "accounts.W001"]

    User.objects.create_user("lin")
    assert warnings() == []
    call_command("demo_users")
    without_debug()
    assert "admin, ada, grace" in warnings()[0]
    call_command("demo_users", remove=True)
    assert warnings() == []
    assert [user.username for user in User.objects.all()] == ["lin"]


@pytest.mark.parametrize("command", [("demo_users",), ("demo", "--seed"), ("dev", "--demo")])
def test_a_database_that_may_be_in_production_is_not_changed(settings, command):
    settings.DEVELOPMENT_DATABASE = ""
    with pytest.raises(CommandError, match=f"set DEVELOPMENT_DATABASE={name_of_database()}"):
        call_command(*command)
    assert not User.objects.exists()


def test_demo_users_are_refused_with_debug_off(settings):
    settings.DEBUG = False
    with pytest.raises(CommandError, match="DEBUG=1"):
        call_command("demo_users")
    assert not User.objects.exists()
