import logging

from django.apps import AppConfig


class SSEConfig(AppConfig):
    name = "apps.sse"
    label = "sse"
    verbose_name = "Server-Sent Events"

    def ready(self) -> None:
        from . import checks, closing, endings, front, reports  # noqa: F401 - hear other processes

        checks.register()
        closing.watch()
        logging.getLogger("django.request").addFilter(front.without_traceback)
        # Servers that answer in other threads leave no later moment in the main one.
        endings.watch_signals()
