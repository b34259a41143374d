import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from django.core.management.base import BaseCommand

from apps.sse import Event, Position
from apps.sse.brokers import Gap, broker_name, get_broker
from apps.sse.management.broker import command_errors
from apps.sse.publishing import check_channel
from apps.sse.wire.events import CONTROL_PREFIX

PAGE = 200
POLL_SECONDS = 0.2


class Command(BaseCommand):
    help = (
        "Prints events as they are published: time, position, channel, name and data. Without CHANNEL it prints "
        "all channels. It reconnects after an outage of the broker. Press Ctrl-C to end it."
    )

    def add_arguments(self, parser):
        parser.add_argument("channels", metavar="CHANNEL", nargs="*")
        parser.add_argument("--json", action="store_true", help="one JSON object per line")
        parser.add_argument("--since", metavar="POSITION", help="start after this position instead of now")

    def handle(self, *, channels, json, since, **options):
        with contextlib.suppress(KeyboardInterrupt), command_errors(self.stderr):
            channels = frozenset(map(check_channel, channels))
            try:
                for event in follow(_start(since), self.stderr.write):
                    if _is_shown(event, channels):
                        self.stdout.write(as_json(event) if json else as_line(event))
                        self.stdout.flush()
            except BrokenPipeError:
                # Python flushes stdout at its exit: no second error then.
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def follow(since: Position, warn: Callable[[str], object]) -> Iterator[Event]:
    """Yield the events after a position as they are published; go on, with a warning, if the log fails."""
    is_down = False
    while True:
        try:
            page = get_broker().read(since, PAGE)
            is_down = False
        except Gap:
            warn("The log was replaced or trimmed too early. Continuing from its end.")
            page, since = [], get_broker().position()
        except Exception as error:
            if not is_down:
                warn(f"The broker {broker_name()} cannot be read ({error}). Trying again.")
            page, is_down = [], True
        yield from page
        since = page[-1].position if page else since
        if len(page) < PAGE:
            time.sleep(POLL_SECONDS)


def _start(text: str | None) -> Position:
    since = Position.parse(text) if text else get_broker().position()
    if since is None:
        raise ValueError(
            f"--since is {text}: a position is a number and eight hexadecimal digits, such as 42-0123abcd."
        )
    try:
        get_broker().read(since, 1)
    except Gap:
        raise ValueError(f"The log no longer contains {since}: it was trimmed or replaced.") from None
    return since


def _is_shown(event: Event, channels: frozenset[str]) -> bool:
    if channels:
        return event.channel in channels
    return bool(event.channel) and not event.channel.startswith(CONTROL_PREFIX)


def as_json(event: Event) -> str:
    fields = {
        "time": _time(event).isoformat(timespec="milliseconds"),
        "position": str(event.position),
        "channel": event.channel,
        "name": event.name,
        "data": event.data,
        "durable": event.durable,
    }
    return json.dumps(fields, ensure_ascii=False)


def as_line(event: Event) -> str:
    """Return an event as a readable line, without control characters for the terminal."""
    parts = (f"{_time(event):%H:%M:%S.%f}"[:-3], event.position, event.channel, event.name, event.text)
    line = "  ".join(map(str, parts))
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)


def _time(event: Event) -> datetime:
    return datetime.fromtimestamp(event.sent_at, UTC).astimezone()
