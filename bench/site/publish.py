"""
A process that publishes, as a task worker does. Each line on its standard input is an order.

    paced CHANNEL EVENTS RATE       some events, `RATE` a second, outside of transactions
    bulk CHANNEL EVENTS             the same as fast as possible, 100 in each transaction
    spread CHANNEL EVENTS NUMBER    the same, in turn on the channels CHANNEL-0 to CHANNEL-NUMBER
    transactions CHANNEL SECONDS    one event in each transaction for some seconds
    bare CHANNEL SECONDS            the same outside of transactions

    position

The answer is a line of JSON: the events, the seconds, and the process's CPU seconds; or the newest position.
"""

import json
import sys
import time
from itertools import batched

import django

from bench.publisher import stamped
from bench.trial import paced

PER_TRANSACTION = 100


def publish_one(channel):
    """Publish an event with the time at which it is sent."""
    from apps.sse import publish

    publish(channel, "tick", stamped(time.monotonic_ns() // 1000))


def paced_events(channel, events, rate):
    """Publish at a rate; return the number of events."""
    for _ in paced(int(events), float(rate)):
        publish_one(channel)
    return int(events)


def bulk(channel, events):
    """Publish as fast as possible in large transactions; return the number of events."""
    return in_transactions(channel for _ in range(int(events)))


def spread(channel, events, number):
    """Publish on several channels in turn; return the number of events."""
    return in_transactions(f"{channel}-{event % int(number)}" for event in range(int(events)))


def in_transactions(channels):
    """Publish an event on each channel, in large transactions; return their number."""
    from django.db import transaction

    count = 0
    for batch in batched(channels, PER_TRANSACTION):
        with transaction.atomic():
            for channel in batch:
                publish_one(channel)
        count += len(batch)
    return count


def transactions(channel, seconds):
    """Publish one event in each transaction; return their number."""
    from django.db import transaction

    return repeated(float(seconds), transaction.atomic(publish_one), channel)


def bare(channel, seconds):
    """Publish outside of transactions; return the number of events."""
    return repeated(float(seconds), publish_one, channel)


def repeated(seconds, function, *arguments):
    """Call a function for some seconds; return the number of calls."""
    calls, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        function(*arguments)
        calls += 1
    return calls


ORDERS = {"paced": paced_events, "bulk": bulk, "spread": spread, "transactions": transactions, "bare": bare}


def main():
    """Follow the orders."""
    from apps.sse import position

    for line in sys.stdin:
        order, *arguments = line.split()
        if order == "position":
            answer({"position": str(position())})
            continue
        cpu, began = time.process_time(), time.monotonic()
        events = ORDERS[order](*arguments)
        answer({"events": events, "seconds": time.monotonic() - began, "cpu": time.process_time() - cpu})


def answer(what):
    """Write a line of JSON."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    django.setup()
    main()
