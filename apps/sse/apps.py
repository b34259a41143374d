import logging

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SSEConfig(AppConfig):
    name = "apps.sse"
    label = "sse"
    verbose_name = _("Server-Sent Events")

    def ready(self) -> None:
        from . import checks  # noqa: F401 - registers them
        from .access import limits, revocation
        from .delivery import hub
        from .http import view_wrapper
        from .servers import listening_sockets, shutdown
        from .stats import metrics, processes
        from .stream import registry

        revocation.connect_signals()
        processes.connect_signals()
        metrics.sections["streams"] = registry.summary
        metrics.gauges["connections"] = registry.open_streams
        metrics.gauges["backlog_connections"] = lambda: sum(c.backlog_bytes > 0 for c in registry.all_open())
        metrics.gauges["backlog_bytes"] = lambda: sum(c.backlog_bytes for c in registry.all_open())
        metrics.gauges["bus_up"] = hub.can_read
        metrics.gauges["memory_share"] = metrics.memory_share
        metrics.gauges["max_connections"] = limits.max_connections
        logging.getLogger("django.request").addFilter(view_wrapper.without_traceback)
        # The only call in the main thread of a server with threads. Others install handlers later: repeated then.
        shutdown.watch_signals()
        registry.stream_opened.connect(shutdown.watch_signals)
        registry.stream_opened.connect(listening_sockets.check)
        registry.ticked.connect(listening_sockets.check)
