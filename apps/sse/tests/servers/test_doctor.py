"""`sse_doctor` finds the faults of real servers and proxies, and prints what to do."""

import contextlib
import http.server
import re
import subprocess
import threading
import time
import urllib.request

import httpx
import pytest

from apps.sse.doctor.views import HEADER, TOKEN_SECONDS, make_token
from apps.sse.tests.servers.streaming import events
from tests import servers

STREAM = "/api/sse/stream/"


def doctor(server, url=None, *options, fails=False):
    """Return what the command prints in the environment of the server."""
    options = options or ("--quick",)
    return servers.manage("sse_doctor", url or server.url, *options, environment=server.environment, fails=fails)


def test_the_doctor_finds_no_problem_in_streams_that_work(site):
    printed = doctor(site)
    assert "/api/sse/stream/ returns 200 with text/event-stream." in printed
    assert "nothing buffers them" in printed
    assert "uses ASGI and hands streams off" in printed
    assert "arrives through the server" in printed
    assert "This http URL uses HTTP/1.1" in printed
    assert printed.strip().endswith("Streams work.")


def test_the_doctor_finds_no_problem_in_the_bundled_nginx(site, behind_nginx):
    with behind_nginx(site) as url:
        assert "Streams work." in doctor(site, url)


def test_the_doctor_first_checks_the_stream_whose_url_it_gets(site):
    printed = doctor(site, f"{site.url}/api/dashboard/stream/")
    assert printed.index("/api/dashboard/stream/ returns 200") < printed.index("/api/sse/stream/ returns 200")


IGNORING = {"proxy_buffering off;": "proxy_ignore_headers X-Accel-Buffering;"}
COMPRESSING = {"gzip off;": "gzip on; gzip_types text/event-stream;"}


def test_the_doctor_finds_an_nginx_that_compresses_and_buffers(site, behind_nginx):
    with behind_nginx(site, changes=IGNORING | COMPRESSING) as url:
        printed = doctor(site, url, fails=True)
    assert "A proxy compresses the stream and buffers it" in printed
    assert "`proxy_buffering off`" in printed
    assert "X-Accel-Buffering" in printed
    assert "1 problem has to be fixed." in printed


def test_the_doctor_accepts_an_nginx_that_compresses_without_buffering(site, behind_nginx):
    with behind_nginx(site, changes=COMPRESSING) as url:
        assert "text/event-stream, compressed with gzip." in doctor(site, url)


class BufferingProxy(http.server.BaseHTTPRequestHandler):
    """Forwards a response after its end."""

    def do_GET(self):
        with urllib.request.urlopen(
            urllib.request.Request(self.server.upstream + self.path, headers=self.headers)
        ) as got:
            content = got.read()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments):
        pass


