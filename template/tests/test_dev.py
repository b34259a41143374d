"""`manage.py dev`, the command behind `make run`, and the debugger in it and in `runserver`."""

import itertools
import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest
from django.core.management.base import CommandError

from apps.dev.management.commands.dev import refuse_used_port
from tests import servers
from tests.servers import PACKAGE, ROOT, wait_until

IN_A_TERMINAL = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"
SHELL = """trap : INT; "$@"; status=$?; stty -a; exit $status"""
CTRL_C = "\x03"

HOME = "/api/home/stream/"
DEBUGGED = "/debugged/"
STREAMS = {
    "DJANGO_SETTINGS_MODULE": "apps.sse.tests.streaming_site.settings",
    "PROJECT_SETTINGS": f"{PACKAGE}.settings",
}
BOTH = pytest.mark.parametrize("command", ["dev", pytest.param("runserver", marks=pytest.mark.soak)])


@pytest.fixture
def copy(migrated, tmp_path):
    """A copy of the project that a test may edit, with a database."""
    folder = tmp_path / "a copy"
    leave_out = shutil.ignore_patterns(".*", "node_modules", "__pycache__", "dist")
    shutil.copytree(ROOT, folder, ignore=leave_out)
    (folder / ".data").mkdir()
    servers.copy_database(migrated, folder / ".data")
    return folder


@dataclass
class Developer:
    """A developer who runs the project in a terminal: the URL, the screen and the keyboard."""

    url: str
    process: subprocess.Popen
    log: Path

    def screen(self):
        return self.log.read_text(errors="replace")

    def wait_for(self, text, times=1):
        """Wait until `text` is on the screen at least `times` times."""
        wait_until(lambda: self.screen().count(text) >= times, 20)

    def type(self, text):
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def quit(self):
        """Press Ctrl-C and return the seconds until the process has ended."""
        started = time.monotonic()
        self.type(CTRL_C)
        self.process.wait(10)
        return time.monotonic() - started


@contextmanager
def developing(folder, port=None, command="dev", **variables):
    """Run a command of `manage.py` in a terminal, in `folder`, while the block runs; then kill all its processes."""
    port = port or servers.free_port()
    log = folder / "dev.log"
    manage = [sys.executable, "manage.py", command, str(port)]
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", IN_A_TERMINAL, "sh", "-c", SHELL, "sh", *manage],
            cwd=folder,
            env=servers.environment_for(folder / ".data", **variables),
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
        )
    try:
        wait_until(lambda: process.poll() is not None or listens(port), 30)
        yield Developer(f"http://127.0.0.1:{port}", process, log)
    finally:
        end_all_in(folder)
        process.wait()
        process.stdin.close()


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def open_stream(stack, url, first="event: beat"):
    """Open a stream and wait for its first event, until a deadline that keepalives do not extend."""
    lines = stack.enter_context(httpx.Client(timeout=15)).stream("GET", url)
    lines = stack.enter_context(lines).iter_lines()
    deadline = time.monotonic() + 20
    assert any(line == first for line in itertools.takewhile(lambda _: time.monotonic() < deadline, lines))
    return lines


def open_again(stack, url, first="event: beat"):
    """Open a stream of a server that restarts: retry until a first event arrives, as browsers do."""

    def attempt():
        with suppress(httpx.TransportError, AssertionError):
            return open_stream(stack, url, first)

    return wait_until(attempt, 20)


def ends_with_retry(stream):
    """Return whether a stream sends a retry delay before it ends."""
    deadline = time.monotonic() + 20
    in_time = itertools.takewhile(lambda _: time.monotonic() < deadline, stream)
    return any(line.startswith("retry: ") for line in in_time)


def edit(folder):
    with (folder / "apps" / "dev" / "terminal.py").open("a") as source:
        source.write("\n# edited\n")


def test_ctrl_c_ends_everything_within_two_seconds_with_ten_streams_open(copy):
    with ExitStack() as stack, developing(copy) as developer:
        streams = [open_stream(stack, developer.url + HOME) for _ in range(10)]
        developer.wait_for("Starting worker")
        assert developer.quit() < 2.5
        assert processes_in(copy) == []
        for stream in streams:
            assert ends_with_retry(stream), "it was cut off without a retry delay"
        assert "KeyboardInterrupt" not in developer.screen()
        assert "apps.sse" not in developer.screen(), "the terminal shows no log of streams"


def test_closing_the_terminal_ends_everything(copy):
    with developing(copy) as developer:
        developer.wait_for("Starting worker")
        developer.process.kill()
        developer.process.wait()
        wait_until(lambda: processes_in(copy) == [])


def test_a_second_signal_does_not_interrupt_the_end(copy):
    with developing(copy) as developer:
        developer.wait_for("Starting worker")
        [command] = [each for each in processes_in(copy) if each.cmdline()[1:3] == ["manage.py", "dev"]]
        command.terminate()
        developer.wait_for("Stopping.")
        command.terminate()
        wait_until(lambda: processes_in(copy) == [])
        assert "KeyboardInterrupt" not in developer.screen()


