import logging

from django.apps import AppConfig


class SSEConfig(AppConfig):
    name = "apps.sse"
    label = "sse"
    verbose_name = "Server-Sent Events"

    def ready(self) -> None:
        from . import checks, closing, endings, front, hub, metrics, processes, reports

        checks.register()
        closing.watch()
        reports.watch()
        processes.watch()
        metrics.gauges["bus_up"] = hub.can_read
        logging.getLogger("django.request").addFilter(front.without_traceback)
        # Servers that answer in other threads leave no later moment in the main one.
        endings.watch_signals()
