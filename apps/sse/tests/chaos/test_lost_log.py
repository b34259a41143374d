"""A log that was wiped or restored: clients that may have missed events get one reset and all later events."""

import asyncio

import pytest

from apps.sse.tests.chaos.clients import Client, Crowd, fetch

EACH = 10


@pytest.mark.parametrize("loss", ["wipe", "restore"])
async def test_clients_of_a_lost_log_get_one_reset_and_all_later_events(deployment, loss):
    with deployment.serving(2) as server:

        async def say(first, channel="news"):
            await fetch(server.url, "/say/", channel=channel, first=first, count=20)

        connected = [Client(server.url, ["news"]) for _ in range(EACH)]
        async with Crowd(connected) as crowd:
            await crowd.until_positioned()
            await say(1)
            await crowd.until(lambda client: client.numbers[-1:] == [20])
            early = connected[0].last_id
            await asyncio.to_thread(deployment.back_up)
            await say(21)
            await crowd.until(lambda client: client.numbers[-1:] == [40])
            late = connected[0].last_id

            await asyncio.to_thread(getattr(deployment, loss))
            # Otherwise the processes notice at their next periodic read, some seconds later.
            await say(1, channel="another")
            await crowd.until(lambda client: client.resets and client.is_connected)
            await say(101)
            await crowd.until(lambda client: client.numbers[-1:] == [120])
            for client in connected:
                assert (client.resets, client.numbers) == (1, [*range(1, 41), *range(101, 121)])

        back_early = [Client(server.url, ["news"], last_id=early) for _ in range(EACH)]
        back_late = [Client(server.url, ["news"], last_id=late) for _ in range(EACH)]
        async with Crowd(back_early + back_late) as crowd:
            await crowd.until(lambda client: client.is_connected and (client.resets or client.events))
            await say(201)
            await crowd.until(lambda client: client.numbers[-1:] == [220])
        is_known_again = loss == "restore"
        for client in back_early:
            assert client.resets == (not is_known_again)
            assert client.numbers == [*range(101, 121)] * is_known_again + [*range(201, 221)]
        for client in back_late:
            assert (client.resets, client.numbers) == (1, [*range(201, 221)])
        assert "Internal Server Error" not in server.output()
