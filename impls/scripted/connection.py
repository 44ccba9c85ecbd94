"""What asyncio and the kernel know of a connection, and no framework tells.

Whether anybody is still there, how much waits to be taken, and how to end it so that the client sees a stream that
broke off and not a complete one.
"""

import socket
import struct
from typing import Protocol

# struct linger: on, 0 s. A socket that is closed like that sends RST (SO_LINGER in socket(7)).
_LINGER_NOT = struct.pack("ii", 1, 0)

# struct tcp_info begins with the state; TCP_ESTABLISHED is 1 in Linux' tcp_states.h. Other systems have no TCP_INFO.
_TCP_INFO: int | None = getattr(socket, "TCP_INFO", None)
_ESTABLISHED = b"\x01"


# What a socket raises that is closed: asyncio's the former, uvloop's the latter.
_CLOSED = (OSError, ValueError)


class Socket(Protocol):
    """What is needed of a transport's socket."""

    def getsockopt(self, level: int, option: int, size: int, /) -> bytes:
        """The option as bytes; raises OSError or ValueError."""

    def setsockopt(self, level: int, option: int, value: bytes, /) -> None:
        """Sets the option; raises OSError or ValueError."""


class Transport(Protocol):
    """What is needed of an asyncio.Transport; the transports of other event loops have it too."""

    def is_closing(self) -> bool:
        """Whether it is closed, or will be when what was written is gone."""

    def get_write_buffer_size(self) -> int:
        """How many written bytes the kernel has not taken."""

    def get_extra_info(self, name: str, /) -> Socket | None:
        """The socket, under the name of `socket`."""

    def close(self) -> None:
        """Closes when the kernel has taken what was written."""

    def abort(self) -> None:
        """Closes now."""


class Connection:
    """One connection, by its transport."""

    __slots__ = ("_transport",)

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def unsent_bytes(self) -> int:
        """How much was written and is not yet with the kernel."""
        return self._transport.get_write_buffer_size()

    def is_closing(self) -> bool:
        """Whether nothing that is written now can arrive: the client has left, or the connection is being closed."""
        return self._transport.is_closing()

    def has_left(self) -> bool:
        """Whether the client has gone, also where no event says so.

        Servers stop reading while a request waits behind this one (pipelining), and so miss the FIN. A transport that
        is told to close at the FIN first waits for the client to take what is unsent.
        """
        if self.is_closing():
            return True
        if _TCP_INFO is None:
            return False
        tcp = self._transport.get_extra_info("socket")
        try:
            return tcp is not None and tcp.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, 1) != _ESTABLISHED
        except _CLOSED:
            return True

    def close(self, *, by_reset: bool) -> None:
        """Ends the connection once the kernel has what was written: with FIN, or with RST.

        In chunked coding the missing last chunk tells the client that the message is incomplete. To HTTP/1.0 the end
        of the connection is the end of the message (RFC 9112, 6.3), so there only a reset can tell.
        """
        if by_reset:
            self._linger_not()
        self._transport.close()

    def reset(self) -> None:
        """Ends the connection now, with RST; what is unsent is dropped."""
        self._linger_not()
        self._transport.abort()

    def _linger_not(self) -> None:
        tcp = self._transport.get_extra_info("socket")
        if tcp is None:
            return
        try:
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        except _CLOSED:
            return
