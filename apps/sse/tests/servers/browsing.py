"""A visitor with a browser's cookies, and its tabs with open streams."""

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
from httpx_sse import EventSource

TIMEOUT_SECONDS = 20
TABS_AT_ONCE = 8


class Tab:
    """An open stream whose first event has arrived; its data is `pid`."""

    def __init__(self, stack, client, path, **headers):
        self.response = stack.enter_context(client.stream("GET", path, headers=headers))
        self.response.raise_for_status()
        self._events = EventSource(self.response).iter_sse()
        self.pid = next(event.data for event in self._events if event.data)

    def rest(self):
        """Return the retry delays that arrive until the stream ends."""
        return [event.retry for event in self._events if event.retry is not None]


class Browser:
    """A browser on a server: `with Browser(server) as browser`; each request has its own connection."""

    def __init__(self, server):
        self._stack = contextlib.ExitStack()
        self.client = httpx.Client(
            base_url=server.url,
            timeout=TIMEOUT_SECONDS,
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._stack.close()
        self.client.close()

    def sign_in(self, username, password="demo"):
        """Log in through the form."""
        assert self._post("/accounts/login/", login=username, password=password) == 302

    def sign_out(self):
        """Log out through the form."""
        assert self._post("/accounts/logout/") == 302

    def tab(self, path, **headers):
        """Open a stream."""
        return Tab(self._stack, self.client, path, **headers)

    def status(self, path):
        """Return the status with which a stream is refused."""
        with self.client.stream("GET", path) as response:
            return response.status_code

    def _post(self, path, **data):
        if "csrftoken" not in self.client.cookies:
            self.client.get("/accounts/login/")
        data["csrfmiddlewaretoken"] = self.client.cookies["csrftoken"]
        return self.client.post(path, data=data).status_code


def tabs_in_two_processes(open_tab):
    """Open tabs with `open_tab()`, several at a time, until two processes serve them; return all."""
    tabs = []
    deadline = time.monotonic() + TIMEOUT_SECONDS
    with ThreadPoolExecutor(TABS_AT_ONCE) as pool:
        while len({tab.pid for tab in tabs}) < 2:
            assert time.monotonic() < deadline, "all streams are in one process"
            tabs += pool.map(lambda _: open_tab(), range(TABS_AT_ONCE))
    return tabs


def seconds_until_the_end(tabs, act):
    """Call `act()`, read all streams to their ends, and return the seconds since `act` returned."""
    with ThreadPoolExecutor(len(tabs)) as pool:
        ends = [pool.submit(tab.rest) for tab in tabs]
        act()
        acted = time.monotonic()
        for end in ends:
            assert end.result(TIMEOUT_SECONDS), "it was cut off without a retry delay"
        return time.monotonic() - acted
