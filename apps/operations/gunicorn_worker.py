"""gunicorn's worker with uvicorn in it, which takes no request that it would not answer."""

import asyncio
import sys
from socket import socket

from gunicorn.arbiter import Arbiter
from uvicorn.server import Server
from uvicorn_worker import UvicornWorker

READ_SECONDS = 0.2


class PatientServer(Server):
    """
    Stops listening some time before it closes connections.

    uvicorn does both at once, and closes connections whose request is on its way: when one worker of
    several is replaced, somebody's form would fail now and then.
    """

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Let connections that were just accepted send their requests, and then shut down."""
        for server in self.servers:
            server.close()
        await asyncio.sleep(READ_SECONDS)
        await super().shutdown(sockets)


class Worker(UvicornWorker):
    """Serves with `PatientServer`; the rest is as uvicorn's authors have it."""

    async def _serve(self) -> None:
        self.config.app = self.wsgi
        server = PatientServer(config=self.config)
        self._install_sigquit_handler()
        await server.serve(sockets=self.sockets)
        if not server.started:
            sys.exit(Arbiter.WORKER_BOOT_ERROR)
