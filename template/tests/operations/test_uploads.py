"""Requests that carry too much, on servers with no nginx in front."""

import socket

import httpx
import pytest

from tests import servers

PATH = "/accounts/login/"
TOO_MUCH = b"x" * 2**20

ASGI = ["uvicorn", pytest.param("gunicorn with its ASGI worker", marks=pytest.mark.soak)]
WSGI = ["gunicorn with threads", pytest.param("gunicorn with sync workers", marks=pytest.mark.soak)]


@pytest.fixture(scope="module", params=ASGI + WSGI)
def server(request, migrated, tmp_path_factory):
    folder = tmp_path_factory.mktemp("uploads")
    servers.copy_database(migrated, folder)
    with servers.serving(request.param, folder, MAX_UPLOAD_MB="1") as server:
        yield server


def test_what_says_that_it_is_too_large_is_refused_before_it_is_sent(server):
    address = ("127.0.0.1", int(server.url.rpartition(":")[2]))
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(
            f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 10000000000\r\n\r\n".encode()
        )
        assert connection.recv(100).startswith(b"HTTP/1.1 413")


def test_whoever_sends_it_all_the_same_reads_why_it_was_refused(server):
    answer = httpx.post(server.url + PATH, content=TOO_MUCH * 8)
    assert answer.status_code == 413
    assert "A file may have at most 1 MB." in answer.text


# Django takes no such body from a WSGI server.
@pytest.mark.parametrize("server", ASGI, indirect=True)
def test_what_does_not_say_how_large_it_is_is_cut_off_when_it_is_too_large(server):
    answer = httpx.post(server.url + PATH, content=(TOO_MUCH for _ in range(8)))
    assert answer.status_code == 413
    assert "A file may have at most 1 MB." in answer.text


def test_a_form_around_the_largest_file_is_taken_either_way(server):
    whole = httpx.post(server.url + PATH, content=TOO_MUCH + b"x" * 1000)
    pieces = httpx.post(server.url + PATH, content=iter([TOO_MUCH, b"x" * 1000]))
    assert (whole.status_code, pieces.status_code) == (403, 403), "by Django, as they have no token"
