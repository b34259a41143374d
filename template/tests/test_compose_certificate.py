"""A certificate by ACME: compose's certbot, the bundled nginx, and Pebble as the authority."""

import json
import shutil
import ssl
import subprocess

import pytest

from apps.sse.tests.servers.certificates import self_sign
from template.tests import compose
from tests.fixtures import need
from tests.servers import wait_until

pytestmark = pytest.mark.soak

# On the containers' network the name resolves to nginx, which Pebble connects to.
PEBBLE = """
services:
  nginx:
    environment: {CERTIFICATE_SECONDS: "1"}
    networks: {inside: {}, outside: {aliases: [site.test]}}
  certificate:
    environment: {ACME_SERVER: "https://pebble:14000/dir", REQUESTS_CA_BUNDLE: /pebble/cert.pem}
    volumes: ["./pebble:/pebble:ro"]
  pebble:
    image: localhost/pebble:test
    command: ["pebble", "-config", "/pebble/config.json"]
    environment: {PEBBLE_VA_NOSLEEP: "1", PEBBLE_WFE_NONCEREJECT: "0"}
    volumes: ["./pebble:/pebble:ro"]
    networks: [outside]
"""
CONFIG = {
    "listenAddress": "0.0.0.0:14000",
    "managementListenAddress": "0.0.0.0:15000",
    "certificate": "/pebble/cert.pem",
    "privateKey": "/pebble/key.pem",
    "httpPort": 80,
    "tlsPort": 443,
    "certificateValidityPeriod": 7_776_000,
}


@pytest.fixture
def site(tmp_path):
    need(compose.can_be_run(), "buildah, podman, debootstrap and docker-compose, for root,")
    with compose.site(tmp_path) as site:
        add_authority(site)
        yield site


def add_authority(site):
    """Write `pebble.yml`, the service of the certificate authority, and its folder."""
    folder = site.folder / "pebble"
    self_sign(folder, "pebble")
    (folder / "config.json").write_text(json.dumps({"pebble": CONFIG}))
    (folder / "privkey.pem").rename(folder / "key.pem")
    shutil.move(folder / "fullchain.pem", folder / "cert.pem")
    (site.folder / "pebble.yml").write_text(PEBBLE)


def test_a_certificate_is_issued_served_and_renewed(site):
    site.choose("compose.yml:compose.sqlite.yml:pebble.yml")
    settings = site.folder / ".env"
    text = settings.read_text().replace("ALLOWED_HOSTS=127.0.0.1", "ALLOWED_HOSTS=site.test")
    settings.write_text(text.replace("COMPOSE_PROFILES=", "COMPOSE_PROFILES=acme"))

    printed = site.run("up", "test")
    assert "The reason is above." in printed, "the authority is not running yet"
    assert "DNS:127.0.0.1" in served(site)

    site.compose("up", "-d", "--no-deps", "pebble")
    printed = site.run("up")
    assert "The new certificate is in /tls." in printed
    wait_until(lambda: "Pebble" in served(site), 60)
    assert "DNS:site.test" in served(site)

    first = served(site)
    site.compose("run", "--rm", "-T", "certificate", "/deploy/certificate", "--force-renewal")
    wait_until(lambda: served(site) not in ("", first), 60)
    assert "Pebble" in served(site)


def served(site):
    """Return the issuer, number and names of the certificate that nginx sends."""
    try:
        certificate = ssl.get_server_certificate(("127.0.0.1", site.secure_port))
    except OSError:
        return ""
    command = ["openssl", "x509", "-noout", "-issuer", "-serial", "-ext", "subjectAltName"]
    return subprocess.run(command, input=certificate, capture_output=True, text=True, check=True).stdout
