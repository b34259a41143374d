"""Files that a view has opened, and those that nginx in front would send itself."""

import os

import httpx
import pytest
from django.core.files.base import ContentFile, File
from django.core.files.storage import Storage
from django.db.models.fields.files import FieldFile, FileField
from django.http import FileResponse, StreamingHttpResponse
from django.test import AsyncRequestFactory

from apps.operations.files import streamed


class Elsewhere(Storage):
    """A storage on no disk of this machine."""

    def _open(self, name, mode):
        return ContentFile(b"a,b", name)


@pytest.fixture
def asking(rf):
    """A request from the bundled nginx."""
    return rf.get("/", headers={"X-Sendfile-Type": "X-Accel-Redirect"})


@pytest.fixture
def private(settings, tmp_path):
    """The folder of private files."""
    settings.MEDIA_ROOT = tmp_path / "media"
    (tmp_path / "media" / "private").mkdir(parents=True)
    return tmp_path / "media" / "private"


def test_a_file_that_is_on_no_disk_is_sent_by_the_application(asking, private):
    file = FieldFile(None, FileField(storage=Elsewhere()), "private/a.csv")
    answer = streamed(asking, FileResponse(file.open("rb")))
    assert (answer.getvalue(), "X-Accel-Redirect" in answer.headers) == (b"a,b", False)


def test_what_a_private_file_is_called_adds_nothing_to_the_answer(asking, private):
    path = private / "é?x=1\r\nSet-Cookie: a=b"
    path.write_bytes(b"a,b")
    answer = streamed(asking, FileResponse(File(path.open("rb"))))
    assert answer.headers["X-Accel-Redirect"] == "/private-media/private/%C3%A9%3Fx%3D1%0D%0ASet-Cookie%3A%20a%3Db"
    assert "Set-Cookie" not in answer.headers
    assert answer.getvalue() == b""


def test_a_file_elsewhere_is_sent_by_the_application(asking, private, tmp_path):
    (tmp_path / "media.csv").write_bytes(b"a,b")
    answer = streamed(asking, FileResponse((tmp_path / "media.csv").open("rb")))
    assert (answer.getvalue(), "X-Accel-Redirect" in answer.headers) == (b"a,b", False)


async def test_an_empty_piece_is_not_the_end():
    answer = streamed(AsyncRequestFactory().get("/"), StreamingHttpResponse([b"a", b"", b"b"]))
    assert b"".join([piece async for piece in answer]) == b"ab"


def test_a_file_that_ends_early_breaks_the_response(serve):
    with serve("uvicorn") as server:
        file = server.log.parent / "static/large.bin"
        file.parent.mkdir(exist_ok=True)
        # More than the sockets hold, so that the server is still reading it.
        file.touch()
        os.truncate(file, 50 * 2**20)
        with httpx.stream("GET", f"{server.url}/static/large.bin") as answer:
            assert answer.headers["Content-Length"] == str(50 * 2**20)
            os.truncate(file, 100)
            with pytest.raises(httpx.RemoteProtocolError, match="complete message body"):
                answer.read()
