"""The bundled nginx: forwarded headers, its own files and pages, logs and TLS."""

import html
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
from contextlib import ExitStack

import httpx
import pytest

from apps.sse.tests.servers.streaming import Reader
from template.tests.echo import echoing
from tests import nginx, servers
from tests.fixtures import need
from tests.servers import ROOT, free_port, wait_until

STREAM = "/api/dashboard/stream/"
TLS = {"server.d/tls.conf": (ROOT / "deploy" / "tls.conf").read_text()}


def test_the_configuration_is_valid_and_has_no_warnings(certified, tmp_path):
    extra = TLS | {"http.d/proxies.conf": "set_real_ip_from 10.0.0.0/8;"}
    shutil.copytree(certified / "tls", tmp_path / "tls")
    nginx.write(["unix:/a.sock", "unix:/b.sock"], tmp_path, free_port(), free_port(), {}, extra)
    done = subprocess.run([*nginx.command(tmp_path), "-t"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "[warn]" not in done.stderr


FORGED = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}


def test_forged_forwarding_headers_are_replaced(front_of):
    with front_of() as proxy:
        seen = httpx.get(proxy.url, headers=FORGED).json()
        assert (seen["x-forwarded-for"], seen["x-forwarded-proto"]) == ("127.0.0.1", "http")
        assert len(seen["x-request-id"]) == 32


def test_forwarding_headers_of_a_trusted_proxy_are_used(front_of):
    with front_of(proxies="set_real_ip_from 127.0.0.0/8;") as proxy:
        hops = {**FORGED, "X-Forwarded-For": "198.51.100.1, 203.0.113.9, 127.0.0.2"}
        seen = httpx.get(proxy.url, headers=hops).json()
        assert (seen["x-forwarded-for"], seen["x-forwarded-proto"]) == ("203.0.113.9", "https")
        assert httpx.get(proxy.url).json()["x-forwarded-proto"] == "http"


def test_the_application_receives_the_host_with_its_port(front_of):
    with front_of() as proxy:
        assert httpx.get(proxy.url).json()["host"] == proxy.url.removeprefix("http://")
        assert httpx.get(proxy.url, headers={"Host": "example.com"}).json()["host"] == "example.com"


def test_nginx_and_django_have_the_same_default_upload_limit(settings):
    compose = (ROOT / "deploy" / "compose.yml").read_text()
    assert re.findall(r"UPLOAD_MB: .*:-(\d+)", compose) == [str(settings.MAX_UPLOAD_MB)]
    assert "$((UPLOAD_MB + 1))m;" in (ROOT / "deploy" / "nginx-start").read_text()
    configuration = (ROOT / "deploy" / "nginx.conf").read_text()
    assert f'$site_name {"{"} default "{settings.SITE_NAME}";' in configuration
    assert f'$site_color {"{"} default "{settings.SITE_COLOR}";' in configuration


def test_one_variable_sets_the_size_limit_of_imports(tmp_path):
    environment = servers.environment_for(tmp_path, MAX_UPLOAD_MB="7")
    code = "from django.conf import settings; print(settings.TASKS_MAX_UPLOAD_BYTES)"
    command = [sys.executable, "manage.py", "shell", "-v0", "-c", code]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(7 * 2**20)


def test_hidden_files_are_not_served_except_acme_challenges(front_of):
    with front_of() as proxy:
        challenges = proxy.folder / "acme" / ".well-known" / "acme-challenge"
        challenges.mkdir(parents=True)
        (challenges / "token").write_text("proof")
        assert httpx.get(f"{proxy.url}/.well-known/acme-challenge/token").text == "proof"
        for path in ("/.env", "/.git/config", "/static/.env", "/app/.git/HEAD", "/media/../.env"):
            assert httpx.get(proxy.url + path).status_code in (400, 404), path


def test_uploads_are_sandboxed_and_private_ones_need_the_applications_permission(front_of):
    with front_of() as proxy:
        (proxy.site / "media" / "private").mkdir(parents=True)
        (proxy.site / "media" / "public").mkdir()
        (proxy.site / "media" / "public" / "page.html").write_text("<script>")
        (proxy.site / "media" / "private" / "mine.csv").write_text("a,b")
        shown = httpx.get(f"{proxy.url}/media/public/page.html")
        assert shown.headers["X-Content-Type-Options"] == "nosniff"
        assert shown.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert httpx.get(f"{proxy.url}/media/private/mine.csv").text != "a,b"
        assert httpx.get(f"{proxy.url}/private-media/private/mine.csv").status_code == 404
        sent = httpx.get(f"{proxy.url}/accel/mine.csv")
        assert (sent.status_code, sent.text) == (200, "a,b")


@pytest.fixture
def front_without_servers(certified, tmp_path):
    """nginx whose application servers are not running."""
    with nginx.running([f"unix:{tmp_path}/gone.sock"] * 2, tmp_path) as proxy:
        yield proxy


def test_nginxs_own_pages_have_the_sites_style_and_headers(front_without_servers):
    requests = {404: ("GET", "/.env", b""), 413: ("POST", "/", b"x" * 2**21), 502: ("GET", "/feed/", b"")}
    for status, (method, path, content) in requests.items():
        page = httpx.request(method, front_without_servers.url + path, content=content)
        assert (page.status_code, page.headers["Content-Type"]) == (status, "text/html; charset=utf-8")
        assert '<link rel="stylesheet" href="/static/site.css">' in page.text
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        expected = {
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
        }
        assert {name: page.headers[name] for name in expected} == expected
        assert ("Retry-After" in page.headers) == (status == 502)
    stream = httpx.get(f"{front_without_servers.url}/api/feed/stream/")
    assert (stream.status_code, "Retry-After" in stream.headers) == (502, False), (
        "the client has its own retry delay"
    )


def test_nginxs_own_pages_have_the_sites_name_and_colour(tmp_path):
    need(nginx.binary(), "nginx")
    folder, programs = tmp_path / "etc", tmp_path / "bin"
    for each in (folder / "brand.d", folder / "upload.d", programs):
        each.mkdir(parents=True)
    (programs / "nginx").symlink_to("/bin/true")
    script = (ROOT / "deploy" / "nginx-start").read_text().replace("/etc/nginx", str(folder))
    variables = {"UPLOAD_MB": "1", "SITE_NAME": r'A & $args "<b>" \ {1};', "SITE_COLOR": "#a03010"}
    environment = variables | {"PATH": f"{programs}:{os.environ['PATH']}"}
    subprocess.run(["sh", "-c", script], env=environment, check=True)
    brand = (folder / "brand.d" / "brand.conf").read_text()
    extra = {"brand.d/brand.conf": brand}
    with nginx.running([f"unix:{tmp_path}/gone.sock"] * 2, tmp_path, extra=extra) as proxy:
        page = html.unescape(httpx.get(proxy.url).text)
        assert f"<title>Back in a moment · {variables['SITE_NAME']}</title>" in page
        assert '<link rel="stylesheet" href="/static/brand.css">' in page
        sheet = httpx.get(f"{proxy.url}/static/brand.css")
        assert (sheet.text, sheet.headers["Content-Type"]) == (":root{--brand:#a03010}", "text/css")


def test_nginx_serves_static_files_compressed_and_hashed_ones_as_immutable(proxy, site):
    static = proxy.site / "static"
    static.mkdir()
    (static / "site.0123456789ab.css").write_text("body {}")
    (static / "site.0123456789ab.css.gz").write_bytes(b"\x1f\x8b a stand-in")
    (static / "plain.css").write_text("body {}")
    client = httpx.Client(base_url=f"{proxy.url}/static/")
    with client, client.stream("GET", "site.0123456789ab.css", headers={"Accept-Encoding": "gzip"}) as answer:
        assert b"".join(answer.iter_raw()).endswith(b"a stand-in")
        assert answer.headers["Content-Encoding"] == "gzip"
        assert answer.headers.get_list("Cache-Control") == ["public, max-age=31536000, immutable"]
        assert "Expires" not in answer.headers
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    plain = httpx.get(f"{proxy.url}/static/plain.css")
    assert plain.headers.get_list("Cache-Control") == ["no-cache"]
    again = httpx.get(plain.url, headers={"If-None-Match": plain.headers["ETag"]})
    assert (again.status_code, again.headers.get_list("Cache-Control")) == (304, ["no-cache"])
    missing = httpx.get(f"{proxy.url}/static/site.css")
    assert missing.content == httpx.get(f"{site.url}/static/site.css").content, "the application serves the rest"


def test_each_security_header_comes_once(proxy):
    page = httpx.get(f"{proxy.url}/accounts/login/")
    names = [name.lower() for name, _ in page.headers.multi_items() if name.lower() not in ("set-cookie", "vary")]
    assert "content-security-policy" in names
    assert sorted(set(names)) == sorted(names)
    assert page.headers["Server"] == "nginx"


def test_the_log_has_a_line_with_the_duration_of_each_stream_and_no_personal_data(proxy):
    with ExitStack() as stack:
        reader = Reader(stack, proxy.url, f"{STREAM}?task_id=7")
        opened = time.monotonic()
        httpx.get(f"{proxy.url}/health/live")
        httpx.get(f"{proxy.url}/accounts/login/?next=/secret/")
        while time.monotonic() - opened < 1:
            reader.next_bytes()
    entry = wait_until(lambda: [line for line in entries(proxy) if line["path"] == STREAM])[-1]
    assert entry["stream"] == "yes"
    assert entry["duration"] >= 1
    assert len(entry["id"]) == 32
    assert entry["network"] == "127.0.0.0"
    logged = "\n".join(proxy.log())
    assert "/accounts/login/" in logged
    for unwanted in ("task_id", "secret", "health/", "127.0.0.1"):
        assert unwanted not in re.sub('"(upstream|host)":"[^"]*"', "", logged)


def test_an_upload_writes_no_address_into_the_error_log(front_of):
    with front_of() as proxy:
        assert httpx.post(proxy.url, content=b"x" * 200_000).status_code == 200
        assert not [line for line in proxy.log("error.log") if "client:" in line]


def entries(proxy):
    return [json.loads(line) for line in proxy.log()]


def test_thirty_streams_share_one_connection_over_http2(proxy):
    need(shutil.which("curl"), "curl")
    # The first request opens the connection, and the others wait for it.
    command = [
        "curl",
        "--insecure",
        "--http2",
        "--parallel",
        "--parallel-max",
        "30",
        "--max-time",
        "3",
        "--silent",
    ]
    command += ["--write-out", "%{http_version} %{response_code} %{num_connects}\n"]
    for number in range(30):
        command += ["--output", "/dev/null", f"{proxy.secure_url}{STREAM}?n={number}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = [line.split() for line in done.stdout.splitlines()]
    assert len(lines) == 30
    assert {(version, status) for version, status, _ in lines} == {("2", "200")}
    assert sum(int(connects) for *_, connects in lines) == 1


def test_requests_go_to_the_other_server_while_one_is_gone(tmp_path):
    need(nginx.binary(), "nginx")
    with echoing() as url:
        gone = f"unix:{tmp_path}/gone.sock"
        with nginx.running([gone, url], tmp_path) as proxy, httpx.Client(base_url=proxy.url) as client:
            assert {client.get("/").status_code for _ in range(20)} == {200}
            assert {client.post("/").status_code for _ in range(20)} == {200}


def test_old_tls_is_refused(proxy):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    address = ("127.0.0.1", int(proxy.secure_url.rpartition(":")[2]))
    with (
        socket.create_connection(address) as plain,
        pytest.raises(OSError, match=r"(?i)protocol|alert|unsupported"),
    ):
        context.wrap_socket(plain)
