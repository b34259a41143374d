"""Logins with another site: a server with the interface of GitLab."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from tests import servers
from tests.browser import people
from tests.browser.test_pages import assert_sound

CODE = re.compile(r"^[A-Z]{4}-[A-Z]{4}$", re.MULTILINE)
ACCOUNTS = """
from apps.accounts.models import User
for user in User.objects.order_by("pk"):
    print(user.username, user.email, [*user.socialaccount_set.values_list("uid", flat=True)])
"""


class GitLab(BaseHTTPRequestHandler):
    """Lets the server's `person` log in at once. The token of a code works once, with the client's secret."""

    def do_GET(self):
        path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        if path == "/oauth/authorize" and query["client_id"] == ["the-client"]:
            answer = urlencode({"code": "the-code", "state": query["state"][0]})
            self.send_response(302)
            self.send_header("Location", f"{query['redirect_uri'][0]}?{answer}")
            self.end_headers()
        elif path == "/api/v4/user" and query["access_token"] == ["the-token"]:
            self.answer(200, self.server.person)
        else:
            self.answer(404, {"error": "not found"})

    def do_POST(self):
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        is_valid = (form["code"], form["client_secret"]) == (["the-code"], ["the-secret"])
        self.answer(*((200, {"access_token": "the-token"}) if is_valid else (401, {"error": "invalid_grant"})))

    def answer(self, status, data):
        body = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        """Print nothing."""


@pytest.fixture
def gitlab():
    """The server: its `url`, and the `person` who is logged in there."""
    with ThreadingHTTPServer(("127.0.0.1", 0), GitLab) as server:
        server.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def server(gitlab, serve):
    client = {"GITLAB_CLIENT_ID": "the-client", "GITLAB_CLIENT_SECRET": "the-secret", "GITLAB_URL": gitlab.url}
    with serve("uvicorn", **client) as server:
        servers.manage("migrate", "--verbosity", "0", environment=server.environment)
        yield server


@pytest.fixture
def open_browser(server, browser):
    with people.browsers(browser, server.url) as open_browser:
        yield open_browser


def accounts(server):
    """Return the accounts that are not demo accounts, and ada's."""
    printed = servers.manage("shell", "--verbosity", "0", "-c", ACCOUNTS, environment=server.environment)
    return [line for line in printed.splitlines() if not line.startswith(("admin ", "grace "))]


def sign_in(page):
    page.goto("/accounts/login/")
    page.get_by_role("link", name="GitLab").click()
    page.get_by_role("button", name="Continue").click()


def test_a_login_with_gitlab_makes_an_account_that_later_logins_find(gitlab, server, open_browser):
    gitlab.person = {"id": 7, "username": "octavia", "email": "octavia@example.com", "name": "Octavia Hill"}
    page = open_browser()
    page.goto("/accounts/login/")
    assert_sound(page)
    sign_in(page)
    page.get_by_label("Code").wait_for()
    page.get_by_label("Code").fill(CODE.findall(server.output())[-1])
    page.get_by_role("button", name="Confirm").click()
    page.get_by_role("heading", name="Hello, Octavia Hill").wait_for()
    assert accounts(server)[1:] == ["octavia octavia@example.com ['7']"]

    gitlab.person |= {"username": "renamed", "email": "moved@example.com"}
    other = open_browser()
    sign_in(other)
    other.get_by_role("heading", name="Hello, Octavia Hill").wait_for()
    assert accounts(server)[1:] == ["octavia octavia@example.com ['7']"]
    assert page.problems == other.problems == []


def test_an_account_is_not_taken_over_by_its_address_and_connected_by_its_owner_only(gitlab, server, open_browser):
    gitlab.person = {"id": 8, "username": "ada", "email": "ada@example.com", "name": "Mallory"}
    stranger = open_browser()
    sign_in(stranger)
    stranger.get_by_label("Code").wait_for()
    assert "an account using that email address already exists" in server.output()
    assert not CODE.findall(server.output()), "the mail has no code"
    stranger.goto("/")
    stranger.get_by_role("banner").get_by_role("link", name="Sign in").wait_for()
    assert accounts(server) == ["ada ada@example.com []"]

    owner = open_browser()
    people.log_in(owner, "ada", "/accounts/3rdparty/")
    assert_sound(owner)
    owner.get_by_role("main").get_by_role("link", name="GitLab").click()
    owner.get_by_role("button", name="Continue").click()
    owner.get_by_label("Password", exact=True).fill("demo")
    owner.get_by_role("button", name="Confirm").click()
    owner.get_by_role("button", name="Remove").wait_for()
    assert_sound(owner)
    sign_in(stranger)
    stranger.get_by_role("button", name="Account: ada").wait_for()
    assert accounts(server) == ["ada ada@example.com ['8']"]
