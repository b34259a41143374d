"""A PostgreSQL server of the tests' own, in a folder that is thrown away."""

import contextlib
import os
import pwd
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


@contextlib.contextmanager
def running() -> Iterator[str]:
    """Run a server for as long as the block runs; yields the `DATABASE_URL` of its database."""
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder, _running_in(Path(folder)) as url:
        yield url


@contextlib.contextmanager
def _running_in(folder: Path) -> Iterator[str]:
    port, data = free_port(), folder / "data"
    as_postgres = []
    if os.geteuid() == 0:
        as_postgres = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--init-groups"]
        user = pwd.getpwnam("postgres")
        os.chown(folder, user.pw_uid, user.pw_gid)

    def run(program: str, *arguments: str) -> None:
        command = [*as_postgres, str(binaries() / program), "-D", str(data), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/")

    options = f"-p {port} -c listen_addresses=127.0.0.1 -c fsync=off -c unix_socket_directories="
    run("initdb", "-A", "trust", "-U", "postgres", "--no-sync")
    run("pg_ctl", "-w", "-l", str(folder / "log"), "-o", options, "start")
    try:
        yield f"postgres://postgres@127.0.0.1:{port}/postgres"
    finally:
        run("pg_ctl", "-m", "immediate", "stop")
