"""`make ci` writes a workflow that runs the project's own commands; `make audit` finds known vulnerabilities."""

import contextlib
import http.server
import json
import os
import re
import shutil
import subprocess
import threading

import pytest
import yaml

from tests.servers import ROOT, free_port

FILES = {"github": ".github/workflows/ci.yml", "gitlab": ".gitlab-ci.yml"}


@pytest.fixture
def make(tmp_path):
    """Run `make` in a folder that contains only the Makefile and `bin`."""
    shutil.copytree(ROOT / "bin", tmp_path / "bin")
    shutil.copyfile(ROOT / "Makefile", tmp_path / "Makefile")

    def run(*arguments):
        # The tests may be run by make, whose variables must not be inherited.
        shell = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
        return subprocess.run(
            ["make", *arguments], cwd=tmp_path, env=shell, capture_output=True, text=True, check=False
        )

    return run


def strings(node):
    """Yield the strings of a workflow in order."""
    if isinstance(node, str):
        yield node
    for value in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from strings(value)


def test_ci_refuses_a_host_that_it_does_not_know(make, tmp_path):
    refused = make("ci", "FOR=jenkins")
    assert (refused.returncode, refused.stderr.splitlines()[0]) == (2, "Choose: make ci FOR=github or FOR=gitlab")
    assert not (tmp_path / FILES["github"]).exists()


@pytest.mark.parametrize("name", FILES)
def test_ci_writes_a_workflow_and_replaces_an_edited_one_only_with_force(make, tmp_path, name):
    file = tmp_path / FILES[name]
    assert make("ci", f"FOR={name}").returncode == 0
    written = file.read_text()
    workflow = yaml.safe_load(written)
    assert [line for line in strings(workflow) if line.startswith("make ")] == [
        "make check",
        "make test",
        "make audit",
    ]
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {"check", "test", "audit"} <= {*targets}
    # YAML 1.1 reads the key `on` as true.
    assert name == "gitlab" or re.fullmatch(r"\d+ \d+ \* \* \d", workflow[True]["schedule"][0]["cron"])

    again = make("ci", f"FOR={name}")
    assert (again.returncode, again.stdout) == (0, f"{FILES[name]} is up to date.\n")
    file.write_text(written + "# ours\n")
    refused = make("ci", f"FOR={name}")
    assert refused.returncode != 0
    assert "To replace it, run: make ci FORCE=1" in refused.stderr
    assert file.read_text() == written + "# ours\n"
    assert make("ci", f"FOR={name}", "FORCE=1").returncode == 0
    assert file.read_text() == written


class Database(http.server.BaseHTTPRequestHandler):
    """A stand-in for osv.dev: the package `affected` has a vulnerability that its version 99 fixes."""

    affected, queried = "none", []

    def do_POST(self):
        package = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["package"]
        self.queried.append(package["name"])
        ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99"}]}]
        found = {"id": "OSV-1", "summary": "A hole.", "affected": [{"package": package, "ranges": ranges}]}
        answer = json.dumps({"vulns": [found]} if package["name"] == self.affected else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *arguments):
        pass


@contextlib.contextmanager
def database(affected):
    """Serve the responses while the block runs; yields the URL."""
    Database.affected, Database.queried = affected, []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Database) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def audit(url):
    command = [ROOT / "bin" / "audit", "--osv-url", url]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.soak
def test_audit_queries_each_locked_package_and_reports_vulnerable_ones_and_a_missing_network():
    with database("none") as url:
        assert audit(url)[0] == 0
    assert {"django", "sentry-sdk", "pytest", "daphne"} <= {*Database.queried}
    with database("django") as url:
        code, printed = audit(url)
    assert code == 1
    assert re.search(r"^django +\S+ +OSV-1 +99$", printed, re.MULTILINE), printed
    code, printed = audit(f"http://127.0.0.1:{free_port()}/")
    assert (code, printed) == (2, "osv.dev cannot be reached: the audit needs the network.\n")
