"""Reading an event stream, as the HTML standard says that a client does."""

import codecs
import re
from typing import Any, NamedTuple

from .events import decode_data

# A CR at the very end may be half of a CRLF.
LINE_END = re.compile(r"\r\n|\n|\r(?!\Z)")


class ReceivedEvent(NamedTuple):
    """
    A received event. `name` is `message` if the server sent none, `data` is the decoded data, `id`
    is the event's own id or None, `text` is the data on the wire.
    """

    name: str
    data: Any
    id: str | None
    text: str

    def __str__(self) -> str:
        told = f"{self.name} {self.data!r}"
        return told if self.id is None else f"{told} (id {self.id})"


class Parser:
    """Turns the bytes of a stream into events; `last_event_id` is what a client sends when it returns."""

    def __init__(self, last_event_id: str = "") -> None:
        self.last_event_id = last_event_id
        self.retry: int | None = None
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self._rest = ""
        self._begin()

    def feed(self, data: bytes) -> list[ReceivedEvent]:
        """Return the events that are complete with these bytes."""
        *lines, self._rest = LINE_END.split(self._rest + self._decoder.decode(data))
        return [event for line in lines if (event := self._take(line))]

    def _begin(self) -> None:
        self._name = ""
        self._lines: list[str] = []
        self._id: str | None = None

    def _take(self, line: str) -> ReceivedEvent | None:
        if not line:
            return self._finish()
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            self._lines.append(value)
        elif field == "event":
            self._name = value
        elif field == "id" and "\0" not in value:
            self._id = value
        elif field == "retry" and re.fullmatch(r"[0-9]+", value, re.ASCII):
            self.retry = int(value)
        return None

    def _finish(self) -> ReceivedEvent | None:
        if self._id is not None:
            self.last_event_id = self._id
        text = "\n".join(self._lines)
        event = ReceivedEvent(self._name or "message", decode_data(text), self._id, text) if self._lines else None
        self._begin()
        return event
