"""The bundled nginx's limits of bodies, connections and requests for each network."""

import select
import shutil
import socket
import subprocess
from contextlib import ExitStack
from functools import partial

import httpx
import pytest

from apps.sse.tests.servers.streaming import Reader
from template.tests.compose import sign_in
from tests import nginx
from tests.fixtures import need

STREAM = "/api/dashboard/stream/"
LOGGED_IN = {"Cookie": "sessionid=1"}


def test_a_body_over_the_limit_is_refused(front_of):
    with front_of(upload="client_max_body_size 2m;") as proxy:
        send = partial(httpx.post, headers=LOGGED_IN)
        assert send(f"{proxy.url}/feed/", content=b"x" * 2**21).status_code == 200
        assert send(f"{proxy.url}/feed/", content=b"x" * (2**21 + 1)).status_code == 413
        assert send(proxy.url, content=b"x" * 2**20).status_code == 200
        assert send(proxy.url, content=b"x" * (2**20 + 1)).status_code == 413


@pytest.mark.parametrize("http", ["--http1.1", "--http2"])
def test_large_bodies_are_accepted_from_logged_in_users_and_only_at_upload_paths(proxy, http, tmp_path):
    need(shutil.which("curl"), "curl")
    (tmp_path / "body").write_bytes(b"x" * 2**21)

    def status(path, *options):
        command = [
            "curl",
            "--insecure",
            "--silent",
            "--output",
            "/dev/null",
            http,
            *options,
            proxy.secure_url + path,
        ]
        command += ["--write-out", "%{http_code} %{redirect_url}", "--data-binary", f"@{tmp_path}/body"]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()

    with httpx.Client(base_url=proxy.url, follow_redirects=True) as client:
        sign_in(client, "ada", "demo")
        session = f"sessionid={client.cookies['sessionid']}"
    chunked = (
        ("--header", "Transfer-Encoding: chunked") if http == "--http1.1" else ("--header", "Content-Length:")
    )
    for length in ((), chunked):
        refused = f"302 {proxy.secure_url}/accounts/login/?next=/feed/"
        assert status("/feed/", *length) == refused
        assert status("/feed/", *length, "--cookie", "sessionid=forged") == refused
        assert status("/feed/", *length, "--cookie", session) == "403", (
            "from Django, since the form has no CSRF token"
        )
        assert status("/tasks/", *length, "--cookie", session) == "403"
        assert status("/accounts/login/", *length, "--cookie", session) == "413"
        got = status("/feed/", *length, "--request", "GET")
        assert got == ("413" if length[1:] == ("Content-Length:",) else refused), got


PROXY = "set_real_ip_from 127.0.0.0/8;"


def statuses(proxy, method, path, addresses):
    """Send a request from each address and return the statuses."""
    with httpx.Client(base_url=proxy.url) as client:
        return [
            client.request(method, path, headers={"X-Forwarded-For": address}).status_code for address in addresses
        ]


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("/accounts/login/", 21),
        ("/office/login/", 21),
        ("/accounts/password/change/", 21),
        ("/accounts/signup/", 11),
        ("/accounts/password/reset/", 6),
    ],
)
def test_logins_sign_ups_resets_and_password_changes_are_limited_separately_for_each_network(front_of, path, most):
    with front_of(proxies=PROXY) as proxy:
        sent = statuses(proxy, "POST", path, ["198.51.100.1"] * 30)
        # The burst, and one that became free during the test.
        assert most <= sent.count(200) <= most + 1
        assert sent[-1] == 429
        assert statuses(proxy, "POST", path, ["198.51.100.2"]) == [200]
        assert statuses(proxy, "POST", "/feed/", ["198.51.100.1"] * 30) == [200] * 30
        assert statuses(proxy, "GET", path, ["198.51.100.1"] * 30) == [200] * 30


def test_password_forms_of_all_visitors_together_are_limited(front_of):
    with front_of(proxies=PROXY) as proxy:
        sent = statuses(proxy, "POST", "/accounts/login/", [f"198.51.100.{n}" for n in range(100)])
        assert 50 < sent.count(200) < 70
        assert statuses(proxy, "GET", "/accounts/login/", ["198.51.100.1"]) == [200]


def test_ipv6_addresses_count_by_their_64_bit_network(front_of):
    with front_of(proxies=PROXY, changes={"burst=100": "burst=1"}) as proxy:
        assert 429 in statuses(proxy, "POST", "/", [f"2001:db8:1:2:{n}::{n}" for n in range(1, 9)])
        assert statuses(proxy, "POST", "/", [f"2001:db8:1:{n}::1" for n in range(3, 11)]) == [200] * 8
        mapped = [f"::ffff:198.51.100.{n}" for n in range(8)]
        assert statuses(proxy, "POST", "/", mapped) == [200] * 8


def test_an_address_at_its_limit_of_streams_still_gets_pages(site, tmp_path):
    need(nginx.binary(), "nginx")
    fewer = {"limit_conn streams 100;": "limit_conn streams 3;"}
    with nginx.running([site.url] * 2, tmp_path, changes=fewer) as proxy, ExitStack() as stack:
        readers = [Reader(stack, proxy.url, STREAM) for _ in range(3)]
        with httpx.stream("GET", proxy.url + STREAM) as refused:
            assert (refused.status_code, refused.headers["Retry-After"]) == (429, "10")
        assert httpx.get(f"{proxy.url}/accounts/login/").status_code == 200
        assert len(readers) == 3


def test_a_flood_of_forms_is_refused_and_pages_are_not(front_of):
    with front_of(changes={"burst=100": "burst=5"}) as proxy, httpx.Client() as client:
        answers = [client.post(proxy.url) for _ in range(40)]
        statuses = [answer.status_code for answer in answers]
        assert statuses[:5] == [200] * 5
        assert 429 in statuses
        assert answers[statuses.index(429)].headers["Retry-After"] == "10"
        assert [client.get(proxy.url).status_code for _ in range(40)] == [200] * 40


@pytest.mark.parametrize(
    "request_line", ["POST /", "PUT /", "GET /", f"POST {STREAM}", "POST /static/nowhere.css", "PUT /health/live"]
)
def test_bodies_of_an_address_are_limited_for_each_method_and_path(front_of, request_line):
    with front_of(changes={"limit_conn bodies 30;": "limit_conn bodies 2;"}) as proxy, ExitStack() as stack:
        address = ("127.0.0.1", int(proxy.url.rpartition(":")[2]))
        connections = [stack.enter_context(socket.create_connection(address)) for _ in range(3)]
        for connection in connections:
            connection.sendall(
                f"{request_line} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\n".encode()
            )
        [refused] = select.select(connections, [], [], 10)[0]
        assert refused.recv(100).startswith(b"HTTP/1.1 429")


def test_slow_requests_are_cut_off_while_others_are_served(front_of):
    short_timeout = {"client_header_timeout 10s;": "client_header_timeout 1s;"}
    with front_of(changes=short_timeout) as proxy, ExitStack() as stack:
        address = ("127.0.0.1", int(proxy.url.rpartition(":")[2]))
        slow = [stack.enter_context(socket.create_connection(address)) for _ in range(500)]
        for connection in slow:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: slow\r\n")
        assert httpx.get(proxy.url).status_code == 200
        for connection in slow:
            connection.settimeout(15)
            assert is_cut(connection)


def is_cut(connection):
    try:
        return b"200 OK" not in connection.recv(4096)
    except ConnectionError:
        return True
