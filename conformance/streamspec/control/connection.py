"""One TCP connection that serves HTTP/1.1: the only module here that touches a transport.

Rule: it never stops reading while a response is under way, so that FIN and RST are seen at once, also behind a
pipelined request; it writes what it is given at once, and tells who answers that the client left.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, cast

from streamspec.control.http1 import BadRequest, Request, RequestReader

if TYPE_CHECKING:
    from collections.abc import Callable

# What a client may send ahead of its turn: two requests of the largest size, so that a well-behaved one never meets it.
MAX_AHEAD_BYTES = 4 * 1_048_576
# RFC 9112 9.6: closing with unread data in the receive buffer resets the connection, and the reset destroys the
# response. So the write side closes first, and what still comes is discarded for that long.
LINGER_S = 2.0
# A send that makes no progress is looked at that often per time-out, so the time-out is late by a tenth at most.
LOOKS_PER_TIMEOUT = 10


class Disconnect(StrEnum):
    """How the client's leaving showed."""

    FIN = "fin"
    """End of file: close() and shutdown(SHUT_WR) put the same segment on the wire."""
    RST = "rst"
    """The connection is gone: nothing can be written any more."""


class SendTimeout(Exception):
    """The connection accepted no byte for the whole of the send time-out."""


class Answerer(Protocol):
    """Who answers the requests of a connection."""

    max_body_bytes: int

    def reads_ahead(self) -> bool:
        """Whether the connection goes on reading when a request waits behind a response."""

    def connected(self, connection: Connection) -> None:
        """A client has connected."""

    def disconnected(self, connection: Connection) -> None:
        """The socket is closed."""

    def on_request(self, connection: Connection, request: Request) -> None:
        """Answers, now or later; ends with one of the connection's closing methods or `response_complete`."""

    def on_bad_request(self, connection: Connection, error: BadRequest) -> None:
        """Answers what is no request; ends with `refuse_rest`."""


class Connection(asyncio.Protocol):
    """Takes requests one after the other; a request is under way from `on_request` to `response_complete`."""

    def __init__(self, answerer: Answerer) -> None:
        self._answerer = answerer
        self._reader = RequestReader(answerer.max_body_bytes)
        self._serving = False
        self._discarding = False
        self._writable: asyncio.Future[None] | None = None
        self._transport: asyncio.Transport
        self.busy = False
        self.paused = False
        self.fin_received = False
        self.lost = False
        self.when_left: Callable[[Disconnect], None] | None = None
        """Called when the client leaves during the response: with FIN, with RST, or with FIN and later RST."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Every byte the kernel does not take at once pauses whoever writes."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=0)
        self._answerer.connected(self)

    def data_received(self, data: bytes) -> None:
        """Serves the request that is whole now, or keeps what came for when its turn comes."""
        if self._discarding:
            return
        self._reader.feed(data)
        if not self.busy:
            self._serve()
        elif not self._answerer.reads_ahead():
            self._transport.pause_reading()
        elif self._reader.buffered > MAX_AHEAD_BYTES:
            self._left(Disconnect.RST)
            self.reset()

    def eof_received(self) -> bool:
        """Keeps the write side open: whether a FIN ends the response is the answerer's to say."""
        self.fin_received = True
        if self.busy:
            self._left(Disconnect.FIN)
        else:
            self._transport.close()
        return True

    def connection_lost(self, _exc: Exception | None) -> None:
        """The socket is closed, by the client's reset or by this end."""
        self.lost = True
        if self.busy:
            self._left(Disconnect.RST)
        self._answerer.disconnected(self)

    def pause_writing(self) -> None:
        """The kernel's send buffer is full."""
        self.paused = True

    def resume_writing(self) -> None:
        """The kernel has taken everything."""
        self.paused = False
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)

    @property
    def broken(self) -> bool:
        """Whether nothing more can be written."""
        return self.lost or self._transport.is_closing()

    @property
    def waiting_bytes(self) -> int:
        """Bytes written that the kernel has not taken yet."""
        return self._transport.get_write_buffer_size()

    def write(self, data: bytes | bytearray) -> None:
        """Hands the data to the kernel at once; the transport keeps what it does not take. Silent when lost."""
        if not self.broken:
            self._transport.write(data)

    async def drain(self, timeout_s: float) -> None:
        """Returns when the kernel has taken every byte; raises SendTimeout when it took none for `timeout_s`."""
        loop = asyncio.get_running_loop()
        waiting, progress_s = self.waiting_bytes, loop.time()
        while self.paused:
            self._writable = loop.create_future()
            await asyncio.wait([self._writable], timeout=timeout_s / LOOKS_PER_TIMEOUT)
            now_s, still_waiting = loop.time(), self.waiting_bytes
            if still_waiting != waiting:
                waiting, progress_s = still_waiting, now_s
            elif now_s - progress_s >= timeout_s:
                raise SendTimeout

    def response_complete(self, keep: bool) -> None:
        """The response is written: the next request is served, or the connection closes."""
        self.busy, self.when_left = False, None
        if not keep or self.fin_received:
            self._transport.close()
        elif not self._serving:
            self._transport.resume_reading()
            self._serve()

    def close(self) -> None:
        """Ends the response where it stands; FIN follows what was written."""
        self.busy, self.when_left = False, None
        self._transport.close()

    def reset(self) -> None:
        """Ends the connection with RST; what the kernel has not sent is dropped."""
        self.busy, self.when_left = False, None
        if not self.lost:
            own = cast("socket.socket", self._transport.get_extra_info("socket"))
            own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._transport.abort()

    def refuse_rest(self) -> None:
        """The response is written and nothing more will be read as a request: FIN, then discard for a while."""
        self.busy, self.when_left, self._discarding = False, None, True
        if self.fin_received or self.lost or self._transport.is_closing():
            self._transport.close()
        else:
            self._transport.write_eof()
            asyncio.get_running_loop().call_later(LINGER_S, self._transport.close)

    def _left(self, how: Disconnect) -> None:
        if self.when_left is not None:
            self.when_left(how)

    def _serve(self) -> None:
        # A loop, not a call from response_complete: thousands of pipelined requests must not nest.
        self._serving = True
        try:
            while not self.busy and not self._discarding and not self._transport.is_closing():
                request = self._reader.next_request()
                if request is None:
                    break
                self.busy = True
                self._answerer.on_request(self, request)
        except BadRequest as error:
            self.busy = True
            self._answerer.on_bad_request(self, error)
        finally:
            self._serving = False
