"""What a stream that did not end well raises: data first, then what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_SHOWN_BYTES = 200


class StreamError(Exception):
    """The stream did not come to its end; see the two below."""


class Refused(StreamError):
    """The server answered, finally, with something that is no such stream."""

    def __init__(self, reason: str, status: int, fields: Sequence[tuple[str, str]], body: bytes) -> None:
        super().__init__(reason, status, fields, body)
        self.reason = reason
        self.status = status
        self.fields = list(fields)
        """The header section, in order."""
        self.body = body
        """The first bytes of the body."""

    def __str__(self) -> str:
        said = self.body[:_SHOWN_BYTES].decode("utf-8", "replace").strip()
        return f"the server refused the stream: {self.reason}" + (f": {said}" if said else "")


class Incomplete(StreamError):
    """The stream broke off, or ended where its end could not be told from a break; `__cause__` is the last error."""

    def __init__(self, reason: str, last_event_id: str = "") -> None:
        super().__init__(reason, last_event_id)
        self.reason = reason
        self.last_event_id = last_event_id

    def __str__(self) -> str:
        resumable = f"; ask again with last_event_id={self.last_event_id!r}" if self.last_event_id else ""
        return f"the stream is incomplete: {self.reason}{resumable}"
