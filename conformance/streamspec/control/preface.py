"""Which HTTP a client speaks, by its first bytes: HTTP/2 with prior knowledge or HTTP/1.x, on one port.

Rule: nothing is answered here; whoever serves the connection gets every byte that follows the preface.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamspec.control.http1_connection import Http1Connection
from streamspec.control.http2_connection import PREFACE, Http2Connection
from streamspec.control.tcp import TcpConnection

if TYPE_CHECKING:
    from streamspec.control.connection import Answerer


class Newcomer(TcpConnection):
    """A connection that has not shown which HTTP it is to be."""

    def __init__(self, answerer: Answerer) -> None:
        super().__init__(answerer)
        self._received = b""

    def data_received(self, data: bytes) -> None:
        """Waits only while what came may still become the preface, which no request of HTTP/1.x begins with."""
        self._received += data
        if self._received.startswith(PREFACE):
            self._go_on_as(Http2Connection(self._answerer))
        elif not PREFACE.startswith(self._received):
            self._go_on_as(Http1Connection(self._answerer))

    def eof_received(self) -> bool:
        """A client that leaves without a request gets no answer."""
        self._transport.close()
        return True

    def _go_on_as(self, connection: TcpConnection) -> None:
        self._transport.set_protocol(connection)
        connection.connection_made(self._transport)
        self._answerer.disconnected(self)  # last: the server must not see none connected
        connection.data_received(self._received.removeprefix(PREFACE))
