"""What a response is written to, whichever HTTP carries it, and what the two sides of it ask of each other.

Rule: no transport and no HTTP version here: those are `http1_connection.py` and `http2_stream.py`.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamspec.control.http1 import BadRequest, Request
    from streamspec.control.http2_stream import Http2Stream
    from streamspec.control.tcp import TcpConnection

# A send that makes no progress is looked at that often per time-out, so the time-out is late by a tenth at most.
LOOKS_PER_TIMEOUT = 10


class Disconnect(StrEnum):
    """How the client's leaving showed."""

    FIN = "fin"
    """End of file: close() and shutdown(SHUT_WR) put the same segment on the wire."""
    RST = "rst"
    """The connection is gone: nothing can be written any more."""
    RST_STREAM = "rst_stream"
    """On HTTP/2: this stream is gone, the connection lives on."""


class SendTimeout(Exception):
    """The client accepted no byte for the whole of the send time-out."""


class Connection(ABC):
    """A connection of HTTP/1.1, or one stream of HTTP/2; a request is under way from `on_request` to the end of it."""

    def __init__(self) -> None:
        self._writable: asyncio.Future[None] | None = None
        self.busy = False
        self.when_left: Callable[[Disconnect], None] | None = None
        """Called when the client leaves during the response, once for each way in which that shows."""

    @property
    @abstractmethod
    def carrier(self) -> TcpConnection:
        """The TCP connection that the response goes over."""

    @property
    @abstractmethod
    def fin_received(self) -> bool:
        """Whether the client has closed its side of the carrier."""

    @property
    @abstractmethod
    def paused(self) -> bool:
        """Whether bytes are waiting that the client does not take."""

    @property
    @abstractmethod
    def broken(self) -> bool:
        """Whether nothing more can be written."""

    @property
    @abstractmethod
    def waiting_bytes(self) -> int:
        """Bytes written that are not under way yet; one that stays the same is a client that takes nothing."""

    @abstractmethod
    def write(self, data: bytes | bytearray) -> None:
        """Sends as much at once as the client takes, and keeps the rest. Silent when broken."""

    @abstractmethod
    def response_complete(self, keep: bool) -> None:
        """The response is written whole; `keep` tells HTTP/1.1 whether another may follow."""

    @abstractmethod
    def close(self) -> None:
        """Ends the response where it stands, after what was written."""

    @abstractmethod
    def reset(self) -> None:
        """Ends the response where it stands; what was not sent is dropped."""

    @abstractmethod
    def refuse_rest(self) -> None:
        """The response is written whole, and the rest of the request will not be read."""

    async def drain(self, timeout_s: float) -> None:
        """Returns when every byte is under way; raises SendTimeout when none was taken for `timeout_s`."""
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

    def writable(self) -> None:
        """Lets `drain` look again."""
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)

    def left(self, how: Disconnect) -> None:
        """Tells who answers that the client has left."""
        if self.when_left is not None:
            self.when_left(how)

    def over(self) -> None:
        """No response is under way any more."""
        self.busy, self.when_left = False, None


class Answerer(Protocol):
    """Who answers the requests of all connections."""

    max_body_bytes: int

    def reads_ahead(self) -> bool:
        """Whether the connection goes on reading when a request waits behind a response."""

    def may_send(self, connection: Http2Stream) -> bool:
        """Whether it is the turn of a stream of HTTP/2 that has content to send, and a window for it."""

    def connected(self, connection: TcpConnection) -> None:
        """A client has connected."""

    def disconnected(self, connection: TcpConnection) -> None:
        """The socket is closed."""

    def on_request(self, connection: Connection, request: Request) -> None:
        """Answers, now or later; ends with one of the connection's closing methods or `response_complete`."""

    def on_bad_request(self, connection: Connection, error: BadRequest) -> None:
        """Answers what is no request; ends with `refuse_rest`."""
