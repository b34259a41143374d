"""
What no signal tells: accounts, permissions and sessions that were changed behind Django's back.

One thread of the process looks, as long as streams are open: at a stream soon after its opening,
and at all of them once a minute or a little more often.
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
# Streams that are opened within this time are looked at together.
GATHER_SECONDS = 0.2
RETRY_SECONDS = 10.0
# After a look it rests for so many times as long as that took, however often it is woken.
REST = 4

# Whether the streams of this context are looked at; not those of a test, whose users nobody else may see.
is_on: ContextVar[bool] = ContextVar("sse_access_check", default=True)

logger = logging.getLogger("apps.sse")


class AccessCheck:
    """Ends the streams whose user or session is no longer what it was at their opening."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._woken = threading.Event()
        self._opened: deque[OpenConnection] = deque()
        self._thread: threading.Thread | None = None
        self._due = 0.0
        self._has_failed = False

    def opened(self, stream: OpenConnection) -> None:
        """Look at a stream soon, and from now on, if it belongs to a user or a session."""
        if not is_on.get() or (stream.client.fingerprint is None and not stream.client.session_key):
            return
        self._opened.append(stream)
        with self._lock:
            if self._thread is None:
                self._due = _next_time()
                self._thread = threading.Thread(target=self._run, name="sse-access-check", daemon=True)
                self._thread.start()
        self._woken.set()

    def soon(self) -> None:
        """Look at all streams without waiting for the minute to pass."""
        self._due = 0.0
        self._woken.set()

    def run_once(self) -> None:
        """Look at the open streams that are new since the last time, or at all if that is due."""
        opened = [self._opened.popleft() for _ in range(len(self._opened))]
        opened = [stream for stream in opened if registry.is_open(stream)]
        try:
            if time.monotonic() < self._due:
                ended = accounts.changed_accounts(opened)
            else:
                self._due = _next_time()
                everyone = registry.all_open()
                ended = accounts.changed_accounts(everyone) | accounts.lost_sessions(everyone)
            registry.end(ended.__contains__, "access")
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
            self._woken.wait(max(0.0, self._due - time.monotonic()))
            self._woken.clear()
            started = time.monotonic()
            self.run_once()
            time.sleep(max(GATHER_SECONDS, REST * (time.monotonic() - started)))
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
