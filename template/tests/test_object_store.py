"""Uploads in an object store: a server with the interface of S3 that refuses unsigned requests."""

import threading
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests import servers
from tests.browser import people

pytest.importorskip("apps.feed.models")
pytest.importorskip("apps.tasks.models")
CSV = b"name,email\n" + b"".join(b"Person %d,p%d@example.com\n" % (n, n) for n in range(50))


class Store(BaseHTTPRequestHandler):
    """Objects by path. A request needs a signature in its header or address; the store does not verify it."""

    def setup(self):
        super().setup()
        self.objects = self.server.objects

    def do_PUT(self):
        self.objects[self.key] = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(200, b"")

    def do_GET(self):
        if self.key in self.objects:
            self.answer(200, self.objects[self.key])
        else:
            self.answer(404, b"")

    do_HEAD = do_GET

    def do_DELETE(self):
        self.objects.pop(self.key, None)
        self.answer(204, b"")

    @property
    def key(self):
        return urlsplit(self.path).path

    def answer(self, status, data):
        is_signed = "Authorization" in self.headers or "X-Amz-Signature=" in self.path
        status, data = (status, data) if is_signed else (403, b"")
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Content-Type", "image/webp")
        self.send_header("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
        self.send_header("ETag", f'"{md5(data).hexdigest()}"')
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, *arguments):
        """Print nothing."""


@pytest.fixture
def store():
    """The store: its `url`, and its `objects` by path."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Store) as server:
        server.objects, server.url = {}, f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_pictures_and_imports_are_in_the_store_and_only_users_get_them(store, serve, browser, tmp_path):
    keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}
    Image.new("RGB", (900, 600), "teal").save(tmp_path / "teal.png")
    (tmp_path / "people.csv").write_bytes(CSV)
    with (
        serve("uvicorn", S3_BUCKET="uploads", S3_ENDPOINT_URL=store.url, **keys) as server,
        servers.task_worker(server.environment),
        people.browsers(browser, server.url) as open_browser,
    ):
        page = open_browser()
        people.log_in(page, "ada", "/feed/")
        page.set_input_files("[name=image]", tmp_path / "teal.png")
        page.get_by_role("button", name="Post", exact=True).click()
        picture = page.locator(".post-picture img")
        expect(picture).to_be_visible()
        page.wait_for_function("() => document.querySelector('.post-picture img').naturalWidth === 480")
        assert len(store.objects) == 2, "the picture and its thumbnail"
        address = picture.get_attribute("src")
        assert address.startswith("/media/feed/")
        assert "/accounts/login/" in open_browser().request.get(address).url

        page.goto("/tasks/")
        page.set_input_files("[name=file]", tmp_path / "people.csv")
        page.get_by_role("button", name="Start import").click()
        expect(page.locator(".task")).to_contain_text("50 rows imported")
        servers.wait_until(lambda: len(store.objects) == 2)
        assert page.problems == []
        assert not (tmp_path / "media").exists()
