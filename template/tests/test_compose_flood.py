"""The site as compose runs it, under one address that sends slowly and reads slowly: nothing is killed, others are served."""

import asyncio
import contextlib
import json
import re
import socket
import ssl
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from template.tests import compose
from tests.fixtures import need

pytestmark = pytest.mark.soak

# Not PostgreSQL, whose processes are its connections.
SERVICES = ("nginx", "web-1", "web-2", "worker", "events")
BODIES, READERS = 30, 400
BODY_BYTES = 50 * 2**20
PIECE = b"x" * 2**18
# 1.5 MB, made by the application.
LARGE_PAGE = "/tasks/example.csv"
ADD_USER = f"""
from django.contrib.auth import get_user_model
get_user_model().objects.create_user("ada", password="{compose.PASSWORD}")
"""
# Another container has another address. It prints the statuses, and the seconds of the slowest page.
OTHERS = """
import http.client, json, ssl, time
context = ssl._create_unverified_context()
statuses, seconds = [], []
for _ in range(40):
    started = time.monotonic()
    connection = http.client.HTTPSConnection("nginx", context=context, timeout=30)
    connection.request("GET", "/accounts/login/", headers=dict(Host="127.0.0.1"))
    response = connection.getresponse()
    response.read()
    statuses.append(response.status)
    seconds.append(time.monotonic() - started)
print(json.dumps([statuses, max(seconds)]))
"""


@pytest.fixture
def site(tmp_path):
    need(compose.can_be_run(), "buildah, podman, debootstrap and docker-compose, for root,")
    with compose.site(tmp_path) as site:
        yield site


class Attacker:
    """Many connections from one address, open for as long as the block runs."""

    def __init__(self, url):
        self.port = urlsplit(url).port
        self.context = ssl.create_default_context()
        self.context.check_hostname, self.context.verify_mode = False, ssl.CERT_NONE
        self.tasks = []

    async def __aenter__(self):
        return self

    async def __aexit__(self, *exception):
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def statuses(self, head, count, body_bytes=0):
        """Send so many requests; return how often each status was answered within 10 s, 0 for none."""
        answers = [asyncio.get_running_loop().create_future() for _ in range(count)]
        self.tasks += [asyncio.create_task(self._hold(head, body_bytes, answer)) for answer in answers]
        await asyncio.wait(answers, timeout=10)
        return Counter(answer.result() if answer.done() else 0 for answer in answers)

    async def _hold(self, head, body_bytes, answer):
        plain = socket.socket()
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.setblocking(False)
        await asyncio.get_running_loop().sock_connect(plain, ("127.0.0.1", self.port))
        reader, writer = await asyncio.open_connection(
            sock=plain, ssl=self.context, server_hostname="127.0.0.1", limit=4096
        )
        try:
            writer.write(head.encode())
            sending = asyncio.create_task(send(writer, body_bytes))
            line = await reader.readline()
            if not answer.done():
                answer.set_result(int(line.split()[1]) if line else -1)
            # Reads no more, and does not go.
            await asyncio.Event().wait()
        except OSError:
            if not answer.done():
                answer.set_result(-1)
        finally:
            sending.cancel()
            writer.transport.abort()


async def send(writer, count):
    """Send so many bytes, all but the last."""
    with contextlib.suppress(OSError):
        while count > 1:
            piece = PIECE[: count - 1]
            writer.write(piece)
            await writer.drain()
            count -= len(piece)


def memory_of(pid):
    """Return the most memory, in MiB, that a container has used, and how often its limit was met."""
    lines = Path(f"/proc/{pid}/cgroup").read_text()
    version_1 = re.search(r"^\d+:memory:(/.+)$", lines, re.MULTILINE)
    if version_1:
        folder = Path("/sys/fs/cgroup/memory") / version_1[1].lstrip("/")
        names = ("memory.max_usage_in_bytes", "memory.failcnt")
    else:
        folder = Path("/sys/fs/cgroup") / lines.rpartition("::/")[2].strip()
        names = ("memory.peak", "memory.events")
    used, met = ((folder / name).read_text() for name in names)
    return int(used) // 2**20, met.split()


async def test_slow_bodies_and_slow_readers_of_one_address_do_not_affect_others(site):
    await asyncio.to_thread(site.up)
    site.shell(ADD_USER)
    with site.visitor() as ada:
        compose.sign_in(ada, "ada")
        session = f"Cookie: sessionid={ada.cookies['sessionid']}\r\n"
    before = {name: processes(site, name) for name in SERVICES}
    post = f"POST /tasks/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {BODY_BYTES}\r\n"
    async with Attacker(site.url) as attacker:
        during = asyncio.create_task(asyncio.to_thread(others, site))
        anonymous = await attacker.statuses(f"{post}\r\n", BODIES, BODY_BYTES)
        logged_in = await attacker.statuses(f"{post}{session}\r\n", BODIES, BODY_BYTES)
        readers = await attacker.statuses(f"GET {LARGE_PAGE} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", READERS)
        served = [await during, await asyncio.to_thread(others, site)]
        memory = {name: memory_of(pid) for name, (pid, _) in before.items()}
    print(f"{anonymous=} {logged_in=} {readers=} {served=} {memory=}")
    assert {name: processes(site, name) for name in SERVICES} == before
    assert anonymous == {302: BODIES}
    assert logged_in == {0: 5, 429: BODIES - 5}
    assert readers[200] <= 200
    assert readers[200] + readers[429] == READERS
    for statuses, slowest in served:
        assert set(statuses) == {200}
        assert slowest < 1


def processes(site, name):
    """Return a container's first process and its children, which are replaced if one is killed."""
    pid = site.container(name)["State"]["Pid"]
    return pid, Path(f"/proc/{pid}/task/{pid}/children").read_text()


def others(site):
    """Return the statuses that another address is answered with, and the seconds of the slowest."""
    return json.loads(site.compose("exec", "-T", "web-2", "python", "-c", OTHERS).decode().splitlines()[-1])
