"""
A process with many lean clients: of each event they keep the position alone.

`python -m apps.sse.tests.chaos.crowd URL COUNT FILE CHANNEL…`. Client n follows the n-th channel, in turn. The end
of the standard input ends the process, which then writes a line of JSON for each client into FILE.
"""

import asyncio
import json
import random
import re
import resource
import sys
from array import array
from pathlib import Path
from urllib.parse import urlsplit

EVENT = re.compile(rb"event: (\S+)\nid: ((\d+)-\w+)\n")
RETRY_AFTER = re.compile(rb"\r\nretry-after: (\d+)\r\n", re.IGNORECASE)
RESET = b"event: sse:reset\n"
STARTS_PER_SECOND = 200
MIN_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 1.0, 30.0


class Client(asyncio.Protocol):
    """Follows a channel, and reconnects with its position: soon at first, then ever later, or when it was told."""

    def __init__(self, address, channel):
        self.address, self.channel = address, channel
        self.positions = array("q")
        self.resets = self.refused = 0
        self.last_id = b""
        self.transport = None
        self._pause = MIN_PAUSE_SECONDS

    async def connect(self):
        self._pending = b""
        try:
            await asyncio.get_running_loop().create_connection(lambda: self, *self.address)
        except OSError:
            self.come_back()

    def come_back(self, after=0.0):
        pause = after + self._pause * random.uniform(0.5, 1.5)
        self._pause = min(2 * self._pause, MAX_PAUSE_SECONDS)
        loop = asyncio.get_running_loop()
        loop.call_later(pause, lambda: loop.create_task(self.connect()))

    def connection_made(self, transport):
        self.transport, self._after = transport, 0.0
        last_id = b"Last-Event-ID: " + self.last_id + b"\r\n" if self.last_id else b""
        target = f"GET /channels/?channel={self.channel} HTTP/1.1\r\nHost: {self.address[0]}\r\n".encode()
        transport.write(target + b"Accept: text/event-stream\r\n" + last_id + b"\r\n")

    def data_received(self, data):
        data = self._pending + data
        if data.startswith(b"HTTP/1.1 ") and not data.startswith(b"HTTP/1.1 200 "):
            self.refuse(data)
            return
        # A field may arrive in two parts.
        end = data.rfind(b"\n\n") + 2 if b"\n\n" in data else 0
        self._pending, whole = data[end:], data[:end]
        self.resets += whole.count(RESET)
        for event in EVENT.finditer(whole):
            self.last_id, self._pause = event[2], MIN_PAUSE_SECONDS
            if not event[1].startswith(b"sse:"):
                self.positions.append(int(event[3]))

    def refuse(self, head):
        self._pending = head
        if b"\r\n\r\n" in head:
            self.refused += 1
            found = RETRY_AFTER.search(head)
            self._after = float(found[1]) if found else 0.0
            self.transport.abort()

    def connection_lost(self, error):
        self.transport = None
        self.come_back(self._after)


async def main(url, count, file, *channels):
    address = urlsplit(url)
    clients = [Client((address.hostname, address.port), channels[n % len(channels)]) for n in range(int(count))]
    loop = asyncio.get_running_loop()
    for number, client in enumerate(clients):
        loop.call_later(number / STARTS_PER_SECOND, lambda client=client: loop.create_task(client.connect()))
    # A line requests how many clients are connected and how many events they have in all.
    while await loop.run_in_executor(None, sys.stdin.readline):
        connected = sum(client.transport is not None and bool(client.last_id) for client in clients)
        sys.stdout.write(f"{connected} {sum(len(client.positions) for client in clients)}\n")
        sys.stdout.flush()
    write_histories(clients, Path(file))


def write_histories(clients, file):
    with file.open("w") as lines:
        for client in clients:
            history = {
                "channels": [client.channel],
                "positions": client.positions.tolist(),
                "resets": client.resets,
                "refused": client.refused,
            }
            lines.write(json.dumps(history) + "\n")


if __name__ == "__main__":
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    asyncio.run(main(*sys.argv[1:]))
