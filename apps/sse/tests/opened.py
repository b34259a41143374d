"""Open streams of users and sessions, without a server."""

import asyncio

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.db import SessionStore
from django.test import RequestFactory

from apps.sse.access import identity
from apps.sse.delivery.hub import get_hub
from apps.sse.stream.connection import Connection

from .playing import Silent, Socket


class Opened:
    """An open stream of a user or a session: `async with Opened(user) as stream`."""

    def __init__(self, user=None, key=None):
        request = RequestFactory().get("/")
        request.user = get_user_model().objects.get(pk=user.pk) if user else AnonymousUser()
        request.session = SessionStore(key)
        self.source = Silent()
        client = identity.client_of(request)
        self.connection = Connection(self.source.play, opening="", retry_ms=1000, keepalive=15, client=client)

    async def __aenter__(self):
        self.task = asyncio.ensure_future(self.connection.run(Socket().send))
        playing = asyncio.ensure_future(self.source.is_playing.wait())
        await asyncio.wait({playing, self.task}, return_when=asyncio.FIRST_COMPLETED)
        playing.cancel()
        await get_hub().start()
        return self.connection

    async def __aexit__(self, *exception):
        self.connection.on_disconnect()
        await asyncio.wait({self.task})


def new_session(**data):
    session = SessionStore()
    session.update(data)
    session.save()
    return session.session_key
