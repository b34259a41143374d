import sys

from django.apps import AppConfig


class SSEConfig(AppConfig):
    name = "apps.sse"
    verbose_name = "Server-Sent Events"

    def ready(self) -> None:
        from . import endings

        # runserver answers in other threads than the main one, where signals cannot be watched.
        if sys.argv[1:2] == ["runserver"]:
            endings.watch_signals()
