import logging

from django.apps import AppConfig


class SSEConfig(AppConfig):
    name = "apps.sse"
    label = "sse"
    verbose_name = "Server-Sent Events"

    def ready(self) -> None:
        from . import checks
        from .access import limits, revocation
        from .delivery import hub
        from .http import view_wrapper
        from .servers import listening_sockets, shutdown
        from .stats import metrics, processes
        from .stream import registry

        checks.register()
        revocation.connect_signals()
        registry.connect_metrics()
        processes.connect_signals()
        metrics.gauges["bus_up"] = hub.can_read
        metrics.gauges["memory_share"] = metrics.memory_share
        metrics.gauges["max_connections"] = limits.max_connections
        logging.getLogger("django.request").addFilter(view_wrapper.without_traceback)
        # The only call in the main thread of a server with threads. Others install handlers later: repeated then.
        shutdown.watch_signals()
        registry.stream_opened.connect(shutdown.watch_signals)
        registry.stream_opened.connect(listening_sockets.check)
        registry.ticked.connect(listening_sockets.check)
