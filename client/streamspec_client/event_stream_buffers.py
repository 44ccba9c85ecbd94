"""What each line of an event stream does: the buffers of WHATWG HTML 9.2.6, and the events that blank lines dispatch.

Lines come whole, without their line end, as bytes: where they begin and end is for `event_stream` to say.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from streamspec_client.event import Event
from streamspec_client.event_stream_shape import new_event

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_RETRY_MS = 2**53 - 1
"""A longer `retry` is read as this: the largest integer that a decoder in JavaScript reports exactly, too."""

_LF = 0x0A

# A possessive "++" or "?+" gives nothing back, so that bytes that do not match are found out at once.
_one_event = re.compile(rb"(?:event: ?+(.*+)\n)?+(?:id: ?+([^\n\0]*+)\n)?+data: ?+(.*+)\n\n").fullmatch


class EventBuffers:
    """The data buffer, the event type buffer and the last event ID buffer, with what outlives an event."""

    __slots__ = ("data", "held_bytes", "id", "last_event_id", "retry_ms", "type")

    def __init__(self, last_event_id: str) -> None:
        self.data: list[str] = []
        self.type = ""
        self.id = last_event_id
        self.last_event_id = last_event_id
        self.retry_ms: int | None = None
        # The lines that `data` came from, one byte for each line end.
        self.held_bytes = 0

    def in_event(self) -> bool:
        """Whether a field since the last blank line waits for the next one."""
        return bool(self.data or self.type) or self.id is not self.last_event_id

    def process(self, lines: Iterable[bytes], events: list[Event]) -> None:
        """Process lines one by one; append the events that they dispatch."""
        for line in lines:
            if line.startswith(b"data: "):
                self.data.append(line[6:].decode("utf-8", "replace"))
                self.held_bytes += len(line) + 1
            elif line:
                self._process_field(line)
            else:
                self.dispatch(events)

    def process_block(self, lines: bytes, events: list[Event]) -> None:
        """Process lines, LF between them."""
        if not self.process_data_lines(lines):
            self.process(lines.split(b"\n"), events)

    def process_data_lines(self, lines: bytes) -> bool:
        """Process lines, LF between them, if all of them begin with "data: "; else leave them."""
        if not lines.startswith(b"data: "):
            return False
        values = lines[6:].replace(b"\ndata: ", b"\n")
        # Each line end in `values` must be one that lost the 6 characters after it.
        if _LF in values and values.count(b"\n") * 6 != len(lines) - 6 - len(values):
            return False
        self.data.append(values.decode("utf-8", "replace"))
        self.held_bytes += len(lines) + 1
        return True

    def process_one_event(self, block: bytes) -> Event | None:
        """Return the event of a block with one line of each field in the usual order; leave any other block."""
        one = _one_event(block)
        if one is None:
            return None
        event_type, event_id, data = one.groups()
        if event_id is not None:
            self.id = self.last_event_id = event_id.decode("utf-8", "replace")
        name = event_type.decode("utf-8", "replace") if event_type else "message"
        return new_event(Event, (name, data.decode("utf-8", "replace"), self.id))

    def dispatch(self, events: list[Event]) -> None:
        """Do what a blank line says: commit the ID; append the event, if it has data; empty the buffers."""
        self.last_event_id = self.id
        if self.data:
            data = self.data[0] if len(self.data) == 1 else "\n".join(self.data)
            events.append(new_event(Event, (self.type or "message", data, self.id)))
            self.data.clear()
            self.held_bytes = 0
        self.type = ""

    def _process_field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if value.startswith(b" "):
            value = value[1:]
        if name == b"event":
            self.type = value.decode("utf-8", "replace")
        elif name == b"data":
            self.data.append(value.decode("utf-8", "replace"))
            self.held_bytes += len(line) + 1
        elif name == b"id":
            if b"\0" not in value:
                self.id = value.decode("utf-8", "replace")
        elif name == b"retry" and value.isdigit():
            self.retry_ms = min(int(value.lstrip(b"0")[:17] or b"0"), MAX_RETRY_MS)
