"""The scenario: clients connect, replay, receive events, are closed, and the process stops."""

import asyncio
import contextlib
import functools
import gc
import os
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

from apps.sse.access import access_check, limits
from apps.sse.brokers import database, redis
from apps.sse.brokers.redis import circuit_breaker
from apps.sse.delivery import hub as hubs
from apps.sse.delivery import log
from apps.sse.servers.asgi import Application
from apps.sse.stream import query_threads, registry

from .checks import missing, violations
from .clients import Client
from .injection import Fault, databases, faults
from .publisher import Publisher

TIMEOUT_SECONDS = float(os.environ.get("TIMEOUT_SECONDS", "5"))
USUAL_REQUESTS = {"signed in": 2, "leaving": 2}

# Shorter pauses, and smaller pages, so that a few events need several.
HURRY: list[tuple[Any, str, float]] = [
    (registry, "TICK_SECONDS", 0.01),
    (access_check, "CHECK_SECONDS", 0.03),
    (access_check, "GATHER_SECONDS", 0.01),
    (access_check, "RETRY_SECONDS", 0.05),
    (log, "MIN_BACKOFF_SECONDS", 0.01),
    (log, "MAX_BACKOFF_SECONDS", 0.05),
    (log, "MAINTENANCE_SECONDS", 0.25),
    (log, "RECENT_EVENTS", 3),
    (log, "PAGE", 3),
    (hubs, "PAGE", 3),
    (circuit_breaker, "PAUSE_SECONDS", 0.02),
    (database, "TRIM_EVERY", 5),
    (redis, "TRIM_EVERY", 5),
]


# The names of threads that must have ended.
THREAD_NAMES = ("sse-log", "sse-maintenance", "sse-access-check", "publisher", "Thread")


class Stuck(Exception):
    """A condition did not become true in time."""


