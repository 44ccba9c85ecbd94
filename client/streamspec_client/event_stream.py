"""Bytes of an event stream become events, exactly as WHATWG HTML 9.2.6 says, however the bytes are split.

Sans-IO: no socket, no clock, no dependency. One decoder serves one connection; the last event ID of one is given to
the next. What a decoder hides (comments, ignored lines, replaced bytes) is in `event_stream_lines`.

Fast where it can prove that it may be: of the complete events in a piece, the first one shows their fields; one regular
expression finds all events with just these fields, and the number of line ends proves that nothing else stood between
them. Whatever fails the proof goes line by line, as the standard reads.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import repeat
from typing import TYPE_CHECKING, NamedTuple

from streamspec_client.event_stream_lines import BOM, Line, LineScanner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

DEFAULT_MAX_EVENT_BYTES = 64 * 1024 * 1024

MAX_RETRY_MS = 2**53 - 1
"""A longer `retry` is read as this: the largest integer that a decoder in JavaScript reports exactly, too."""


class Event(NamedTuple):
    """One dispatched event: the three values that a browser's MessageEvent would carry."""

    type: str
    data: str
    last_event_id: str


class EventTooLarge(Exception):
    """One event, or one line, is longer than the decoder may hold; the rest of the stream cannot be decoded."""

    def __init__(self, max_event_bytes: int) -> None:
        super().__init__(max_event_bytes)
        self.max_event_bytes = max_event_bytes

    def __str__(self) -> str:
        return (
            f"one event or line is longer than max_event_bytes ({self.max_event_bytes}): "
            "give the decoder a larger max_event_bytes, or close the connection"
        )


