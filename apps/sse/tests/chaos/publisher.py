"""
A process that publishes in all possible ways, and keeps a journal of the outcome of each event.

`python -m apps.sse.tests.chaos.publisher NAME SECONDS JOURNAL CHANNEL…`. Each line of the journal is
`OUTCOME CHANNEL BY N`: `begun` first, then `sent`, `dropped`, or `maybe` if the connection was lost
at the commit.
"""

import contextlib
import random
import sys
import threading
import time
from pathlib import Path

import django
from django.db import connection, transaction

THREADS = 2
MAX_PAUSE_SECONDS = 0.25


class Dropped(Exception):
    """Rolls a transaction back."""


class Publisher(threading.Thread):
    """Publishes numbered events, one after the other, some of them inside transactions that overlap others'."""

    def __init__(self, by, seconds, journal, channels):
        super().__init__()
        self.by, self.ends_at, self.channels = by, time.monotonic() + seconds, channels
        self.journal = journal.open("a", buffering=1)
        self.number = 0

    def run(self):
        while time.monotonic() < self.ends_at:
            random.choices(
                [self.singly, self.in_one_transaction, self.with_a_rolled_back_part, self.rolled_back],
                [5, 4, 2, 1],
            )[0]()
            time.sleep(random.uniform(0, MAX_PAUSE_SECONDS))
        connection.close()

    def singly(self):
        """Publish outside a transaction."""
        item = self.next()
        try:
            self.publish(item)
        except Exception as error:
            self.note("maybe", item)
            self.recover(error)
        else:
            self.note("sent", item)

    def in_one_transaction(self):
        """Publish several events in one transaction."""
        self.in_transaction([self.next() for _ in range(random.randint(1, 3))])

    def with_a_rolled_back_part(self):
        """Publish in a transaction that is partly rolled back."""
        self.in_transaction([self.next(), self.next()], undone=[self.next()])

    def rolled_back(self):
        """Publish in a transaction that is rolled back."""
        items = [self.next(), self.next()]
        with contextlib.suppress(Exception), transaction.atomic():
            self.publish(*items)
            raise Dropped
        self.note("dropped", *items)

    def in_transaction(self, items, undone=()):
        outcome = "dropped"
        try:
            with transaction.atomic():
                self.publish(items[0])
                if undone:
                    self.undo(undone)
                time.sleep(random.uniform(0, 0.05))
                self.publish(*items[1:])
                outcome = "maybe"
            outcome = "sent"
        except Exception as error:
            self.recover(error)
        self.note(outcome, *items)

    def undo(self, items):
        self.note("dropped", *items)
        with contextlib.suppress(Dropped), transaction.atomic():
            self.publish(*items)
            raise Dropped

    def publish(self, *items):
        from apps.sse import publish

        for channel, number in items:
            publish(channel, "item", {"channel": channel, "by": self.by, "n": number})

    def next(self):
        self.number += 1
        item = random.choice(self.channels), self.number
        self.note("begun", item)
        return item

    def note(self, outcome, *items):
        for channel, number in items:
            self.journal.write(f"{outcome} {channel} {self.by} {number}\n")

    def recover(self, error):
        sys.stderr.write(f"{self.by}: {type(error).__name__}: {error}\n")
        connection.close()
        time.sleep(0.2)


def main(name, seconds, journal, *channels):
    django.setup()
    threads = [Publisher(f"{name}{thread}", float(seconds), Path(journal), channels) for thread in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main(*sys.argv[1:])
