"""An idle site uses next to no CPU."""

import asyncio

import psutil
import pytest

from apps.sse.tests.chaos.clients import Client, Crowd
from apps.sse.tests.chaos.deployments import workers_of

MINUTES = 5
CLIENTS = 10
MAX_OF_A_CORE = 0.005


@pytest.mark.soak
async def test_idle_minutes_cost_less_than_half_a_percent_of_a_core(deployment):
    with deployment.serving(2) as server:
        async with Crowd([Client(server.url, ["news"]) for _ in range(CLIENTS)]) as crowd:
            await crowd.until_positioned()
            workers = workers_of(server)
            # Work that the first requests start is done by then.
            await asyncio.sleep(10)
            before = [seconds_of(worker) for worker in workers]
            await asyncio.sleep(60 * MINUTES)
            shares = [
                (seconds_of(worker) - start) / (60 * MINUTES)
                for worker, start in zip(workers, before, strict=True)
            ]
        print(f"{type(deployment).__name__}: {', '.join(f'{share:.2%}' for share in shares)} of a core")
        assert max(shares) < MAX_OF_A_CORE


def seconds_of(process: psutil.Process) -> float:
    """Return the CPU seconds that a process has used."""
    times = process.cpu_times()
    return times.user + times.system
