"""The bus between the processes breaks: clients miss no event, and none gets an error page."""

import asyncio
from collections import Counter

import pytest

from apps.sse.tests.chaos.clients import Client, Crowd, fetch, until
from apps.sse.tests.chaos.deployments import workers_of

CUTS = 3


@pytest.fixture(params=["postgres", "redis"])
def deployment(request):
    """The site with each broker that has a server."""
    return request.getfixturevalue(request.param)


async def test_clients_miss_no_event_while_the_bus_is_cut_repeatedly(deployment):
    with deployment.serving() as server:
        clients = [Client(server.url, ["news"]) for _ in range(20)]
        async with Crowd(clients) as crowd:
            await crowd.until_positioned()
            for cut in range(CUTS):
                await until(deployment.cut_listeners)
                # No process is notified of this event.
                await fetch(server.url, "/say/", channel="news", first=cut)
                await crowd.until(lambda client: client.numbers == [*range(cut + 1)])  # noqa: B023
        for client in clients:
            assert (client.numbers, client.resets, client.answers) == ([*range(CUTS)], 0, {200: 1})
        assert server.output().count("The broker cannot be read") >= CUTS


@pytest.mark.parametrize("seconds", [3, pytest.param(20, marks=pytest.mark.soak)])
async def test_clients_that_connect_while_the_bus_is_down_wait_or_get_a_retry_after(deployment, seconds):
    with deployment.serving(2) as server:
        response = await fetch(server.url, "/enter/")
        cookie = response.cookies["sessionid"]

        def clients(count):
            return [Client(server.url, ["news"], path="/private/", cookie=cookie) for _ in range(count)]

        connected, during_outage = clients(20), clients(20)
        async with Crowd(connected) as crowd:
            await crowd.until_positioned()
            await fetch(server.url, "/say/", channel="news", first=1)
            await crowd.until(lambda client: client.numbers == [1])
            await asyncio.to_thread(deployment.stop_bus)
            # Its successor has not read the log yet.
            workers_of(server)[0].kill()
            async with Crowd(during_outage) as others:
                await asyncio.sleep(seconds)
                await asyncio.to_thread(deployment.start_bus)
                await others.until_positioned(60)
                await crowd.until_positioned()
                await fetch(server.url, "/say/", channel="news", first=2)
                await crowd.until(lambda client: client.numbers == [1, 2])
                await others.until(lambda client: client.numbers[-1:] == [2])
        assert [client.resets for client in connected + during_outage] == [0] * 40
        refused = [client for client in connected + during_outage if set(client.answers) - {200}]
        print(sum((client.answers for client in connected + during_outage), start=Counter()))
        assert {status for client in refused for status in client.answers} <= {200, 503}
        assert all(value and int(value) > 0 for client in refused for value in client.retry_after)
        assert "Internal Server Error" not in server.output()
