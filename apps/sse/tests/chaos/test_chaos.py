"""All faults at the same time: no client misses or repeats an event."""

import asyncio
import contextlib
import random
import time
from collections import Counter

import pytest

from apps.sse.tests.chaos.clients import Client, Crowd, until
from apps.sse.tests.chaos.deployments import workers_of
from apps.sse.tests.chaos.judge import Verdict

WORKERS = 4
CLIENTS = 200
CHANNELS = [f"c{n}" for n in range(8)]
FOLLOWED = 3
PUBLISHERS = 3
SOAK_SECONDS = 60


@pytest.mark.parametrize("seconds", [6, pytest.param(SOAK_SECONDS, marks=pytest.mark.soak)])
async def test_every_client_receives_every_committed_event_once_and_in_order_despite_all_faults(
    deployment, tmp_path, stack, seconds
):
    journals = tmp_path / "journals"
    journals.mkdir()
    with deployment.serving(WORKERS) as server:
        clients = [Client(server.url, random.sample(CHANNELS, FOLLOWED)) for _ in range(CLIENTS)]
        async with Crowd(clients) as crowd:
            await crowd.until_positioned()

            def publisher(name, seconds):
                process = deployment.publisher(name, seconds, journals / name, CHANNELS)
                stack.callback(process.wait)
                stack.callback(process.kill)
                return process

            publishers = [publisher(f"p{n}", seconds) for n in range(PUBLISHERS)]
            doomed = publisher("doomed", 10 * seconds)
            await until(lambda: len([*journals.iterdir()]) == PUBLISHERS + 1)
            killed = await inject_faults(deployment, server, clients, seconds)
            doomed.kill()
            await until(lambda: all(p.poll() is not None for p in publishers), seconds + 60)
            verdict = Verdict(journals, clients)
            with contextlib.suppress(TimeoutError):
                await crowd.until(verdict.is_complete_for)
            # A repeated event would arrive now.
            await asyncio.sleep(1)
        answers = sum((client.answers for client in clients), start=Counter())
        print(
            f"{killed} workers killed, {len(verdict.sent)} events sent, {len(verdict.possible - verdict.sent)} perhaps; answers {dict(answers)}"
        )
        assert verdict.report() == ""
        assert killed
        assert len(verdict.sent) > 10 * seconds, "the publishers were hindered"
        assert set(answers) <= {200, 503}
        assert "Internal Server Error" not in server.output()


async def inject_faults(deployment, server, clients, seconds):
    """For some seconds, kill workers, disturb the broker and cut clients; return the number of killed workers."""
    started, killed = time.monotonic(), 0
    disturbances = [share * seconds for share in (0.3, 0.7)]
    while (passed := time.monotonic() - started) < seconds:
        if disturbances and passed >= disturbances[0]:
            disturbances.pop(0)
            await asyncio.to_thread(deployment.disturb)
        for client in random.sample(clients, CLIENTS // 10):
            client.cut()
        running = workers_of(server)
        if len(running) == WORKERS:
            random.choice(running).kill()
            killed += 1
        await asyncio.sleep(random.uniform(0.5, 1.5))
    # The server starts another for each.
    await until(lambda: len(workers_of(server)) == WORKERS, 60)
    return killed
