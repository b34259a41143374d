"""Many clients cause no more queries and connections than few, and cost few bytes each."""

import asyncio
import resource
from contextlib import AsyncExitStack

import httpx
import psutil
import pytest

from apps.sse.tests.chaos.clients import Client, Crowd, fetch, until

FEW, MANY = 10, 300
MISSED = 50
# Pages of the log that are read periodically.
PERIODIC_READS = 30
SOAK = pytest.mark.soak


@pytest.fixture(autouse=True)
def file_limit():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 20_000)), hard))


class Visitors:
    """Signed-in clients of one server."""

    def __init__(self, url):
        self.url = url
        self.cookie = httpx.get(f"{url}/enter/").cookies["sessionid"]

    def client(self, **options):
        return Client(self.url, ["news"], path="/private/", cookie=self.cookie, **options)

    async def queries(self):
        return (await fetch(self.url, "/state/"))["queries"]

    async def reconnect_at_once(self, count, since):
        """Let clients reconnect with a position, and return the number of queries by table."""
        before = await self.queries()
        clients = [self.client(last_id=since) for _ in range(count)]
        async with Crowd(clients) as crowd:
            await crowd.until(lambda client: len(client.events) >= MISSED, 120)
            assert {(*client.answers.items(),) for client in clients} == {((200, 1),)}
            assert {(*client.numbers,) for client in clients} == {(*range(MISSED),)}
        after = await self.queries()
        return {table: after[table] - before.get(table, 0) for table in after}


@pytest.fixture(params=[pytest.param("sqlite", marks=SOAK), "postgres"])
def deployment(request):
    """The site with each broker that uses the database."""
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("forgotten", [False, True], ids=["in memory", "in the log alone"])
async def test_the_number_of_replay_queries_does_not_grow_with_the_clients_that_reconnect_at_once(
    deployment, forgotten
):
    with deployment.serving() as server:
        visitors = Visitors(server.url)
        first = visitors.client()
        async with Crowd([first]) as crowd:
            await crowd.until_positioned()
            since = first.last_id
            await fetch(server.url, "/say/", channel="news", first=0, count=MISSED)
            if forgotten:
                await fetch(server.url, "/say/", channel="another", count=2000)
            await crowd.until(lambda client: len(client.events) == MISSED)
        few = await visitors.reconnect_at_once(FEW, since)
        many = await visitors.reconnect_at_once(MANY, since)
    print(f"{FEW} clients: {few}; {MANY} clients: {many}")
    assert many["sse_loggedevent"] <= few["sse_loggedevent"] + PERIODIC_READS
    assert many["django_session"] <= MANY + 10
    assert many["accounts_user"] <= MANY + 10


async def test_the_database_has_as_many_connections_for_five_hundred_streams_as_for_fifty(postgres):
    with postgres.serving() as server:
        visitors = Visitors(server.url)
        counts = []
        for count in (50, 500):
            async with Crowd([visitors.client() for _ in range(count)]) as crowd:
                await crowd.until_positioned(120)
                counts.append(await asyncio.to_thread(connections, postgres))
        print(f"{counts} connections with 50 and 500 streams")
        assert counts[1] <= 10
        assert counts[1] <= counts[0] + 1


def connections(postgres):
    """Return the number of the site's connections to its database."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    return postgres.execute(query)[0][0]


@pytest.mark.parametrize(("count", "most_kib"), [(1000, 30), pytest.param(5000, 15, marks=SOAK)])
async def test_each_further_client_of_a_channel_costs_few_bytes_and_no_thread(sqlite, count, most_kib):
    with sqlite.serving() as server:
        process = psutil.Process(server.process.pid)
        visitors = Visitors(server.url)
        async with AsyncExitStack() as stack:

            async def grow(number):
                # A few at a time, so that the memory of concurrent requests is not measured.
                for _ in range(number // FEW):
                    crowd = await stack.enter_async_context(Crowd([visitors.client() for _ in range(FEW)]))
                    await crowd.until_positioned(300)
                return process.memory_info().rss

            await grow(FEW)
            threads = process.num_threads()
            # The first half includes what is allocated once.
            half = await grow(count // 2 - FEW)
            each = (await grow(count // 2) - half) / (count // 2) / 1024
            print(f"{count} clients: {threads} threads, {each:.1f} KiB for each further one")
            assert (await fetch(server.url, "/state/"))["streams"] == count
            await until(lambda: process.num_threads() <= threads)
            assert each < most_kib
