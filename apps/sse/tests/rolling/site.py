"""Two servers behind nginx, as they are deployed: each at a socket, with the project's own gunicorn.conf.py."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections import Counter

import httpx

from apps.sse.tests.chaos.clients import LOST, Client, frames, until
from tests import nginx, servers

TIMEOUT_SECONDS = 60
FORMS_PER_SECOND = 15


class Web:
    """One of the servers."""

    def __init__(self, number, deployment, **variables):
        self.bind = f"unix:{deployment.folder}/web-{number}.sock"
        self._log = deployment.folder / f"web-{number}.log"
        settings = {
            "DJANGO_SETTINGS_MODULE": "apps.sse.tests.rolling.settings",
            "BIND": self.bind,
            "FORWARDED_ALLOW_IPS": "*",
        }
        self._environment = servers.environment_for(
            deployment.folder, **deployment.variables | settings | variables
        )

    def start(self):
        """Start it; it is ready some time after."""
        command = [sys.executable, "-m", "gunicorn", "apps.sse.tests.chaos.asgi:application"]
        with self._log.open("a") as log:
            self.process = subprocess.Popen(
                command, cwd=servers.ROOT, env=self._environment, stdout=log, stderr=log, start_new_session=True
            )

    async def until_ready(self):
        """Wait until it is ready to serve, as its own health says."""
        await until(self._is_ready_or_failed, TIMEOUT_SECONDS)

    def _is_ready_or_failed(self):
        assert self.process.poll() is None, self.output()
        with contextlib.suppress(httpx.TransportError), httpx.Client(transport=self._transport()) as client:
            return client.get("http://web/health/ready").status_code == 200

    def _transport(self):
        return httpx.HTTPTransport(uds=self.bind.removeprefix("unix:"))

    async def replace(self):
        """Stop it, and start another in its place."""
        self.process.send_signal(signal.SIGTERM)
        await until(lambda: self.process.poll() is not None, TIMEOUT_SECONDS)
        assert self.process.returncode == 0, self.output()
        self.start()
        await self.until_ready()

    def drop(self):
        """Have it read its configuration again, and replace its workers."""
        self.process.send_signal(signal.SIGHUP)

    def output(self):
        """Return what it has printed."""
        return self._log.read_text()

    def kill(self):
        """End it with all its processes."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@contextlib.contextmanager
def two_servers(deployment, folder, **variables):
    """Run both behind nginx; yields them and nginx."""
    webs = [Web(number, deployment, **variables) for number in (1, 2)]
    with contextlib.ExitStack() as stack:
        for web in webs:
            web.start()
            stack.callback(web.kill)
        for web in webs:
            servers.wait_until(web._is_ready_or_failed, TIMEOUT_SECONDS)
        # All clients of a test have one address.
        many = {"limit_conn streams 100;": "limit_conn streams 10000;"}
        proxy = stack.enter_context(nginx.running([web.bind for web in webs], folder, changes=many))
        yield webs, proxy


class Browser(Client):
    """
    A client that reconnects after the server's `retry`.

    `retries` are the delays that it received, in milliseconds, at the beginning and at the end of each
    stream; `connected_at` the times at which it opened one.
    """

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.connected_at = []
        self.retries = []

    async def follow(self):
        """Connect, again and again, until cancelled."""
        while True:
            with contextlib.suppress(*LOST):
                stream = await self.connect()
                self.connected_at.append(time.monotonic())
                async for frame in frames(stream):
                    self.take(frame)
                    if frame.retry is not None:
                        self.retries.append(frame.retry)
            self.cut()
            await asyncio.sleep(self.retries[-1] / 1000)


class Visitors:
    """Ask for pages and send forms, fewer than nginx takes of an address, for as long as the block runs."""

    def __init__(self, url, count=4):
        self.url, self.count = url, count
        self.answers = Counter()

    async def __aenter__(self):
        self._tasks = [asyncio.create_task(self._visit(number)) for number in range(self.count)]
        return self

    async def __aexit__(self, *exception):
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _visit(self, number):
        body = f"visitor {number}"
        # Each on a connection of its own. A browser that meets one which nginx is just closing, on a
        # reload, sends its request again; httpx does not. One that comes while a server has no worker waits.
        limits = httpx.Limits(max_keepalive_connections=0)
        async with httpx.AsyncClient(base_url=self.url, timeout=TIMEOUT_SECONDS, limits=limits) as client:
            while True:
                await asyncio.sleep(self.count / FORMS_PER_SECOND)
                for method in ("GET", "POST"):
                    try:
                        answer = await client.request(method, "/form/", content=body if method == "POST" else None)
                        self.answers[method, answer.status_code] += 1
                    except httpx.TransportError as error:
                        self.answers[method, type(error).__name__] += 1
