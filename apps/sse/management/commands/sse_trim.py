"""Apply the retention now."""

from django.core.management.base import BaseCommand

from apps.sse.brokers import get_broker
from apps.sse.conf import setting
from apps.sse.management.plain import broker_errors, warn_of_memory


class Command(BaseCommand):
    """Trim the log."""

    help = (
        "Deletes the events that exceed SSE_RETENTION_AGE, SSE_RETENTION_COUNT or SSE_RETENTION_BYTES and prints "
        "their number. The broker does the same after every hundred events."
    )

    def handle(self, **options):
        warn_of_memory(self.stderr)
        with broker_errors():
            dropped = get_broker().trim()
        age, count = setting("SSE_RETENTION_AGE"), setting("SSE_RETENTION_COUNT")
        events = "1 event" if dropped == 1 else f"{dropped:,} events"
        self.stdout.write(f"{events} deleted. The log keeps at most {count:,} events of the last {age:,} seconds.")
