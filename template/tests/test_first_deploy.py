"""The commands of docs/first-deploy.md create a site with HTTPS, mail, backups and an administrator."""

import re
import shutil

import pytest

from template.tests import compose, image
from template.tests.test_compose_certificate import add_authority
from template.tests.test_compose_releases import make_administrator, versions
from tests.fixtures import need
from tests.servers import ROOT

LINES = [
    line
    for block in re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / "first-deploy.md").read_text(), re.DOTALL)
    for line in block.splitlines()
]
# The test has no DNS and no git host, and podman needs other options to build (template/tests/test_deploy_scripts.py).
SKIPPED = ("getent ", "git pull", "deploy/build ")
# The web servers and the authority resolve the site's name, and the doctor trusts the authority.
REACHABLE = """
services:
  nginx:
    networks: {inside: {aliases: [site.test]}, outside: {aliases: [site.test]}}
  pebble:
    networks: [inside, outside]
  mail:
    image: localhost/site:1.0
    command: ["python", "-u", "/pebble/mail.py"]
    healthcheck: {disable: true}
    volumes: ["./pebble:/pebble:ro"]
    networks: [inside]
  web-1:
    environment: {SSL_CERT_FILE: /pebble/root.pem}
    volumes: ["./pebble:/pebble:ro"]
"""
# Prints the mails that it receives.
MAIL_SERVER = """
import socketserver

class Session(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"220 mail\\r\\n")
        while word := self.rfile.readline().strip().upper():
            self.wfile.write({b"DATA": b"354", b"QUIT": b"221"}.get(word, b"250") + b" ok\\r\\n")
            while word == b"DATA" and (line := self.rfile.readline()) != b".\\r\\n":
                print(line.decode().rstrip())
            if word == b"DATA":
                self.wfile.write(b"250 ok\\r\\n")

socketserver.ThreadingTCPServer(("", 1025), Session).serve_forever()
"""
READ_ROOT = """
import ssl, time, urllib.request
context, root = ssl._create_unverified_context(), None
while root is None:
    try:
        root = urllib.request.urlopen("https://pebble:15000/roots/0", context=context).read().decode()
    except OSError:
        time.sleep(0.1)
print(root)
"""
EXPECTED = {
    "deploy/init": "Created deploy/.env for site.test",
    "deploy/up 1.0": "localhost/site:1.0 is running.",
    "deploy/up 1.1": "localhost/site:1.1 is running.",
    "deploy/manage check": "no issues",
    "deploy/manage sse_doctor": "HTTP/2",
    "deploy/manage sendtestemail": "",
    "deploy/rollback": "localhost/site:1.0 is running again.",
}


@pytest.mark.soak
def test_the_commands_of_the_page_create_a_site(tmp_path):
    need(compose.can_be_run(), "buildah, podman, debootstrap and docker-compose, for root,")
    with compose.site(tmp_path) as site:
        for version in ("1.0", "1.1"):
            image.derive(version, tmp_path, f"ENV RELEASE={version}")
        # The page creates these files itself.
        (site.folder / ".env").unlink()
        shutil.rmtree(site.folder / "tls")
        for line in LINES:
            if not line.startswith(SKIPPED):
                follow(site, line.replace("example.com", "site.test"))
        assert versions(site) == {"1.0"}
        assert b"To: you@site.test" in site.compose("logs", "mail")


def follow(site, line):
    """Run a line of the page and check its output."""
    words = line.removeprefix("deploy/").split()
    if line == "deploy/manage createsuperuser":
        make_administrator(site)
    elif "docker compose exec backup" in line:
        site.compose("exec", "-T", *line.rstrip(")").split("exec ")[1].split())
        assert [*site.folder.glob("backups/20??-??-??/site.dump")]
    else:
        printed = site.run(*words, EMAIL_URL="smtp://mail:1025")
        [expected] = [text for start, text in EXPECTED.items() if line.startswith(start)]
        assert expected in printed
        assert "No certificate was issued" not in printed, printed
    if words[0] == "init":
        start_authority(site)


def start_authority(site):
    """Start a certificate authority in place of Let's Encrypt."""
    add_authority(site)
    (site.folder / "pebble" / "mail.py").write_text(MAIL_SERVER)
    (site.folder / "reachable.yml").write_text(REACHABLE)
    site.choose("compose.yml:pebble.yml:reachable.yml")
    running = {"IMAGE": "localhost/site:1.0"}
    site.compose("up", "-d", "--no-deps", "pebble", "mail", variables=running)
    command = ["run", "--rm", "-T", "--no-deps", "web-1", "python", "-c", READ_ROOT]
    root = site.compose(*command, variables=running)
    (site.folder / "pebble" / "root.pem").write_bytes(root)
