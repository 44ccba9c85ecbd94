"""The probe: one connection to a server, everything that crosses it recorded with its time, whatever HTTP it speaks.

The probe records and never judges: what a server does wrong on the wire becomes evidence in the Conversation, not an
exception. Every wait has a deadline and says by its return value whether what it waited for came.
"""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from streamspec_client.sockets import READ_SIZE, Clock, Socket, Unreachable, connect
from streamspec_client.tls import TlsSocket
from streamspec_client.trace import NEVER_S, Closing, Conversation, Response, Segment

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable
    from typing import Self

__all__ = ["READ_SIZE", "Clock", "Connection", "Leaving", "Unreachable"]


class Leaving(StrEnum):
    """How the probe ends its side of a connection."""

    FIN = "fin"
    """Close, with nothing unread: the peer gets FIN, and RST for what it sends afterwards (RFC 9293, section 3.6)."""
    RST = "rst"
    """Close with SO_LINGER zero: the peer gets RST at once."""
    HALF_CLOSE = "half-close"
    """Shut down the sending side only: the same FIN on the wire, and reading goes on."""


class Reader(Protocol):
    """Bytes of one connection → responses, sans-IO."""

    heads: int
    ended: int

    @property
    def body_size(self) -> int:
        """Bytes of the latest response's body."""

    @property
    def trailing(self) -> bytes:
        """Bytes that belong to no response."""

    def feed(self, data: bytes, at_s: float) -> None:
        """Take in bytes that arrived at that time."""

    def end(self, *, reset: bool, at_s: float) -> None:
        """The peer has closed, or reset, its side."""

    def responses(self) -> tuple[Response, ...]:
        """The responses so far."""


