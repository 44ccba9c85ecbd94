"""Bytes of an event stream become events, exactly as WHATWG HTML 9.2.6 says, however the bytes are split.

Sans-IO: no socket, no clock, no dependency. One decoder serves one connection; the last event ID of one is given to
the next. What a decoder hides (comments, ignored lines, replaced bytes) is in `event_stream_lines`; what decodes many
events at once, in `event_stream_shape`. Whatever that cannot prove goes line by line here, as the standard reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamspec_client.event import Event, EventTooLarge
from streamspec_client.event_stream_lines import BOM, Line, LineScanner
from streamspec_client.event_stream_shape import events_of_same_shape, new_event

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DEFAULT_MAX_EVENT_BYTES", "MAX_RETRY_MS", "Event", "EventStreamDecoder", "EventTooLarge"]

DEFAULT_MAX_EVENT_BYTES = 64 * 1024 * 1024

MAX_RETRY_MS = 2**53 - 1
"""A longer `retry` is read as this: the largest integer that a decoder in JavaScript reports exactly, too."""

_LF = 0x0A
_CR = 0x0D

# Line by line, an event of two lines takes 1 µs; to find out the shape of many takes 2 µs.
_WORTH_A_PROOF = 200


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
        "_between_events",
        "_closed",
        "_committed_id",
        "_data",
        "_held",
        "_id",
        "_max_event_bytes",
        "_observer",
        "_retry_ms",
        "_scanner",
        "_settled",
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
        self._between_events = False
        # False while a piece needs more than a look for CR: at the start, after a CR, observed, closed.
        self._settled = False
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

    def feed(self, data: bytes | bytearray) -> list[Event]:
        """Return the events that `data` completes, in order; each comes with the very byte that ends it.

        Never raises for what the bytes say: ill-formed UTF-8 becomes U+FFFD, unknown fields are ignored. Raises
        `EventTooLarge` beyond max_event_bytes: events that were complete before are returned first, and the next call
        raises. Raises `ValueError` after `close`.
        """
        if not self._settled or _CR in data:
            data = self._prepared(data)
        line_end = data.find(b"\n")
        if (
            self._between_events
            and line_end == len(data) - 2
            and data[-1] == _LF
            and data.startswith(b"data: ")
            and line_end <= self._max_event_bytes
        ):
            # One event in one line and nothing else, as many servers send it: 0.5 µs, and 1.5 µs on the way below.
            return [new_event(Event, ("message", data[6:line_end].decode("utf-8", "replace"), self._id))]
        if self._held + len(self._tail) + len(data) > self._max_event_bytes:
            events = self._within_limit(data)
        else:
            events = self._whole_lines(data)
        self._between_events = not (self._tail or self._is_in_event())
        return events

    def close(self) -> None:
        """Drop the unfinished event, as the connection has ended; `last_event_id` and `retry_ms` stay readable.

        "Once the end of the file is reached, any pending data must be discarded." Raises `EventTooLarge` where `feed`
        had yet to raise it: the stream had more than was decoded.
        """
        if self._closed:
            return
        self._closed = True
        self._settled = False
        self._tail.clear()
        self._data.clear()
        if self._scanner is not None:
            self._observe(self._scanner.close())
        if self._too_large is not None:
            raise self._too_large

    def _prepared(self, data: bytes | bytearray) -> bytes | bytearray:
        """Refuse `data` after the end, show it to the observer, strip the one BOM, turn each line end into LF."""
        if self._closed or self._too_large is not None:
            raise self._refusal()
        if self._scanner is not None:
            self._observe(self._scanner.feed(data))
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
        if _CR in data:
            # A CR at the end of `data` ends its line now; an LF that comes next belongs to it.
            self._after_cr = data[-1] == _CR
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        self._settled = not self._after_cr and self._scanner is None
        return data

    def _refusal(self) -> Exception:
        if self._too_large is None or self._closed:
            return ValueError("this decoder is closed: a new connection needs a new EventStreamDecoder")
        self._closed = True
        return self._too_large

    def _observe(self, lines: list[Line]) -> None:
        if self._observer is not None:
            for line in lines:
                self._observer(line)

    def _within_limit(self, data: bytes | bytearray) -> list[Event]:
        """Take in `data`, which may be too much for one event, in pieces that are not."""
        events: list[Event] = []
        start = 0
        while start < len(data):
            room = self._max_event_bytes - self._held - len(self._tail)
            if room <= 0 and not data.startswith(b"\n", start):
                self._tail.clear()
                self._data.clear()
                self._too_large = EventTooLarge(self._max_event_bytes)
                self._settled = False
                if not events:
                    raise self._refusal()
                return events
            end = start + max(room, 1)
            events += self._whole_lines(data[start:end])
            start = end
        return events

    def _whole_lines(self, data: bytes | bytearray) -> list[Event]:
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

    def _complete_lines(self, lines: bytes | bytearray) -> list[Event]:
        """Take in lines that each end with LF: the end of a begun event, whole events, the begin of one."""
        events: list[Event] = []
        if self._is_in_event():
            if lines[0] != _LF:
                if self._data_lines(lines[:-1]):
                    return events
                end = lines.find(b"\n\n")
                self._lines(lines[:end], events)
                if end < 0:
                    return events
                lines = lines[end + 1 :]
            self._dispatch(events)
            lines = lines[1:]
        end = lines.rfind(b"\n\n") + 2
        if end >= 2:
            self._blocks(lines[:end], events)
            lines = lines[end:]
        if lines:
            self._lines(lines[:-1], events)
        return events

    def _blocks(self, blocks: bytes | bytearray, events: list[Event]) -> None:
        """Take in whole events, or blank lines: all at once if they are alike, else one by one."""
        if len(blocks) > _WORTH_A_PROOF:
            alike = events_of_same_shape(blocks, self._id)
            if alike is not None:
                self._id = self._committed_id = alike[-1].last_event_id
                events += alike
                return
        for block in blocks[:-2].split(b"\n\n"):
            if block.startswith(b"data: ") and _LF not in block:
                events.append(new_event(Event, ("message", block[6:].decode("utf-8", "replace"), self._id)))
            else:
                self._lines(block, events)
                self._dispatch(events)

    def _data_lines(self, lines: bytes | bytearray) -> bool:
        """Process lines if all of them begin with "data: "; else leave them."""
        if not lines.startswith(b"data: "):
            return False
        values = lines[6:].replace(b"\ndata: ", b"\n")
        # Each line end in `values` must be one that lost the 6 characters after it.
        if _LF in values and values.count(b"\n") * 6 != len(lines) - 6 - len(values):
            return False
        self._data.append(values.decode("utf-8", "replace"))
        self._held += len(lines) + 1
        return True

    def _lines(self, lines: bytes | bytearray, events: list[Event]) -> None:
        """Process lines, LF between them."""
        if self._data_lines(lines):
            return
        for line in lines.split(b"\n"):
            name, _, value = line.partition(b":")
            if value[:1] == b" ":
                value = value[1:]
            if name == b"data":
                self._data.append(value.decode("utf-8", "replace"))
                self._held += len(line) + 1
            elif name == b"event":
                self._type = value.decode("utf-8", "replace")
            elif name == b"id":
                if b"\0" not in value:
                    self._id = value.decode("utf-8", "replace")
            elif name == b"retry":
                if value.isdigit():
                    self._retry_ms = min(int(value.lstrip(b"0")[:17] or b"0"), MAX_RETRY_MS)
            elif not line:
                self._dispatch(events)

    def _dispatch(self, events: list[Event]) -> None:
        self._committed_id = self._id
        if self._data:
            data = self._data[0] if len(self._data) == 1 else "\n".join(self._data)
            events.append(new_event(Event, (self._type or "message", data, self._id)))
            self._data.clear()
            self._held = 0
        self._type = ""

    def _is_in_event(self) -> bool:
        return bool(self._data or self._type) or self._id is not self._committed_id
