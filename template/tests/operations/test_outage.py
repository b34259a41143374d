"""PostgreSQL is killed, stopped or does not answer: the site answers at once, and works again at once."""

import contextlib
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import psutil
import pytest

from tests import servers

PAGES = ["/", "/feed/", "/tasks/", "/notifications/", "/accounts/email/", "/api/header/stream/"]
LOGIN = """
from django.contrib.auth import get_user_model
from django.test import Client
client = Client()
client.force_login(get_user_model().objects.create_user("ada"))
print("session:", client.cookies["sessionid"].value)
"""


@pytest.fixture
def site_on_postgres(postgres, tmp_path):
    """The site in production mode, on PostgreSQL."""
    variables = {"DEBUG": "0", "HTTPS": "0", "SECRET_KEY": "x" * 50, "ALLOWED_HOSTS": "127.0.0.1"}
    variables |= {"DATABASE_URL": postgres.url, "STATIC_ROOT": str(tmp_path / "static"), "LOG_LEVEL": "WARNING"}
    environment = servers.environment_for(tmp_path, **variables)
    for command in (["collectstatic", "--no-input"], ["migrate"]):
        servers.manage(*command, "--verbosity", "0", environment=environment)
    with servers.serving("uvicorn", tmp_path, **variables) as server:
        yield server


@pytest.fixture
def signed_in(site_on_postgres):
    """An HTTP client of a user who is signed in."""
    printed = servers.manage("shell", "--command", LOGIN, environment=site_on_postgres.environment)
    cookies = {"sessionid": printed.rpartition("session: ")[2].strip()}
    with httpx.Client(base_url=site_on_postgres.url, cookies=cookies, timeout=30) as client:
        yield client


@contextlib.contextmanager
def killed(postgres):
    """A server whose processes are gone."""
    postgres.stop()
    yield
    postgres.start()


@contextlib.contextmanager
def frozen(postgres):
    """A server that accepts connections and never answers."""
    main = psutil.Process(postgres.pid)
    processes = [main, *main.children(recursive=True)]
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            process.resume()


def timed(client, path):
    """Return a response and the seconds that it took."""
    started = time.monotonic()
    with client.stream("GET", path) as response:
        if response.status_code != 200 or "event-stream" not in response.headers["Content-Type"]:
            response.read()
    return response, time.monotonic() - started


@pytest.mark.parametrize("outage", [killed, frozen])
def test_the_site_answers_at_once_while_the_database_is_away(outage, postgres, site_on_postgres, signed_in):
    def get_all(paths):
        with ThreadPoolExecutor(len(paths)) as threads:
            return list(threads.map(lambda path: timed(signed_in, path), paths))

    assert {response.status_code for response, _ in get_all(PAGES)} == {200}
    assert signed_in.get("/health/ready").status_code == 200
    with outage(postgres):
        *first, (_, ready_took), (live, live_took) = get_all([*PAGES, "/health/ready", "/health/live"])
        assert {response.status_code for response, _ in first} == {503}
        assert max(took for _, took in first) < 3
        assert (live.status_code, live_took < 1, ready_took < 1) == (200, True, True)
        found = [timed(signed_in, path) for path in PAGES * 10]
        assert {response.status_code for response, _ in found} == {503}
        assert all(int(response.headers["Retry-After"]) > 0 for response, _ in found)
        times = [took for _, took in found]
        assert statistics.median(times) < 0.05
        assert max(times) < 0.5
        assert "Not available at the moment" in signed_in.get("/").text
        assert signed_in.post("/api/nothing/").json()["error"].startswith("The database is away")
        servers.wait_until(lambda: timed(signed_in, "/health/ready")[0].status_code == 503)
        assert timed(signed_in, "/health/ready")[1] < 1
    since = time.monotonic()
    servers.wait_until(lambda: signed_in.get("/").status_code == 200)
    assert time.monotonic() - since < 2
    lines = site_on_postgres.output().splitlines()
    assert [sum(text in line for line in lines) for text in ("The database is away", "The database is back")] == [
        1,
        1,
    ]
    assert len(lines) == 2, lines
