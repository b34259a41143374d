"""The ASGI application as this project builds it, and the bare one of Django for the others."""

from importlib import import_module

from django.conf import settings
from django.core.asgi import get_asgi_application

from apps.sse.asgi import hand_off


def publishing(application):
    """
    Return `application` with the events that are posted to `/publish/` taken before Django.

    What Django makes of a request to publish is the same for all, and no part of a delivery.
    """
    publish_tick = import_module(settings.ROOT_URLCONF).publish_tick

    async def publish(receive, send):
        await publish_tick((await receive())["body"])
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    # Not a coroutine of its own, which would stay with each stream.
    def asgi(scope, receive, send):
        return publish(receive, send) if scope["path"] == "/publish/" else application(scope, receive, send)

    return asgi


django_application = get_asgi_application()
plain_application = publishing(django_application)
application = publishing(hand_off(django_application))
