"""Frames of HTTP/2 in bytes of one direction (RFC 9113, section 4), as a reader of a recording wants them.

Nothing here keeps the state of a connection or says what is allowed: that is h2's. Frames are places in the bytes, and
the last may be cut short.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

from h2.errors import ErrorCodes
from hpack import Decoder, HPACKError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hpack import HeaderTuple

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""What a client sends first (RFC 9113, section 3.4)."""

HEADER_BYTES = 9
"""RFC 9113, section 4.1: "All frames begin with a fixed 9-octet header"."""

END_STREAM, ACK, END_HEADERS, PADDED, PRIORITY = 0x1, 0x1, 0x4, 0x8, 0x20
"""Flags: RFC 9113, sections 6.1, 6.2 and 6.5."""


class Kind(IntEnum):
    """The type of a frame (RFC 9113, section 6)."""

    DATA = 0
    HEADERS = 1
    PRIORITY = 2
    RST_STREAM = 3
    SETTINGS = 4
    PUSH_PROMISE = 5
    PING = 6
    GOAWAY = 7
    WINDOW_UPDATE = 8
    CONTINUATION = 9


class Frame(NamedTuple):
    """One frame; `start` is the place of its header, `length` what it says of its payload, and `end` what is there."""

    kind: int
    flags: int
    stream: int
    start: int
    length: int
    end: int

    @property
    def payload_start(self) -> int:
        """Where its payload begins."""
        return self.start + HEADER_BYTES

    @property
    def ends_stream(self) -> bool:
        """Whether nothing more of its stream comes in that direction."""
        return self.kind in {Kind.DATA, Kind.HEADERS} and bool(self.flags & END_STREAM)

    @property
    def is_padded(self) -> bool:
        """Whether padding stands behind its data or its field block, and how much before them."""
        return self.kind in {Kind.DATA, Kind.HEADERS} and bool(self.flags & PADDED)

    def content(self, data: bytes) -> tuple[int, int]:
        """From where to where its data or its field block reach: padding and priority left out."""
        start, end = self.payload_start, self.payload_start + self.length
        if self.is_padded and start < self.end:
            end -= data[start]
            start += 1
        if self.flags & PRIORITY and self.kind == Kind.HEADERS:
            start += 5
        start = min(start, self.end)
        return start, max(start, min(end, self.end))


def error_name(code: int) -> str:
    """The name of an error code (RFC 9113, section 7)."""
    try:
        return ErrorCodes(code).name
    except ValueError:
        return f"error {code}"


def frames(data: bytes) -> Iterator[Frame]:
    """The frames of one direction of a connection, from its first byte on."""
    at = len(PREFACE) if data.startswith(PREFACE) else 0
    while len(data) - at >= HEADER_BYTES:
        length = int.from_bytes(data[at : at + 3], "big")
        end = at + HEADER_BYTES + length
        stream = int.from_bytes(data[at + 5 : at + HEADER_BYTES], "big") & 0x7FFFFFFF
        yield Frame(data[at + 3], data[at + 4], stream, at, length, min(end, len(data)))
        at = end


class FieldBlocks:
    """Field sections out of the frames of one direction: each depends on those before it (RFC 7541)."""

    def __init__(self) -> None:
        self._decoder = Decoder()
        self._block = b""
        self._is_broken = False

    def take(self, frame: Frame, data: bytes) -> list[tuple[str, str]] | None:
        """The field lines that end with this frame; None where none do, or they cannot be read."""
        if frame.kind not in {Kind.HEADERS, Kind.CONTINUATION} or self._is_broken:
            return None
        start, end = frame.content(data)
        self._block += data[start:end]
        if not frame.flags & END_HEADERS:
            return None
        block, self._block = self._block, b""
        try:
            lines: list[HeaderTuple] = self._decoder.decode(block, raw=True)  # type: ignore[assignment] # unions
        except (HPACKError, IndexError):
            self._is_broken = True
            return None
        return [(bytes(name).decode("latin-1"), bytes(value).decode("latin-1")) for name, value, *_ in lines]
