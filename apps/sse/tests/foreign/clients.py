"""Third-party clients, each of which follows a stream and reconnects with its last id."""

import contextlib
import json
import subprocess
import threading
import time

import httpx
import sseclient
from httpx_sse import connect_sse

RETRY_SECONDS = 0.2


class Client:
    """Follows a stream in the background; `received` are its events, as `[name, data]`."""

    def __init__(self, name: str, url: str) -> None:
        self.name, self.url = name, url
        self.received: list[list[str]] = []

    def of(self, event: str) -> list[str]:
        """Return the data of the events with a name."""
        return [data for name, data in self.received if name == event]


class PythonClient(Client):
    """A Python library, without a reconnect of its own."""

    def __enter__(self) -> "PythonClient":
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stopped.set()

    def _follow(self) -> None:
        last_id = ""
        while not self._stopped.is_set():
            headers = {"Last-Event-ID": last_id} if last_id else {}
            with contextlib.suppress(httpx.HTTPError), httpx.Client(headers=headers, timeout=60) as http:
                for event in READERS[self.name](http, self.url):
                    last_id = event.id or last_id
                    if event.data:
                        self.received.append([event.event, event.data])
            time.sleep(RETRY_SECONDS)


def read_by_sseclient(http, url):
    """Read with sseclient-py."""
    with http.stream("GET", url) as response:
        yield from sseclient.SSEClient(response.iter_bytes()).events()


def read_by_httpx_sse(http, url):
    """Read with httpx-sse."""
    with connect_sse(http, "GET", url) as source:
        yield from source.iter_sse()


READERS = {"sseclient-py": read_by_sseclient, "httpx-sse": read_by_httpx_sse}


FOLLOW = """
(url) => {
    window.received = [];
    const source = new EventSource(url);
    for (const name of ['sse:open', 'sse:reset', 'item'])
        source.addEventListener(name, ({ data }) => received.push([name, data]));
}
"""


class BrowserClient(Client):
    """The `EventSource` of a browser, by Playwright's type and launch options."""

    def __init__(self, name, url, type, options) -> None:
        super().__init__(name, url)
        self._type, self._options = type, options

    def __enter__(self) -> "BrowserClient":
        self._browser = self._type.launch(**self._options)
        self._page = self._browser.new_page()
        # A page of the same origin.
        self._page.goto(str(httpx.URL(self.url).join("/say/?count=0")))
        self._page.evaluate(FOLLOW, self.url)
        return self

    def __exit__(self, *exception: object) -> None:
        self._browser.close()

    def of(self, event: str) -> list[str]:
        """Return the data of the events with a name."""
        self.received = self._page.evaluate("() => received")
        return super().of(event)


class NodeClient(Client):
    """An npm package installed in `folder`."""

    def __init__(self, name, url, folder) -> None:
        super().__init__(name, url)
        self._folder = folder

    def __enter__(self) -> "NodeClient":
        command = ["node", "clients.mjs", self.name, self.url]
        self._process = subprocess.Popen(command, cwd=self._folder, stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self._read, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.kill()
        self._process.wait()

    def _read(self) -> None:
        self.received.extend(json.loads(line) for line in self._process.stdout)
