"""Every line of an event stream, with its place and what it means: what a tolerant decoder hides.

For judging servers and for diagnosis, not for speed. Sans-IO, stdlib only. Reads the same grammar as `event_stream`
(WHATWG HTML 9.2.5 and 9.2.6) on its own, line by line, and keeps no values.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

BOM = b"\xef\xbb\xbf"

_LINE_END = re.compile(rb"\r\n|\r|\n")


class LineKind(StrEnum):
    """What one line is to the algorithm that interprets an event stream."""

    BOM = "bom"
    """The one BOM at the very start: not a line, but reported as one."""
    COMMENT = "comment"
    DATA = "data"
    EVENT = "event"
    ID = "id"
    RETRY = "retry"
    DISPATCH = "dispatch"
    """A blank line that dispatches an event."""
    NO_DATA = "no-data"
    """A blank line after event or id without data: it dispatches nothing, resets the type and commits the id."""
    BLANK = "blank"
    """A blank line with no event before it."""
    UNKNOWN_FIELD = "unknown-field"
    """Ignored: the field name is none of the four (they are compared exactly; " data" and "Data" are unknown)."""
    ID_WITH_NUL = "id-with-nul"
    """Ignored: an id that holds NUL."""
    RETRY_NOT_DIGITS = "retry-not-digits"
    """Ignored: a retry that is not ASCII digits only, or is empty."""
    UNFINISHED_LINE = "unfinished-line"
    """The stream ended inside this line: it is discarded."""
    UNFINISHED_EVENT = "unfinished-event"
    """The stream ended before the blank line; `offset` is where the discarded event's first field begins."""


IGNORED = frozenset({LineKind.UNKNOWN_FIELD, LineKind.ID_WITH_NUL, LineKind.RETRY_NOT_DIGITS})


class Line(NamedTuple):
    """One line as it was on the wire.

    `offset` counts the bytes of the stream before it (a BOM counts), `raw` is the line without its line end. `in_event`
    says that an event, data or id field stood before it since the last blank line: such a comment is inside an event.
    """

    kind: LineKind
    offset: int
    raw: bytes
    in_event: bool

    @property
    def is_ignored(self) -> bool:
        """Whether the standard says to ignore this line although it is no comment."""
        return self.kind in IGNORED

    @property
    def has_ill_formed_utf8(self) -> bool:
        """Whether a decoder puts U+FFFD in the place of bytes of this line."""
        try:
            self.raw.decode("utf-8")
        except UnicodeDecodeError:
            return True
        return False

    @property
    def value(self) -> bytes:
        """The field's value, one leading space removed; of a comment, all that follows the colon."""
        value = self.raw.partition(b":")[2]
        return value if self.kind is LineKind.COMMENT else value.removeprefix(b" ")


class LineScanner:
    """Turns the bytes of one event stream into lines, however they are split; a CR ends its line at once."""

    __slots__ = ("_after_cr", "_at_start", "_event_offset", "_has_data", "_offset", "_tail")

    def __init__(self) -> None:
        self._tail = bytearray()
        self._offset = 0
        self._at_start = True
        self._after_cr = False
        self._event_offset: int | None = None
        self._has_data = False

    def feed(self, data: bytes) -> list[Line]:
        """Return the lines that `data` completes."""
        lines: list[Line] = []
        if not (self._at_start or self._after_cr or b"\n" in data or b"\r" in data):
            self._tail += data
            return lines
        buffer = bytes(self._tail) + data
        self._tail.clear()
        if self._at_start:
            if len(buffer) < len(BOM) and BOM.startswith(buffer):
                self._tail += buffer
                return lines
            self._at_start = False
            if buffer.startswith(BOM):
                lines.append(Line(LineKind.BOM, 0, BOM, False))
                buffer = buffer[len(BOM) :]
                self._offset = len(BOM)
        if self._after_cr and buffer:
            self._after_cr = False
            if buffer.startswith(b"\n"):
                buffer = buffer[1:]
                self._offset += 1
        start = 0
        for end in _LINE_END.finditer(buffer):
            lines.append(self._line(buffer[start : end.start()]))
            self._offset += end.end() - start
            start = end.end()
        self._after_cr = self._after_cr or (start == len(buffer) and buffer.endswith(b"\r"))
        self._tail += buffer[start:]
        return lines

    def close(self) -> list[Line]:
        """Return what the end of the stream discards: the unfinished line, then the unfinished event, if any."""
        lines = []
        in_event = self._event_offset is not None
        if self._tail:
            lines.append(Line(LineKind.UNFINISHED_LINE, self._offset, bytes(self._tail), in_event))
        if self._event_offset is not None:
            lines.append(Line(LineKind.UNFINISHED_EVENT, self._event_offset, b"", in_event))
        self._tail.clear()
        self._event_offset = None
        return lines

    def _line(self, raw: bytes) -> Line:
        in_event = self._event_offset is not None
        kind = _field_kind(raw) if raw else self._blank_kind()
        if kind in (LineKind.DATA, LineKind.EVENT, LineKind.ID) and not in_event:
            self._event_offset = self._offset
        if kind is LineKind.DATA:
            self._has_data = True
        return Line(kind, self._offset, raw, in_event)

    def _blank_kind(self) -> LineKind:
        kind = (
            LineKind.DISPATCH if self._has_data else LineKind.BLANK if self._event_offset is None else LineKind.NO_DATA
        )
        self._event_offset = None
        self._has_data = False
        return kind


def lines_of(stream: bytes) -> list[Line]:
    """Return every line of a whole stream, and what its end discards."""
    scanner = LineScanner()
    return scanner.feed(stream) + scanner.close()


def _field_kind(raw: bytes) -> LineKind:
    name, _, value = raw.partition(b":")
    value = value.removeprefix(b" ")
    match name:
        case b"":
            return LineKind.COMMENT
        case b"data":
            return LineKind.DATA
        case b"event":
            return LineKind.EVENT
        case b"id":
            return LineKind.ID_WITH_NUL if b"\0" in value else LineKind.ID
        case b"retry":
            return LineKind.RETRY if value.isdigit() else LineKind.RETRY_NOT_DIGITS
    return LineKind.UNKNOWN_FIELD
