"""Hosts on a network of their own: network namespaces, whose links this machine can slow down or cut."""

import contextlib
import os
import random
import secrets
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

# No interface has this hardware address, so packets to it are lost without an error.
NOWHERE = "02:00:00:00:00:fe"
CONNECT_SECONDS = 10
# Linux gives each thread its own.
CURRENT = "/proc/thread-self/ns/net"


@dataclass(frozen=True)
class Host:
    """
    A host: its `address`, this machine's address as it sees it (`near`), and this machine's link to it.

    `namespace` is an open file, or None for this machine.
    """

    namespace: int | None
    address: str
    near: str
    link: str

    def entered(self) -> contextlib.AbstractContextManager[None]:
        """Start processes and open sockets on this host while the block runs, in this thread."""
        return contextlib.nullcontext() if self.namespace is None else entered(self.namespace)

    def command(self, *arguments: str) -> list[str]:
        """Return a command line that runs on this host."""
        return ["nsenter", f"--net={path(self.namespace)}", *arguments]

    def connect(self, port: int, receive_bytes: int = 0) -> socket.socket:
        """
        Return a TCP connection from this host to a port of this machine.

        `receive_bytes` is the size of its receive buffer; 0 for the system's own.
        """
        with self.entered():
            client = socket.socket()
        client.settimeout(CONNECT_SECONDS)
        if receive_bytes:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        client.connect((self.near, port))
        return client

    def cut(self) -> None:
        """Drop every packet from now on, in both directions, as when a client loses its radio network."""
        change = ("ip", "neigh", "replace", "lladdr", NOWHERE, "nud", "permanent", "to")
        run(*change, self.address, "dev", self.link)
        with self.entered():
            run(*change, self.near, "dev", "eth0")

    def slow_down(self, rate: str) -> None:
        """Send to this host at this rate only, such as "200kbit"."""
        bucket = ("tbf", "rate", rate, "burst", "10kb", "latency", "400ms")
        run("tc", "qdisc", "add", "dev", self.link, "root", *bucket)


THIS_MACHINE = Host(None, "127.0.0.1", "127.0.0.1", "lo")


def missing() -> str:
    """Return why this process cannot make hosts, or ""."""
    if not hasattr(os, "setns") or shutil.which("ip") is None:
        return "use Linux with iproute2"
    try:
        with hosts(1):
            return ""
    except OSError as error:
        return f"run it as root, where it may make network namespaces ({error})"


@contextlib.contextmanager
def hosts(count: int) -> Iterator[list[Host]]:
    """
    Connect hosts to this machine and to each other while the block runs; their addresses are consecutive.

    Linux deletes the namespaces, and with them all links, when no file and no process has them any more.
    """
    network = f"10.{random.randint(128, 254)}.{random.randint(0, 254)}"
    link = f"v{os.getpid()}-{secrets.token_hex(2)}"
    with contextlib.ExitStack() as files:

        def opened(namespace: int) -> int:
            files.callback(os.close, namespace)
            return namespace

        switch = opened(new_namespace())
        with entered(switch):
            run("ip", "link", "add", "switch", "up", "type", "bridge")
        connect(opened(os.open(CURRENT, os.O_RDONLY)), switch, f"{network}.1", link)
        found = []
        for number in range(2, count + 2):
            namespace, address = opened(new_namespace()), f"{network}.{number}"
            connect(namespace, switch, address, "eth0")
            found.append(Host(namespace, address, f"{network}.1", link))
        yield found


def connect(namespace: int, switch: int, address: str, name: str) -> None:
    """Connect a namespace to the switch, by an interface of this name and address."""
    port = f"p{address.rpartition('.')[2]}"
    peer = ("peer", "name", name, "netns", path(namespace))
    with entered(switch):
        run("ip", "link", "add", port, "up", "master", "switch", "type", "veth", *peer)
    with entered(namespace):
        run("ip", "address", "add", f"{address}/24", "dev", name)
        run("ip", "link", "set", name, "up")


def path(namespace: int) -> str:
    """Return the path by which other processes can enter a namespace."""
    return f"/proc/{os.getpid()}/fd/{namespace}"


def new_namespace() -> int:
    """Return a new network namespace, with its loopback, as an open file."""
    with entering(partial(os.unshare, os.CLONE_NEWNET)):
        run("ip", "link", "set", "lo", "up")
        return os.open(CURRENT, os.O_RDONLY)


def entered(namespace: int) -> contextlib.AbstractContextManager[None]:
    """Keep this thread in a namespace while the block runs."""
    return entering(partial(os.setns, namespace, os.CLONE_NEWNET))


@contextlib.contextmanager
def entering(enter: Callable[[], None]) -> Iterator[None]:
    """Call `enter()`, which changes this thread's namespace, and change it back at the end of the block."""
    before = os.open(CURRENT, os.O_RDONLY)
    try:
        enter()
        yield
    finally:
        os.setns(before, os.CLONE_NEWNET)
        os.close(before)


def run(*command: str) -> None:
    """Run a command. Raises `OSError` with what it printed if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(done.stderr.strip())
