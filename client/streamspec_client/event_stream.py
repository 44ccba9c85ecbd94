"""Bytes of an event stream become events, exactly as WHATWG HTML 9.2.6 says, however the bytes are split.

Sans-IO: no socket, no clock, no dependency. One decoder serves one connection; the last event ID of one is given to the next.
What a tolerant decoder hides (comments, ignored lines, replaced bytes) is in `event_stream_lines`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from streamspec_client.event_stream_lines import BOM, Line, LineScanner

DEFAULT_MAX_EVENT_BYTES = 64 * 1024 * 1024

# The largest integer that a double holds exactly: a decoder in JavaScript can report the same number.
MAX_RETRY_MS = 2**53 - 1


class Event(NamedTuple):
    """One dispatched event: the three values that a browser's MessageEvent would carry."""

    type: str
    data: str
    last_event_id: str


class EventTooLarge(Exception):
    """The data of one event, or one line, is longer than the decoder may hold; nothing more can be decoded."""

    def __init__(self, max_event_bytes: int) -> None:
        super().__init__(max_event_bytes)
        self.max_event_bytes = max_event_bytes

    def __str__(self) -> str:
        return (
            f"one event holds more than {self.max_event_bytes} bytes: "
            "give the decoder a larger max_event_bytes, or close the connection"
        )


class EventStreamDecoder:
    """Turns the bytes of one event stream into events; see `feed`.

    `last_event_id` is the last event ID of the connection before this one. The standard starts each stream with an empty
    last event ID buffer, which would forget it at the first event without an id; every browser carries it over.

    `max_event_bytes` bounds the memory: `EventTooLarge` is raised when the data lines of one event, or any one line, exceed
    it. `observer` is called with every line, in order, and the decoder does the same with or without it.
    """

    __slots__ = (
        "_after_cr",
        "_at_start",
        "_closed",
        "_data",
        "_held",
        "_id",
        "_max_event_bytes",
        "_observer",
        "_scanner",
        "_tail",
        "_too_large",
        "_type",
        "last_event_id",
        "retry_ms",
    )

    def __init__(
        self,
        last_event_id: str = "",
        *,
        max_event_bytes: int = DEFAULT_MAX_EVENT_BYTES,
        observer: Callable[[Line], object] | None = None,
    ) -> None:
        self.last_event_id = last_event_id
        self.retry_ms: int | None = None
        self._id = last_event_id
        self._type = ""
        self._data: list[str] = []
        self._held = 0
        self._tail = bytearray()
        self._at_start = True
        self._after_cr = False
        self._max_event_bytes = max_event_bytes
        self._too_large: EventTooLarge | None = None
        self._closed = False
        self._observer = observer
        self._scanner = LineScanner() if observer else None

    def feed(self, data: bytes) -> list[Event]:
        """Return the events that `data` completes, in order; each comes with the very byte that ends it.

        Never raises for what the bytes say: ill-formed UTF-8 becomes U+FFFD, unknown fields are ignored. Raises
        `EventTooLarge` beyond max_event_bytes; events that were complete before it are returned first, and the error is
        raised by the next call. Raises `ValueError` after `close`.
        """
        if self._closed:
            raise ValueError("this decoder is closed: a new connection needs a new EventStreamDecoder")
        if self._too_large is not None:
            raise self._too_large
        if self._scanner is not None and self._observer is not None:
            for line in self._scanner.feed(data):
                self._observer(line)
        events: list[Event] = []
        try:
            self._lines(self._normalised(bytes(data)), events)
        except EventTooLarge as error:
            self._too_large = error
            if not events:
                raise
        return events

    def close(self) -> None:
        """Drop the unfinished event: the connection has ended. `last_event_id` and `retry_ms` stay readable.

        "Once the end of the file is reached, any pending data must be discarded."
        """
        if self._closed:
            return
        self._closed = True
        self._tail.clear()
        self._data.clear()
        if self._scanner is not None and self._observer is not None:
            for line in self._scanner.close():
                self._observer(line)

    def _normalised(self, data: bytes) -> bytes:
        """Strip the one BOM and turn each line end into LF; a CR at the end of `data` ends its line now."""
        if self._at_start and data:
            start = bytes(self._tail) + data
            if len(start) < len(BOM) and BOM.startswith(start):
                self._tail[:] = start
                return b""
            self._at_start = False
            self._tail.clear()
            data = start.removeprefix(BOM)
        if self._after_cr and data:
            self._after_cr = False
            data = data.removeprefix(b"\n")
        if b"\r" in data:
            self._after_cr = data.endswith(b"\r")
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return data

    def _lines(self, data: bytes, events: list[Event]) -> None:
        first, *others = data.split(b"\n")
        self._extend_tail(first)
        for other in others:
            self._line(bytes(self._tail), events)
            self._tail.clear()
            self._extend_tail(other)

    def _extend_tail(self, data: bytes) -> None:
        if self._held + len(self._tail) + len(data) > self._max_event_bytes:
            raise EventTooLarge(self._max_event_bytes)
        self._tail += data

    def _line(self, line: bytes, events: list[Event]) -> None:
        if not line:
            self._dispatch(events)
            return
        name, _, raw = line.partition(b":")
        value = raw.removeprefix(b" ").decode("utf-8", "replace")
        if name == b"data":
            self._data.append(value)
            self._held += len(line)
        elif name == b"event":
            self._type = value
        elif name == b"id":
            if "\0" not in value:
                self._id = value
        elif name == b"retry" and value.isascii() and value.isdigit():
            digits = value.lstrip("0") or "0"
            self.retry_ms = min(int(digits[:17]), MAX_RETRY_MS)

    def _dispatch(self, events: list[Event]) -> None:
        self.last_event_id = self._id
        if self._data:
            events.append(Event(self._type or "message", "\n".join(self._data), self._id))
            self._data.clear()
            self._held = 0
        self._type = ""
