"""Transactions that overlap and commit in any order: all clients receive the same order, and none waits."""

from apps.sse.tests.chaos.clients import Client, Crowd
from apps.sse.tests.chaos.puppet import Puppet


async def test_transactions_that_commit_in_reverse_order_or_stay_open_lose_no_event_and_delay_no_other(
    postgres, stack
):
    first, second, patient = (Puppet(stack, postgres) for _ in range(3))
    with postgres.serving() as server:
        live = Client(server.url, ["news"])
        async with Crowd([live]) as crowd:
            await crowd.until_positioned()
            start = live.last_id
            patient("begin", "publish news 100")
            first("begin", "publish news 1")
            second("begin", "publish news 2", "commit")
            first("commit", "publish news 3")
            await crowd.until(lambda client: client.numbers == [2, 1, 3])
            patient("commit")
            await crowd.until(lambda client: client.numbers == [2, 1, 3, 100])
        positions = [start, *[event.id for event in live.events]]
        returning = [Client(server.url, ["news"], last_id=position) for position in positions]
        second("publish news 4")
        async with Crowd(returning) as crowd:
            await crowd.until(lambda client: client.numbers[-1:] == [4])
        for seen, client in enumerate(returning):
            assert (client.numbers, client.resets) == ([2, 1, 3, 100, 4][seen:], 0)
