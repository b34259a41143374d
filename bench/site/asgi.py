"""This project's ASGI application, and Django's plain one for the compared systems."""

import inspect
from importlib import import_module

from django.conf import settings
from django.core.asgi import get_asgi_application

from apps.sse.asgi import hand_off

from ..systems.bare import body_of


def publishing(application):
    """
    Return `application` with requests to `/publish/` handled before Django.

    Django's work for these requests is not part of a delivery. `/publish/5/` is for the stream number 5.
    """
    publish_tick = import_module(settings.ROOT_URLCONF).publish_tick

    async def publish(scope, receive, send):
        number = scope["path"].removeprefix("/publish/").strip("/")
        await publish_tick(await body_of(receive), *([number] if number else []))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    # Not a coroutine, which would stay in memory with each stream; uvicorn's worker wants one.
    @inspect.markcoroutinefunction
    def asgi(scope, receive, send):
        if scope["type"] == "http" and scope["path"].startswith("/publish/"):
            return publish(scope, receive, send)
        return application(scope, receive, send)

    return asgi


django_application = get_asgi_application()
plain_application = publishing(django_application)
application = publishing(hand_off(django_application))
