"""sse_publish and sse_tail across processes and outages."""

import json
import signal
import subprocess
import sys

import pytest

from tests import servers


class Tail:
    """`sse_tail` in its own process; `lines` is its output."""

    def __init__(self, folder, environment, *arguments):
        self.log = folder / "tail.log"
        self._output = self.log.open("w")
        command = [sys.executable, "manage.py", "sse_tail", *arguments]
        self.process = subprocess.Popen(
            command, cwd=servers.ROOT, env=environment, stdout=self._output, stderr=self._output
        )

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.process.kill()
        self.process.wait()
        self._output.close()

    @property
    def lines(self):
        return self.log.read_text().splitlines()

    def receives(self, environment, text):
        """Publish until an event arrives, since the start of listening in another process cannot be observed."""

        def has_arrived():
            servers.manage("sse_publish", "news", "said", text, environment=environment)
            return any(text in line for line in self.lines)

        servers.wait_until(has_arrived, seconds=40)


@pytest.fixture
def deployment(migrated, tmp_path):
    """The environment of a deployment with its own database."""
    servers.copy_database(migrated, tmp_path)
    return servers.environment_for(tmp_path)


def test_sse_tail_prints_events_of_other_processes_until_ctrl_c(deployment, tmp_path):
    with Tail(tmp_path, deployment) as tail:
        tail.receives(deployment, "hello")
        tail.process.send_signal(signal.SIGINT)
        assert tail.process.wait(20) == 0
        assert {line.split("  ", 2)[2] for line in tail.lines} == {"news  said  hello"}


def test_sse_tail_prints_the_events_of_a_channel_after_a_position_as_json(deployment, tmp_path):
    start = servers.manage("sse_publish", "news", "said", "0", environment=deployment).strip()
    code = "from apps.sse import publish\nfor n in range(450): publish('news', 'said', n); publish('other', 'said', n)"
    servers.manage("shell", "-c", code, environment=deployment)
    with Tail(tmp_path, deployment, "news", "--since", start, "--json") as tail:
        servers.wait_until(lambda: len(tail.lines) >= 450, seconds=60)
        events = [json.loads(line) for line in tail.lines]
    assert [event["data"] for event in events] == [*range(450)]
    assert {(event["channel"], event["name"], event["durable"]) for event in events} == {("news", "said", True)}


def test_sse_tail_continues_after_an_outage_of_the_broker(deployment, tmp_path, valkey):
    environment = deployment | {"SSE_BROKER_URL": valkey.url}
    with Tail(tmp_path, environment) as tail:
        tail.receives(environment, "before")
        valkey.stop()
        printed = servers.manage("sse_publish", "news", "said", "lost", environment=environment, fails=True)
        assert f"The broker {valkey.url} failed: " in printed
        assert "Traceback" not in printed
        valkey.start()
        tail.receives(environment, "after")
        tail.process.send_signal(signal.SIGINT)
        assert tail.process.wait(20) == 0
        assert "Traceback" not in tail.log.read_text()


def test_sse_tail_ends_silently_when_its_pipe_is_closed(deployment):
    def publish():
        return servers.manage("sse_publish", "news", "said", "1", environment=deployment).strip()

    start = publish()
    publish()
    command = [sys.executable, "manage.py", "sse_tail", "--since", start]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=servers.ROOT, env=deployment, **pipes) as tail:
        try:
            assert tail.stdout.readline().endswith("news  said  1\n")
            tail.stdout.close()
            servers.wait_until(lambda: publish() and tail.poll() is not None, seconds=40)
            assert (tail.returncode, tail.stderr.read()) == (0, "")
        finally:
            tail.kill()


def test_an_unreachable_broker_is_reported_in_one_sentence(deployment):
    environment = deployment | {"SSE_BROKER_URL": f"redis://me:secret@127.0.0.1:{servers.free_port()}/0"}
    for command in (["sse_publish", "news", "said"], ["sse_tail"]):
        printed = servers.manage(*command, environment=environment, fails=True)
        assert "CommandError: The broker redis://127.0.0.1:" in printed
        assert "Traceback" not in printed
        assert "secret" not in printed


def test_missing_tables_are_reported_in_one_sentence(tmp_path):
    printed = servers.manage(
        "sse_publish", "news", "said", environment=servers.environment_for(tmp_path), fails=True
    )
    assert "no such table" in printed
    assert "Traceback" not in printed
