"""Limits hold under a burst of clients, and streams end at their maximum age."""

import asyncio
import time
from collections import Counter

import httpx
import pytest

from apps.sse.tests.servers.browsing import Browser
from tests.servers import wait_until

BURST = 60
MOST = 10
TIMEOUT_SECONDS = 30


class Burst:
    """Clients that request a stream at the same moment: `async with Burst(url, path) as statuses`."""

    def __init__(self, url, path, count=BURST, headers_of=lambda number: {}, **options):
        self._client = httpx.AsyncClient(base_url=url, timeout=TIMEOUT_SECONDS, limits=httpx.Limits(), **options)
        self._requests = [self._client.build_request("GET", path, headers=headers_of(n)) for n in range(count)]

    async def __aenter__(self):
        self._answers = await asyncio.gather(*(self._client.send(r, stream=True) for r in self._requests))
        for answer in self._answers:
            if answer.status_code != 200:
                assert 5 <= int(answer.headers["retry-after"]) <= 15
        return Counter(answer.status_code for answer in self._answers)

    async def __aexit__(self, *exception):
        for answer in self._answers:
            await answer.aclose()
        await self._client.aclose()


async def count_open(url):
    """Return the number of open streams."""
    async with httpx.AsyncClient(base_url=url, timeout=TIMEOUT_SECONDS) as client:
        return (await client.get("/state/")).json()["streams"]


@pytest.mark.parametrize("kind", ["uvicorn", "gunicorn with threads"])
@pytest.mark.parametrize(
    ("limit", "status"), [("SSE_MAX_TOTAL", 503), ("SSE_MAX_PER_ADDRESS", 429), ("SSE_MAX_PER_USER", 429)]
)
def test_a_burst_gets_no_more_streams_than_the_limit_and_open_streams_stay(private, kind, limit, status):
    async def come(url, cookies):
        async with Burst(url, "/slow/", cookies=cookies) as first:
            assert first == {200: MOST, status: BURST - MOST}
            async with Burst(url, "/slow/", cookies=cookies) as second:
                assert second == {status: BURST}
                assert await count_open(url) == MOST

    with private(kind, **{limit: str(MOST)}) as server, Browser(server) as browser:
        browser.sign_in("ada")
        asyncio.run(come(server.url, dict(browser.client.cookies)))
        wait_until(lambda: browser.client.get("/state/").json()["streams"] == 0)
        assert browser.status("/members/") == 200


def test_a_forged_address_gives_a_client_no_more_streams(private):
    def forged(number):
        return {"X-Forwarded-For": f"198.51.100.{number}"}

    async def burst(server):
        async with Burst(server.url, "/open/", headers_of=forged) as statuses:
            return statuses

    with private("uvicorn", SSE_MAX_PER_ADDRESS=str(MOST), FORWARDED_ALLOW_IPS="192.0.2.1") as server:
        assert asyncio.run(burst(server)) == {200: MOST, 429: BURST - MOST}


def test_behind_a_trusted_proxy_each_client_has_its_own_limit(private):
    def own_address(number):
        return {"X-Forwarded-For": f"1.1.1.1, 198.51.100.{number % 3}"}

    async def burst(server):
        async with Burst(server.url, "/open/", headers_of=own_address) as statuses:
            return statuses

    with private("uvicorn", SSE_MAX_PER_ADDRESS=str(MOST), FORWARDED_ALLOW_IPS="127.0.0.1") as server:
        assert asyncio.run(burst(server)) == {200: 3 * MOST, 429: BURST - 3 * MOST}


class Returning:
    """A client that connects until its stream is open, and keeps `Retry-After`; `waits` are the seconds it was told."""

    def __init__(self, url, **headers):
        self.url, self.headers, self.waits = url, headers, []

    async def come(self):
        async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
            while True:
                async with client.stream("GET", self.url, headers=self.headers) as response:
                    if response.status_code == 200:
                        return
                    assert response.status_code == 503
                    self.waits.append(int(response.headers["retry-after"]))
                await asyncio.sleep(self.waits[-1])


@pytest.mark.parametrize("kind", ["uvicorn", "gunicorn with its ASGI worker"])
def test_a_crowd_is_spread_by_retry_after_and_nobody_starves(private, kind):
    async def crowd(url):
        stream = {"Accept": "text/event-stream"}
        ours = [Returning(url, **stream, **{"SSE-Share-Key": ""}) for _ in range(5 * BURST)]
        others = [Returning(url, **stream) for _ in range(MOST)]
        await asyncio.gather(*(client.come() for client in ours + others))
        return [client.waits for client in ours], [client.waits for client in others]

    with private(kind, PLACES="2", MAX_WAIT_SECONDS="0.5") as server:
        waits, others = asyncio.run(crowd(f"{server.url}/steady/"))
    assert any(waits), "the crowd was too small"
    assert not any(others), "an EventSource would not come back"
    assert max(map(len, waits)) <= 4


@pytest.mark.parametrize("kind", ["uvicorn", pytest.param("gunicorn with threads", marks=pytest.mark.soak)])
def test_streams_that_opened_together_end_at_different_times_and_clients_reconnect(private, kind):
    async def read_to_end(client, ends):
        async with client.stream("GET", "/open/") as response:
            text = "".join([chunk async for chunk in response.aiter_text()])
        assert text.count("retry: ") == 2, "there is no reconnection delay"
        ends.append(time.monotonic())

    async def read_all(url):
        ends = []
        limits = httpx.Limits(max_connections=BURST)
        async with httpx.AsyncClient(base_url=url, timeout=TIMEOUT_SECONDS, limits=limits) as client:
            await asyncio.gather(*(read_to_end(client, ends) for _ in range(BURST)))
        return ends

    with private(kind, SSE_MAX_AGE="8") as server, Browser(server) as browser:
        ends = asyncio.run(read_all(server.url))
        assert max(ends) - min(ends) > 2
        reasons = browser.client.get("/state/").json()["ended"]
        assert reasons == {"age": BURST}
        assert browser.tab("/open/").response.status_code == 200
