"""A client that stops reading uses little memory, disturbs no other, is dropped, and then replays all it missed."""

import asyncio

import psutil
import pytest

from apps.sse.tests.chaos.clients import Client, Crowd, fetch, frames

CHANNELS = ["a", "b"]
STALLED = 20
BURST = {"count": 50, "size": 40_000}
BURSTS = 4
MAX_BYTES = 25 * 2**20


class Stalled(Client):
    """Connects, receives its position, and then stops reading until `read_on`."""

    async def stall(self):
        self._frames = frames(await self.connect())
        while not self.last_id:
            self.take(await anext(self._frames))
        return self

    async def read_on(self):
        async for frame in self._frames:
            self.take(frame)


@pytest.fixture(
    params=["sqlite", *[pytest.param(other, marks=pytest.mark.soak) for other in ("postgres", "redis")]]
)
def deployment(request):
    """The site with each of the brokers."""
    return request.getfixturevalue(request.param)


async def burst(url, number):
    await fetch(url, "/say/", channel=CHANNELS, first=BURST["count"] * number, **BURST)


async def test_clients_that_stop_reading_are_dropped_miss_no_event_and_disturb_no_other(deployment):
    with deployment.serving() as server:
        process = psutil.Process(server.process.pid)
        reading = [Client(server.url, CHANNELS) for _ in range(5)]
        async with Crowd(reading) as crowd:
            await crowd.until_positioned()
            for number in range(BURSTS):
                await burst(server.url, number)
            await crowd.until(lambda client: len(client.events) == BURSTS * BURST["count"])
            stalled = [await Stalled(server.url, CHANNELS).stall() for _ in range(STALLED)]
            before = process.memory_info().rss
            for number in range(BURSTS, 2 * BURSTS):
                await burst(server.url, number)
                await crowd.until(lambda client: len(client.events) == (number + 1) * BURST["count"], 10)  # noqa: B023
            state = await fetch(server.url, "/state/")
            grown = process.memory_info().rss - before
            print(f"{grown / 2**20:.1f} MiB more for {STALLED} clients that do not read; {state['hang_ups']}")
            assert state["hang_ups"] == {"slow": STALLED}
            assert grown < MAX_BYTES
        assert [client.resets for client in reading] == [0] * 5

        # The rest of their streams ends before the first event that they miss.
        await asyncio.gather(*(client.read_on() for client in stalled))
        async with Crowd(stalled) as crowd:
            wanted = [*range(BURSTS * BURST["count"], 2 * BURSTS * BURST["count"])]
            await crowd.until(lambda client: len(client.events) >= len(wanted))
        for client in stalled:
            assert (client.numbers, client.resets) == (wanted, 0)
