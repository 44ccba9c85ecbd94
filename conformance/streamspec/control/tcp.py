"""One TCP connection, of whatever HTTP: the only module here that touches a socket or closes a transport.

Rule: reading never stops for a response that is under way, so FIN and RST are seen at once; a byte that the kernel
does not take at once pauses whoever writes.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from streamspec.control.connection import Answerer

# RFC 9112 9.6: closing with unread data in the receive buffer resets the connection, and the reset destroys the
# response. So the write side closes first, and what still comes is discarded for that long.
LINGER_S = 2.0
# What a client may make the server keep for it: two requests of the largest size sent ahead of their turn, so that a
# well-behaved one never meets it.
MAX_KEPT_BYTES = 4 * 1_048_576


class TcpConnection(asyncio.Protocol):
    """The transport and how it ends; subclasses say what is read."""

    def __init__(self, answerer: Answerer) -> None:
        self._answerer = answerer
        self._transport: asyncio.Transport
        self._full = False
        self._discarding = False
        self._fin_received = False
        self.lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Every byte the kernel does not take at once pauses whoever writes."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=0)
        self._answerer.connected(self)

    def connection_lost(self, _exc: Exception | None) -> None:
        """The socket is closed, by the client's reset or by this end."""
        self.lost = True
        self._answerer.disconnected(self)

    def pause_writing(self) -> None:
        """The kernel's send buffer is full."""
        self._full = True

    def resume_writing(self) -> None:
        """The kernel has taken everything."""
        self._full = False

    @property
    def fin_received(self) -> bool:
        """Whether the client has closed its side."""
        return self._fin_received

    @property
    def paused(self) -> bool:
        """Whether bytes wait for the kernel to take them."""
        return self._full

    @property
    def broken(self) -> bool:
        """Whether nothing more can be written."""
        return self.lost or self._transport.is_closing()

    @property
    def waiting_bytes(self) -> int:
        """Bytes written that the kernel has not taken yet."""
        return self._transport.get_write_buffer_size()

    def write(self, data: bytes | bytearray) -> None:
        """Hands the data to the kernel at once; the transport keeps what it does not take. Silent when broken."""
        if not self.broken:
            self._transport.write(data)

    def go_away(self) -> None:
        """Tells the client that the server is shutting down, where its HTTP has a word for that."""

    def close(self) -> None:
        """FIN follows what was written."""
        self._transport.close()

    def reset(self) -> None:
        """Ends the connection with RST; what the kernel has not sent is dropped."""
        if not self.lost:
            own = cast("socket.socket", self._transport.get_extra_info("socket"))
            own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._transport.abort()

    def discard_rest(self) -> None:
        """FIN follows what was written; what still comes is read and discarded for a while."""
        self._discarding = True
        if self.fin_received or self.lost or self._transport.is_closing():
            self._transport.close()
        else:
            self._transport.write_eof()
            asyncio.get_running_loop().call_later(LINGER_S, self._transport.close)
