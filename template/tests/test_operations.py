"""docs/operations.md is true: its tables are complete; its commands and those of apps/sse/README.md run."""

import json
import re
import secrets
import select
import shlex
import signal
import subprocess
import sys
import tomllib

import django

from apps.sse.conf import DEFAULTS
from tests import servers

PRODUCTION = {
    "DEBUG": "0",
    "ALLOWED_HOSTS": "example.com",
    "SECRET_KEY": secrets.token_urlsafe(50),
    "DJANGO_ALLOW_ASYNC_UNSAFE": "",
}
EXAMPLE = (servers.ROOT / ".env.example").read_text()
TEXT = (servers.ROOT / "docs" / "operations.md").read_text()
REFERENCE = (servers.ROOT / "apps" / "sse" / "README.md").read_text()


def test_the_reference_lists_the_settings_of_the_library_with_their_defaults():
    section = REFERENCE.partition("\n## Settings\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| `(.+?)` \| .+ \|$", section, re.MULTILINE)
    assert rows == [(name, json.dumps(default)) for name, default in DEFAULTS.items()]


def test_the_example_of_the_environment_lists_the_settings_of_the_library_with_their_defaults():
    variables = re.findall(r"^# ?([A-Z_]+)=(.*)$", EXAMPLE, re.MULTILINE)
    shown = {name: value for name, value in variables if name in DEFAULTS or name.startswith("SSE_")}
    assert [*shown] == [*DEFAULTS]
    # The defaults of the others are in their descriptions.
    numbers = {name: str(default) for name, default in DEFAULTS.items() if isinstance(default, int)}
    assert shown | numbers == shown


def test_the_table_of_versions_matches_the_project_and_its_images():
    rows = re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \| .*\|$", TEXT.split("## ")[1], re.MULTILINE)
    supported, tested = {row[0]: row[1] for row in rows}, {row[0]: row[2] for row in rows}
    project = tomllib.loads((servers.ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == f">={supported['Python'].split()[0]}"
    assert f"django>={supported['Django']},<6.2" in project["dependencies"]
    assert django.__version__.startswith(tested["Django"])
    compose = (servers.ROOT / "deploy" / "compose.yml").read_text()
    for image, row in (("postgres", "PostgreSQL"), ("valkey", "Valkey, Redis"), ("nginx", "nginx")):
        [version] = {*re.findall(rf"/{image}:([\d.]+)", compose)}
        assert re.search(rf"^\| {row} .*image, (Valkey )?{version}, ", TEXT, re.MULTILINE), image


def test_the_log_fits_into_the_memory_of_its_container():
    compose = (servers.ROOT / "deploy" / "compose.yml").read_text()
    [max_memory] = re.findall(r"--maxmemory \$\{EVENTS_MAXMEMORY:-(\d+)mb\}", compose)
    [limit] = re.findall(r"EVENTS_MEMORY:-(\d+)m\}", compose)
    # The cache needs memory, too, and Valkey copies changed pages while it rewrites its file.
    assert DEFAULTS["SSE_RETENTION_BYTES"] / 2**20 <= 0.4 * int(max_memory)
    assert int(max_memory) <= 0.65 * int(limit)


def test_each_command_runs(site):
    """Commands that run until Ctrl-C get SIGINT."""
    position = servers.manage("sse_publish", "news", "said", "first", environment=site.environment).strip()
    more = "from apps.sse import publish\nfor _ in range(10):\n    publish('news', 'said', 'next')"
    servers.manage("shell", "-v", "0", "-c", more, environment=site.environment)
    blocks = re.findall(r"```sh\n(.*?)```", TEXT + REFERENCE, re.DOTALL)
    commands = [line for block in blocks for line in block.splitlines()]
    assert len(commands) >= 6
    for line in commands:
        assert line.startswith("python manage.py ")
        line = line.replace("https://example.com", site.url).replace("1-0123abcd", position)
        if "sse_doctor" in line and "--quick" not in line:
            line += " --quick"  # without it the command waits for a keepalive: see test_doctor
        run(
            [sys.executable, *shlex.split(line)[1:]], site.environment | (PRODUCTION if "--deploy" in line else {})
        )


def run(command, environment):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, cwd=servers.ROOT, env=environment, **pipes) as process:
        try:
            if "sse_tail" in command:
                interrupt_after_an_event(process, environment)
            printed, _ = process.communicate(timeout=90)
        finally:
            process.kill()
    assert process.returncode == 0, (command, printed)


def interrupt_after_an_event(process, environment):
    def publish():
        servers.manage("sse_publish", "news", "said", "now", environment=environment)

    servers.wait_until(lambda: publish() or select.select([process.stdout], [], [], 0.1)[0], seconds=60)
    process.send_signal(signal.SIGINT)
