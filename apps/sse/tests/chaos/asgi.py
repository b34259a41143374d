"""The ASGI application, built as in the project."""

from django.core.asgi import get_asgi_application

from apps.sse.asgi import hand_off

application = hand_off(get_asgi_application())