def test_an_unapplied_migration_is_named(copy):
    folder = copy / "apps" / "notifications" / "migrations"
    last = max(file.stem for file in folder.glob("0*.py"))
    with developing(copy) as developer:
        developer.wait_for("Starting worker")
        (folder / "0999_next.py").write_text(
            "from django.db.migrations import Migration as Base\n\n\n"
            f"class Migration(Base):\n    dependencies = [('notifications', '{last}')]\n"
        )
        developer.wait_for("You have 1 unapplied migration(s)")
        developer.wait_for("app(s): notifications")


def test_an_edit_restarts_server_and_worker_with_streams_open(copy):
    with ExitStack() as stack, developing(copy) as developer:
        streams = [open_stream(stack, developer.url + HOME) for _ in range(10)]
        developer.wait_for("Starting worker")
        edit(copy)
        for stream in streams:
            assert ends_with_retry(stream)
        developer.wait_for("Starting worker", times=2)
        open_again(stack, developer.url + HOME)


def test_quick_edits_print_no_traceback_and_each_request_prints_a_line(copy):
    with developing(copy) as developer:
        developer.wait_for("Starting worker")
        for number in range(1, 5):
            edit(copy)
            developer.wait_for("Reloading...", times=number)
        developer.wait_for("Starting worker", times=2)
        assert "Traceback" not in developer.screen()
        wait_until(lambda: status_of(f"{developer.url}/accounts/login/") == 200, 20)
        developer.wait_for("GET /accounts/login/ HTTP/1.1")


def test_an_app_created_while_the_site_runs_is_migrated_and_served(copy):
    with developing(copy) as developer:
        environment = servers.environment_for(copy / ".data")
        command = [sys.executable, "manage.py", "startapp", "wall", "--live"]
        made = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=True)
        assert "Applying wall.0001_initial... OK" in made.stdout
        wait_until(lambda: status_of(f"{developer.url}/wall/") == 302, 20)
        assert "no such table" not in developer.screen()
        developer.quit()


def status_of(url):
    """Return the status of a page, or None while the server restarts."""
    with suppress(httpx.TransportError):
        return httpx.get(url).status_code


def test_an_edit_hands_a_running_task_over_to_the_next_worker(copy):
    workers = pytest.importorskip("template.tests.tasks.test_workers")
    with developing(copy) as developer:
        database = workers.Database(copy / ".data")
        task = database.start_import(40_000)
        database.wait_for_rows(task, 2000)
        edit(copy)
        developer.wait_for("Starting worker", times=2)
        database.wait_for_state(task, "done")
        wait_until(lambda: not database.query(workers.RUNNING))


def test_a_port_that_does_not_exist_is_a_clear_error():
    with pytest.raises(CommandError, match=r"Port 80000 cannot be used \(.*port must be 0-65535"):
        refuse_used_port(80000)


def test_a_port_in_use_is_a_clear_error(copy):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with developing(copy, port) as developer:
            assert developer.process.wait(30) == 1
            assert f"Port {port} cannot be used" in developer.screen()
            assert "Traceback" not in developer.screen()


@BOTH
def test_a_breakpoint_in_a_stream_opens_the_debugger_in_the_terminal_and_the_stream_continues(copy, command):
    with ExitStack() as stack, developing(copy, command=command, **STREAMS) as developer:
        stream = open_stream(stack, developer.url + DEBUGGED, "data: 1")
        developer.wait_for("(Pdb) ")
        developer.type("p type(self).__name__\n")
        developer.wait_for("'Debugged'")
        developer.type("c\n")
        assert any(line == "data: 2" for line in stream)
        assert developer.quit() < 2.5
        assert ends_with_retry(stream), "it was cut off without a retry delay"
        assert processes_in(copy) == []


@BOTH
def test_ctrl_c_at_the_debuggers_prompt_ends_everything_and_restores_the_terminal(copy, command):
    with ExitStack() as stack, developing(copy, command=command, **STREAMS) as developer:
        open_stream(stack, developer.url + DEBUGGED, "data: 1")
        developer.wait_for("(Pdb) ")
        assert developer.quit() < 2.5
        assert processes_in(copy) == []
        assert {"echo", "icanon"} <= set(developer.screen().split()), "the terminal would not echo"


@BOTH
def test_an_edit_at_the_debuggers_prompt_restarts_the_server(copy, command):
    with ExitStack() as stack, developing(copy, command=command, **STREAMS) as developer:
        stream = open_stream(stack, developer.url + DEBUGGED, "data: 1")
        developer.wait_for("(Pdb) ")
        edit(copy)
        with suppress(httpx.RemoteProtocolError):
            list(stream)
        open_again(stack, developer.url + DEBUGGED, "data: 1")
        developer.wait_for("(Pdb) ", times=2)


def processes_in(folder):
    """Return the processes whose working folder is `folder`."""
    return [process for process in psutil.process_iter(["cwd"]) if process.info["cwd"] == os.fspath(folder)]


def end_all_in(folder):
    """Kill the processes of `folder`, including those that they start until then."""
    while processes := processes_in(folder):
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(processes, 1)
