"""Print events as they come."""

import contextlib
import itertools
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from django.core.management.base import BaseCommand, CommandError

from apps.sse import Event, Position
from apps.sse.brokers import Gap, get_broker
from apps.sse.management.plain import broker_errors, broker_name, warn_of_memory
from apps.sse.publishing import check_channel
from apps.sse.wire.events import CONTROL_PREFIX

PAGE = 200
PAUSE_SECONDS = 0.2
OUTAGE_SECONDS = 1.0


class Command(BaseCommand):
    """Follow the log until Ctrl-C, across restarts of the broker."""

    help = (
        "Prints events as they are published: time, position, channel, name and data. Without CHANNEL it prints "
        "all channels. It reconnects when the broker was away. Press Ctrl-C to end it."
    )

    def add_arguments(self, parser):
        parser.add_argument("channels", metavar="CHANNEL", nargs="*")
        parser.add_argument("--json", action="store_true", help="one JSON object per line")
        parser.add_argument("--since", metavar="POSITION", help="start after this position instead of now")
        parser.add_argument("--count", metavar="N", type=int, help="end after this many events")

    def handle(self, *, channels, json, since, count, **options):
        warn_of_memory(self.stderr)
        try:
            wanted = frozenset(check_channel(channel) for channel in channels)
        except ValueError as error:
            raise CommandError(str(error)) from error
        if count is not None and count < 1:
            raise CommandError(f"--count is {count}: give a number of events, 1 or more.")
        show = as_json if json else as_line
        with contextlib.suppress(KeyboardInterrupt), broker_errors():
            events = follow(_beginning(since), self.stderr.write)
            try:
                for event in itertools.islice((event for event in events if _is_wanted(event, wanted)), count):
                    self.stdout.write(show(event))
                    self.stdout.flush()
            except BrokenPipeError:
                # The reader has read enough; Python would complain once more at its exit.
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def follow(since: Position, tell: Callable[[str], object]) -> Iterator[Event]:
    """Yield all events after a position as they come, also after an outage or in a new log, of which it tells."""
    is_away = False
    while True:
        try:
            page = get_broker().read(since, PAGE)
            is_away = False
        except Gap:
            tell("The log was replaced or trimmed too early. Continuing from its end.")
            page, since = [], get_broker().position()
        except Exception as error:
            if not is_away:
                tell(f"The broker {broker_name()} cannot be read ({error}). Trying again.")
            page, is_away = [], True
        yield from page
        since = page[-1].position if page else since
        if len(page) < PAGE:
            time.sleep(OUTAGE_SECONDS if is_away else PAUSE_SECONDS)


def _beginning(text: str | None) -> Position:
    """Return the position to start after; the log must contain it."""
    since = _position(text) if text else get_broker().position()
    try:
        get_broker().read(since, 1)
    except Gap:
        raise CommandError(f"The log no longer contains {since}: it was trimmed or replaced.") from None
    return since


def _is_wanted(event: Event, channels: frozenset[str]) -> bool:
    if channels:
        return event.channel in channels
    return bool(event.channel) and not event.channel.startswith(CONTROL_PREFIX)


def as_json(event: Event) -> str:
    """Return an event as a line of JSON."""
    told = {
        "time": _time(event).isoformat(timespec="milliseconds"),
        "position": str(event.position),
        "channel": event.channel,
        "name": event.name,
        "data": event.data,
        "durable": event.durable,
    }
    return json.dumps(told, ensure_ascii=False)


def as_line(event: Event) -> str:
    """Return an event as a line for people, in which nothing moves the terminal's cursor."""
    parts = (f"{_time(event):%H:%M:%S.%f}"[:-3], event.position, event.channel, event.name, event.text)
    return "  ".join(_harmless(str(part)) for part in parts)


def _time(event: Event) -> datetime:
    return datetime.fromtimestamp(event.sent_at, UTC).astimezone()


def _harmless(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _position(text: str) -> Position:
    if (found := Position.parse(text)) is None:
        raise CommandError(
            f"--since is {text}: a position is a number and eight hexadecimal digits, such as 42-0123abcd."
        )
    return found
