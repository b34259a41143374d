"""This project's ASGI application, and Django's plain one for the compared systems."""

from importlib import import_module

from django.conf import settings
from django.core.asgi import get_asgi_application

from apps.sse.asgi import hand_off


def publishing(application):
    """
    Return `application` with requests to `/publish/` handled before Django.

    Django's work for these requests is not part of a delivery.
    """
    publish_tick = import_module(settings.ROOT_URLCONF).publish_tick

    async def publish(receive, send):
        await publish_tick((await receive())["body"])
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    # Not a coroutine, which would stay in memory with each stream.
    def asgi(scope, receive, send):
        return publish(receive, send) if scope["path"] == "/publish/" else application(scope, receive, send)

    return asgi


django_application = get_asgi_application()
plain_application = publishing(django_application)
application = publishing(hand_off(django_application))
