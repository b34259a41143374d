"""How many streams there may be, and where a request comes from."""

import gc
import threading

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import RequestFactory

from apps.sse.access import limits
from apps.sse.stream import registry
from apps.sse.stream.registry import Client, ConnectionCounts

PROXIES = "10.0.0.1, 192.168.0.0/16, fd00::/8, unix:"


def address(peer, forwarded=None):
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    return limits.address_of(RequestFactory().get("/", headers=headers, REMOTE_ADDR=peer))


@pytest.fixture
def _proxies(settings):
    settings.FORWARDED_ALLOW_IPS = PROXIES


@pytest.fixture
def taken():
    """Take counts that are given back after the test."""
    clients = []

    def take(*more):
        for client in more:
            registry.connection_counts.add(client)
            clients.append(client)

    yield take
    for client in clients:
        registry.connection_counts.remove(client)


@pytest.mark.usefixtures("_proxies")
@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("203.0.113.9", None, "203.0.113.9"),
        ("203.0.113.9", "198.51.100.7", "203.0.113.9"),
        ("203.0.113.9", "10.0.0.1", "203.0.113.9"),
        ("10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "1.1.1.1, 198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "1.1.1.1, 198.51.100.7,192.168.3.4", "198.51.100.7"),
        ("10.0.0.1", "192.168.3.4", "192.168.3.4"),
        ("unix:", "198.51.100.7", "198.51.100.7"),
        ("", "198.51.100.7", ""),
    ],
)
def test_only_what_trusted_proxies_have_written_is_believed(peer, forwarded, expected):
    assert address(peer, forwarded) == expected


@pytest.mark.usefixtures("_proxies")
@pytest.mark.parametrize(
    "garbage",
    [
        "",
        ",",
        "unknown",
        "1.2.3",
        "<script>",
        "198.51.100.7.8",
        "x" * 5000,
        "::1::",
        "1" * 400,
        "é",
        ":",
        "[",
        "[]:80",
    ],
)
def test_garbage_in_the_header_counts_for_the_proxy_that_passed_it_on(garbage):
    assert address("10.0.0.1", garbage) == "10.0.0.1"
    assert address("10.0.0.1", f"198.51.100.7, {garbage}") == "10.0.0.1"
    assert address("10.0.0.1", f"{garbage}, 198.51.100.7") == "198.51.100.7"


@pytest.mark.usefixtures("_proxies")
@pytest.mark.parametrize("written", ["198.51.100.7:4711", " 198.51.100.7 ", "[::ffff:198.51.100.7]:4711"])
def test_an_address_is_the_same_however_a_proxy_writes_it(written):
    assert address("10.0.0.1", written) == "198.51.100.7"


@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("::1", "::1"),
    ],
)
def test_a_client_with_ipv6_counts_by_its_network(peer, expected):
    assert address(peer) == expected


@pytest.mark.usefixtures("_proxies")
def test_a_client_with_ipv6_is_found_behind_a_proxy_with_ipv6():
    assert address("fd00::1", "[2001:db8:1:2::9]:443, fd00::2") == "2001:db8:1:2::/64"


def test_everyone_is_believed_where_the_setting_says_so(settings):
    settings.FORWARDED_ALLOW_IPS = "*"
    assert address("", "198.51.100.7, 1.1.1.1") == "198.51.100.7"


@pytest.mark.parametrize(
    ("limit", "status", "full", "others"),
    [
        ("SSE_MAX_TOTAL", 503, Client(9, "", "9.9.9.9"), []),
        ("SSE_MAX_PER_ADDRESS", 429, Client(9, "", "1.1.1.1"), [Client(1, "", "2.2.2.2"), Client(1)]),
        (
            "SSE_MAX_PER_USER",
            429,
            Client(1, "", "9.9.9.9"),
            [Client(2, "", "1.1.1.1"), Client(None, "", "1.1.1.1")],
        ),
    ],
)
def test_who_has_enough_streams_is_refused_and_told_when_to_come_back(
    settings, taken, limit, status, full, others
):
    setattr(settings, limit, registry.connection_counts.total + 2)
    taken(Client(1, "", "1.1.1.1"))
    assert limits.refusal(full) is None
    taken(Client(1, "", "1.1.1.1"))
    answer = limits.refusal(full)
    assert answer.status_code == status
    assert 5 <= int(answer.headers["Retry-After"]) <= 15
    assert answer.headers["Cache-Control"] == "no-store"
    assert [limits.refusal(other) for other in others] == [None] * len(others)
    setattr(settings, limit, 0)
    assert limits.refusal(full) is None


def test_the_refused_are_told_to_come_back_at_different_times(settings, taken):
    settings.SSE_MAX_TOTAL = 1
    taken(Client())
    assert len({limits.refusal(Client()).headers["Retry-After"] for _ in range(100)}) > 5


def test_connections_are_counted_right_when_threads_take_and_leave_them_and_collectors_run():
    counts = ConnectionCounts()

    class Forgotten:
        def __init__(self, client):
            self.client, self.itself = client, self
            counts.add(client)

        def __del__(self):
            counts.remove(self.client)

    def many():
        for number in range(2000):
            Forgotten(Client(number % 3, "", str(number % 5)))

    threshold = gc.get_threshold()
    gc.set_threshold(1)
    threads = [threading.Thread(target=many, daemon=True) for _ in range(4)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive(), "it waits for itself"
    finally:
        gc.set_threshold(*threshold)
    gc.collect()
    counts.add(Client())
    assert (counts.total, dict(counts.users), dict(counts.addresses)) == (1, {None: 1}, {"": 1})


def test_a_visitor_has_no_fingerprint_and_a_session_is_known_by_a_hash():
    request = RequestFactory().get("/")
    request.user = AnonymousUser()
    client = limits.client_of(request)
    assert client == Client(None, "", "127.0.0.1")
