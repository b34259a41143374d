"""An open stream costs its server only memory."""

import asyncio
import re
import resource
import sys

import httpx
import psutil
import pytest

from apps.sse.asgi import MAX_IDLE_THREADS

MEASURABLE = 1000
AT_ONCE = 50
MAX_BYTES_EACH = 30 * 1024


def log_in(url):
    """Return the session cookie of a demo user."""
    with httpx.Client(base_url=url, follow_redirects=True) as client:
        page = client.get("/accounts/login/").text
        token = re.search(r'csrfmiddlewaretoken" value="([^"]+)', page)[1]
        client.post("/accounts/login/", data={"login": "ada", "password": "demo", "csrfmiddlewaretoken": token})
        return client.cookies["sessionid"]


class Crowd:
    """Clients that each hold one stream open and read it."""

    def __init__(self, url, path):
        self.host, self.port = url.removeprefix("http://").split(":")
        head = f"GET {path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\nCookie: sessionid={log_in(url)}\r\n\r\n"
        self.head, self.readers = head.encode(), []
        self.at_once = asyncio.Semaphore(AT_ONCE)

    async def grow(self, count):
        """Open streams until there are `count` and each has received its first event."""
        await asyncio.gather(*(self.join() for _ in range(count - len(self.readers))))

    async def join(self):
        async with self.at_once:
            reader, writer = await asyncio.open_connection(self.host, self.port)
            writer.write(self.head)
            await asyncio.wait_for(reader.readuntil(b"\ndata:"), 60)
            self.readers.append((asyncio.create_task(self.read(reader)), writer))

    async def read(self, reader):
        while await reader.read(65536):
            pass


@pytest.mark.parametrize(
    "count", [200, pytest.param(1000, marks=pytest.mark.soak), pytest.param(5000, marks=pytest.mark.soak)]
)
async def test_open_streams_of_logged_in_users_hold_no_thread_no_file_and_few_bytes(streams, tmp_path, count):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 3 * count)), hard))
    with streams("uvicorn", options="--no-access-log") as server:
        process = psutil.Process(server.process.pid)
        crowd = Crowd(server.url, "/idle/")
        # One-time allocations belong to the first streams.
        await crowd.grow(count // 2)
        threads, half = process.num_threads(), process.memory_info().rss
        await crowd.grow(count)
        each = (process.memory_info().rss - half) / (count - count // 2)
        print(f"{count} streams: {threads} threads, {each / 1024:.1f} KiB for each further one", file=sys.stderr)
        state = httpx.get(f"{server.url}/state/").json()
        assert (state["streams"], len(state["users"])) == (count, 1)
        assert process.num_threads() <= threads
        assert count < MEASURABLE or each < MAX_BYTES_EACH
        # SQLite keeps the files of concurrent connections open for later ones, idle threads keep connections.
        assert len(held(process)) <= AT_ONCE + 2 * MAX_IDLE_THREADS + 5
        server.stop(timeout=10)
        notes = (tmp_path / "notes").read_text().splitlines()
        assert notes == ["finally"] * count


def held(process):
    """Return the open files of a process, except its log."""
    return [file.path for file in process.open_files() if not file.path.endswith(".log")]
