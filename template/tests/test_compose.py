"""The site as compose runs it: validated, run, deployed again, killed, restored, and moved to another database."""

import json
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from template.tests import compose
from tests.fixtures import need
from tests.servers import ROOT, wait_until

pytestmark = pytest.mark.soak

ADD_USER = f"""
from django.contrib.auth import get_user_model
get_user_model().objects.create_user("ada", password="{compose.PASSWORD}")
"""
USERS = "from django.contrib.auth import get_user_model as u; print(u().objects.count())"
STATES = "from apps.tasks.models import Task; print(*Task.objects.values_list('state', flat=True))"
SERVICES = ("nginx", "web-1", "web-2", "worker", "database", "events")


FILES = [["compose.yml"], ["compose.yml", "compose.sqlite.yml"]]
SETTINGS = "IMAGE=localhost/site:1.0\nCOMPOSE_PROFILES=acme\n"


@pytest.fixture
def folder(tmp_path):
    """A copy of deploy/ with its own keys and certificate, a release, and the certificate's service."""
    ignored = shutil.ignore_patterns(".env", "tls", "backups")
    shutil.copytree(ROOT / "deploy", tmp_path / "deploy", ignore=ignored)
    subprocess.run([tmp_path / "deploy" / "init", "127.0.0.1"], stdin=subprocess.DEVNULL, check=True)
    with (tmp_path / "deploy" / ".env").open("a") as settings:
        settings.write(SETTINGS)
    return tmp_path / "deploy"


def compose_of(folder, files):
    return ["docker-compose", *[f"--file={folder / file}" for file in files]]


