"""
A process that publishes, as a task worker does. Each line on its standard input is an order.

    paced CHANNEL EVENTS RATE       some events, `RATE` a second, outside of transactions
    bulk CHANNEL EVENTS             the same as fast as possible, 100 in each transaction
    transactions CHANNEL SECONDS    one event in each transaction for some seconds
    bare CHANNEL SECONDS            the same outside of transactions

The answer is a line of JSON: the events, the seconds, and the process's CPU seconds.
"""

import json
import sys
import time

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
    from django.db import transaction

    for _ in range(int(events) // PER_TRANSACTION):
        with transaction.atomic():
            for _ in range(PER_TRANSACTION):
                publish_one(channel)
    return int(events) // PER_TRANSACTION * PER_TRANSACTION


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


ORDERS = {"paced": paced_events, "bulk": bulk, "transactions": transactions, "bare": bare}


def main():
    """Follow the orders."""
    for line in sys.stdin:
        order, *arguments = line.split()
        cpu, began = time.process_time(), time.monotonic()
        events = ORDERS[order](*arguments)
        done = {"events": events, "seconds": time.monotonic() - began, "cpu": time.process_time() - cpu}
        sys.stdout.write(json.dumps(done) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    django.setup()
    main()
