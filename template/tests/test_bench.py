"""`make bench` counts each event exactly and survives what fails; its readers judge the times."""

import contextlib
import dataclasses
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import psutil
import pytest

from apps.sse.tests.servers import netns, valkey
from tests.fixtures import need
from tests.servers import ROOT, wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the benchmark is for Linux")


@pytest.fixture
def workshop():
    need(shutil.which("cc"), "A C compiler")
    from bench import measuring

    with measuring.workshop() as (client, folder):
        yield client, folder


@pytest.fixture
def trial(workshop):
    from bench.scenario import Bench

    return lambda key, **options: Bench(key, *workshop).trial(**options)


def run(workshop, scenario, systems, **options):
    from bench import measuring

    return measuring.run(scenario, systems, *workshop, is_quick=True, **options)


def scenario(measure, **options):
    from bench.scenario import Figure, Scenario

    return Scenario("test", "A test.", ("bare",), {"figure": Figure("figure")}, measure, **options)


@pytest.mark.parametrize("key", ["ours", "bare"])
def test_each_client_receives_each_event_once_and_its_latency_is_measured(trial, key):
    with trial(key) as running:
        running.grow(20)
        before = running.crowd.counts().events
        assert running.cost(events=3, rate=20) > 0
        median, p99 = running.latency(events=3, rate=20)
        running.grow(40)
        assert running.cost(events=3) > 0
        assert 0 < median <= p99 < 10_000
        # One event shows that the additional clients are subscribed.
        assert running.crowd.counts().events - before >= 3 * 20 + 3 * 20 + 40 + 3 * 40
        assert running.meter.threads() > 0


def test_an_event_that_comes_twice_is_found(trial):
    from bench.crowd import Lost

    with trial("bare") as running:
        running.grow(5)
        running.publish()
        running.check()
        running.publisher.publish()
        running.crowd.wait(events=running.crowd.expected + 5)
        with pytest.raises(Lost, match="-5 are missing"):
            running.check()


def test_a_slow_client_is_not_counted(trial):
    with trial("bare", slow=10) as running:
        running.grow(20)
        running.publish()
        running.check()
        assert running.crowd.receivers == 18


def test_clients_come_back_to_a_worker_that_was_killed_and_miss_nothing(trial):
    from bench.compared import SYSTEMS

    supervised = dataclasses.replace(SYSTEMS["sqlite"], is_supervised=True)
    with trial("sqlite", system=supervised, retry=True, resume=True) as running:
        running.grow(20)
        running.target.server.end_worker(signal.SIGKILL)
        wait_until(lambda: running.crowd.counts().ended == 20)
        assert running.crowd.wait(streams=20).open == 20
        running.publisher.close()
        running.publish()
        running.check()
        assert len(running.crowd.opening_times()) == 20


def test_a_system_that_fails_or_takes_too_long_is_reported_and_the_others_are_measured(workshop, capfd):
    def measure(bench):
        if bench.key == "ours":
            raise RuntimeError("the server fell over")
        return {"figure": 5}

    measured = run(workshop, scenario(measure), ["ours", "bare"])
    assert measured["ours"].problems == ["failed: the server fell over"]
    assert measured["bare"].medians() == {"figure": 5}
    assert "test, round 1 of 1: this project: failed: the server fell over" in capfd.readouterr().err

    import time

    measured = run(workshop, scenario(lambda bench: time.sleep(60), seconds=1), ["bare"])
    assert measured["bare"].problems == ["failed: not done within 1 s"]


def test_a_system_that_is_not_installed_is_skipped_with_a_message(workshop, monkeypatch):
    from bench import compared

    monkeypatch.setattr(compared, "NCHAN", Path("/nowhere/ngx_nchan_module.so"))
    measured = run(workshop, scenario(lambda bench: {"figure": 1}), ["nchan", "bare"])
    assert measured["nchan"].problems == ["skipped: install nginx and libnginx-mod-nchan"]
    assert measured["bare"].rounds == [{"figure": 1}]


@pytest.fixture
def links():
    """Return the network interfaces of a process's hosts."""
    need(not netns.missing(), "iproute2, or the right to make network namespaces,")
    need(valkey.binary(), "Valkey")
    return lambda pid: [name for _, name in socket.if_nameindex() if name.startswith(f"v{pid}-")]


def test_an_event_of_one_host_reaches_the_clients_of_all_hosts(trial, links):
    from bench.compared import SYSTEMS

    with trial("hosts", system=dataclasses.replace(SYSTEMS["hosts"], workers=2)) as running:
        running.grow(4)
        assert running.cost(events=3) > 0
        for server in running.target.servers:
            command = server.host.command("ss", "-Htn", "state", "established", f"sport = :{server.port}")
            assert len(subprocess.check_output(command).splitlines()) >= 2
        assert links(os.getpid())
    wait_until(lambda: not links(os.getpid()))


