"""A PostgreSQL server for tests, in a temporary folder."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.servers import free_port


def binaries() -> Path | None:
    """Return the folder of the newest installed PostgreSQL server, 16 or later, or None."""
    found = [f for f in Path("/usr/lib/postgresql").glob("*/bin") if int(f.parent.name) >= 16]
    if found:
        return max(found, key=lambda f: int(f.parent.name))
    on_path = shutil.which("pg_ctl")
    return Path(on_path).resolve().parent if on_path else None


class Postgres:
    """
    A database server in `folder`; `url` is the `DATABASE_URL` of its database.

    Without `fsync` it does not wait for the disk.
    """

    def __init__(self, folder: Path, *, fsync: bool = False) -> None:
        self._folder, self._port = folder, free_port()
        self._fsync = "on" if fsync else "off"
        self.url = f"postgres://postgres@127.0.0.1:{self._port}/postgres"
        self._as_postgres: list[str] = []
        if os.geteuid() == 0:
            self._as_postgres = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--init-groups"]
            shutil.chown(folder, "postgres", "postgres")
        self._run("initdb", "-A", "trust", "-U", "postgres", "--no-sync")

    def start(self) -> None:
        """Start the server and wait until it answers."""
        options = (
            f"-p {self._port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync={self._fsync}"
        )
        self._run("pg_ctl", "-w", "-l", str(self._folder / "log"), "-o", options, "start")

    @property
    def pid(self) -> int:
        """The number of the main process while the server runs."""
        return int((self._folder / "data" / "postmaster.pid").read_text().split()[0])

    def stop(self) -> None:
        """Stop the server immediately, which cuts its connections."""
        self._run("pg_ctl", "-m", "immediate", "stop")

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._as_postgres, str(binaries() / program), "-D", str(self._folder / "data"), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/")


@contextlib.contextmanager
def running(*, fsync: bool = False) -> Iterator[Postgres]:
    """Run a server until the block ends."""
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder:
        server = Postgres(Path(folder), fsync=fsync)
        server.start()
        try:
            yield server
        finally:
            server.stop()
