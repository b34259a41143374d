"""A client that loses access to a stream receives nothing more of it, in every process."""

from functools import partial

import pytest

from apps.sse.tests.conftest import serve_private
from apps.sse.tests.servers.browsing import Browser, seconds_until_the_end, tabs_in_two_processes
from tests import servers
from tests.servers import wait_until

SOON_SECONDS = 3
TWO_WORKERS = "uvicorn with two workers"


@pytest.fixture(scope="module")
def server(migrated, tmp_path_factory):
    """Two workers, shared by the tests that leave the users as they were."""
    with serve_private(TWO_WORKERS, tmp_path_factory.mktemp("shared"), migrated, SSE_MAX_PER_USER="0") as server:
        yield server


def run(server, code):
    """Run Python code in a separate process."""
    user = "from django.contrib.auth import get_user_model\nada = get_user_model().objects.get(username='ada')\n"
    return servers.manage("shell", "-v", "0", "-c", user + code, environment=server.environment)


def test_a_logout_ends_the_streams_of_all_tabs_and_of_no_other_browser(server):
    with Browser(server) as browser, Browser(server) as other:
        browser.sign_in("ada")
        other.sign_in("ada")
        stays = other.tab("/members/")
        tabs = tabs_in_two_processes(lambda: browser.tab("/members/"))
        assert seconds_until_the_end(tabs, browser.sign_out) < SOON_SECONDS
        assert browser.status("/members/") == 302
        assert other.status("/members/") == 200
        assert seconds_until_the_end([stays], other.sign_out) < SOON_SECONDS


def test_a_login_ends_the_streams_that_the_session_had_before(server):
    with Browser(server) as browser:
        key = run(
            server,
            "from django.contrib.sessions.backends.db import SessionStore\n"
            "session = SessionStore()\nsession['basket'] = 1\nsession.save()\nprint(session.session_key)",
        ).split()[-1]
        browser.client.cookies.set("sessionid", key)
        tabs = tabs_in_two_processes(lambda: browser.tab("/open/"))
        assert seconds_until_the_end(tabs, lambda: browser.sign_in("ada")) < SOON_SECONDS


@pytest.mark.parametrize(
    "code",
    [
        "ada.is_active = False\nada.save()",
        "ada.delete()",
        "ada.set_password('another')\nada.save()",
    ],
    ids=["deactivated", "deleted", "a changed password"],
)
def test_a_deactivated_account_or_changed_password_ends_its_streams(private, code):
    with (
        private(TWO_WORKERS, SSE_MAX_PER_USER="0") as server,
        Browser(server) as browser,
        Browser(server) as other,
    ):
        browser.sign_in("ada")
        other.sign_in("grace")
        stays = other.tab("/members/")
        tabs = tabs_in_two_processes(lambda: browser.tab("/members/"))
        assert seconds_until_the_end(tabs, lambda: run(server, code)) < SOON_SECONDS
        assert browser.status("/members/") == 302
        assert seconds_until_the_end([stays], other.sign_out) < SOON_SECONDS


WAYS_TO_LOSE_A_PERMISSION = [
    ("ada.user_permissions.add(view)", "ada.user_permissions.clear()"),
    ("ada.groups.add(group)", "ada.groups.remove(group)"),
    ("ada.groups.add(group)", "group.user_set.clear()"),
    ("ada.groups.add(group)", "group.permissions.clear()"),
    ("ada.groups.add(group)", "group.delete()"),
]


def test_a_lost_permission_ends_streams_and_the_client_is_refused_when_it_reconnects(server):
    prepare = (
        "from django.contrib.auth.models import Group, Permission\n"
        "view = Permission.objects.get(codename='view_group')\n"
        "group, _ = Group.objects.get_or_create(name='viewers')\n"
    )
    with Browser(server) as browser:
        browser.sign_in("ada")
        for grant, take in WAYS_TO_LOSE_A_PERMISSION:
            run(server, prepare + "group.permissions.add(view)\n" + grant)
            tabs = tabs_in_two_processes(lambda: browser.tab("/permitted/"))
            seconds = seconds_until_the_end(tabs, partial(run, server, prepare + take))
            assert seconds < SOON_SECONDS, take
            assert browser.status("/permitted/") == 403, take


@pytest.mark.parametrize("kind", [TWO_WORKERS, "gunicorn with threads", "gunicorn with its ASGI worker"])
def test_any_process_can_close_streams_and_clients_reconnect(private, kind):
    with private(kind, SSE_MAX_PER_USER="0") as server, Browser(server) as browser:
        browser.sign_in("ada")
        tabs = [browser.tab("/members/") for _ in range(6)]
        close = "from apps.sse import close_streams\n"
        assert seconds_until_the_end(tabs, lambda: run(server, close + "close_streams(user=ada)")) < SOON_SECONDS
        key = browser.client.cookies["sessionid"]
        tabs = [browser.tab("/members/") for _ in range(6)]
        code = f"{close}close_streams(session={key!r})"
        assert seconds_until_the_end(tabs, lambda: run(server, code)) < SOON_SECONDS
        # The workers accept streams unevenly: each request of a new connection may reach another one.
        state = partial(browser.client.get, "/state/", headers={"Connection": "close"})
        assert wait_until(lambda: state().json()["ended"].get("access", 0) >= 1)


def test_a_client_that_reconnects_gets_no_events_of_channels_that_it_has_lost(server):
    prepare = (
        "from django.contrib.auth.models import Group\nfrom apps.sse import publish\n"
        "rooms = [Group.objects.get_or_create(name=name)[0] for name in ('a', 'b')]\n"
    )
    with Browser(server) as browser:
        run(server, prepare + "ada.groups.set(rooms)")
        browser.sign_in("ada")
        with browser.client.stream("GET", "/rooms/") as response:
            opening = ""
            for chunk in response.iter_text():
                opening += chunk
                if "id: " in opening:
                    break
        place = opening.partition("id: ")[2].split()[0]
        run(
            server,
            prepare + "ada.groups.remove(rooms[0])\n"
            "for text in ('before', 'after'):\n"
            "    for room in rooms:\n"
            "        publish(f'room-{room.name}', 'said', f'{text} in {room.name}')",
        )
        with browser.client.stream("GET", "/rooms/", headers={"Last-Event-ID": place}) as response:
            received = ""
            for chunk in response.iter_text():
                received += chunk
                if "after in b" in received:
                    break
        assert "before in b" in received
        assert "in a" not in received
