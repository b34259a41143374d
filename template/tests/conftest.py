"""The servers that the template's tests share, and fixtures of the other tests."""

import contextlib

import pytest

from apps.sse.tests.conftest import notes, postgres, private, second_host, streams, valkey  # noqa: F401
from apps.sse.tests.servers.certificates import self_sign
from template.tests.echo import echoing
from tests import nginx, servers
from tests.fixtures import need


@pytest.fixture
def front_of(tmp_path):
    """Start nginx in front of an echo server: `with front_of(proxies=…, changes=…) as proxy`."""
    need(nginx.binary(), "nginx")

    @contextlib.contextmanager
    def start(proxies="", upload="client_max_body_size 51m;", **options):
        extra = {"http.d/proxies.conf": proxies, "upload.d/size.conf": upload}
        with echoing() as url, nginx.running([url, url], tmp_path, extra=extra, **options) as proxy:
            yield proxy

    return start


@pytest.fixture(scope="session")
def certified(tmp_path_factory):
    """A folder for nginx that contains a certificate."""
    need(nginx.binary(), "nginx")
    folder = tmp_path_factory.mktemp("nginx")
    self_sign(folder / "tls")
    return folder


@pytest.fixture(scope="session")
def proxy(site, certified):
    """nginx in front of the site, with TLS."""
    tls = {"server.d/tls.conf": (servers.ROOT / "deploy" / "tls.conf").read_text()}
    with nginx.running([site.url, site.url], certified, extra=tls) as proxy:
        yield proxy
