"""Files that the application sends, and files that it leaves to nginx."""

import os

import httpx
import pytest
from django.core.files.base import ContentFile, File
from django.core.files.storage import Storage
from django.db.models.fields.files import FieldFile, FileField
from django.http import FileResponse, StreamingHttpResponse
from django.test import AsyncRequestFactory

from apps.operations.files import prepare


class RemoteStorage(Storage):
    """A storage that is not on a local disk."""

    def _open(self, name, mode):
        return ContentFile(b"a,b", name)


@pytest.fixture
def request_of_nginx(rf):
    """A request from the bundled nginx."""
    return rf.get("/", headers={"X-Sendfile-Type": "X-Accel-Redirect"})


@pytest.fixture
def private(settings, tmp_path):
    """The folder of private files."""
    settings.MEDIA_ROOT = tmp_path / "media"
    (tmp_path / "media" / "private").mkdir(parents=True)
    return tmp_path / "media" / "private"


def test_a_file_of_a_remote_storage_is_sent_by_the_application(request_of_nginx, private):
    file = FieldFile(None, FileField(storage=RemoteStorage()), "private/a.csv")
    response = prepare(request_of_nginx, FileResponse(file.open("rb")))
    assert (response.getvalue(), "X-Accel-Redirect" in response.headers) == (b"a,b", False)


def test_the_name_of_a_private_file_cannot_inject_headers(request_of_nginx, private):
    path = private / "é?x=1\r\nSet-Cookie: a=b"
    path.write_bytes(b"a,b")
    response = prepare(request_of_nginx, FileResponse(File(path.open("rb"))))
    assert (
        response.headers["X-Accel-Redirect"] == "/private-media/private/%C3%A9%3Fx%3D1%0D%0ASet-Cookie%3A%20a%3Db"
    )
    assert "Set-Cookie" not in response.headers
    assert response.getvalue() == b""


def test_a_file_outside_of_media_root_is_sent_by_the_application(request_of_nginx, private, tmp_path):
    (tmp_path / "media.csv").write_bytes(b"a,b")
    response = prepare(request_of_nginx, FileResponse((tmp_path / "media.csv").open("rb")))
    assert (response.getvalue(), "X-Accel-Redirect" in response.headers) == (b"a,b", False)


async def test_an_empty_chunk_does_not_end_a_response():
    response = prepare(AsyncRequestFactory().get("/"), StreamingHttpResponse([b"a", b"", b"b"]))
    assert b"".join([chunk async for chunk in response]) == b"ab"


def test_a_file_truncated_while_it_is_sent_breaks_the_response(serve):
    with serve("uvicorn") as server:
        file = server.log.parent / "static/large.bin"
        file.parent.mkdir(exist_ok=True)
        # Larger than the socket buffers, so that the server is still reading it.
        file.touch()
        os.truncate(file, 50 * 2**20)
        with httpx.stream("GET", f"{server.url}/static/large.bin") as response:
            assert response.headers["Content-Length"] == str(50 * 2**20)
            os.truncate(file, 100)
            with pytest.raises(httpx.RemoteProtocolError, match="complete message body"):
                response.read()
