import logging

from django.apps import AppConfig


class SSEConfig(AppConfig):
    name = "apps.sse"
    label = "sse"
    verbose_name = "Server-Sent Events"

    def ready(self) -> None:
        from . import checks
        from .access import revocation
        from .delivery import hub
        from .http import view_wrapper
        from .servers import shutdown
        from .stats import metrics, processes
        from .stream import summary

        checks.register()
        revocation.watch()
        summary.watch()
        processes.connect_signals()
        metrics.gauges["bus_up"] = hub.can_read
        logging.getLogger("django.request").addFilter(view_wrapper.without_traceback)
        # Servers that answer in other threads leave no later moment in the main one.
        shutdown.watch_signals()
