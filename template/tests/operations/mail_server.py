"""A small SMTP server that can be told to misbehave."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class MailServer(socketserver.ThreadingTCPServer):
    """Listens on a port of 127.0.0.1. `answer` is "" (takes mails), "hang", or a line such as "421 Busy"."""

    allow_reuse_address = daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Session)
        self.answer = ""
        self.connections = 0
        self.mails: list[str] = []
        self.released = threading.Event()


class Session(socketserver.StreamRequestHandler):
    """A connection of a client."""

    server: MailServer

    def handle(self) -> None:
        self.server.connections += 1
        if self.server.answer == "hang":
            self.server.released.wait(60)
            return
        self.say(self.server.answer or "220 ready")
        while not self.server.answer and (line := self.rfile.readline()):
            verb = line[:4].upper()
            if verb == b"DATA":
                self.say("354 go on")
                self.server.mails.append(b"".join(iter(self.rfile.readline, b".\r\n")).decode())
            self.say("221 bye" if verb == b"QUIT" else "250 ok")

    def say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """Run a mail server during the block."""
    server = MailServer()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.released.set()
        server.shutdown()
        server.server_close()
