"""The ASGI application with the hand-off, and the plain one of Django."""

from django.core.asgi import get_asgi_application

from apps.sse.asgi import hand_off

plain_application = get_asgi_application()
application = hand_off(plain_application)
