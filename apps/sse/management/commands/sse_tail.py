"""Print events as they come."""

import asyncio
import contextlib
import json
import os
import sys
from datetime import UTC, datetime

from django.core.management.base import BaseCommand, CommandError

from apps.sse import Event, Position
from apps.sse.brokers import Gap, get_broker
from apps.sse.events import CONTROL_PREFIX
from apps.sse.log import PAGE, Log, Unavailable
from apps.sse.management.plain import broker_errors, broker_name, warn_of_memory
from apps.sse.publishing import check_channel


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

        def write(event: Event) -> None:
            self.stdout.write(show(event))
            self.stdout.flush()

        tail = Tail(wanted, write, count)
        with contextlib.suppress(KeyboardInterrupt), broker_errors():
            asyncio.run(tail.run(_position(since) if since else None))


class Tail:
    """Shows events of some channels, or of all if there are none, `count` at most."""

    def __init__(self, channels, show, count) -> None:
        self._channels = channels
        self._show = show
        self._left = count
        self._may_go_on = asyncio.Event()
        self._stopped = asyncio.Event()

    async def run(self, since: Position | None) -> None:
        """Show what came after a position, then what comes, until there is no more to show."""
        self._log = Log(get_broker(), self._hand_out, lambda reason: None)
        try:
            await self._log.start()
            if since is not None:
                await self._replay(since)
            self._may_go_on.set()
            await self._stopped.wait()
        except Unavailable:
            raise CommandError(f"The broker {broker_name()} cannot be read.") from None
        except Gap:
            raise CommandError(f"The log no longer contains {since}: it was trimmed or replaced.") from None
        finally:
            self._log.close()

    async def _replay(self, since: Position) -> None:
        # Meanwhile nothing is handed out, so that the newest stays where it is.
        newest = self._log.recent.newest.number
        while since.number < newest or since != self._log.recent.newest.position:
            page = await self._log.call(self._log.broker.read, since, PAGE)
            self._print([event for event in page if event.number <= newest])
            if len(page) < PAGE:
                return
            since = page[-1].position

    async def _hand_out(self, events: list[Event]) -> None:
        await self._may_go_on.wait()
        for event in events:
            self._log.recent.add(event)
        self._print(events)

    def _print(self, events: list[Event]) -> None:
        for event in events:
            if self._is_wanted(event) and not self._stopped.is_set():
                try:
                    self._show(event)
                except BrokenPipeError:
                    # Whoever reads has read enough; Python would complain once more at its exit.
                    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                    self._stopped.set()
                self._count()

    def _count(self) -> None:
        if self._left is not None:
            self._left -= 1
            if not self._left:
                self._stopped.set()

    def _is_wanted(self, event: Event) -> bool:
        if self._channels:
            return event.channel in self._channels
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
