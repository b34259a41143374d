"""Streams on real servers: events arrive immediately, streams stay open and end cleanly."""

import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import httpx
import pytest

from apps.sse.asgi import MAX_IDLE_THREADS
from apps.sse.stream import query_threads
from apps.sse.tests.conftest import serve_streams
from apps.sse.tests.servers.streaming import Reader, events
from tests import servers
from tests.servers import wait_until

ALL_SERVERS = list(servers.COMMANDS)
PROJECT_WORKER = "apps.operations.gunicorn_worker.Worker"


@pytest.fixture(scope="module", params=ALL_SERVERS)
def running(request, migrated, tmp_path_factory):
    """A server of each kind."""
    with serve_streams(request.param, tmp_path_factory.mktemp("shared"), migrated) as server:
        yield server


@pytest.fixture
def server(running):
    """A server of each kind without open streams, shared by the tests that do not stop it."""
    wait_until(lambda: state(running)["streams"] == 0)
    (running.log.parent / "notes").write_text("")
    return running


in_development = pytest.mark.parametrize("running", ["uvicorn", "runserver"], indirect=True)
on_uvicorn = pytest.mark.parametrize("running", ["uvicorn"], indirect=True)


def state(server):
    return httpx.get(f"{server.url}/state/").json()


def notes_of(server):
    return (server.log.parent / "notes").read_text().splitlines()


def test_an_endless_stream_arrives_event_by_event_and_is_cleaned_up_after_a_disconnect(server):
    arrived = events(server.url, "/forever/", 3)
    assert [event.id for event in arrived] == ["1", "2", "3"]
    wait_until(lambda: "finally" in notes_of(server))
    assert wait_until(lambda: state(server)["streams"] == 0)


def test_a_stream_reads_the_headers_of_its_request_which_uvicorn_keeps_no_second_time(server, request):
    sent = {"X-Colour": "green", "Cookie": "a=1"}
    with httpx.stream("GET", f"{server.url}/asked/", headers=sent) as response:
        (colour, cookies, more, kept), *_ = [
            json.loads(line[6:]) for line in response.iter_lines() if "data: [" in line
        ]
    assert (colour, cookies, more) == ("green", {"a": "1"}, ["asked/", "green"])
    assert not kept or "uvicorn" not in request.node.callspec.params["running"]


def test_a_finite_stream_sends_its_end_and_closes(server):
    for path in ("/finite/", "/mixed/"):
        arrived = events(server.url, path, 100)
        assert [event.data for event in arrived] == ["0", "1", "2", "{}"]
        assert arrived[-1].event == "sse:end"
        assert arrived[-1].id == "sse:end", "a client that reconnects gets 204"


def test_a_connection_serves_further_requests_after_a_finished_stream(server):
    with httpx.Client(base_url=server.url) as client:
        for _ in range(3):
            assert "sse:end" in client.get("/finite/").text
            assert client.get("/state/").status_code == 200


@in_development
def test_an_idle_stream_is_kept_alive_by_comments(server):
    with ExitStack() as stack:
        reader = Reader(stack, server.url, "/idle/")
        assert reader.start.startswith(b"retry: 3000\n\n")
        assert reader.next_bytes() == b": keepalive\n\n"


@pytest.mark.parametrize(
    ("kind", "options"), [("uvicorn", ""), ("gunicorn with sync workers", "--workers 1"), ("runserver", "")]
)
def test_an_exception_in_a_stream_is_logged_and_the_client_gets_a_general_error(streams, kind, options):
    with streams(kind, options, DEBUG="0", HTTPS="0", ALLOWED_HOSTS="127.0.0.1") as server:
        arrived = events(server.url, "/broken/", 100)
        assert [event.event for event in arrived] == ["number", "sse:error"]
        assert "secret" not in arrived[-1].data
        assert "RuntimeError: the secret reason" in server.output()


