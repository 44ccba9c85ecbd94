"""WHATWG HTML 9.2.6 in small overridable methods, for the control client: written apart from `streamspec_client`."""

from __future__ import annotations

import codecs
import re
from typing import NamedTuple

_LINE_END = re.compile(r"\r\n|\r|\n")
_BOM = "\ufeff"


class Dispatched(NamedTuple):
    """A dispatched event."""

    type: str
    data: str
    last_event_id: str


class ControlDecoder:
    """The state of an event source that its streams change, one after the other."""

    def __init__(self) -> None:
        self.last_event_id = ""
        self.retry_ms: int | None = None
        self.dispatched: list[Dispatched] = []
        self.begin()

    def begin(self) -> None:
        """A new connection: all buffers are empty, the last event ID is kept."""
        self.data: list[str] = []
        self.type = ""
        self.id_buffer = self.last_event_id
        self.partial_line: list[str] = []
        self.is_after_cr = False
        self.is_at_start = True
        self.utf8 = self.make_utf8()

    def make_utf8(self) -> codecs.IncrementalDecoder:
        """The decoder of bytes: what is ill-formed becomes U+FFFD."""
        return codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, data: bytes) -> list[Dispatched]:
        """The events that these bytes complete."""
        text = self.without_bom(self.utf8.decode(data))
        *lines, rest = self.split(text)
        for line in lines:
            self.partial_line.append(line)
            whole = "".join(self.partial_line)
            self.partial_line = []
            self.process_line(whole)
        if rest:
            self.partial_line.append(rest)
        done, self.dispatched = self.dispatched, []
        return done

    def without_bom(self, text: str) -> str:
        """The text without the one BOM at the start of a stream."""
        if self.is_at_start and text:
            self.is_at_start = False
            return text.removeprefix(_BOM)
        return text

    def split(self, text: str) -> list[str]:
        """The lines that end in this piece, then the rest. A CR ends its line at once, an LF after it belongs to it."""
        if self.is_after_cr and text:
            self.is_after_cr = False
            text = text.removeprefix("\n")
        self.is_after_cr = self.is_after_cr or text.endswith("\r")
        return _LINE_END.split(text)

    def process_line(self, line: str) -> None:
        """A blank line, a comment or a field."""
        if not line:
            self.process_blank_line()
        elif not line.startswith(":"):
            name, _, value = line.partition(":")
            self.process_field(name, self.value(value))

    def value(self, text: str) -> str:
        """What follows the colon, without one space before it."""
        return text.removeprefix(" ")

    def process_field(self, name: str, value: str) -> None:
        """A field by its name; others are ignored."""
        match name:
            case "data":
                self.data.append(value)
            case "event":
                self.type = value
            case "id":
                self.process_id(value)
            case "retry":
                self.process_retry(value)

    def process_id(self, value: str) -> None:
        """An ID without NUL is that of the event, and of those after it."""
        if "\0" not in value:
            self.id_buffer = value

    def process_retry(self, value: str) -> None:
        """ASCII digits only."""
        if value.isascii() and value.isdigit():
            self.retry_ms = int(value)

    def process_blank_line(self) -> None:
        """Commit the ID; dispatch what has data; forget the type."""
        self.last_event_id = self.id_buffer
        if self.data:
            self.dispatch(self.type or "message", "\n".join(self.data))
        self.data = []
        self.type = ""

    def dispatch(self, type_: str, data: str) -> None:
        """Hand the event over."""
        self.dispatched.append(Dispatched(type_, data, self.last_event_id))