class Connection(ABC):
    """One TCP connection: it is read and left, and both directions are recorded. How to ask is its subclasses' matter.

    Raises Unreachable when it cannot connect within `connect_within_s`. `receive_buffer` (bytes) bounds what the
    kernel takes in while nobody reads; it must be set before the connection is made to bound the window. With `tls`
    (see `tls.trusting`) HTTP goes over TLS, and what is recorded is HTTP.
    """

    def __init__(
        self,
        name: str,
        host: str,
        port: int,
        clock: Clock,
        *,
        connect_within_s: float = 5.0,
        receive_buffer: int | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.name = name
        self._clock = clock
        literal = f"[{host}]" if ":" in host else host
        self._scheme = "https" if tls else "http"
        self._host_field = literal if port == (443 if tls else 80) else f"{literal}:{port}"
        self._sent: list[Segment] = []
        self._received: list[Segment] = []
        self._reader = self._new_reader()
        self._closing = Closing.OPEN
        self._closed_at_s = NEVER_S
        self._left_at_s = NEVER_S
        sock = connect(host, port, connect_within_s, receive_buffer)
        self._socket: Socket | None = (
            TlsSocket(sock, clock, host, port, context=tls, within_s=connect_within_s) if tls else Socket(sock, clock)
        )
        self._opened_at_s = clock.now_s()
        self._check_protocol(host, port)

    def _check_protocol(self, host: str, port: int) -> None:  # noqa: B027 - whoever speaks first has nothing to check
        """Raise Unreachable where the connection that was made does not speak what is to be spoken."""

    @abstractmethod
    def _new_reader(self) -> Reader:
        """What reads the bytes of this connection; asked for once, before it is made."""

    @abstractmethod
    def request(
        self,
        method: str,
        target: str,
        fields: Iterable[tuple[str, str]] = (),
        body: bytes | None = None,
        *,
        http_version: str = "1.1",
        within_s: float = 10.0,
    ) -> bool:
        """Send one request, reading meanwhile what comes back; False where it could not be sent whole in time.

        Host, or `:authority`, and Content-Length where there is a body, are added unless given.
        """

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    # Waiting

    def fileno(self) -> int:
        """The socket's descriptor, for whoever waits for several connections; ValueError once it is let go."""
        if self._socket is None:
            raise ValueError(f"the connection {self.name} was left or closed")
        return self._socket.fileno()

    def read_ready(self) -> None:
        """Read once what is there; nothing where nothing is."""
        if self._socket is not None and self._closing is Closing.OPEN:
            self._read()

    def wait_head(self, within_s: float) -> bool:
        """Read until a header section is complete."""
        return self._wait(lambda: self._reader.heads > 0, within_s)

    def wait_body(self, size: int, within_s: float) -> bool:
        """Read until the current response's body has `size` bytes (content coding not removed)."""
        return self._wait(lambda: self._reader.body_size >= size, within_s)

    def wait_complete(self, responses: int, within_s: float) -> bool:
        """Read until that many responses have ended on this connection, in whatever way."""
        return self._wait(lambda: self._reader.ended >= responses, within_s)

    def wait_closed(self, within_s: float) -> bool:
        """Read until the peer has closed or reset the connection."""
        return self._wait(lambda: self._closing is not Closing.OPEN, within_s)

    def wait_more(self, within_s: float) -> bool:
        """Read once what comes next; False where nothing does in time, or nothing can."""
        if self._socket is None or self._closing is not Closing.OPEN:
            return False
        if not self._ready(self._clock.now_s() + within_s, writing=False)[0]:
            return False
        self._read()
        return True

    def wait_for(self, condition: Callable[[Response], bool], within_s: float) -> bool:
        """Read until the latest response, as far as it is there, meets the condition."""

        def met() -> bool:
            response = self.response
            return response is not None and condition(response)

        return self._wait(met, within_s)

    @property
    def response(self) -> Response | None:
        """The latest response as far as it has been read."""
        responses = self._reader.responses()
        return responses[-1] if responses else None

    @property
    def body_size(self) -> int:
        """Bytes of the latest response's body read so far."""
        return self._reader.body_size

    @property
    def response_count(self) -> int:
        """Responses that have ended."""
        return self._reader.ended

    @property
    def closed(self) -> bool:
        """Whether the peer has closed or reset its side, as far as was read."""
        return self._closing is not Closing.OPEN

    def _wait(self, reached: Callable[[], bool], within_s: float) -> bool:
        deadline_s = self._clock.now_s() + within_s
        while not reached():
            if self._socket is None or self.closed:
                return False
            if not self._ready(deadline_s, writing=False)[0]:
                return False
            self._read()
        return True

    def _ready(self, deadline_s: float, *, writing: bool) -> tuple[bool, bool]:
        assert self._socket is not None  # noqa: S101 - both callers have looked
        return self._socket.ready(deadline_s, reading=self._closing is Closing.OPEN, writing=writing)

    def _read(self) -> None:
        assert self._socket is not None  # noqa: S101 - callers have looked
        try:
            data, at_s = self._socket.receive()
        except BlockingIOError:
            return
        except OSError:
            self._end(Closing.RESET)
            return
        if not data:
            self._end(Closing.FIN)
            return
        at_s = max(at_s, self._received[-1].at_s if self._received else 0.0)
        self._received.append(Segment(at_s, data))
        self._reader.feed(data, at_s)
        if self._socket.has_ended:
            self._end(Closing.FIN)

    def _end(self, closing: Closing) -> None:
        self._closing = closing
        self._closed_at_s = self._clock.now_s()
        self._reader.end(reset=closing is Closing.RESET, at_s=self._closed_at_s)

    # Leaving

    def leave(self, how: Leaving) -> float:
        """Leave in that way and give the time of it. Only after a half-close does it read on."""
        if self._socket is None:
            return self._left_at_s
        if how is Leaving.FIN:
            # Unread bytes would turn the FIN of close() into RST (RFC 2525, section 2.17).
            while self._closing is Closing.OPEN and self._ready(self._clock.now_s(), writing=False)[0]:
                self._read()
        self._left_at_s = self._clock.now_s()
        if how is Leaving.HALF_CLOSE:
            with contextlib.suppress(OSError):  # the peer was first
                self._socket.end_sending()
            return self._left_at_s
        if how is Leaving.RST:
            self._socket.reset_at_close()
        self._socket.close()
        self._socket = None
        return self._left_at_s

    def close(self) -> None:
        """Let go of the socket without that being part of the exchange."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def conversation(self) -> Conversation:
        """All that was recorded so far."""
        return Conversation(
            name=self.name,
            opened_at_s=self._opened_at_s,
            sent=tuple(self._sent),
            received=tuple(self._received),
            responses=self._reader.responses(),
            closing=self._closing,
            closed_at_s=self._closed_at_s,
            trailing=self._reader.trailing,
            left_at_s=self._left_at_s,
        )
