"""Each alert of deploy/alerts.yml fires on its condition and uses metrics that exist."""

import json
import re
import shutil
import subprocess

import pytest
import yaml

from tests.fixtures import need
from tests.servers import ROOT

FILE = ROOT / "deploy" / "alerts.yml"
RULES = [rule for group in yaml.safe_load(FILE.read_text())["groups"] for rule in group["rules"]]
EXPRESSIONS = [rule["expr"] for rule in RULES]
METRIC = re.compile(r"\b(?:sse|tasks)_[a-z_]+\b")
# Samples every 30 seconds, and the minute at which the alert fires.
FIRING = {
    "SiteDown": (4, {"sse_bus_up": "1x3 0x9"}),
    "TaskWorkerStopped": (3, {"tasks_due_seconds": "0+30x9"}),
    # A process is forgotten five minutes after its last report.
    "ProcessSilent": (5, {"sse_processes_silent": "0 1x9 0x9"}),
    "DeliverySlow": (
        15,
        {
            'sse_delivery_delay_seconds_bucket{le="1"}': "0+1x40",
            'sse_delivery_delay_seconds_bucket{le="5"}': "0+20x40",
            'sse_delivery_delay_seconds_bucket{le="+Inf"}': "0+20x40",
        },
    ),
    "ClientsMissEvents": (15, {"sse_resets_total": "0+1x40", "sse_replays_total": "0+2x40"}),
    "StreamsNearLimit": (6, {"sse_connections": "7000 8500x40"}),
}
USUAL = {
    "sse_bus_up": "1x40",
    "tasks_due_seconds": "0 2 0 40 0x36",
    "sse_processes_silent": "0 1 1 0x37",
    'sse_delivery_delay_seconds_bucket{le="1"}': "0+20x40",
    'sse_delivery_delay_seconds_bucket{le="+Inf"}': "0+20x40",
    "sse_resets_total": "0+1x40",
    "sse_replays_total": "0+20x40",
    "sse_connections": "100x40",
}


@pytest.mark.django_db
def test_each_metric_of_the_alerts_and_of_the_reference_is_exposed(client, settings):
    settings.METRICS_TOKEN = "token"
    page = client.get("/metrics/", headers={"Authorization": "Bearer token"}).content.decode()
    # It exists once a worker has taken a task; test_health covers it.
    exposed = {*re.findall(r"^# TYPE (\S+)", page, re.MULTILINE), "tasks_last_taken_timestamp_seconds"}
    reference = (ROOT / "docs" / "operations.md").read_text()
    rows = re.findall(r"^\| `(.*(?:sse|tasks)_[^`]+)` \|", reference, re.MULTILINE)
    named = {re.sub(r"_bucket$", "", name) for name in METRIC.findall(" ".join(rows + EXPRESSIONS))}
    assert len(named) >= 8
    assert named - exposed == set()


@pytest.mark.soak
@pytest.mark.parametrize("name", [*FIRING, None])
def test_each_alert_fires_only_on_its_own_condition(tmp_path, name):
    need(shutil.which("promtool"), "promtool")
    minutes, series = FIRING.get(name, (20, {}))
    expected = [
        {
            "alertname": rule["alert"],
            "eval_time": f"{minutes}m",
            "exp_alerts": [{"exp_labels": rule["labels"], "exp_annotations": rule["annotations"]}]
            if rule["alert"] == name
            else [],
        }
        for rule in RULES
    ]
    inputs = [{"series": name, "values": values} for name, values in (USUAL | series).items()]
    test = {"interval": "30s", "input_series": inputs, "alert_rule_test": expected}
    file = tmp_path / "alerts.test.yml"
    file.write_text(json.dumps({"rule_files": [str(FILE)], "evaluation_interval": "30s", "tests": [test]}))
    done = subprocess.run(["promtool", "test", "rules", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
