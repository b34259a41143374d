import sys

from django.core.management.base import BaseCommand

from apps.sse import position, publish
from apps.sse.management.broker import command_errors
from apps.sse.wire.events import decode_data


class Command(BaseCommand):
    help = (
        "Sends an event to every client that follows CHANNEL, in all processes, and prints the newest position of "
        "the log. DATA is parsed as JSON, and sent as text if it is not JSON. Write - to read it from standard "
        "input; the default is null."
    )

    def add_arguments(self, parser):
        parser.add_argument("channel", metavar="CHANNEL")
        parser.add_argument("event", metavar="EVENT", help="the event's name")
        parser.add_argument("data", metavar="DATA", nargs="?", default="null")
        parser.add_argument("--not-durable", action="store_true", help="do not replay it; a crash may lose it")

    def handle(self, *, channel, event, data, not_durable, **options):
        data = decode_data(sys.stdin.read().removesuffix("\n") if data == "-" else data)
        with command_errors(self.stderr):
            before = position()
            publish(channel, event, data, durable=not not_durable)
            newest = position()
        if newest == before:
            self.stderr.write(
                "The event is not in the log yet. A durable event waits until the broker accepts it."
            )
        else:
            self.stdout.write(str(newest))
