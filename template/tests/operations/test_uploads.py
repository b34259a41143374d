"""Requests that are too large, on servers without nginx."""

import socket

import httpx
import pytest

from tests import servers

PATH = "/accounts/login/"
MEBIBYTE = b"x" * 2**20

ASGI = ["uvicorn", pytest.param("gunicorn with its ASGI worker", marks=pytest.mark.soak)]
WSGI = ["gunicorn with threads", pytest.param("gunicorn with sync workers", marks=pytest.mark.soak)]


@pytest.fixture(scope="module", params=ASGI + WSGI)
def server(request, migrated, tmp_path_factory):
    folder = tmp_path_factory.mktemp("uploads")
    servers.copy_database(migrated, folder)
    with servers.serving(request.param, folder, MAX_UPLOAD_MB="1") as server:
        yield server


def test_a_request_with_a_large_content_length_is_refused_before_its_body(server):
    address = ("127.0.0.1", int(server.url.rpartition(":")[2]))
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(
            f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 10000000000\r\n\r\n".encode()
        )
        assert connection.recv(100).startswith(b"HTTP/1.1 413")


def test_a_client_that_still_sends_the_body_receives_the_reason(server):
    response = httpx.post(server.url + PATH, content=MEBIBYTE * 8)
    assert response.status_code == 413
    assert "A file may have at most 1 MB." in response.text


# WSGI has no body without a length.
@pytest.mark.parametrize("server", ASGI, indirect=True)
def test_a_large_body_without_a_length_is_refused(server):
    response = httpx.post(server.url + PATH, content=(MEBIBYTE for _ in range(8)))
    assert response.status_code == 413
    assert "A file may have at most 1 MB." in response.text


def test_a_form_with_a_file_of_the_maximum_size_is_accepted(server):
    whole = httpx.post(server.url + PATH, content=MEBIBYTE + b"x" * 1000)
    chunked = httpx.post(server.url + PATH, content=iter([MEBIBYTE, b"x" * 1000]))
    assert (whole.status_code, chunked.status_code) == (403, 403), "by Django: it has no CSRF token"
