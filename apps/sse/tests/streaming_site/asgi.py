"""The ASGI application as the project builds it, and the bare one of Django."""

from django.core.asgi import get_asgi_application

from apps.sse.asgi import hand_off

plain_application = get_asgi_application()
application = hand_off(plain_application)
