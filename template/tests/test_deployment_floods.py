"""The bundled nginx under a flood from one address: its limits hold, and others are served."""

import asyncio
import contextlib
import resource
import socket
import time
from collections import Counter

import httpx
import pytest

from apps.sse.tests.servers.nginx_processes import spooled_bytes
from template.tests.compose import sign_in
from tests import nginx
from tests.fixtures import need

pytestmark = pytest.mark.soak

STREAM = "/api/dashboard/stream/"
ATTACKER = ("127.0.0.66", 0)
CONNECTIONS = 10_000
HEAD = "GET {} HTTP/1.1\r\nHost: 127.0.0.1\r\n"


@pytest.fixture(scope="module")
def proxy(site, tmp_path_factory):
    need(nginx.binary(), "nginx")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    need(hard >= CONNECTIONS + 2000, f"room for {CONNECTIONS} open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with nginx.running([site.url, site.url], tmp_path_factory.mktemp("nginx")) as proxy:
        yield proxy
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Attacker:
    """Many connections from one address, open while the block runs."""

    def __init__(self, proxy):
        self.port = int(proxy.url.rpartition(":")[2])
        self.connections = []

    async def __aenter__(self):
        return self

    async def __aexit__(self, *exception):
        for _, writer in self.connections:
            writer.transport.abort()

    async def send(self, data, count):
        """Open `count` more connections and send `data` over each."""
        for _ in range(0, count, 200):
            await asyncio.gather(*[self._open(data) for _ in range(min(200, count))])

    async def _open(self, data):
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.setblocking(False)
        connection.bind(ATTACKER)
        await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", self.port))
        reader, writer = await asyncio.open_connection(sock=connection, limit=4096)
        writer.write(data)
        self.connections.append((reader, writer))

    async def answers(self, seconds):
        """Return the count of each status within `seconds`; 0 means no response, -1 a closed connection."""
        return Counter(await asyncio.gather(*[self._answer(reader, seconds) for reader, _ in self.connections]))

    async def _answer(self, reader, seconds):
        try:
            async with asyncio.timeout(seconds):
                line = await reader.readline()
        except TimeoutError:
            return 0
        except OSError:
            return -1
        return int(line.split()[1]) if line else -1


async def others(proxy, count=20):
    """Return the count of each status that another address gets."""
    answers, slowest = Counter(), 0.0
    async with httpx.AsyncClient(base_url=proxy.url, timeout=30) as client:
        for _ in range(count):
            started = time.monotonic()
            answers[(await client.get("/accounts/login/")).status_code] += 1
            slowest = max(slowest, time.monotonic() - started)
    print(f"the slowest of {count} pages took {slowest:.2f} s")
    return answers


async def test_ten_thousand_unfinished_requests_are_cut_off(proxy):
    async with Attacker(proxy) as attacker:
        await attacker.send(HEAD.format("/").encode(), CONNECTIONS)
        assert await others(proxy) == {200: 20}
        answers = await attacker.answers(60)
        assert set(answers) <= {-1, 408}, answers
        assert await others(proxy) == {200: 20}


async def test_one_address_opens_a_hundred_of_ten_thousand_streams(proxy):
    async with Attacker(proxy) as attacker:
        await attacker.send(HEAD.format(STREAM).encode() + b"\r\n", CONNECTIONS)
        answers = await attacker.answers(60)
        print(dict(answers))
        assert answers == {200: 100, 429: CONNECTIONS - 100}
        assert await others(proxy) == {200: 20}
        with contextlib.closing(httpx.Client()) as client, client.stream("GET", proxy.url + STREAM) as stream:
            assert stream.status_code == 200


async def test_endless_headers_are_refused(proxy):
    async with Attacker(proxy) as attacker:
        await attacker.send(HEAD.format("/").encode() + b"X-Long: " + b"x" * 40_000 + b"\r\n\r\n", 1000)
        answers = await attacker.answers(60)
        assert set(answers) <= {400, -1}, answers
        assert await others(proxy) == {200: 20}


async def test_an_address_has_thirty_unfinished_bodies_at_a_time_and_they_are_cut_off(proxy):
    head = HEAD.format("/nowhere/").replace("GET", "POST") + f"Content-Length: {2**20}\r\n\r\n"
    async with Attacker(proxy) as attacker:
        await attacker.send(head.encode() + b"x" * (2**20 - 1), 100)
        answers = await attacker.answers(5)
        print(dict(answers))
        assert answers == {0: 30, 429: 70}
        assert spooled_bytes(proxy) <= 30 * 2**20
        assert await others(proxy) == {200: 20}
        assert set(await attacker.answers(60)) <= {-1, 408, 429}


async def test_only_logged_in_users_upload_and_an_address_has_five_unfinished_uploads_at_a_time(proxy):
    with httpx.Client(base_url=proxy.url, follow_redirects=True) as client:
        sign_in(client, "ada", "demo")
        session = f"Cookie: sessionid={client.cookies['sessionid']}\r\n"
    size = 20 * 2**20
    head = HEAD.format("/tasks/").replace("GET", "POST") + f"Content-Length: {size}\r\n"
    for cookie, expected, spooled in (("", {302: 20}, 0), (session, {0: 5, 429: 15}, 5 * size)):
        async with Attacker(proxy) as attacker:
            await attacker.send(f"{head}{cookie}\r\n".encode() + b"x" * (size - 1), 20)
            assert await attacker.answers(5) == expected
            assert spooled_bytes(proxy) <= spooled
            assert await others(proxy) == {200: 20}


async def test_two_hundred_of_four_hundred_stalled_readers_are_served_and_cost_a_megabyte_each(proxy):
    async with Attacker(proxy) as attacker:
        await attacker.send(HEAD.format("/tasks/example.csv").encode() + b"\r\n", 400)
        answers = await attacker.answers(30)
        print(dict(answers), spooled_bytes(proxy) // 2**20, "MB")
        assert answers == {200: 200, 429: 200}
        assert spooled_bytes(proxy) < 205 * 2**20
        assert await others(proxy) == {200: 20}
