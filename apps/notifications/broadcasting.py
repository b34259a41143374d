"""The background task that sends a broadcast in batches. After an interruption it continues with the next one."""

import time

from django.db import transaction
from django.tasks import task
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.sse import publish

from .models import Broadcast
from .notify import notify

BATCH = 500
SLICE_SECONDS = 2


def channel(broadcast: Broadcast) -> str:
    """Return the channel with the progress of a broadcast."""
    return f"notifications-broadcast:{broadcast.pk}"


def start(broadcast: Broadcast) -> None:
    """Queue a broadcast, or the rest of it, when the transaction commits."""
    transaction.on_commit(lambda: send.enqueue(broadcast.pk))


@task
def send(broadcast_pk: int) -> None:
    """Notify the next recipients; after two seconds, queue the rest, so that other tasks get their turn."""
    deadline = time.monotonic() + SLICE_SECONDS
    while send_batch(broadcast_pk):
        if time.monotonic() > deadline:
            send.enqueue(broadcast_pk)
            return


@transaction.atomic
def send_batch(broadcast_pk: int) -> bool:
    """
    Notify the next recipients, and return whether there may be more.

    The notifications, their events and `last_pk` are one transaction: each recipient is notified once, even
    if a worker dies or two workers send the same broadcast.
    """
    broadcast = Broadcast.objects.select_for_update().filter(pk=broadcast_pk, finished_at=None).first()
    if broadcast is None:
        return False
    if not broadcast.last_pk:
        broadcast.total = broadcast.recipients().count()
    users = list(broadcast.remaining()[:BATCH])
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
    """Return the progress of a broadcast for the admin's page."""
    is_sent = broadcast.finished_at is not None
    state = _("Sending") if broadcast.last_pk else _("Waiting for a task worker")
    return {
        "sent": broadcast.sent,
        "total": broadcast.total,
        "percent": 100 if is_sent else 100 * broadcast.sent // (broadcast.total or 1),
        "state": _("Sent") if is_sent else state,
    }
