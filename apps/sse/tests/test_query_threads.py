"""A cancelled stream leaves no database connection in its query thread."""

import asyncio
import gc
import threading

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.db import connection

from apps.sse import SSEView
from apps.sse.stream.query_threads import QueryThread, QueryThreadLease, own_query_thread

from .followers import until

pytestmark = pytest.mark.django_db(transaction=True)


def query():
    get_user_model().objects.exists()


class Busy:
    """Blocks its thread until `go` is set, then does `work` there."""

    def __init__(self, work=lambda: None):
        self.has_started, self.go = threading.Event(), threading.Event()
        self._work = work

    def __call__(self):
        self.has_started.set()
        self.go.wait()
        self._work()


async def in_its_query(thread, busy):
    async with QueryThreadLease():
        await sync_to_async(busy)()


async def between_its_events(thread, busy):
    async with QueryThreadLease() as lease:
        await sync_to_async(query)()
        thread.executor.submit(busy)
        await lease.release()


@pytest.mark.parametrize(("stream", "work"), [(in_its_query, query), (between_its_events, lambda: None)])
async def test_a_cancelled_stream_leaves_no_connection_in_its_thread(stream, work):
    thread, busy = QueryThread(), Busy(work)
    own_query_thread.set(thread)
    playing = asyncio.create_task(stream(thread, busy))
    await until(busy.has_started.is_set)
    # It waits for its thread.
    await asyncio.sleep(0)
    playing.cancel()
    await asyncio.wait({playing})
    busy.go.set()
    left = await asyncio.wrap_future(thread.executor.submit(lambda: connection.connection))
    assert (left, thread.holders) == (None, set())


async def test_a_disconnect_during_the_access_checks_causes_no_warning(rf, recwarn):
    busy = Busy()

    class Checked(SSEView):
        def dispatch(self, request, *args, **kwargs):
            busy()
            return super().dispatch(request, *args, **kwargs)

    opening = asyncio.create_task(Checked.as_view()(rf.get("/")))
    await until(busy.has_started.is_set)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    busy.go.set()
    # In the same thread, so that the check is over.
    await sync_to_async(gc.collect)()
    assert not [warning for warning in recwarn if "never awaited" in str(warning.message)]
