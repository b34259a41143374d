"""Publishes during the scenario, from a second thread, and records the outcome."""

import asyncio
import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.db import close_old_connections, connections, transaction

from apps.sse import close_streams, position, publish

# All scenarios share a log.
_numbers = itertools.count()


@dataclass
class Sent:
    """A published event: `is_certain` once `publish()`, or the commit, has returned without an error."""

    channel: str
    text: str
    is_durable: bool
    is_certain: bool = False


class RolledBack(Exception):
    """Ends a transaction whose events no client may receive."""


class Publisher:
    """Publishes as views do: an error ends one request, and the next one is served."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.rolled_back: list[Sent] = []
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="publisher")

    async def position(self) -> str:
        """Return the newest position, retrying until it can be read, as a user reloads a page."""
        while (found := await self._request(self._position)) is None:
            pass
        return found

    async def publish(self) -> None:
        """Publish two events, one that is not durable, three in a transaction, and two that are rolled back."""
        for channel in ("news", "more"):
            await self._request(self._publish_one, channel, True)
        await self._request(self._publish_one, "news", False)
        await self._request(self._publish_in_transaction)
        await self._request(self._roll_back)

    async def close_streams(self, user: Any) -> bool:
        """End the streams of a user; return whether no error was raised."""
        return await self._request(self._close_streams, user) is True

    async def close(self) -> None:
        """End the thread, with its connections."""
        await asyncio.get_running_loop().run_in_executor(self._thread, connections.close_all)
        self._thread.shutdown()

    async def _request(self, view: Callable, *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, _request, view, arguments)

    def _position(self) -> str:
        return str(position())

    def _publish_one(self, channel: str, is_durable: bool) -> None:
        [sent] = self._new(channel, is_durable=is_durable)
        publish(channel, "e", sent.text, durable=is_durable)
        sent.is_certain = True

    def _publish_in_transaction(self) -> None:
        new = self._new("news", "more", "news")
        with transaction.atomic():
            get_user_model().objects.filter(username="ada").update(last_name=new[0].text)
            for sent in new[:2]:
                publish(sent.channel, "e", sent.text)
            with transaction.atomic():
                publish(new[2].channel, "e", new[2].text)
        for sent in new:
            sent.is_certain = True

    def _roll_back(self) -> None:
        new = self._new("news", "more")
        self.sent, self.rolled_back = self.sent[:-2], self.rolled_back + new
        with transaction.atomic():
            for sent in new:
                publish(sent.channel, "e", sent.text)
            raise RolledBack

    def _close_streams(self, user: Any) -> bool:
        close_streams(user=user)
        return True

    def _new(self, *channels: str, is_durable: bool = True) -> list[Sent]:
        new = [Sent(channel, f"e{next(_numbers)}", is_durable) for channel in channels]
        self.sent += new
        return new


def _request(view: Callable, arguments: Any) -> Any:
    try:
        return view(*arguments)
    except Exception:
        return None
    finally:
        close_old_connections()