@pytest.mark.parametrize("files", FILES)
def test_the_files_are_valid_and_refuse_to_start_without_passwords(folder, files):
    need(shutil.which("docker-compose"), "docker-compose")
    check = [*compose_of(folder, files), "config", "--quiet"]
    assert subprocess.run(check, capture_output=True, check=False).returncode == 0
    (folder / ".env").write_text(f"ALLOWED_HOSTS=example.com\n{SETTINGS}")
    bare = {"PATH": os.environ["PATH"]}
    done = subprocess.run(check, env=bare, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "run deploy/init first" in done.stderr


@pytest.mark.parametrize("files", FILES)
def test_services_drop_all_capabilities_and_images_are_pinned_by_digest(folder, files):
    need(shutil.which("docker-compose"), "docker-compose")
    command = [*compose_of(folder, files), "config", "--format", "json"]
    services = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["services"]
    for service, config in services.items():
        assert config["cap_drop"] == ["ALL"], service
        assert config["security_opt"] == ["no-new-privileges:true"], service
        assert config["image"] == "localhost/site:1.0" or "@sha256:" in config["image"], service
    assert set(services["nginx"]["sysctls"]) == {"net.ipv4.tcp_retries2", "net.ipv4.tcp_notsent_lowat"}


def test_sqlite_needs_no_other_data_server_and_no_setting_names_one(folder):
    need(shutil.which("docker-compose"), "docker-compose")
    command = [*compose_of(folder, FILES[1]), "config"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\nx-")[0]
    services = subprocess.run([*command, "--services"], capture_output=True, text=True, check=True).stdout.split()
    assert set(services) == {*SERVICES, "housekeeping", "backup", "migrate", "certificate"} - {
        "database",
        "events",
    }
    assert [word for word in ("postgres:", "redis", "valkey", "@database", "@events") if word in text] == []


@pytest.fixture
def site(tmp_path):
    need(compose.can_be_run(), "buildah, podman, debootstrap and docker-compose, for root,")
    with compose.site(tmp_path) as site:
        yield site


def test_the_site_runs_on_sqlite_and_moves_to_postgresql_with_its_data(site):
    site.choose("compose.yml:compose.sqlite.yml")
    site.up()
    site.shell(ADD_USER)
    with compose.visiting(f"{site.url}/accounts/login/") as answers:
        site.up()
    print(dict(answers))
    assert set(answers) == {200}
    assert answers[200] > 50

    # A change of nginx's configuration takes effect with the next deploy.
    changed = (site.folder / "nginx.conf").read_text().replace("server_tokens off;", "add_header X-Changed yes;")
    (site.folder / "new.conf").write_text(changed)
    (site.folder / "new.conf").rename(site.folder / "nginx.conf")
    site.up()
    with site.visitor() as visitor:
        wait_until(lambda: "X-Changed" in visitor.get("/accounts/login/").headers, 30)

    site.compose("stop", "web-1", "web-2", "worker", "housekeeping")
    # A backup can be restored on SQLite, too, and the application may write to it.
    site.compose("run", "--rm", "-T", "backup", "/deploy/backup", "/backups/mine")
    site.compose("run", "--rm", "-T", "backup", "/deploy/restore", "/backups/mine")
    site.choose("compose.yml")
    site.compose("run", "--rm", "-T", "migrate", "deploy/to-postgresql")
    site.up()
    assert "postgres" in site.shell(
        "from django.conf import settings; print(settings.DATABASES['default']['ENGINE'])"
    )
    with site.visitor() as ada:
        compose.sign_in(ada, "ada")


def test_the_site_on_postgresql_and_valkey_survives_a_deploy_kills_and_a_restore(site):
    site.up()
    for service in SERVICES:
        container = site.container(service)
        assert container["State"]["Running"], service
        if service != "worker":
            wait_until(lambda name=service: site.health(name) == "healthy", 60)
    assert site.shell(USERS) == "0"
    site.shell(ADD_USER)
    ada = site.visitor()
    compose.sign_in(ada, "ada")

    # No command line contains a password, and a user's large upload passes nginx and Django.
    passwords = re.findall(r"_PASSWORD=(.+)", (site.folder / ".env").read_text())
    assert len(passwords) == 2
    for service in SERVICES:
        pid = site.container(service)["State"]["Pid"]
        assert not [word for word in passwords if word in Path(f"/proc/{pid}/cmdline").read_text()], service
    upload = {"file": ("contacts.csv", "name,email\n" + "Ada,ada@example.com\n" * 200_000)}
    token = {"csrfmiddlewaretoken": ada.cookies["csrftoken"]}
    page = ada.post("/tasks/", data=token, files=upload, headers={"Referer": str(ada.base_url)})
    assert (page.status_code, page.url.path) == (200, "/tasks/1/")

    # The worker imports it.
    wait_until(lambda: "done" in site.shell(STATES), 60)

    # A deploy fails no request, and streams only reconnect.
    listener = compose.Listener(ada, "/api/feed/stream/")
    listener.start()
    wait_until(lambda: listener.last_id, 30)
    before = [site.container(name)["Id"] for name in SERVICES]
    with compose.visiting(f"{site.url}/accounts/login/") as answers:
        site.up()
        site.publish()
    print(dict(answers))
    assert set(answers) == {200}
    wait_until(lambda: listener.names() == ["said"], 30)
    after = [site.container(name)["Id"] for name in SERVICES]
    replaced = [name for name, old, new in zip(SERVICES, before, after, strict=True) if old != new]
    assert replaced == ["web-1", "web-2", "worker"]

    # Killed services restart, and the client misses no event.
    for service in ("web-1", "worker", "nginx", "events", "database"):
        pid = site.container(service)["State"]["Pid"]
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda name=service, old=pid: is_back(site, name, old), 60)
    site.publish()
    wait_until(lambda: listener.names() == ["said"] * 2, 60)

    # Back up, change data, delete all volumes, restore.
    uploads = ["exec", "-T", "web-1"]
    site.compose(*uploads, "sh", "-c", "mkdir -p /data/media && echo picture > /data/media/picture.webp")
    site.compose("run", "--rm", "-T", "backup", "/deploy/backup", "/backups/mine")
    site.shell(ADD_USER.replace("ada", "too late"))
    site.publish()
    wait_until(lambda: listener.names() == ["said"] * 3, 60)
    session = ada.cookies["sessionid"]
    site.compose("down", "--volumes", "--timeout", "10")
    site.up()
    site.compose("stop", "web-1", "web-2", "worker", "housekeeping")
    site.compose("run", "--rm", "-T", "backup", "/deploy/restore", "/backups/mine")
    site.up()
    # The empty site may have deleted the visitor's session cookie.
    ada.cookies.set("sessionid", session, domain="127.0.0.1")
    assert site.shell(USERS) == "1"
    assert site.compose(*uploads, "cat", "/data/media/picture.webp") == b"picture\n"
    wait_until(lambda: listener.names()[3:] == ["sse:reset"], 60)
    site.publish()
    wait_until(lambda: listener.names()[4:] == ["said"], 60)
    listener.stop()


def is_back(site, service, pid):
    state = site.container(service)["State"]
    return (
        state["Running"]
        and state["Pid"] not in (0, pid)
        and (service == "worker" or site.health(service) == "healthy")
    )