class Scenario:
    """
    Plays the scenario on the running loop, with one call failing.

    `cookie` holds the session of `user`. `violations` describes the promises that were broken.
    """

    def __init__(self, application: Application, user: Any, cookie: str) -> None:
        self.violations: list[str] = []
        self._application, self._user, self._cookie = application, user, cookie
        self._publisher = Publisher()
        self._clients: list[Client] = []
        self._threads = {*threading.enumerate()}

    async def play(self, fault: Fault | None) -> None:
        """Play the scenario, then check what was received and what is left behind."""
        asyncio.get_running_loop().set_exception_handler(self._record_unhandled)
        access_check.checker._due = 0.0
        faults.begin(fault)
        try:
            await self._live()
            await self._stop()
        except Stuck as stuck:
            self.violations.append(f"timed out waiting for {stuck}")
            await self._give_up()
        finally:
            faults.is_on = False
            registry.is_stopping = False
        self.violations += violations(self._clients, self._publisher)
        self._check_other_clients(fault)
        await self._check_nothing_is_left()

    async def _live(self) -> None:
        start = await self._publisher.position()
        await self._publisher.publish()
        await self._connect(start)
        await self._publish("after connecting")
        await self._close_streams()
        await self._disconnect()
        await self._publish("after the reconnects")
        await self._until_keepalives()

    async def _connect(self, start: str) -> None:
        client = functools.partial(Client, self._application)
        self._clients = [
            client("/every/", "back", since=start),
            client("/every/", "slow", since=start, is_slow=True),
            client("/every/", "signed in", since=start, cookie=self._cookie),
            client("/every/", "leaving", since=start),
            client("/every/", "new"),
            client("/newest/", "newest"),
            client("/newest/", "newest back", since=start),
            client("/subscribed/", "subscribed", since=start),
            client("/subscribed/", "subscribed new"),
        ]
        self._running = [asyncio.ensure_future(c.run()) for c in self._clients]
        await self._until("the clients' positions", lambda: all(c.is_placed for c in self._clients))
        await self._until_received("after the replay")

    async def _publish(self, when: str) -> None:
        for client in self._clients:
            client.first = min(client.first, len(self._publisher.sent))
        await self._publisher.publish()
        await self._until_received(when)

    async def _until_received(self, when: str) -> None:
        await self._until(f"events {when}", lambda: not missing(self._clients, self._publisher))

    async def _close_streams(self) -> None:
        client = self._client("signed in")
        request = client.requests[-1]
        if await self._publisher.close_streams(self._user):
            await self._until("the end of a user's streams", lambda: client.requests[-1] is not request)
        await self._until("the user's reconnect", lambda: client.requests[-1].chunks)

    async def _disconnect(self) -> None:
        client = self._client("leaving")
        request, task = client.requests[-1], client.tasks[-1]
        request.disconnect()
        await self._until("the end of the stream of a client that disconnected", task.done)
        await self._until("its reconnect", lambda: client.requests[-1] is not request)

    def _client(self, name: str) -> Client:
        [found] = [client for client in self._clients if client.name == name]
        return found

    async def _until_keepalives(self) -> None:
        before = {request: request.keepalives for client in self._clients for request in client.requests}

        def is_alive(client: Client) -> bool:
            request = client.requests[-1]
            return request.keepalives > before.get(request, 0)

        await self._until("keepalives", lambda: all(map(is_alive, self._clients)))

    async def _stop(self) -> None:
        registry.end_all(stopping=True)
        late = Client(self._application, "/every/", "late")
        self._running.append(asyncio.ensure_future(late.run()))
        self._clients.append(late)
        await self._until("a late client", lambda: late.requests)
        for client in self._clients:
            client.is_stopping = True
        await self._until("the end of every stream", lambda: all(task.done() for task in self._tasks()))

    def _tasks(self) -> list[asyncio.Task]:
        return [*self._running, *(task for client in self._clients for task in client.tasks)]

    async def _give_up(self) -> None:
        for client in self._clients:
            client.is_stopping = True
        await asyncio.sleep(TIMEOUT_SECONDS / 5)
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in left:
            task.cancel()
        await asyncio.wait(left)

    def _check_other_clients(self, fault: Fault | None) -> None:
        is_of_a_client = fault is not None and fault.site.kind == "send"
        for client in self._clients:
            if is_of_a_client and fault.site.call.endswith(f"to {client.name}"):
                continue
            usual = USUAL_REQUESTS.get(client.name, 1)
            if is_of_a_client and len(client.requests) != usual:
                self.violations.append(f"{client.name} connected {len(client.requests)} times, not {usual}")
            self.violations += [f"{error} reached the server for {client.name}" for error in client.raised]

    async def _check_nothing_is_left(self) -> None:
        await self._check_empty(
            "counted connections", lambda: limits.connection_counts.counts["SSE_MAX_TOTAL"].total()
        )
        await self._check_empty("open streams", registry.all_open)
        await self._check_empty("leases of threads", _leases)
        hub = hubs.get_hub()
        await self._check_empty("followers", lambda: [*filter(None, hub._followers.values())])
        hub.close()
        del hubs._hubs[asyncio.get_running_loop()]
        await self._publisher.close()
        await self._check_empty("tasks", lambda: asyncio.all_tasks() - {asyncio.current_task()})
        await self._check_empty("database connections", _connected)
        await self._check_empty("watches of files", _watches)
        await self._check_empty("threads", self._new_threads)

    def _new_threads(self) -> list[threading.Thread]:
        return [t for t in threading.enumerate() if t not in self._threads and t.name.startswith(THREAD_NAMES)]

    async def _check_empty(self, what: str, left: Callable[[], Any]) -> None:
        try:
            await self._until("", lambda: not left())
        except Stuck:
            self.violations.append(f"{what} left behind: {left()}")
            # So that the next run does not report it again.
            gc.collect()

    async def _until(self, what: str, condition: Callable[[], Any]) -> None:
        deadline = asyncio.get_running_loop().time() + TIMEOUT_SECONDS
        while not condition():
            if asyncio.get_running_loop().time() > deadline:
                raise Stuck(what)
            await asyncio.sleep(0.004)

    def _record_unhandled(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.violations.append(f"unhandled on the loop: {context['message']} {context.get('exception')!r}")


def play(application: Application, user: Any, cookie: str, fault: Fault | None) -> list[str]:
    """Play the scenario once with a fault, and return the broken promises."""
    scenario = Scenario(application, user, cookie)
    with _recording_unhandled(scenario.violations):
        asyncio.run(scenario.play(fault))
    return scenario.violations


@contextlib.contextmanager
def hurry() -> Iterator[None]:
    """Shorten the library's pauses within the block."""
    with contextlib.ExitStack() as stack:
        for module, name, value in HURRY:
            stack.enter_context(mock.patch.object(module, name, value))
        yield


def _leases() -> list[Any]:
    threads = [next(query_threads._threads) for _ in range(query_threads.COUNT)]
    return [holder for thread in threads for holder in thread.holders]


def _connected() -> list[str]:
    """Return the names of the threads whose database connection is open."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    return [names.get(d._thread_ident, "an ended thread") for d in list(databases) if d.connection is not None]


def _watches() -> list[str]:
    """Return the open inotify watches."""
    found = []
    for descriptor in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            found.append(os.readlink(f"/proc/self/fd/{descriptor}"))
    return [name for name in found if "inotify" in name]


@contextlib.contextmanager
def _recording_unhandled(violations: list[str]) -> Iterator[None]:
    def note(unhandled: Any) -> None:
        violations.append(f"unhandled: {unhandled.exc_value!r}")

    with mock.patch.object(threading, "excepthook", note), mock.patch.object(sys, "unraisablehook", note):
        yield
