"""One request to a view in this process, in each way to serve a stream."""

import asyncio
import contextlib
import io
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from unittest import mock

import httpx
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.sessions.backends.db import SessionStore
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_started
from django.test import override_settings
from django.urls import path
from httpx_sse._decoders import SSEDecoder, SSELineDecoder

from apps.sse.asgi import hand_off
from apps.sse.stream import registry
from apps.sse.testing.asgi_request import ASGIRequest

WAYS = ["hand-off", "ASGI", "WSGI"]
TIMEOUT_SECONDS = 10
OPEN = "sse:open"
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]


@dataclass
class Answer:
    """A response: the status, the headers, and the body's chunks as they were sent."""

    status: int = 0
    headers: httpx.Headers = field(default_factory=httpx.Headers)
    chunks: list[bytes] = field(default_factory=list)

    @property
    def body(self):
        return b"".join(self.chunks)

    @property
    def events(self):
        """The events that a client of the specification receives, except the opening position."""
        return received_events(self.chunks)

    @property
    def opened(self):
        """The positions of the stream's openings."""
        return [event.id for event in decode(self.body.decode()) if event.event == OPEN and event.data]

    @property
    def names(self):
        return [event.event for event in self.events]


def received_events(chunks):
    """Return the events in some chunks, except the opening position."""
    return [event for event in decode(b"".join(chunks).decode()) if event.event != OPEN]


def decode(text):
    """Return the events that a client of the specification reads from `text`."""
    lines, decoder = SSELineDecoder(), SSEDecoder()
    events = (decoder.decode(line) for line in lines.decode(text) + lines.flush())
    return [event for event in events if event and event.data]


def fetch(
    way, view, method="GET", *, headers=(), query=b"", route="stream/", url="/stream/", until=None, **settings
):
    """
    Send one request to `view`, mounted at `route`, and return the `Answer`.

    The client hangs up once it has received `until`, a function of the chunks so far, or else
    reads to the end. `middleware` come before the usual ones, `inner` after them.
    """
    outer, inner = settings.pop("middleware", []), settings.pop("inner", [])
    # The project's error pages link to pages that this test does not have.
    settings["TEMPLATES"] = [{"BACKEND": "django.template.backends.django.DjangoTemplates"}]
    settings.setdefault("MIDDLEWARE", [*outer, *MIDDLEWARE, *inner])
    urls = (path(route, view),)
    raw = [(name.lower().encode(), v if isinstance(v, bytes) else v.encode()) for name, v in dict(headers).items()]
    raw = [(b"host", b"testserver"), *raw]
    # Apps start background work with a server's first request, which tests must not do.
    # The project's tests allow queries on an event loop. A stream must not need that.
    with (
        override_settings(ROOT_URLCONF=urls, LOGIN_URL="/login/", ALLOWED_HOSTS=["testserver"], **settings),
        mock.patch.dict(os.environ),
        mock.patch.object(request_started, "receivers", []),
        ThreadPoolExecutor(1) as pool,
    ):
        os.environ.pop("DJANGO_ALLOW_ASYNC_UNSAFE", None)
        answer = Answer()
        send = _fetch_wsgi if way == "WSGI" else _fetch_asgi
        fetching = pool.submit(send, answer, way, method, url, query, raw, until)
        try:
            fetching.result(TIMEOUT_SECONDS)
        except TimeoutError:
            registry.end_all()
            raise
    return answer


def _fetch_asgi(answer, way, method, url, query, headers, until):
    application = hand_off(ASGIHandler()) if way == "hand-off" else ASGIHandler()
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "path": url,
        "query_string": query,
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("testserver", 80),
    }

    async def run():
        request = ASGIRequest(application, scope)
        await request.wait(lambda: until and until(request.chunks), TIMEOUT_SECONDS)
        await request.disconnect(TIMEOUT_SECONDS)
        answer.status, answer.chunks = request.status, request.chunks
        answer.headers = httpx.Headers(dict(request.headers))

    asyncio.run(run())


def _fetch_wsgi(answer, way, method, url, query, headers, until):
    names = ((name.decode().upper().replace("-", "_"), value) for name, value in headers)
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": url,
        "QUERY_STRING": query.decode("latin-1"),
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
        "wsgi.url_scheme": "http",
        **{name if name == "CONTENT_TYPE" else f"HTTP_{name}": value.decode("latin-1") for name, value in names},
    }

    def start_response(status, headers, *_):
        answer.status = int(status.split()[0])
        answer.headers = httpx.Headers(headers)

    with contextlib.closing(WSGIHandler()(environ, start_response)) as body:
        for chunk in body:
            if chunk:
                answer.chunks.append(chunk)
            if until and until(answer.chunks):
                break


def session_cookie(user=None, **data):
    """Return the `Cookie` header of a new session, in which `user` is signed in."""
    session = SessionStore()
    session.update(data)
    if user is not None:
        session[SESSION_KEY] = str(user.pk)
        session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
        session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return f"sessionid={session.session_key}"


def make_user(name="ada", **fields):
    """Return a new user."""
    return get_user_model().objects.create_user(name, **fields)
