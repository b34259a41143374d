"""Sending a broadcast: a background task, a batch at a time, that goes on where it was interrupted."""

import time

from django.db import transaction
from django.tasks import task
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.sse import publish

from .models import Broadcast
from .notify import notify

BATCH = 500
SECONDS_AT_ONCE = 2


def channel(broadcast: Broadcast) -> str:
    """Return the channel on which is told how far a broadcast has come."""
    return f"notifications-broadcast:{broadcast.pk}"


def start(broadcast: Broadcast) -> None:
    """Send a broadcast in the background, or the rest of it, once the transaction commits."""
    transaction.on_commit(lambda: send.enqueue(broadcast.pk))


@task
def send(broadcast_pk: int) -> None:
    """Notify the next recipients; after two seconds, queue the rest, so that other tasks get their turn."""
    until = time.monotonic() + SECONDS_AT_ONCE
    while send_batch(broadcast_pk):
        if time.monotonic() > until:
            send.enqueue(broadcast_pk)
            return


@transaction.atomic
def send_batch(broadcast_pk: int) -> bool:
    """
    Notify the next recipients, and say whether there may be more.

    The notifications, their events and the place that was reached are one transaction: a worker that
    dies leaves nobody out, and a second one at the same broadcast gives nobody two.
    """
    broadcast = Broadcast.objects.select_for_update().filter(pk=broadcast_pk, finished_at=None).first()
    if broadcast is None:
        return False
    if not broadcast.last_pk:
        broadcast.total = broadcast.recipients().count()
    users = list(broadcast.waiting()[:BATCH])
    notify(users, broadcast.verb, text=broadcast.text, url=broadcast.url)
    broadcast.sent += len(users)
    if users:
        broadcast.last_pk = str(users[-1].pk)
    if len(users) < BATCH:
        broadcast.total, broadcast.finished_at = broadcast.sent, timezone.now()
    broadcast.save()
    publish(channel(broadcast), "progress", progress(broadcast))
    return broadcast.finished_at is None


def progress(broadcast: Broadcast) -> dict:
    """Return how far a broadcast has come, as the admin's page shows it."""
    is_sent = broadcast.finished_at is not None
    state = _("Sending") if broadcast.last_pk else _("Waiting for a task worker")
    return {
        "sent": broadcast.sent,
        "total": broadcast.total,
        "percent": 100 if is_sent else 100 * broadcast.sent // (broadcast.total or 1),
        "state": _("Sent") if is_sent else state,
    }
