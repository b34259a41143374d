"""The brokers of this project's site, with temporary servers of PostgreSQL and Valkey."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import psutil

from apps.sse.tests.servers import postgres, valkey
from apps.sse.tests.servers.netns import THIS_MACHINE, Host


@dataclass(frozen=True)
class Broker:
    """The environment variables of a site with this broker, and the processes of the broker's server."""

    variables: dict[str, str]
    processes: list[psutil.Process] = field(default_factory=list)


@contextlib.contextmanager
def memory() -> Iterator[Broker]:
    """Keep events in the process."""
    yield Broker({"SSE_BROKER_URL": "memory://"})


@contextlib.contextmanager
def sqlite() -> Iterator[Broker]:
    """Keep events in the site's SQLite database."""
    yield Broker({"SSE_BROKER_URL": "database://"})


@contextlib.contextmanager
def postgresql() -> Iterator[Broker]:
    """Run a PostgreSQL server that writes to the disk, and keep the site and its events in it."""
    with postgres.running(fsync=True) as server:
        yield Broker({"SSE_BROKER_URL": "database://", "DATABASE_URL": server.url}, [psutil.Process(server.pid)])


@contextlib.contextmanager
def valkey_server(host: Host = THIS_MACHINE) -> Iterator[Broker]:
    """Run a Valkey server on a host, which writes each event to the disk; the site is in SQLite."""
    with valkey.running(host=host) as server:
        yield Broker({"SSE_BROKER_URL": server.url}, [psutil.Process(server.pid)])


BROKERS: dict[str, Callable[[], contextlib.AbstractContextManager[Broker]]] = {
    "memory": memory,
    "sqlite": sqlite,
    "postgresql": postgresql,
    "valkey": valkey_server,
}


def missing(name: str) -> str:
    """Return how to install the server of a broker, or ""."""
    if name == "postgresql" and not postgres.binaries():
        return "install postgresql-17"
    if name == "valkey" and not valkey.binary():
        return "install valkey-server"
    return ""
