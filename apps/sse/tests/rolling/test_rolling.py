"""Rolling deploys: servers, workers and nginx are replaced one after the other while streams are open."""

import asyncio
import contextlib
import random
import signal
import time
from collections import Counter

import pytest

from apps.sse.tests.chaos.clients import Client, Crowd, until
from apps.sse.tests.chaos.judge import Verdict
from apps.sse.tests.rolling.site import Browser, Visitors, two_servers
from apps.sse.tests.servers.nginx_processes import workers
from tests import nginx
from tests.fixtures import need

CHANNELS = [f"c{n}" for n in range(4)]


@pytest.mark.parametrize(
    ("count", "rounds", "worker"),
    [
        (60, 1, {}),
        pytest.param(500, 3, {}, marks=pytest.mark.soak),
        pytest.param(60, 3, {"WORKER_CLASS": "asgi"}, marks=pytest.mark.soak),
    ],
    ids=["short", "long", "long-asgi"],
)
async def test_a_rolling_deploy_loses_no_event_repeats_none_and_fails_no_request(
    sqlite, tmp_path, tmp_path_factory, count, rounds, worker
):
    need(nginx.binary(), "nginx")
    folder = tmp_path_factory.mktemp("nginx")
    journals = tmp_path / "journals"
    journals.mkdir()
    with two_servers(sqlite, folder, WEB_CONCURRENCY="2", **worker) as (webs, proxy):
        clients = [
            Client(proxy.url, random.sample(CHANNELS, 2), path="/api/channels/stream/") for _ in range(count)
        ]
        async with Crowd(clients) as crowd, Visitors(proxy.url) as visitors:
            await crowd.until_positioned()
            publisher = sqlite.publisher("p", 3600, journals / "p", CHANNELS)
            try:
                await until(lambda: any(client.events for client in clients))
                for _ in range(rounds):
                    await deploy(webs, proxy, clients)
            finally:
                publisher.kill()
            verdict = Verdict(journals, clients)
            with contextlib.suppress(TimeoutError):
                await crowd.until(verdict.is_complete_for)
        answers = sum((client.answers for client in clients), start=clients[0].answers.__class__())
        print(f"{len(verdict.sent)} events; streams {dict(answers)}; requests {dict(visitors.answers)}")
        assert verdict.report() == ""
        assert set(visitors.answers) == {("GET", 200), ("POST", 200)}
        assert set(answers) == {200}
        for web in webs:
            assert "HTTP/1.1" not in web.output(), "nginx logs the answers"
            assert "127.0.0.1" not in web.output()
        assert answers[200] >= 2 * count, "each client had to come back"


async def deploy(webs, proxy, clients):
    """Replace all that can be replaced, one after the other."""
    for web in webs:
        await web.replace()
    web = random.choice(webs)
    booted = web.output().count("Booting worker")
    web.drop()
    await until(lambda: web.output().count("Booting worker") >= booted + 2, 60)
    await web.until_ready()
    before = workers(proxy)
    proxy.process.send_signal(signal.SIGHUP)
    await until(lambda: workers(proxy) - before, 30)
    await asyncio.sleep(0.2)
    await until(lambda: all(client.is_connected for client in clients), 60)


@pytest.mark.soak
async def test_disconnected_clients_reconnect_at_random_times(sqlite, tmp_path_factory):
    """The retry is three seconds; each client gets a random delay from half to one and a half times that."""
    need(nginx.binary(), "nginx")
    with two_servers(sqlite, tmp_path_factory.mktemp("nginx"), WEB_CONCURRENCY="2") as (webs, proxy):
        clients = [Browser(proxy.url, CHANNELS, path="/api/channels/stream/") for _ in range(400)]
        async with Crowd(clients) as crowd:
            await crowd.until_positioned()
            started = time.monotonic()
            await webs[0].replace()
            disconnected = [client for client in clients if len(client.retries) > 1]
            await until(
                lambda: all(client.is_connected and len(client.connected_at) > 1 for client in disconnected)
            )
        delays = [client.retries[1] / 1000 for client in disconnected]
    waited = [client.connected_at[1] - started for client in disconnected]
    print("delays", halves(delays), "back after", halves(waited))
    assert len(disconnected) > 100
    assert 1.5 <= min(delays) < max(delays) <= 4.5
    assert max(halves(delays).values()) < len(disconnected) / 3, "they are spread over six half seconds"
    assert min(waited) >= 1.5
    assert max(halves(waited).values()) < len(disconnected) / 2


def halves(seconds):
    """Return how many there are of each half of a second."""
    return dict(sorted(Counter(int(number * 2) / 2 for number in seconds).items()))


@pytest.mark.soak
async def test_workers_that_are_replaced_after_so_many_requests_are_felt_by_nobody(
    sqlite, tmp_path, tmp_path_factory
):
    need(nginx.binary(), "nginx")
    journals = tmp_path / "journals"
    journals.mkdir()
    often = {"WEB_CONCURRENCY": "2", "MAX_REQUESTS": "60"}
    with two_servers(sqlite, tmp_path_factory.mktemp("nginx"), **often) as (webs, proxy):
        clients = [Client(proxy.url, random.sample(CHANNELS, 2), path="/api/channels/stream/") for _ in range(60)]
        traced = [Client(proxy.url, [], path="/api/traced/stream/") for _ in range(20)]
        async with Crowd(clients + traced) as crowd, Visitors(proxy.url) as visitors:
            await crowd.until_positioned()
            publisher = sqlite.publisher("p", 3600, journals / "p", CHANNELS)
            try:
                await until(lambda: min(booted(web) for web in webs) >= 5, 120)
            finally:
                publisher.kill()
            await crowd.until(lambda client: client.is_connected)
            verdict = Verdict(journals, clients)
            with contextlib.suppress(TimeoutError):
                await Crowd(clients).until(verdict.is_complete_for)
        print(f"{[booted(web) for web in webs]} workers, {len(verdict.sent)} events, {dict(visitors.answers)}")
        for web in webs:
            web.process.send_signal(signal.SIGTERM)
        await until(lambda: all(web.process.poll() == 0 for web in webs), 60)
    assert verdict.report() == ""
    assert set(visitors.answers) == {("GET", 200), ("POST", 200)}
    assert min(client.answers[200] for client in traced) >= 2
    trace = Counter((sqlite.folder / "trace").read_text().splitlines())
    assert trace["begun"] == trace["cleaned up"] > 20


def booted(web):
    """Return how many workers a server has had."""
    return web.output().count("Booting worker")