class EventStreamDecoder:
    """Turns the bytes of one event stream into events; see `feed`.

    `last_event_id` is where the connection before this one stopped. By the letter the last event ID buffer of each
    stream starts empty, which would forget the ID at the first event without one; browsers carry it over, as we do.

    `max_event_bytes` bounds the memory: the data lines of one event with the line being read. `observer` is called with
    every line; the decoder does the same with or without one.
    """

    __slots__ = (
        "_after_cr",
        "_at_start",
        "_closed",
        "_committed_id",
        "_data",
        "_held",
        "_id",
        "_max_event_bytes",
        "_observer",
        "_retry_ms",
        "_scanner",
        "_shape",
        "_tail",
        "_too_large",
        "_type",
    )

    def __init__(
        self,
        last_event_id: str = "",
        *,
        max_event_bytes: int = DEFAULT_MAX_EVENT_BYTES,
        observer: Callable[[Line], object] | None = None,
    ) -> None:
        self._committed_id = last_event_id
        self._retry_ms: int | None = None
        self._id = last_event_id
        self._type = ""
        self._data: list[str] = []
        self._held = 0
        self._tail = bytearray()
        self._at_start = True
        self._after_cr = False
        self._closed = False
        self._shape = _shape(("data",))
        self._max_event_bytes = max_event_bytes
        self._too_large: EventTooLarge | None = None
        self._observer = observer
        self._scanner = LineScanner() if observer else None

    @property
    def last_event_id(self) -> str:
        """The ID to reconnect with: that of the last blank line, not one in an unfinished event."""
        return self._committed_id

    @property
    def retry_ms(self) -> int | None:
        """The last valid `retry` in milliseconds, at most MAX_RETRY_MS; None before the first."""
        return self._retry_ms

    def feed(self, data: bytes | bytearray | memoryview) -> list[Event]:
        """Return the events that `data` completes, in order; each comes with the very byte that ends it.

        Never raises for what the bytes say: ill-formed UTF-8 becomes U+FFFD, unknown fields are ignored. Raises
        `EventTooLarge` beyond max_event_bytes: events that were complete before are returned first, and the next call
        raises. Raises `ValueError` after `close`.
        """
        if type(data) is not bytes:
            data = bytes(memoryview(data))
        if self._closed or self._too_large is not None:
            raise self._refusal()
        if self._scanner is not None:
            self._observe(self._scanner.feed(data))
        if self._at_start or self._after_cr or b"\r" in data:
            data = self._with_lf(data)
        if self._held + len(self._tail) + len(data) > self._max_event_bytes:
            return self._within_limit(data)
        return self._whole_lines(data)

    def close(self) -> None:
        """Drop the unfinished event, as the connection has ended; `last_event_id` and `retry_ms` stay readable.

        "Once the end of the file is reached, any pending data must be discarded." Raises `EventTooLarge` where `feed`
        had yet to raise it: the stream had more than was decoded.
        """
        if self._closed:
            return
        self._closed = True
        self._tail.clear()
        self._data.clear()
        if self._scanner is not None:
            self._observe(self._scanner.close())
        if self._too_large is not None:
            raise self._too_large

    def _refusal(self) -> Exception:
        if self._too_large is None or self._closed:
            return ValueError("this decoder is closed: a new connection needs a new EventStreamDecoder")
        self._closed = True
        return self._too_large

    def _observe(self, lines: list[Line]) -> None:
        if self._observer is not None:
            for line in lines:
                self._observer(line)

    def _with_lf(self, data: bytes) -> bytes:
        """Strip the one BOM and turn each line end into LF; a CR at the end of `data` ends its line now."""
        if self._at_start:
            data = bytes(self._tail) + data
            self._tail.clear()
            if len(data) < len(BOM) and BOM.startswith(data):
                self._tail += data
                return b""
            self._at_start = False
            data = data.removeprefix(BOM)
        if self._after_cr and data:
            self._after_cr = False
            data = data.removeprefix(b"\n")
        if b"\r" in data:
            self._after_cr = data.endswith(b"\r")
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return data

    def _within_limit(self, data: bytes) -> list[Event]:
        """Take in `data`, which may be too much for one event, in pieces that are not."""
        events: list[Event] = []
        start = 0
        while start < len(data):
            room = self._max_event_bytes - self._held - len(self._tail)
            if room <= 0 and not data.startswith(b"\n", start):
                self._tail.clear()
                self._data.clear()
                self._too_large = EventTooLarge(self._max_event_bytes)
                if not events:
                    raise self._refusal()
                return events
            end = start + max(room, 1)
            events += self._whole_lines(data[start:end])
            start = end
        return events

    def _whole_lines(self, data: bytes) -> list[Event]:
        """Put the unfinished line before `data` and keep the next one back."""
        end = data.rfind(b"\n") + 1
        if not end:
            self._tail += data
            return []
        lines = data if end == len(data) else data[:end]
        if self._tail:
            lines = bytes(self._tail + lines)
            self._tail.clear()
        if end != len(data):
            self._tail += data[end:]
        return self._complete_lines(lines)

    def _complete_lines(self, lines: bytes) -> list[Event]:
        """Take in lines that each end with LF: the end of a begun event, whole events, the begin of one."""
        events: list[Event] = []
        if self._data or self._type or self._id is not self._committed_id:
            blank = 0 if lines.startswith(b"\n") else lines.find(b"\n\n") + 1
            if not blank and not lines.startswith(b"\n"):
                self._fields(lines[:-1], events)
                return events
            if blank:
                self._fields(lines[: blank - 1], events)
            self._dispatch(events)
            lines = lines[blank + 1 :]
        end = lines.rfind(b"\n\n") + 2
        if end >= 2:
            blocks, lines = lines[:end], lines[end:]
            same = self._events_of_same_shape(blocks.decode("utf-8", "replace"))
            if same is not None:
                events += same
            else:
                for block in blocks[:-2].split(b"\n\n"):
                    self._fields(block, events)
                    self._dispatch(events)
        if lines:
            self._fields(lines[:-1], events)
        return events

    def _events_of_same_shape(self, blocks: str) -> list[Event] | None:
        """Return the events of blocks that have the same fields, one line each; None where that is not proven."""
        if not self._shape.pattern.match(blocks):
            shape = _shape_of_first(blocks)
            if shape is None:
                return None
            self._shape = shape
        shape = self._shape
        values = shape.pattern.findall(blocks)
        # Each match ends at a blank line and begins a line. If no line end is outside of the matches, nothing is.
        if blocks.count("\n") != len(values) * (len(shape.fields) + 1):
            return None
        types: Iterable[str] = repeat("message")
        ids: Iterable[str] = repeat(self._id)
        if shape.fields == ("data",):
            data: Iterable[str] = values
        else:
            columns = dict(zip(shape.fields, zip(*values, strict=True), strict=True))
            data = columns["data"]
            if "event" in columns:
                types = (
                    columns["event"] if all(columns["event"]) else [value or "message" for value in columns["event"]]
                )
            if "id" in columns:
                if "\0" in blocks:
                    return None
                ids = columns["id"]
                self._id = columns["id"][-1]
        self._committed_id = self._id
        # Event(...) calls a Python function for each event, twice the cost of tuple.__new__.
        return list(map(_new_event, repeat(Event), zip(types, data, ids, strict=False)))

    def _fields(self, lines: bytes, events: list[Event]) -> None:
        """Take in complete lines, LF between them."""
        if lines.startswith(b"data: ") and lines.count(b"\n") == lines.count(b"\ndata: "):
            self._data.append(lines[6:].replace(b"\ndata: ", b"\n").decode("utf-8", "replace"))
            self._held += len(lines) + 1
            return
        for line in lines.split(b"\n"):
            if line:
                self._field(line)
            else:
                self._dispatch(events)

    def _field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value.decode("utf-8", "replace"))
            self._held += len(line) + 1
        elif name == b"event":
            self._type = value.decode("utf-8", "replace")
        elif name == b"id":
            if b"\0" not in value:
                self._id = value.decode("utf-8", "replace")
        elif name == b"retry" and value.isdigit():
            self._retry_ms = min(int(value.lstrip(b"0")[:17] or b"0"), MAX_RETRY_MS)

    def _dispatch(self, events: list[Event]) -> None:
        self._committed_id = self._id
        if self._data:
            events.append(Event(self._type or "message", "\n".join(self._data), self._id))
            self._data.clear()
            self._held = 0
        self._type = ""


class _Shape(NamedTuple):
    """The fields of an event, in their order, and the pattern of an event with one line of each."""

    fields: tuple[str, ...]
    pattern: re.Pattern[str]


@lru_cache
def _shape(fields: tuple[str, ...]) -> _Shape:
    return _Shape(fields, re.compile("(?m)^" + "".join(rf"{field}: ?(.*)\n" for field in fields) + r"\n"))


_FIRST_EVENT = re.compile(r"(event|id|data):.*\n(?:(event|id|data):.*\n)?(?:(event|id|data):.*\n)?\n")


def _shape_of_first(blocks: str) -> _Shape | None:
    first = _FIRST_EVENT.match(blocks)
    if first is None:
        return None
    fields = tuple(field for field in first.groups() if field)
    return _shape(fields) if "data" in fields and len(set(fields)) == len(fields) else None


_new_event: Callable[[type[Event], tuple[str, str, str]], Event] = tuple.__new__
