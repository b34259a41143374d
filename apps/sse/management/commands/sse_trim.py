"""Apply the retention now."""

from django.core.management.base import BaseCommand

from apps.sse.brokers import get_broker
from apps.sse.conf import setting
from apps.sse.management.plain import broker_errors, warn_of_memory


class Command(BaseCommand):
    """Trim the log."""

    help = (
        "Drops the events that are past SSE_RETENTION_AGE, SSE_RETENTION_COUNT or SSE_RETENTION_BYTES now, "
        "instead of after the next hundred events, and prints how many were dropped."
    )

    def handle(self, **options):
        warn_of_memory(self.stderr)
        with broker_errors():
            dropped = get_broker().trim()
        age, count = setting("SSE_RETENTION_AGE"), setting("SSE_RETENTION_COUNT")
        events = "1 event" if dropped == 1 else f"{dropped:,} events"
        self.stdout.write(f"{events} dropped; kept are {count:,} at most, of the last {age:,} seconds.")
