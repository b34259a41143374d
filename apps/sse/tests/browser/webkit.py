"""Drives WebKit's GTK port over WebDriver."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from glob import glob
from typing import Any

import httpx

from tests.servers import free_port

SECONDS = 10
NEEDED = ("WebKitWebDriver", "Xvfb")
BROWSER = "/usr/lib/*/webkit2gtk-4.1/MiniBrowser"
# Containers have neither a sandbox nor a graphics card.
ENVIRONMENT = {"WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1", "LIBGL_ALWAYS_SOFTWARE": "1"}


def is_here() -> bool:
    """Return whether this machine has WebKit, its driver and Xvfb."""
    return all(map(shutil.which, NEEDED)) and bool(glob(BROWSER))


class Tab:
    """A window of the browser."""

    def __init__(self, browser: "Browser", handle: str):
        self._browser = browser
        self._handle = handle

    def open(self, url: str) -> None:
        """Go to `url` and wait until it is loaded."""
        self._command("POST", "url", url=url)

    def back(self) -> None:
        """Go back by one page."""
        self._command("POST", "back")

    def close(self) -> None:
        """Close the window."""
        self._command("DELETE", "window")

    def run(self, script: str, *given: Any) -> Any:
        """Return the value of a JavaScript expression, or of a function that is called with `given`."""
        return self._command("POST", "execute/sync", script=f"return ({script})(...arguments)", args=given)

    def wait(self, script: str, *given: Any) -> Any:
        """Wait until a JavaScript function returns a true value, and return that."""
        deadline = time.monotonic() + SECONDS
        while not (value := self.run(script, *given)):
            assert time.monotonic() < deadline, f"still not: {script} {given}"
            time.sleep(0.02)
        return value

    def shows(self, selector: str, text: str) -> None:
        """Wait until the first element that matches has this text."""
        self.wait("(selector, text) => document.querySelector(selector)?.textContent === text", selector, text)

    def press(self, *keys: str) -> None:
        """Type into the focused element."""
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self._command("POST", "actions", actions=[{"type": "key", "id": "keyboard", "actions": actions}])

    def _command(self, method: str, name: str, **values: Any) -> Any:
        self._browser.command("POST", "window", handle=self._handle)
        return self._browser.command(method, name, **values)


class Browser:
    """A running WebKit, whose tabs share cookies."""

    def __init__(self, driver: httpx.Client, session: str):
        self._driver = driver
        self._session = session
        self._first = self.command("GET", "window")

    def command(self, method: str, name: str, **values: Any) -> Any:
        """Return the response to a WebDriver command."""
        body = values if method == "POST" else None
        answer = self._driver.request(method, f"/session/{self._session}/{name}", json=body).json()["value"]
        if isinstance(answer, dict) and "error" in answer:
            raise RuntimeError(f"{answer['error']}: {answer['message']}")
        return answer

    def tab(self) -> Tab:
        """Open another tab."""
        self.command("POST", "window", handle=self._first)
        return Tab(self, self.command("POST", "window/new", type="tab")["handle"])


@contextmanager
def running() -> Iterator[Browser]:
    """Run the browser on a virtual screen."""
    with ExitStack() as stack:
        screen = stack.enter_context(
            _process("Xvfb", "-displayfd", "1", "-nolisten", "tcp", stdout=subprocess.PIPE)
        )
        assert screen.stdout
        display = f":{screen.stdout.readline().decode().strip()}"
        port = free_port()
        environment = {**os.environ, **ENVIRONMENT, "DISPLAY": display}
        stack.enter_context(_process("WebKitWebDriver", f"--port={port}", "--host=127.0.0.1", env=environment))
        transport = httpx.HTTPTransport(retries=8)
        driver = stack.enter_context(
            httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, transport=transport, trust_env=False)
        )
        options = {"binary": glob(BROWSER)[0], "args": ["--automation"]}
        wanted = {"acceptInsecureCerts": True, "webkitgtk:browserOptions": options}
        session = driver.post("/session", json={"capabilities": {"alwaysMatch": wanted}}).json()["value"][
            "sessionId"
        ]
        yield Browser(driver, session)
        driver.delete(f"/session/{session}")


@contextmanager
def _process(*command: str, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, **options) as process:
        try:
            yield process
        finally:
            process.terminate()
