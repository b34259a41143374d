"""The doctor, at real servers and proxies: what it says, and what it says to do."""

import contextlib
import http.server
import re
import subprocess
import threading
import time
import urllib.request
from collections import Counter

import httpx
import pytest
from django.core.management import CommandError, call_command

from apps.sse.doctor import findings
from apps.sse.doctor.stream import HEADER, TOKEN_SECONDS, make_token
from apps.sse.tests.servers.streaming import events
from tests import servers

STREAM = "/api/sse/stream/"


def doctor(server, url=None, *options, fails=False):
    """Return what the doctor says, who is in the same environment as the server."""
    options = options or ("--quick",)
    return servers.manage("sse_doctor", url or server.url, *options, environment=server.environment, fails=fails)


def test_a_stream_that_works_is_called_so(site):
    told = doctor(site)
    assert "/api/sse/stream/ returns 200 with text/event-stream." in told
    assert "nothing buffers them" in told
    assert "uses ASGI and hands streams off" in told
    assert "arrives through the server" in told
    assert "This http URL uses HTTP/1.1" in told
    assert told.strip().endswith("Streams work.")


def test_the_bundled_nginx_is_fine(site, behind_nginx):
    with behind_nginx(site) as url:
        assert "Streams work." in doctor(site, url)


def test_any_stream_can_be_looked_at(site):
    told = doctor(site, f"{site.url}/api/dashboard/stream/")
    assert told.index("/api/dashboard/stream/ returns 200") < told.index("/api/sse/stream/ returns 200")


IGNORING = {"proxy_buffering off;": "proxy_ignore_headers X-Accel-Buffering;"}
COMPRESSING = {"gzip off;": "gzip on; gzip_types text/event-stream;"}


def test_an_nginx_that_buffers_and_compresses_is_named(site, behind_nginx):
    with behind_nginx(site, changes=IGNORING | COMPRESSING) as url:
        told = doctor(site, url, fails=True)
    assert "A proxy compresses the stream and buffers it" in told
    assert "`proxy_buffering off`" in told
    assert "X-Accel-Buffering" in told
    assert "1 problem has to be fixed." in told


def test_an_nginx_that_compresses_and_holds_nothing_back_is_fine(site, behind_nginx):
    with behind_nginx(site, changes=COMPRESSING) as url:
        assert "text/event-stream, compressed with gzip." in doctor(site, url)


class Collecting(http.server.BaseHTTPRequestHandler):
    """Forwards an answer when it has all of it."""

    def do_GET(self):
        with urllib.request.urlopen(
            urllib.request.Request(self.server.to + self.path, headers=self.headers)
        ) as got:
            content = got.read()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(content)

    def do_HEAD(self):
        self.send_response(200)
        self.end_headers()

    def log_message(self, *arguments):
        pass


