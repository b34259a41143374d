"""The limits of open streams, and the address of a client."""

import gc
import threading

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import RequestFactory

from apps.sse.access import identity, limits
from apps.sse.access.limits import ConnectionCounts, connection_counts
from apps.sse.stream.registry import Client

PROXIES = "10.0.0.1, 192.168.0.0/16, fd00::/8, unix:"


def address(peer, forwarded=None):
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    return identity.address_of(RequestFactory().get("/", headers=headers, REMOTE_ADDR=peer))


@pytest.fixture
def _proxies(settings):
    settings.FORWARDED_ALLOW_IPS = PROXIES


@pytest.fixture
def add():
    """Count connections until the end of the test."""
    clients = []

    def count(*more):
        for client in more:
            assert connection_counts.try_add(client) is None
            clients.append(client)

    yield count
    for client in clients:
        connection_counts.remove(client)


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
def test_only_addresses_written_by_trusted_proxies_are_used(peer, forwarded, expected):
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
def test_an_invalid_address_in_the_header_counts_as_the_proxy_that_passed_it_on(garbage):
    assert address("10.0.0.1", garbage) == "10.0.0.1"
    assert address("10.0.0.1", f"198.51.100.7, {garbage}") == "10.0.0.1"
    assert address("10.0.0.1", f"{garbage}, 198.51.100.7") == "198.51.100.7"


@pytest.mark.usefixtures("_proxies")
@pytest.mark.parametrize("written", ["198.51.100.7:4711", " 198.51.100.7 ", "[::ffff:198.51.100.7]:4711"])
def test_each_way_to_write_an_address_gives_the_same_address(written):
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
def test_clients_with_ipv6_are_counted_by_network(peer, expected):
    assert address(peer) == expected


@pytest.mark.usefixtures("_proxies")
def test_a_client_with_ipv6_is_found_behind_a_proxy_with_ipv6():
    assert address("fd00::1", "[2001:db8:1:2::9]:443, fd00::2") == "2001:db8:1:2::/64"


def test_all_proxies_are_trusted_with_an_asterisk(settings):
    settings.FORWARDED_ALLOW_IPS = "*"
    assert address("", "198.51.100.7, 1.1.1.1") == "198.51.100.7"


@pytest.mark.parametrize("limit", limits.LIMITS, ids=lambda limit: limit.setting)
def test_a_client_beyond_a_limit_of_open_streams_is_refused_and_others_are_not(settings, add, limit):
    client = Client(1, "session", "1.1.1.1")
    setattr(settings, limit.setting, connection_counts.counts["SSE_MAX_TOTAL"].total() + 2)
    add(client, client)
    assert connection_counts.try_add(client) is limit
    assert connection_counts.counts["SSE_MAX_TOTAL"].total() == getattr(settings, limit.setting), (
        "the refused client is not counted"
    )
    others = [Client(9, "another", "9.9.9.9"), Client(None, "", ""), Client(None, "", "")]
    add(*(other for other in others if limit.key(other) != limit.key(client)))
    setattr(settings, limit.setting, 0)
    add(client)


def test_refused_clients_are_asked_to_retry_at_different_times():
    answers = [limits.refuse(429, "Too many.") for _ in range(100)]
    seconds = {int(answer.headers["Retry-After"]) for answer in answers}
    assert len(seconds) > 5
    assert 5 <= min(seconds) < max(seconds) <= 15
    assert answers[0].headers["Cache-Control"] == "no-store"


def test_counts_are_right_when_threads_and_the_garbage_collector_change_them_at_the_same_time(settings):
    settings.SSE_MAX_PER_USER = settings.SSE_MAX_PER_ADDRESS = 0
    counts = ConnectionCounts()

    class Forgotten:
        def __init__(self, client):
            self.client, self.itself = client, self
            counts.try_add(client)

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
            assert not thread.is_alive(), "it waits for its own lock"
    finally:
        gc.set_threshold(*threshold)
    gc.collect()
    assert counts.try_add(Client()) is None
    assert counts.counts == {limit.setting: {limit.key(Client()): 1} for limit in limits.LIMITS}


def test_a_visitor_has_no_fingerprint():
    request = RequestFactory().get("/")
    request.user = AnonymousUser()
    client = identity.client_of(request)
    assert client == Client(None, "", "127.0.0.1")