# With Ctrl-C in a terminal, of the servers with workers only the project's is stopped here, the others in long tests.
STOPPED_BY_TERM = {"uvicorn with two workers", *(kind for kind in ALL_SERVERS if kind.startswith("gunicorn"))}
STOPPED_BY_TERM -= {"gunicorn with uvicorn-worker"}


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        # The reloading parent kills it on SIGTERM and waits only on Ctrl-C.
        *((kind, signal.SIGTERM) for kind in ALL_SERVERS if kind != "runserver"),
        *(
            pytest.param(kind, signal.SIGINT, marks=[pytest.mark.soak] if kind in STOPPED_BY_TERM else [])
            for kind in ALL_SERVERS
        ),
    ],
)
def test_a_stopped_server_ends_its_streams_and_their_finally_runs(streams, notes, kind, number):
    count = 4 if kind == "gunicorn with sync workers" else 40
    with streams(kind) as server, ExitStack() as stack, ThreadPoolExecutor(20) as pool:
        paths = ["/forever/", "/idle/"] * (count // 2)
        readers = list(pool.map(lambda path: Reader(stack, server.url, path), paths))
        if number == signal.SIGINT:
            # A terminal sends it to all processes.
            os.killpg(server.process.pid, signal.SIGINT)
        else:
            server.process.send_signal(number)
        started = time.monotonic()
        for reader in readers:
            assert b"retry: " in reader.rest(), "the stream was cut off"
        assert time.monotonic() - started < 5, "it waited for its streams"
        wait_until(lambda: notes() == ["finally"] * count)
        server.process.wait(10)


def test_a_signal_to_another_thread_ends_the_streams(streams):
    with streams("gunicorn with sync workers", "--workers 1") as server, ExitStack() as stack:
        reader = Reader(stack, server.url, "/interrupted/")
        started = time.monotonic()
        assert b"retry: " in reader.rest()
        assert time.monotonic() - started < 5, "it waited for its keepalive"


@pytest.mark.parametrize(
    ("kind", "option"),
    [
        ("uvicorn with two workers", "--limit-max-requests 50"),
        ("gunicorn with uvicorn-worker", f"--max-requests 50 --worker-class {PROJECT_WORKER}"),
        pytest.param("gunicorn with uvicorn-worker", "--max-requests 50", marks=pytest.mark.soak),
        pytest.param("gunicorn with its ASGI worker", "--max-requests 50", marks=pytest.mark.soak),
        pytest.param("gunicorn with threads", "--max-requests 50", marks=pytest.mark.soak),
    ],
)
def test_a_worker_that_is_replaced_after_its_requests_ends_its_streams(streams, notes, kind, option):
    # The project's worker does not depend on the check of listening sockets.
    descriptors = {"DESCRIPTORS": "/none"} if PROJECT_WORKER in option else {}
    with streams(kind, options=option, **descriptors) as server, ExitStack() as stack:
        readers = [Reader(stack, server.url, "/forever/") for _ in range(10)]
        for _ in range(200):
            wait_until(lambda: servers.answers(server.url), servers.TIMEOUT_SECONDS)
        assert all(b"retry: " in reader.rest() for reader in readers)
        assert notes() == ["finally"] * 10
        # A worker that stops may accept a connection and close it, so clients retry.
        wait_until(lambda: _ids_of_two_events(server) == ["1", "2"], servers.TIMEOUT_SECONDS)


def _ids_of_two_events(server):
    try:
        return [event.id for event in events(server.url, "/forever/", 2)]
    except httpx.TransportError:
        return []


@on_uvicorn
def test_in_development_the_page_gets_the_exception_of_a_stream(server):
    arrived = events(server.url, "/broken/", 100)
    assert "RuntimeError: the secret reason" in arrived[-1].data


def test_an_open_stream_holds_no_thread(streams):
    with streams("uvicorn") as server, ExitStack() as stack, ThreadPoolExecutor(10) as pool:
        readers = [Reader(stack, server.url, "/idle/") for _ in range(2)]
        few = state(server)["threads"]
        readers += pool.map(lambda _: Reader(stack, server.url, "/idle/"), range(100))
        now = state(server)
        assert now.pop("threads") <= few + MAX_IDLE_THREADS
        assert now == {"streams": 102, "counted": 102, "users": [], "anonymous": 102}


def test_streams_that_query_share_eight_threads(streams):
    with streams("uvicorn") as server, ExitStack() as stack, ThreadPoolExecutor(10) as pool:
        Reader(stack, server.url, "/idle/")
        few = state(server)["threads"]
        readers = list(pool.map(lambda _: Reader(stack, server.url, "/querying/"), range(100)))
        assert state(server)["threads"] <= few + query_threads.COUNT + MAX_IDLE_THREADS
        assert len(readers) == 100


@in_development
def test_fifty_viewers_share_one_producer_which_stops_with_the_last(server):
    def producers():
        return [line for line in notes_of(server) if line.startswith("producer")]

    with ExitStack() as stack, ThreadPoolExecutor(10) as pool:
        readers = list(pool.map(lambda _: Reader(stack, server.url, "/shared/"), range(50)))
        assert all(b"event: tick" in reader.start for reader in readers)
        assert producers() == ["producer started"]
    wait_until(lambda: producers() == ["producer started", "producer stopped"])


@on_uvicorn
def test_ids_continue_after_a_reconnect_and_an_unknown_id_causes_a_reset(server):
    again = events(server.url, "/forever/", 2, **{"Last-Event-ID": "41"})
    assert [event.id for event in again] == ["42", "43"]
    reset, first = events(server.url, "/forever/", 2, **{"Last-Event-ID": "x" * 300})
    assert (reset.event, reset.id) == ("sse:reset", "")
    assert first.id == "1"


@on_uvicorn
def test_a_wrong_method_is_refused_and_head_does_not_hang(server):
    assert httpx.post(f"{server.url}/forever/").status_code == 405
    head = httpx.head(f"{server.url}/forever/")
    assert head.headers["content-type"].startswith("text/event-stream")


@on_uvicorn
def test_a_header_that_django_cannot_read_is_a_bad_request(server):
    before = len(server.output())
    answer = httpx.get(f"{server.url}/forever/", headers={"Content-Type": "a/b" + ";x=" + "y" * 20_000})
    assert answer.status_code == 400
    assert "Traceback" not in server.output()[before:]
