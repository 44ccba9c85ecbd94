"""Events → bytes of an event stream (HTML 9.2.5), one small method per thing that can go wrong.

Rule: what is read back by HTML 9.2.6 is the item, with CRLF and CR in data as LF. What cannot be written has been
refused by `checks.py`.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from streamspec.control.script import Event

if TYPE_CHECKING:
    from streamspec.control.problem import Problem
    from streamspec.control.stream import Stream

# HTML 9.2.5: end-of-line = ( cr lf / cr / lf ). str.splitlines() knows eight more and would tear data apart.
END_OF_LINE = re.compile("\r\n|\r|\n")

RECONNECT_AFTER_MS = 1_000
"""Sent when a stream is cut short: sooner than a browser's own 3 s, later than a restart takes."""


class EventEncoder:
    """Writes events, comments and the events that end a stream."""

    def encode_event(self, event: Event) -> bytes:
        """An event with the blank line that dispatches it."""
        lines = b""
        if event.comment is not None:
            lines += self.encode_comment(event.comment)
        if event.event is not None:
            lines += self.encode_field("event", event.event)
        if event.id is not None:
            lines += self.encode_id(event.id)
        if event.retry is not None:
            lines += self.encode_retry(event.retry)
        data = event.text()
        if data is not None:
            lines += self.encode_data(data)
        return lines + b"\n"

    def encode_field(self, name: str, value: str) -> bytes:
        """One line. The space is sent always: a reader removes one, which may be the value's own."""
        return f"{name}: {value}\n".encode()

    def encode_data(self, text: str) -> bytes:
        """A data field per line; also for no text at all, because an event without data is not dispatched."""
        return b"".join(self.encode_field("data", line) for line in self.data_lines(text))

    def data_lines(self, text: str) -> list[str]:
        """The lines of data; as many as there are line ends, and one."""
        return END_OF_LINE.split(text)

    def encode_id(self, id_: str) -> bytes:
        """The last event ID that a client comes back with."""
        return self.encode_field("id", id_)

    def encode_retry(self, retry_ms: int) -> bytes:
        """The reconnection time. HTML 9.2.6: "If the field value consists of only ASCII digits"."""
        return self.encode_field("retry", str(retry_ms))

    def encode_comment(self, text: str) -> bytes:
        """A comment line per line, so that none becomes a field."""
        return b"".join(f": {line}\n".encode() for line in self.comment_lines(text))

    def comment_lines(self, text: str) -> list[str]:
        """The lines of a comment."""
        return END_OF_LINE.split(text)

    def keepalive_comment(self) -> bytes:
        """What is sent while there is nothing to send; the blank line ends an event that has no data: none."""
        return self.encode_comment("keep-alive") + b"\n"

    def terminal_event(self, stream: Stream) -> bytes:
        """The last event of a stream that completes."""
        return self.encode_event(Event(event="done", data=json.dumps({"count": stream.script.total})))

    def error_event(self, problem: Problem) -> bytes:
        """The last event of a stream whose producer failed."""
        return self.encode_event(Event(event="error", data=json.dumps(problem.members())))

    def retry_before_cut(self) -> bytes:
        """The last words of a stream that the server cuts: come back."""
        return self.encode_retry(RECONNECT_AFTER_MS) + b"\n"
