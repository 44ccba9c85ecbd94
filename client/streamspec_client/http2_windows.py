"""The windows of an HTTP/2 client (RFC 9113, section 5.2): what is read of a stream is given back, or is withheld.

They are given back when all that came was looked at, since the server cannot know of it before.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from h2.exceptions import ProtocolError

if TYPE_CHECKING:
    from h2.connection import H2Connection


class Windows:
    """Those of one connection and of its streams, by stream id."""

    def __init__(self, h2: H2Connection) -> None:
        self._h2 = h2
        self._read: list[tuple[int, int]] = []
        """Streams, and the bytes just read of each."""
        self._withheld: dict[int, int] = {}
        """By stream, the bytes that were read of it and are not given back."""

    def read(self, stream: int, size: int) -> None:
        """So many bytes of a stream were read, padding included."""
        if size:
            self._read.append((stream, size))

    def withhold(self, stream: int) -> None:
        """Widen that stream's window no more, whatever is read of it."""
        self._withheld.setdefault(stream, 0)

    def grant(self, stream: int) -> None:
        """Give back all that was read of that stream, and from now on what is read."""
        if size := self._withheld.pop(stream, 0):
            with suppress(ProtocolError):  # where it is closed
                self._h2.increment_flow_control_window(size, stream)

    def give_back(self) -> None:
        """Widen windows by what was read since the last time."""
        read, self._read = self._read, []
        for stream, size in read:
            if stream in self._withheld:
                self._withheld[stream] += size
                self._h2.increment_flow_control_window(size)  # of the connection: other streams go on
            else:
                self._h2.acknowledge_received_data(size, stream)