@contextlib.contextmanager
def serving(handler, upstream=""):
    """Run an HTTP server in a thread; yields its URL."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.upstream, server.daemon_threads = upstream, True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.soak
def test_the_doctor_finds_a_proxy_that_buffers_the_whole_response(serve):
    with serve("uvicorn") as server, serving(BufferingProxy, upstream=server.url) as url:
        printed = doctor(server, url, fails=True)
        server.kill()
    assert "Nothing arrives: a proxy or a middleware buffers the stream, or the server hangs." in printed
    assert "`proxy_buffering off`" in printed


def test_the_doctor_finds_a_proxy_that_cuts_silent_streams(site, behind_nginx):
    with behind_nginx(site, changes={"proxy_read_timeout 1h;": "proxy_read_timeout 2s;"}) as url:
        printed = doctor(site, url, "--cookie=a=b", fails=True)
    assert re.search(r"The stream was cut after [1-9]\.\d seconds of silence", printed)
    assert "keepalives come every 15 seconds" in printed
    assert "proxy_read_timeout 1h" in printed


def test_the_doctor_waits_for_a_keepalive(streams):
    with streams("uvicorn") as server:
        for path in ("/idle/", "/quiet/"):
            printed = doctor(server, f"{server.url}{path}", "--header=X-Any: thing")
            assert re.search(r"A keepalive arrived after \d\.\d seconds of silence", printed), path
        assert "Waiting" not in doctor(server, f"{server.url}/idle/")
        assert "The stream ended before it needed a keepalive." in doctor(
            server, f"{server.url}/finite/", "--header=X-Any: thing"
        )


def test_the_doctor_notes_that_a_wsgi_server_keeps_threads(serve):
    with serve("gunicorn with threads") as server:
        printed = doctor(server)
    assert "The server uses WSGI: each open stream keeps a thread." in printed
    assert "Streams work." in printed


def test_the_doctor_reports_a_url_that_no_view_has(site):
    printed = doctor(site, f"{site.url}/api/nowhere/stream/", fails=True)
    assert "/api/nowhere/stream/ returns 404" in printed
    assert "urls.py" in printed
    assert "arrives through the server" in printed


def test_the_doctor_reports_a_url_that_is_not_a_stream(site):
    printed = doctor(site, f"{site.url}/accounts/login/", fails=True)
    assert "/accounts/login/ returns text/html, not text/event-stream." in printed


def test_the_doctor_recognises_a_redirect_to_the_login(serve):
    with serve("uvicorn", DASHBOARD_PUBLIC="0") as server:
        printed = doctor(server, f"{server.url}/dashboard/", fails=True)
    assert "requires a login: copy the session from a logged-in browser with --cookie sessionid=" in printed


def test_the_doctor_opens_a_private_stream_with_a_session_cookie(serve):
    with serve("uvicorn", DASHBOARD_PUBLIC="0") as server:
        url = f"{server.url}/api/dashboard/stream/"
        assert "returns 403" in doctor(server, url, fails=True)
        cookie = f"sessionid={log_in(server)}"
        assert "Streams work." in doctor(server, url, "--quick", f"--cookie={cookie}")


def log_in(server):
    with httpx.Client(base_url=server.url) as client:
        client.get("/accounts/login/")
        form = {"login": "admin", "password": "demo", "csrfmiddlewaretoken": client.cookies["csrftoken"]}
        client.post("/accounts/login/", data=form)
        return client.cookies["sessionid"]


def test_a_refused_connection_is_reported_without_a_traceback(site):
    printed = doctor(site, f"http://127.0.0.1:{servers.free_port()}/", fails=True)
    assert "refuses connections: is the server running" in printed
    assert "Traceback" not in printed


def test_the_doctor_recognises_https_to_a_port_without_tls(site):
    assert "is the URL http://?" in doctor(site, site.url.replace("http", "https"), fails=True)


def test_the_doctor_says_which_line_mounts_its_stream(site):
    with serving(http.server.SimpleHTTPRequestHandler) as url:
        assert 'include("apps.sse.urls")' in doctor(site, url, fails=True)


@pytest.fixture
def certificate(tmp_path):
    """A folder with a self-signed certificate for 127.0.0.1 and its key."""
    command = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=site -addext subjectAltName=IP:127.0.0.1"
    )
    files = ["-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "certificate.pem")]
    subprocess.run([*command.split(), *files], check=True, capture_output=True)
    return tmp_path


def secured(folder, http2="on"):
    return {
        "listen 80;": (
            f"listen 80 ssl; http2 {http2}; ssl_certificate {folder}/certificate.pem; "
            f"ssl_certificate_key {folder}/key.pem;"
        )
    }


def test_the_doctor_checks_http2_certificates_and_the_forwarded_scheme(serve, behind_nginx, certificate):
    with serve("uvicorn", BEHIND_PROXY="1") as server:
        with behind_nginx(server, changes=secured(certificate)) as url:
            url = url.replace("http", "https")
            assert "is not trusted" in doctor(server, url, fails=True)
            server.environment["SSL_CERT_FILE"] = str(certificate / "certificate.pem")
            assert "HTTP/2 is on" in doctor(server, url)
        with behind_nginx(server, changes=secured(certificate, http2="off")) as url:
            assert "This https URL uses HTTP/1.1" in doctor(server, url.replace("http", "https"))
    # By default uvicorn trusts the headers of a proxy on this machine.
    untrusting = serve("uvicorn", FORWARDED_ALLOW_IPS="10.0.0.1")
    with untrusting as server, behind_nginx(server, changes=secured(certificate)) as url:
        server.environment["SSL_CERT_FILE"] = str(certificate / "certificate.pem")
        printed = doctor(server, url.replace("http", "https"), fails=True)
    assert "Visitors use HTTPS, but the server sees plain HTTP." in printed


def test_the_doctor_finds_a_proxy_that_is_not_trusted(serve, behind_nginx):
    from_elsewhere = {"X-Forwarded-For $remote_addr": "X-Forwarded-For 203.0.113.7"}
    untrusting = serve("uvicorn", FORWARDED_ALLOW_IPS="10.0.0.1")
    with untrusting as server, behind_nginx(server, changes=from_elsewhere) as url:
        printed = doctor(server, url, fails=True)
    assert "All visitors appear to come from 127.0.0.1" in printed
    assert "FORWARDED_ALLOW_IPS" in printed


def test_the_doctor_accepts_a_client_with_ipv6_behind_a_trusted_proxy(site, behind_nginx):
    with behind_nginx(site, changes={"X-Forwarded-For $remote_addr": "X-Forwarded-For 2001:db8::7"}) as url:
        assert "Streams work." in doctor(site, url)


def test_the_doctor_recognises_another_secret_key(site):
    environment = site.environment | {"SECRET_KEY": "another-" + "x" * 50}
    printed = servers.manage("sse_doctor", site.url, environment=environment, fails=True)
    assert "Run it with the server's SECRET_KEY" in printed


def test_the_doctor_finds_a_broker_in_memory(serve):
    with serve("uvicorn", SSE_BROKER_URL="memory://") as server:
        printed = doctor(server, fails=True)
    assert "The server did not receive an event" in printed
    assert "memory:// works within one process only" in printed


@pytest.mark.soak
def test_the_doctor_finds_a_server_with_another_broker(serve, valkey):
    with serve("uvicorn", SSE_BROKER_URL=valkey.url) as server:
        environment = server.environment | {"SSE_BROKER_URL": "database://"}
        printed = servers.manage("sse_doctor", server.url, environment=environment, fails=True)
    assert f"The server's broker is {valkey.url}, this command's is database://" in printed


def test_the_doctor_finds_a_broker_that_is_down(serve, valkey):
    with serve("uvicorn", SSE_BROKER_URL=valkey.url) as server:
        printed = doctor(server)
        assert "The server of the log uses" in printed
        assert "Streams work." in printed
        valkey.stop()
        server.kill()
        server.restart()
        assert "The server cannot read events from its broker." in doctor(server, fails=True)


@pytest.mark.parametrize("headers", [{}, {HEADER: "made:up:token"}])
def test_the_doctors_stream_refuses_other_clients(site, headers):
    assert httpx.get(site.url + STREAM, headers=headers).status_code == 403


def test_the_doctors_token_expires(site, monkeypatch):
    fresh = make_token()
    assert [e.event for e in events(site.url, STREAM, 2, **{HEADER: fresh})] == ["server", "listening"]
    earlier = time.time() - TOKEN_SECONDS - 1
    monkeypatch.setattr("django.core.signing.time.time", lambda: earlier)
    assert httpx.get(site.url + STREAM, headers={HEADER: make_token()}).status_code == 403
