"""The source of a connection that follows channels."""

import asyncio
from collections.abc import Iterable

from ..brokers import Gap
from ..delivery.hub import Hub, get_hub
from ..delivery.log import Unavailable
from ..wire.events import Position
from .connection import Connection, Joinable


class ChannelSource:
    """The events of channels: every one after the position `since`, or only the newest if `latest`."""

    has_positions = True

    def __init__(self, channels: Iterable[str], *, latest: bool, since: Position | None) -> None:
        self._channels = frozenset(channels)
        self._latest = latest
        self.joinable: Joinable = "latest" if latest else "yes"
        self._since = since

    async def play(self, connection: Connection) -> None:
        """Replay, then follow until the connection ends."""
        connection.channels, connection.latest = self._channels, self._latest
        hub = get_hub()
        try:
            await hub.start()
            await self._join(hub, connection)
            connection.keepalive_frame = hub.keepalive_frame
            if not connection.is_ended:
                await asyncio.get_running_loop().create_future()
        except Unavailable:
            connection.drop("broker")
        finally:
            hub.leave(connection)

    async def _join(self, hub: Hub, connection: Connection) -> None:
        try:
            if self._since is None:
                await self._begin(hub, connection)
            elif self._latest:
                await hub.join_latest(connection, self._since)
            else:
                await hub.join_after(connection, self._since)
        except Gap:
            connection.reset("gap")
            await connection.drain()
            await self._begin(hub, connection)

    async def _begin(self, hub: Hub, connection: Connection) -> None:
        if self._latest:
            await hub.join_latest(connection)
            newest = hub.newest
        else:
            newest = hub.join(connection)
        connection.begin_at(newest)
