"""A deploy that nobody feels: servers replaced one after the other, workers, and nginx, with streams open."""

import asyncio
import contextlib
import random

import pytest

from tests import nginx
from tests.chaos.clients import Client, Crowd, until
from tests.chaos.judge import Verdict
from tests.conftest import need
from tests.rolling.site import Visitors, two_servers

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
    with two_servers(sqlite, folder, WEB_CONCURRENCY="2", **worker) as (webs, front):
        clients = [
            Client(front.url, random.sample(CHANNELS, 2), path="/api/channels/stream/") for _ in range(count)
        ]
        async with Crowd(clients) as crowd, Visitors(front.url) as visitors:
            await crowd.until_placed()
            publisher = sqlite.publisher("p", 3600, journals / "p", CHANNELS)
            try:
                await until(lambda: any(client.heard for client in clients))
                for _ in range(rounds):
                    await deploy(webs, front, clients)
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
        assert answers[200] >= 2 * count, "each client had to come back"


async def deploy(webs, front, clients):
    """Replace all that can be replaced, one after the other."""
    for web in webs:
        await web.replace()
    web = random.choice(webs)
    booted = web.output().count("Booting worker")
    web.hang_up()
    await until(lambda: web.output().count("Booting worker") >= booted + 2, 60)
    await web.until_ready()
    before = front.workers()
    front.reload()
    await until(lambda: front.workers() - before, 30)
    await asyncio.sleep(0.2)
    await until(lambda: all(client.is_connected for client in clients), 60)