@contextlib.contextmanager
def serving(handler, to=""):
    """Run an HTTP server in a thread; yields its address."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.to, server.daemon_threads = to, True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.soak
def test_a_proxy_that_waits_for_the_end_is_named(serve):
    with serve("uvicorn") as server, serving(Collecting, to=server.url) as url:
        told = doctor(server, url, fails=True)
        server.kill()
    assert "Nothing arrives: a proxy or a middleware buffers the stream." in told
    assert "`proxy_buffering off`" in told


def test_a_proxy_that_cuts_what_is_silent_is_named(site, behind_nginx):
    with behind_nginx(site, changes={"proxy_read_timeout 1h;": "proxy_read_timeout 2s;"}) as url:
        told = doctor(site, url, "--cookie=a=b", fails=True)
    assert re.search(r"The stream was cut after [1-9]\.\d seconds of silence", told)
    assert "keepalives come every 15 seconds" in told
    assert "proxy_read_timeout 1h" in told


def test_a_keepalive_is_waited_for(streams):
    with streams("uvicorn") as server:
        for path in ("/idle/", "/quiet/"):
            told = doctor(server, f"{server.url}{path}", "--header=X-Any: thing")
            assert re.search(r"A keepalive arrived after \d\.\d seconds of silence", told), path
        assert "Waiting" not in doctor(server, f"{server.url}/idle/")
        assert "The stream ended before it needed a keepalive." in doctor(
            server, f"{server.url}/finite/", "--header=X-Any: thing"
        )


def test_a_wsgi_server_is_told_from_an_asgi_server(serve):
    with serve("gunicorn with threads") as server:
        told = doctor(server)
    assert "The server uses WSGI: each open stream keeps a thread." in told
    assert "Streams work." in told


def test_an_address_with_nothing_there_is_404(site):
    told = doctor(site, f"{site.url}/api/nowhere/stream/", fails=True)
    assert "/api/nowhere/stream/ returns 404" in told
    assert "urls.py" in told
    assert "arrives through the server" in told


def test_a_page_is_not_a_stream(site):
    told = doctor(site, f"{site.url}/accounts/login/", fails=True)
    assert "/accounts/login/ returns text/html, not text/event-stream." in told


def test_a_page_that_asks_for_a_login_is_told_from_others(serve):
    with serve("uvicorn", DASHBOARD_PUBLIC="0") as server:
        told = doctor(server, f"{server.url}/dashboard/", fails=True)
    assert "requires a login: copy the session from a logged-in browser with --cookie sessionid=" in told


def test_a_session_opens_what_is_private(serve):
    with serve("uvicorn", DASHBOARD_PUBLIC="0") as server:
        url = f"{server.url}/api/dashboard/stream/"
        assert "returns 403" in doctor(server, url, fails=True)
        cookie = f"sessionid={log_in(server)}"
        assert "Streams work." in doctor(server, url, "--quick", f"--cookie={cookie}")


def log_in(server):
    with httpx.Client(base_url=server.url) as client:
        client.get("/accounts/login/")
        form = {"username": "admin", "password": "demo", "csrfmiddlewaretoken": client.cookies["csrftoken"]}
        client.post("/accounts/login/", data=form)
        return client.cookies["sessionid"]


def test_nobody_at_an_address_is_said_in_one_sentence(site):
    told = doctor(site, f"http://127.0.0.1:{servers.free_port()}/", fails=True)
    assert "refuses connections: is the server running" in told
    assert "Traceback" not in told


def test_https_at_a_plain_port_is_said_in_one_sentence(site):
    assert "is the URL http://?" in doctor(site, site.url.replace("http", "https"), fails=True)


def test_a_site_without_the_doctors_stream_is_told_how_to_get_it(site):
    with serving(http.server.SimpleHTTPRequestHandler) as url:
        assert 'include("apps.sse.urls")' in doctor(site, url, fails=True)


@pytest.fixture
def certificate(tmp_path):
    """A folder with a certificate for 127.0.0.1 that is its own authority, and its key."""
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


def test_http2_is_noticed_and_so_are_certificates_and_settings_behind_a_proxy(serve, behind_nginx, certificate):
    with serve("uvicorn", BEHIND_PROXY="1") as server:
        with behind_nginx(server, changes=secured(certificate)) as url:
            url = url.replace("http", "https")
            assert "is not trusted" in doctor(server, url, fails=True)
            server.environment["SSL_CERT_FILE"] = str(certificate / "certificate.pem")
            assert "HTTP/2 is on" in doctor(server, url)
        with behind_nginx(server, changes=secured(certificate, http2="off")) as url:
            assert "This https URL uses HTTP/1.1" in doctor(server, url.replace("http", "https"))
    # Otherwise uvicorn sees by itself to what a proxy on this machine says.
    untrusting = serve("uvicorn", FORWARDED_ALLOW_IPS="10.0.0.1")
    with untrusting as server, behind_nginx(server, changes=secured(certificate)) as url:
        server.environment["SSL_CERT_FILE"] = str(certificate / "certificate.pem")
        told = doctor(server, url.replace("http", "https"), fails=True)
    assert "Visitors use HTTPS, but the server sees plain HTTP." in told


def test_a_proxy_that_is_not_trusted_makes_all_visitors_one(serve, behind_nginx):
    from_elsewhere = {"X-Forwarded-For $remote_addr": "X-Forwarded-For 203.0.113.7"}
    untrusting = serve("uvicorn", FORWARDED_ALLOW_IPS="10.0.0.1")
    with untrusting as server, behind_nginx(server, changes=from_elsewhere) as url:
        told = doctor(server, url, fails=True)
    assert "All visitors appear to come from 127.0.0.1" in told
    assert "FORWARDED_ALLOW_IPS" in told


def test_a_client_with_ipv6_behind_a_trusted_proxy_is_no_reason_to_complain(site, behind_nginx):
    with behind_nginx(site, changes={"X-Forwarded-For $remote_addr": "X-Forwarded-For 2001:db8::7"}) as url:
        assert "Streams work." in doctor(site, url)


def test_another_secret_key_is_found_out(site):
    environment = site.environment | {"SECRET_KEY": "another-" + "x" * 50}
    told = servers.manage("sse_doctor", site.url, environment=environment, fails=True)
    assert "Run it with the server's SECRET_KEY" in told


def test_a_broker_that_does_not_reach_other_processes_is_found_out(serve):
    with serve("uvicorn", SSE_BROKER_URL="memory://") as server:
        told = doctor(server, fails=True)
    assert "The server did not receive an event" in told
    assert "memory:// works within one process only" in told


@pytest.mark.soak
def test_another_broker_than_the_servers_is_found_out(serve, valkey):
    with serve("uvicorn", SSE_BROKER_URL=valkey.url) as server:
        environment = server.environment | {"SSE_BROKER_URL": "database://"}
        told = servers.manage("sse_doctor", server.url, environment=environment, fails=True)
    assert "The server's broker is redis://, this command's is database://" in told


def test_a_broker_that_is_down_is_found_out(serve, valkey):
    with serve("uvicorn", SSE_BROKER_URL=valkey.url) as server:
        assert "Streams work." in doctor(server)
        valkey.stop()
        server.kill()
        server.restart()
        assert "The server cannot read events from its broker." in doctor(server, fails=True)


@pytest.mark.parametrize("headers", [{}, {HEADER: "made:up:token"}])
def test_the_doctors_stream_is_closed_to_everybody_else(site, headers):
    assert httpx.get(site.url + STREAM, headers=headers).status_code == 403


def test_the_doctors_stream_opens_for_some_minutes_alone(site, monkeypatch):
    fresh = make_token()
    assert [e.event for e in events(site.url, STREAM, 2, **{HEADER: fresh})] == ["server", "listening"]
    earlier = time.time() - TOKEN_SECONDS - 1
    monkeypatch.setattr("django.core.signing.time.time", lambda: earlier)
    assert httpx.get(site.url + STREAM, headers={HEADER: make_token()}).status_code == 403


@pytest.mark.parametrize("url", ["example.com", "ftp://example.com/", "http://", "http://example.com:words/"])
def test_an_address_is_written_in_full(url):
    with pytest.raises(CommandError, match="write it in full"):
        call_command("sse_doctor", url)


@pytest.mark.parametrize(("option", "hint"), [("--header=words", "NAME:VALUE"), ("--cookie=words", "NAME=VALUE")])
def test_headers_and_cookies_are_written_as_pairs(option, hint):
    with pytest.raises(CommandError, match=hint):
        call_command("sse_doctor", "http://127.0.0.1:1/", option)


class Answer:
    status, reason = 301, "Moved Permanently"

    def __init__(self, location):
        self.headers = httpx.Headers({"Location": location})
        self.headers.get_content_type = lambda: "text/html"


@pytest.mark.parametrize(
    ("location", "advice"),
    [
        ("https://example.com/stream/", "BEHIND_PROXY=1"),
        ("https://other.example.com/", "Use that URL"),
    ],
)
def test_a_redirect_is_explained(location, advice):
    assert advice in findings.status("/stream/", Answer(location), "https://example.com/stream/").advice


def test_a_stream_that_django_holds_is_told_from_one_that_is_handed_off():
    told = findings.interface({"interface": "ASGI", "handed_off": False})
    assert "Django keeps a thread for each stream" in told.text
    assert "GZipMiddleware" in told.advice


def test_processes_that_stopped_reporting_are_counted():
    found = [*findings.processes(Counter({False: 2, True: 1}))]
    assert [(each.level, each.text[:1]) for each in found] == [("ok", "2"), ("note", "1")]
    assert [*findings.processes(Counter())] == []
