"""Bytes with their arrival times → responses (sans-IO, over h11).

h11 decides the syntax; this keeps what it normally hides: chunk bounds, arrival times, what was wrong, what came after.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import h11

from streamspec_client.trace import NEVER_S, Chunk, Ending, Framing, Response

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_HEAD_BYTES = 1_048_576
"""Header sections and chunk-size lines may be this long: a limit of h11's default (16 KiB) would blame the server."""


@dataclass(slots=True)
class Reading:
    """A response while it is being read, over whatever version of HTTP."""

    status: int
    reason: str
    http_version: str
    fields: tuple[tuple[str, str], ...]
    head_at_s: float
    framing: Framing
    chunks: list[Chunk] = field(default_factory=list)
    partial: list[bytes] = field(default_factory=list)
    partial_at_s: float = NEVER_S
    size: int = 0
    ending: Ending = Ending.OPEN
    ended_at_s: float = NEVER_S
    error: str = ""

    def frozen(self) -> Response:
        """As far as it has been read."""
        chunks = self.chunks
        if self.partial:
            chunks = [*chunks, Chunk(self.partial_at_s, b"".join(self.partial))]
        return Response(
            self.status, self.reason, self.http_version, self.fields, self.head_at_s, self.framing, tuple(chunks),
            self.ending, self.ended_at_s, self.error,
        )  # fmt: skip


class ResponseReader:
    """Reads the responses of one connection, in order, to the requests that `expect` announced."""

    def __init__(self) -> None:
        self._requests: list[str] = []
        self._readings: list[Reading] = []
        self._parser = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES)
        self._broken = False
        self._after_error = b""
        self.heads = 0
        """Header sections read so far, interim (1xx) ones aside."""
        self.ended = 0
        """Responses that have ended, in whatever way."""

    def expect(self, method: str) -> None:
        """Announce a request: a response's content depends on its method (RFC 9112, section 6.3)."""
        self._requests.append(method)
        if len(self._requests) == self.ended + 1:
            self._start(method)

    @property
    def body_size(self) -> int:
        """Bytes of the latest response's body read so far."""
        return self._readings[-1].size if self._readings else 0

    @property
    def trailing(self) -> bytes:
        """Bytes behind the last message that belong to no response."""
        return self._after_error if self._broken else self._parser.trailing_data[0]

    def responses(self) -> tuple[Response, ...]:
        """The responses so far, the latest perhaps unfinished."""
        return tuple(reading.frozen() for reading in self._readings)

    def feed(self, data: bytes, at_s: float) -> None:
        """Take in bytes that arrived at that time."""
        if self._broken:
            self._after_error += data
            return
        self._parser.receive_data(data)
        self._advance(at_s)

    def end(self, *, reset: bool, at_s: float) -> None:
        """The peer has closed, or reset, its side."""
        if self._broken:
            return
        if not reset and self._parser.trailing_data[1] is False:
            self._parser.receive_data(b"")
            self._advance(at_s, at_end=True)
        elif reset and self._current is not None:
            self._finish(Ending.RESET, at_s)

    @property
    def _current(self) -> Reading | None:
        return self._readings[-1] if self._readings and self._readings[-1].ending is Ending.OPEN else None

    def _start(self, method: str) -> None:
        # The probe writes its own request bytes; h11 only has to know the method and that the request is complete.
        if self._parser.our_state is h11.DONE and self._parser.their_state is h11.DONE:
            self._parser.start_next_cycle()
        if self._parser.our_state is h11.IDLE:
            self._parser.send(h11.Request(method=method, target="/", headers=[("host", "probe")]))
            self._parser.send(h11.EndOfMessage())

    def _advance(self, at_s: float, *, at_end: bool = False) -> None:
        while True:
            try:
                event = self._parser.next_event()
            except h11.RemoteProtocolError as error:
                self._fail(str(error), at_s, at_end=at_end)
                return
            if event is h11.NEED_DATA or event is h11.PAUSED:
                return
            if isinstance(event, h11.Response):
                self._head(event, at_s)
            elif isinstance(event, h11.Data):
                self._data(event, at_s)
            elif isinstance(event, h11.EndOfMessage):
                self._finish(Ending.COMPLETE, at_s)
                if len(self._requests) == self.ended or self._parser.their_state is not h11.DONE:
                    return
                self._start(self._requests[self.ended])
            elif isinstance(event, h11.ConnectionClosed):
                return

    def _head(self, event: h11.Response, at_s: float) -> None:
        self.heads += 1
        # A response that no request asked for is evidence too; it is read as one to GET.
        method = self._requests[self.ended] if self.ended < len(self._requests) else "GET"
        self._readings.append(
            Reading(
                status=event.status_code,
                reason=bytes(event.reason).decode("latin-1"),
                http_version=event.http_version.decode("ascii"),
                fields=tuple(
                    (name.decode("latin-1"), value.decode("latin-1")) for name, value in event.headers.raw_items()
                ),
                head_at_s=at_s,
                framing=_framing(method, event.status_code, event.headers),
            )
        )

    def _data(self, event: h11.Data, at_s: float) -> None:
        reading = self._readings[-1]
        data = bytes(event.data)
        reading.size += len(data)
        reading.partial.append(data)
        reading.partial_at_s = at_s
        if reading.framing is not Framing.CHUNKED or event.chunk_end:
            reading.chunks.append(Chunk(at_s, b"".join(reading.partial)))
            reading.partial.clear()

    def _finish(self, ending: Ending, at_s: float, error: str = "") -> None:
        reading = self._readings[-1]
        reading.ending, reading.ended_at_s, reading.error = ending, at_s, error
        self.ended += 1

    def _fail(self, error: str, at_s: float, *, at_end: bool) -> None:
        """h11 gives up: at the end of the bytes the message was cut short, anywhere else it is malformed."""
        self._broken = True
        self._after_error = self._parser.trailing_data[0]
        if self._current is not None:
            self._finish(Ending.TRUNCATED if at_end else Ending.MALFORMED, at_s, "" if at_end else error)
        elif not at_end:
            self.heads += 1
            self._readings.append(Reading(0, "", "", (), at_s, Framing.NONE))
            self._finish(Ending.MALFORMED, at_s, error)


def _framing(method: str, status: int, headers: Iterable[tuple[bytes, bytes]]) -> Framing:
    """How the body's length is determined, by the order of rules in RFC 9112, section 6.3."""
    if method == "HEAD" or status < 200 or status in {204, 304}:
        return Framing.NONE
    values = dict(headers)
    if b"transfer-encoding" in values:
        return Framing.CHUNKED
    return Framing.CONTENT_LENGTH if b"content-length" in values else Framing.CLOSE
