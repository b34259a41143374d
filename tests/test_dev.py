"""`manage.py dev`, the command behind `make run`."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager

import httpx
import psutil
import pytest

from tests import servers
from tests.servers import ROOT, wait_until


@pytest.fixture
def copy(migrated, tmp_path):
    """A copy of the project that a test may edit, with a database."""
    folder = tmp_path / "a copy"
    leave_out = shutil.ignore_patterns(".*", "node_modules", "__pycache__", "dist")
    shutil.copytree(ROOT, folder, ignore=leave_out)
    (folder / ".data").mkdir()
    servers.copy_database(migrated, folder / ".data")
    return folder


@contextmanager
def developing(folder, port):
    """Run `manage.py dev` in `folder` for as long as the block runs."""
    environment = servers.environment_for(folder / ".data")
    log = folder / "dev.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "dev", str(port)],
            cwd=folder,
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        wait_until(lambda: "Live on" in log.read_text() or process.poll() is not None, 30)
        yield process, log
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(10)


def open_stream(stack, port):
    """Open the dashboard's stream and wait for its first event."""
    url = f"http://127.0.0.1:{port}/api/dashboard/stream/"
    lines = stack.enter_context(httpx.Client(timeout=15)).stream("GET", url)
    lines = stack.enter_context(lines).iter_lines()
    assert any(line == "event: stats" for line in lines)
    return lines


def test_ctrl_c_ends_everything_within_two_seconds_with_ten_streams_open(copy):
    port = servers.free_port()
    with ExitStack() as stack, developing(copy, port) as (process, log):
        streams = [open_stream(stack, port) for _ in range(10)]
        wait_until(lambda: "Starting worker" in log.read_text())
        started = time.monotonic()
        process.send_signal(signal.SIGINT)
        process.wait(10)
        assert time.monotonic() - started < 2.5
        for stream in streams:
            assert any(line.startswith("retry: ") for line in stream), "it was cut off, not ended"
    assert processes_in(copy) == []


def test_an_edit_restarts_server_and_worker_with_streams_open(copy):
    port = servers.free_port()
    with ExitStack() as stack, developing(copy, port) as (_, log):
        streams = [open_stream(stack, port) for _ in range(10)]
        wait_until(lambda: log.read_text().count("Starting worker") == 1)
        with (copy / "apps" / "dev" / "apps.py").open("a") as source:
            source.write("\n# edited\n")
        for stream in streams:
            assert any(line.startswith("retry: ") for line in stream)
        wait_until(lambda: log.read_text().count("Starting worker") == 2, 20)
        wait_until(lambda: servers.answers(f"http://127.0.0.1:{port}"), 20)
        open_stream(stack, port)


def test_a_port_in_use_is_a_clear_error():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "manage.py", "dev", str(port)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert f"Port {port} cannot be used" in done.stderr
    assert "Traceback" not in done.stderr


def processes_in(folder):
    """Return the command lines of the processes whose working folder is `folder`."""
    processes = psutil.process_iter(["cwd", "cmdline"])
    return [process.info["cmdline"] for process in processes if process.info["cwd"] == os.fspath(folder)]
