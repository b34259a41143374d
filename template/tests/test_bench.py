"""`make bench` counts each event exactly; its readers judge the times."""

import shutil
import sys
from pathlib import Path

import pytest

from tests.fixtures import need

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the benchmark is for Linux")


def test_each_client_of_each_system_receives_each_event_once(capfd):
    need(shutil.which("cc"), "A C compiler")
    from bench import report
    from bench.rounds import compare
    from bench.trial import Load

    load = Load(clients=20, crowd=40, events=3, rate=20)
    measured = compare(["ours", "bare"], rounds=1, load=load)
    counted = {name: [each["deliveries"] for each in rounds] for name, rounds in measured.items()}
    assert counted == {"ours": [3 * 20 + 3 * 40], "bare": [3 * 20 + 3 * 40]}, capfd.readouterr().err
    for figures in report.medians(measured).values():
        assert min(figures["paced"], figures["saturated"], figures["threads"]) > 0
    table = report.table(measured, load)
    assert "this project" in table
    assert "ASGI without a framework" in table


def test_a_system_that_is_not_installed_is_skipped_with_a_message(monkeypatch, capfd):
    from bench import compared, rounds

    monkeypatch.setattr(compared, "NCHAN", Path("/nowhere/ngx_nchan_module.so"))
    assert rounds.lacks("nchan")
    assert capfd.readouterr().err == "skipping nchan in nginx: install nginx and libnginx-mod-nchan\n"
    assert not rounds.lacks("ours")
