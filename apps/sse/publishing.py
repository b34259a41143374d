"""Publish an event on a channel, from any code in any process."""

import re
from typing import Any

from asgiref.sync import sync_to_async
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.transaction import TransactionManagementError

from .brokers import get_broker
from .conf import setting
from .stats import metrics
from .wire.dom import checked_change
from .wire.events import CONTROL_PREFIX, Event, Position, check_event_name, encode_data

_CHANNEL = re.compile(r"[^\x00-\x20\x7f]{1,200}")


def publish(channel: str, event: str, data: Any, *, durable: bool = True) -> None:
    """
    Send an event to every client that follows the channel, in all processes.

    Inside a transaction of the default database, the event is sent at the commit and discarded on
    rollback. A nested `atomic()` that is rolled back discards its events, too; with `memory://` a manual
    `transaction.savepoint_rollback()` discards none.

    `data` is as in `sse_event`. The events `html`, `text`, `patch`, `redirect` and `reload` change the
    page, so their data must be what the client needs. An event that is not `durable` has no id, is not
    replayed to clients that were away, and may be lost in a crash.

    Raises `ValueError` for an invalid channel or event name, for data that the event cannot carry
    and for more bytes than `SSE_MAX_EVENT_BYTES`; `TypeError` for data that JSON cannot represent;
    `TransactionManagementError` if only another database has an open transaction, since the event
    would not wait for its commit.
    """
    _refuse_other_transactions()
    check_event_name(event)
    get_broker().append(_event(check_channel(channel), event, checked_change(event, data), durable))
    metrics.count_after_commit("published")


async def apublish(channel: str, event: str, data: Any, *, durable: bool = True) -> None:
    """Like `publish`, for async code."""
    await sync_to_async(publish)(channel, event, data, durable=durable)


def publish_html(channel: str, target: str, html: str, mode: str = "replace", *, durable: bool = True) -> None:
    """
    Change every page that follows the channel: put `html` into the elements that match `target`.

    `target`, `html` and `mode` are as in `SSEMixin.push_html`: the mode `outer`, for example, replaces a
    row in place. The rest is as in `publish`.
    """
    publish(channel, "html", {"target": target, "html": html, "mode": mode}, durable=durable)


async def apublish_html(
    channel: str, target: str, html: str, mode: str = "replace", *, durable: bool = True
) -> None:
    """Like `publish_html`, for async code."""
    await sync_to_async(publish_html)(channel, target, html, mode, durable=durable)


def position() -> Position:
    """
    Return the newest position in the log.

    Take it before the page's queries and give it to the page's stream: no event between the two is
    lost. With `database://` it is read from the database that the router chooses for reads. If
    pages read from a replica, and the router chooses one of several at random or the broker is not
    `database://`, a page may miss the newest events: let such pages read from the primary.
    """
    return get_broker().position()


async def aposition() -> Position:
    """Like `position`, for async code."""
    return await sync_to_async(position)()


def check_channel(channel: str) -> str:
    """Return `channel` if it can be a channel's name; raises `ValueError` if not."""
    if not isinstance(channel, str) or not _CHANNEL.fullmatch(channel) or channel.startswith(CONTROL_PREFIX):
        raise ValueError(
            f"A channel's name must be a string of 1 to 200 characters without spaces and control characters. "
            f"It must not begin with {CONTROL_PREFIX!r}. This is {channel!r}."
        )
    return channel


def _refuse_other_transactions() -> None:
    open_ones = [database.alias for database in connections.all(initialized_only=True) if _is_in_atomic(database)]
    if open_ones and DEFAULT_DB_ALIAS not in open_ones:
        other = open_ones[0]
        raise TransactionManagementError(
            f"publish() was called in a transaction of {other!r} only. Events wait for the commit of "
            f"{DEFAULT_DB_ALIAS!r}, so a rollback would not discard this one. Call publish() in "
            f"transaction.on_commit(…, using={other!r}), or also open an atomic block of {DEFAULT_DB_ALIAS!r}."
        )


def _is_in_atomic(database: Any) -> bool:
    # The block that Django's TestCase opens around a test never commits.
    return any(not block._from_testcase for block in database.atomic_blocks)


def _event(channel: str, name: str, data: Any, durable: bool) -> Event:
    event = Event(channel=channel, name=name, text=encode_data(data), durable=durable)
    size, limit = len(event.text.encode()), setting("SSE_MAX_EVENT_BYTES")
    if size > limit:
        raise ValueError(
            f"The data of {name!r} is {size:,} bytes, but SSE_MAX_EVENT_BYTES is {limit:,}. Publish only what "
            "changed, or a URL from which the page loads the rest."
        )
    return event