def test_hosts_end_with_a_failed_measurement(workshop, links):
    def measure(bench):
        with bench.trial() as running:
            running.grow(2)
            running.target.server.kill()
            running.check()
            running.crowd.wait(events=running.crowd.expected + 1)

    measured = run(workshop, scenario(measure), ["hosts"])
    assert "the server ended a stream" in measured["hosts"].problems[0]
    wait_until(lambda: not links(os.getpid()))


def test_hosts_end_with_the_command(tmp_path, links):
    need(shutil.which("cc"), "A C compiler")
    variables = {"QUICK": "1", "SCENARIOS": "hosts", "JSON": str(tmp_path / "results.json")}
    command = subprocess.Popen([sys.executable, "-m", "bench"], cwd=ROOT, env=os.environ | variables)

    def workers():
        with contextlib.suppress(psutil.NoSuchProcess):
            return [each for each in psutil.Process(command.pid).children() if "uvicorn" in each.cmdline()]

    started = wait_until(workers, seconds=60)
    assert links(command.pid)
    command.send_signal(signal.SIGINT)
    assert command.wait(30) == 1
    wait_until(lambda: not links(command.pid))
    assert not any(process.is_running() for process in started)


def test_without_the_right_to_make_network_namespaces_hosts_are_skipped(workshop, monkeypatch, links):
    def unshare(flags):
        raise PermissionError("Operation not permitted")

    monkeypatch.setattr(os, "unshare", unshare)
    measured = run(workshop, scenario(lambda bench: {"figure": 1}), ["hosts"])
    reason = "run it as root, where it may make network namespaces (Operation not permitted)"
    assert measured["hosts"].problems == [f"skipped: {reason}"]


def test_the_command_runs_a_scenario_prints_its_table_and_keeps_its_result(tmp_path):
    need(shutil.which("cc"), "A C compiler")
    file = tmp_path / "results.json"
    variables = {"QUICK": "1", "SCENARIOS": "sizes", "SYSTEMS": "bare", "JSON": str(file)}
    command = [sys.executable, "-m", "bench"]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | variables, capture_output=True, text=True, check=True
    )
    assert "## sizes" in done.stdout
    assert "ASGI without a framework" in done.stdout
    result = json.loads(file.read_text())["sizes"]
    assert result["is_quick"]
    assert result["systems"]["bare"]["figures"]["kib16"] > 0


def result(**changes):
    from bench.results import Result

    figures = {"ours": {"paced": 2.2, "saturated": 1.2, "threads": 10}, "bare": {"paced": 2, "saturated": 1.0}}
    systems = {key: {"figures": each, "rounds": [each], "problems": []} for key, each in figures.items()}
    given = Result("2026-01-02", "1.1.0", "2 cores (X), 4 GiB", False, 0.01, 60, systems)
    return dataclasses.replace(given, **changes)


def test_the_report_says_which_goals_are_reached_and_that_a_machine_was_busy():
    from bench import report
    from bench.scenarios import SCENARIOS

    text = report.section(SCENARIOS["deliver"], result(busy_cores=0.7))
    assert (
        "this project, CPU s, 1,000 at 5/s: at most 1.03 × ASGI without a framework, one loop; measured 1.10"
        in text
    )
    assert text.count("NOT reached") == 2
    assert "BUSY: other programs kept 0.7 cores busy" in text
    assert "BUSY" not in report.section(SCENARIOS["deliver"], result())


def test_the_documents_have_the_figures_of_the_results():
    """If this fails, run `make figures`."""
    from bench import figures, results

    for name, text in figures.written(results.read()).items():
        assert (ROOT / name).read_text() == text, name


def test_a_block_names_what_is_measured_and_warns_of_figures_that_are_not_final():
    from bench import figures

    found = {"deliver": result(is_quick=True, busy_cores=0.7)}
    text = figures.content(["deliver", "paced", "ours"], found)
    assert text.splitlines()[2] == "| this project |                2.20 |"
    assert text.endswith("2026-01-02: 2 cores (X), 4 GiB. **Preliminary: from a quick run on a busy machine.**")
    assert figures.content(["storm"], found) == "Not measured yet."
    text = figures.content(["constants", "machine"], found)
    assert "| one core delivers, saturated | 83,000 a second |" in text
    assert "`deliver`, 2026-01-02" in text


def test_the_picture_is_an_image_with_a_bar_for_each_system():
    from bench import picture

    drawn = ElementTree.fromstring(picture.draw({"deliver": result()}))
    assert len(drawn.findall("{http://www.w3.org/2000/svg}rect")) == 2


def test_each_scenario_names_known_systems_and_figures():
    from bench.compared import SYSTEMS
    from bench.scenarios import SCENARIOS

    for each in SCENARIOS.values():
        assert set(each.systems) <= set(SYSTEMS), each.name
        assert {key for figure in each.figures.values() for key in figure.goals} <= set(each.systems), each.name
