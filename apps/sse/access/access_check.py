"""
The periodic check for changes of accounts, permissions and sessions that send no signal.

One thread of the process runs while streams are open. It checks a stream soon after its opening, and all
streams about once a minute.
"""

import logging
import random
import threading
import time
from collections import deque
from contextvars import ContextVar

from django.db import connections as databases

from ..db.connections import release_connections
from ..stream import registry
from ..stream.registry import OpenConnection
from . import accounts

CHECK_SECONDS = 60.0
# Streams that open within this time are checked together.
GATHER_SECONDS = 0.2
RETRY_SECONDS = 10.0
# The pause after a check, as a multiple of its duration.
PAUSE_FACTOR = 4

# Off for the streams of a test: this thread cannot see the users in its transaction.
is_on: ContextVar[bool] = ContextVar("sse_access_check", default=True)

logger = logging.getLogger("apps.sse")


class AccessCheck:
    """Ends the streams whose user or session has changed since they opened."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._opened: deque[OpenConnection] = deque()
        self._thread: threading.Thread | None = None
        self._due = 0.0
        self._has_failed = False

    def add(self, stream: OpenConnection) -> None:
        """Check a stream soon, and periodically, if it belongs to a user or a session."""
        if not is_on.get() or (stream.client.fingerprint is None and not stream.client.session_key):
            return
        self._opened.append(stream)
        with self._lock:
            if self._thread is None:
                self._due = _next_time()
                self._thread = threading.Thread(target=self._run, name="sse-access-check", daemon=True)
                self._thread.start()
        self._wake.set()

    def check_soon(self) -> None:
        """Check all streams now instead of at the next periodic check."""
        self._due = 0.0
        self._wake.set()

    def run_once(self) -> None:
        """Check the streams that opened since the last call, or all streams if that is due."""
        opened = [self._opened.popleft() for _ in range(len(self._opened))]
        opened = [stream for stream in opened if registry.is_open(stream)]
        try:
            if time.monotonic() < self._due:
                revoked = accounts.changed_accounts(opened)
            else:
                self._due = _next_time()
                streams = registry.all_open()
                revoked = accounts.changed_accounts(streams) | accounts.ended_sessions(streams)
            registry.end(revoked.__contains__, "access")
        except Exception as error:
            self._due = min(self._due, time.monotonic() + RETRY_SECONDS)
            if not self._has_failed:
                text = "Users and sessions of open streams could not be checked (%s: %s). Trying again every %d s."
                logger.warning(text, type(error).__name__, error, RETRY_SECONDS)
            self._has_failed = True
        else:
            self._has_failed = False
        finally:
            release_connections()

    def _run(self) -> None:
        while self._is_needed():
            self._wake.wait(max(0.0, self._due - time.monotonic()))
            self._wake.clear()
            started = time.monotonic()
            self.run_once()
            time.sleep(max(GATHER_SECONDS, PAUSE_FACTOR * (time.monotonic() - started)))
        databases.close_all()

    def _is_needed(self) -> bool:
        with self._lock:
            if self._opened or registry.open_streams():
                return True
            self._thread = None
            return False


checker = AccessCheck()


def _next_time() -> float:
    return time.monotonic() + CHECK_SECONDS * random.uniform(0.75, 1)
