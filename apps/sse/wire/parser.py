"""The parser of event streams, after the HTML standard; the test kit and the doctor read streams with it."""

import codecs
import re
from typing import Any, NamedTuple

from .events import decode_data

# A CR at the very end may be half of a CRLF.
LINE_END = re.compile(r"\r\n|\n|\r(?!\Z)")
# What makes the value of a field invalid, so that it is ignored.
INVALID = {"id": re.compile("\0"), "retry": re.compile(r"[^0-9]|^\Z")}


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
        text = f"{self.name} {self.data!r}"
        return text if self.id is None else f"{text} (id {self.id})"


class Frame(NamedTuple):
    """
    The lines before a blank line: an event, or only its other fields. `retry` is the reconnection delay in
    milliseconds; the fields that are missing are None.
    """

    event: ReceivedEvent | None
    id: str | None
    comment: str | None
    retry: int | None

    @property
    def is_keepalive(self) -> bool:
        """Whether it has a comment or an id and no event."""
        return self.event is None and (self.comment, self.id) != (None, None)


class Parser:
    """Parses the bytes of a stream; `last_event_id` is the id that a client sends when it reconnects."""

    def __init__(self, last_event_id: str = "") -> None:
        self.last_event_id = last_event_id
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self._rest = ""
        self._lines: list[str] = []
        self._fields: dict[str, str] = {}

    def feed(self, data: bytes) -> list[ReceivedEvent]:
        """Return the events that these bytes complete."""
        return [frame.event for frame in self.frames(data) if frame.event]

    def frames(self, data: bytes) -> list[Frame]:
        """Return the frames that these bytes complete, also those without an event."""
        *lines, self._rest = LINE_END.split(self._rest + self._decoder.decode(data))
        return [frame for line in lines if (frame := self._parse(line))]

    def _parse(self, line: str) -> Frame | None:
        if not line:
            return self._finish()
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            self._lines.append(value)
        elif field not in INVALID or not INVALID[field].search(value):
            self._fields[field] = value
        return None

    def _finish(self) -> Frame:
        lines, fields = self._lines, self._fields
        self._lines, self._fields = [], {}
        id, retry, text = fields.get("id"), fields.get("retry"), "\n".join(lines)
        if id is not None:
            self.last_event_id = id
        event = ReceivedEvent(fields.get("event") or "message", decode_data(text), id, text) if lines else None
        return Frame(event, id, fields.get(""), retry if retry is None else int(retry))
