"""What a browser requests from the bundled nginx when it reloads a page."""

import json
import secrets
from pathlib import Path

from tests import nginx, servers
from tests.fixtures import need
from tests.servers import wait_until

PRODUCTION = {"DEBUG": "0", "HTTPS": "0", "ALLOWED_HOSTS": "127.0.0.1", "BEHIND_PROXY": "1"}
LOGGED = {"access_log off;\n            gzip_static on;": "gzip_static on;"}


def test_a_reload_does_not_request_static_files_again(serve, tmp_path, tmp_path_factory, page):
    need(nginx.binary(), "nginx")
    production = PRODUCTION | {"SECRET_KEY": secrets.token_urlsafe(50)}
    environment = servers.environment_for(tmp_path, **production)
    servers.manage("collectstatic", "--noinput", "--verbosity", "0", environment=environment)
    folder = tmp_path_factory.mktemp("nginx")
    with (
        serve("uvicorn", **production) as server,
        nginx.running([server.url] * 2, folder, changes=LOGGED) as proxy,
    ):
        (Path(proxy.site) / "static").symlink_to(tmp_path / "static")

        def requested(times):
            page.goto(f"{proxy.url}/accounts/login/", wait_until="networkidle")
            paths = wait_until(lambda: paths_of(proxy, times))
            return [path for path in paths if path.startswith("/static/")]

        first = requested(times=1)
        assert any(path.endswith(".css") for path in first)
        # Only the page was requested again.
        assert requested(times=2) == first


def paths_of(proxy, times):
    """Return the requested paths once the page was requested `times` times, until then None."""
    paths = [json.loads(line)["path"] for line in proxy.log()]
    # The fixture has requested the page once.
    return paths if paths.count("/accounts/login/") == times + 1 else None
