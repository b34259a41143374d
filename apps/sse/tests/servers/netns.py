"""A second host: a network namespace, joined to this machine by a link that can drop every packet."""

import contextlib
import os
import random
import secrets
import shutil
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

# No interface has this hardware address, so packets to it are lost without an error.
NOWHERE = "02:00:00:00:00:fe"
CONNECT_SECONDS = 10


@dataclass
class Host:
    """The second host: its `address`, this machine's address as it sees it (`near`), and their link."""

    name: str
    address: str
    near: str
    link: str

    def connect(self, port: int, receive_bytes: int = 0) -> socket.socket:
        """
        Return a TCP connection from the second host to a port of this machine.

        `receive_bytes` is the size of its receive buffer; 0 for the system's own.
        """
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(self._connect, port, receive_bytes).result()

    def command(self, *arguments: str) -> list[str]:
        """Return a command line that runs on the second host."""
        return ["ip", "netns", "exec", self.name, *arguments]

    def cut(self) -> None:
        """Drop every packet from now on, in both directions, as when a client loses its radio network."""
        change = ("ip", "neigh", "replace", "lladdr", NOWHERE, "nud", "permanent", "to")
        run(*change, self.address, "dev", self.link)
        run(*self.command(*change, self.near, "dev", "eth0"))

    def slow_down(self, rate: str) -> None:
        """Send to the second host at this rate only, such as "200kbit"."""
        bucket = ("tbf", "rate", rate, "burst", "10kb", "latency", "400ms")
        run("tc", "qdisc", "add", "dev", self.link, "root", *bucket)

    def _connect(self, port: int, receive_bytes: int) -> socket.socket:
        namespace = os.open(Path("/run/netns") / self.name, os.O_RDONLY)
        try:
            # It applies to this thread only, which ends with the call.
            os.setns(namespace, os.CLONE_NEWNET)
        finally:
            os.close(namespace)
        client = socket.socket()
        client.settimeout(CONNECT_SECONDS)
        if receive_bytes:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        client.connect((self.near, port))
        return client


def is_available() -> bool:
    """Return whether this process may make network namespaces: it runs as root and has iproute2."""
    return hasattr(os, "setns") and os.geteuid() == 0 and shutil.which("ip") is not None


@contextlib.contextmanager
def second_host() -> Iterator[Host]:
    """Connect a second host to this machine while the block runs."""
    name = f"test-{secrets.token_hex(4)}"
    network = f"10.{random.randint(128, 254)}.{random.randint(0, 254)}"
    host = Host(name, f"{network}.2", f"{network}.1", f"v{name[-8:]}")
    run("ip", "netns", "add", name)
    try:
        run("ip", "link", "add", host.link, "type", "veth", "peer", "name", "eth0", "netns", name)
        run("ip", "address", "add", f"{host.near}/24", "dev", host.link)
        run("ip", "link", "set", host.link, "up")
        run(*host.command("ip", "address", "add", f"{host.address}/24", "dev", "eth0"))
        run(*host.command("ip", "link", "set", "lo", "up"))
        run(*host.command("ip", "link", "set", "eth0", "up"))
        yield host
    finally:
        run("ip", "netns", "delete", name)


def run(*command: str) -> None:
    """Run a command that is expected to succeed."""
    subprocess.run(command, check=True, capture_output=True)
