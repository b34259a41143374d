"""Publishing: an event on a channel, from any code of any process."""

import re
from typing import Any

from asgiref.sync import sync_to_async
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.transaction import TransactionManagementError

from . import metrics
from .brokers import get_broker
from .conf import setting
from .events import CONTROL_PREFIX, Event, Position, check_event_name, encode_data, sse_event
from .patches import checked_change

CONTROL_CHANNEL = f"{CONTROL_PREFIX}control"

_CHANNEL = re.compile(r"[^\x00-\x20\x7f]{1,200}")


def publish(channel: str, event: str, data: Any, *, durable: bool = True) -> None:
    """
    Send an event to every client that follows the channel, in whichever process it is.

    Inside a transaction of the default database the event goes out when that commits, and not at all
    if it is rolled back. `transaction.savepoint_rollback()`, called by hand, takes no event back with
    `memory://`, and with Redis none that is not `durable`; a nested `atomic()` always does.
    `data` is as in `sse_event`; that of the events `html`, `text`, `patch`, `redirect` and `reload`, which
    change the page, is what the client needs for it. An event that is not `durable` may be lost by a
    crash, has no id and is not replayed to those who were away.

    Raises `ValueError` for a channel or event name that cannot be one, or for more bytes than
    `SSE_MAX_EVENT_BYTES`, and as `sse_event` and `checked_change` do for the data; `TransactionManagementError`
    in a transaction of another database alone, which the event would not wait for.
    """
    _refuse_transactions_of_others()
    check_event_name(event)
    get_broker().append(_event(check_channel(channel), event, checked_change(event, data), durable))
    metrics.count_after_commit("published")


async def apublish(channel: str, event: str, data: Any, *, durable: bool = True) -> None:
    """Do the same as `publish`, from async code."""
    await sync_to_async(publish)(channel, event, data, durable=durable)


def publish_html(channel: str, target: str, html: str, mode: str = "replace", *, durable: bool = True) -> None:
    """
    Change every page that follows the channel: put `html` into the elements that match `target`.

    `target`, `html` and `mode` are as in `push_html`, so that `outer` changes a row in place; the rest is
    as in `publish`.
    """
    publish(channel, "html", {"target": target, "html": html, "mode": mode}, durable=durable)


async def apublish_html(
    channel: str, target: str, html: str, mode: str = "replace", *, durable: bool = True
) -> None:
    """Do the same as `publish_html`, from async code."""
    await sync_to_async(publish_html)(channel, target, html, mode, durable=durable)


def position() -> Position:
    """
    Return the newest place in the log.

    Taken before a page's queries, and given to the page's stream, it makes sure that nothing
    falls between the two. With `database://` it is read where the database router reads. With a
    router that chooses one of several replicas at random, or with another broker, a page that reads
    from a replica may lack what was published just before: let such pages read from the primary.
    """
    return get_broker().position()


async def aposition() -> Position:
    """Do the same as `position`, from async code."""
    return await sync_to_async(position)()


def publish_control(event: str, data: Any, *, durable: bool = False) -> None:
    """Send an event that the library's own processes hear, never a client; `durable` is as in `publish`."""
    get_broker().append(_event(CONTROL_CHANNEL, event, data, durable))


def check_channel(channel: str) -> str:
    """Return `channel` if it can be a channel's name; raises `ValueError` if not."""
    if not isinstance(channel, str) or not _CHANNEL.fullmatch(channel) or channel.startswith(CONTROL_PREFIX):
        raise ValueError(
            f"A channel's name is a string of 1 to 200 characters, without spaces and control characters, "
            f"that does not begin with {CONTROL_PREFIX!r}; not {channel!r}."
        )
    return channel


def _refuse_transactions_of_others() -> None:
    open_ones = [database.alias for database in connections.all(initialized_only=True) if _is_in_atomic(database)]
    if open_ones and DEFAULT_DB_ALIAS not in open_ones:
        other = open_ones[0]
        raise TransactionManagementError(
            f"publish() in a transaction of {other!r} would send the event even if that is rolled back, since "
            f"events belong to the transaction of {DEFAULT_DB_ALIAS!r}: publish by transaction.on_commit(…, "
            f"using={other!r}), or open an atomic block of {DEFAULT_DB_ALIAS!r} around it, too."
        )


def _is_in_atomic(database: Any) -> bool:
    # The block that Django's TestCase opens around a test is never committed.
    return any(not block._from_testcase for block in database.atomic_blocks)


def _event(channel: str, name: str, data: Any, durable: bool) -> Event:
    sse_event("", event=name)
    event = Event(channel=channel, name=name, text=encode_data(data), durable=durable)
    size, most = len(event.text.encode()), setting("SSE_MAX_EVENT_BYTES")
    if size > most:
        raise ValueError(
            f"The data of {name!r} is {size:,} bytes, and SSE_MAX_EVENT_BYTES is {most:,}: publish what has "
            "changed, or an address from which the page can fetch the rest."
        )
    return event
