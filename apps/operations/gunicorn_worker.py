"""gunicorn's worker with uvicorn, which ends its streams and completes its requests when it is replaced."""

import asyncio
import sys
from socket import socket

from gunicorn.arbiter import Arbiter
from uvicorn.server import Server
from uvicorn_worker import UvicornWorker

READ_SECONDS = 0.2
# uvloop accepts one connection of a socket at a time, between all other work: listen on several copies of it.
ACCEPTS = 16


class PatientServer(Server):
    """
    Stops listening some time before it closes connections, and ends open streams.

    uvicorn does both at once and closes connections whose request has not arrived: some forms would fail whenever
    a worker is replaced.
    """

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """End all streams, let connections that were just accepted send their requests, and shut down."""
        # Not at the top: gunicorn's master imports this module and must not keep code that SIGHUP reloads.
        from apps.sse import connections

        for server in self.servers:
            server.close()
        connections.end_all(stopping=True)
        await asyncio.sleep(READ_SECONDS)
        await super().shutdown(sockets)


class Worker(UvicornWorker):
    """Serves with `PatientServer`, otherwise as `UvicornWorker`."""

    async def _serve(self) -> None:
        self.config.app = self.wsgi
        server = PatientServer(config=self.config)
        self._install_sigquit_handler()
        await server.serve(sockets=[copy.dup() for copy in self.sockets for _ in range(ACCEPTS)])
        if not server.started:
            sys.exit(Arbiter.WORKER_BOOT_ERROR)
