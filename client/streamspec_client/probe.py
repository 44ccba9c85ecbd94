"""Sockets: one connection to a server, everything that crosses it recorded with its time.

The probe records and never judges: what a server does wrong on the wire becomes evidence in the Conversation, not an
exception. Every wait has a deadline and says by its return value whether what it waited for came.
"""

from __future__ import annotations

import contextlib
import platform
import select
import socket
import struct
import sys
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from streamspec_client.response_reader import ResponseReader
from streamspec_client.trace import NEVER_S, Closing, Conversation, Response, Segment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Self

# SO_TIMESTAMPNS is 35 in asm-generic/socket.h, which these machines use; the `socket` module does not name it.
_GENERIC_SOCKET_H = sys.platform == "linux" and platform.machine() in {
    "x86_64",
    "aarch64",
    "riscv64",
    "ppc64le",
    "s390x",
}
_SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("@qq")

READ_SIZE = 262_144
"""Bytes asked of the kernel in one read: a 4 MiB item in about 16 reads, and arrival times stay apart."""

CLOCK_STEP_S = 60.0
"""A kernel timestamp further than this from the monotonic clock tells of a stepped wall clock and is not used."""


class Leaving(StrEnum):
    """How the probe ends its side of a connection."""

    FIN = "fin"
    """Close, with nothing unread: the peer gets FIN, and RST for what it sends afterwards (RFC 9293, section 3.6)."""
    RST = "rst"
    """Close with SO_LINGER zero: the peer gets RST at once."""
    HALF_CLOSE = "half-close"
    """Shut down the sending side only: the same FIN on the wire, and reading goes on."""


class Unreachable(Exception):
    """No connection could be made: nothing listens, or nobody answers in time."""

    def __init__(self, host: str, port: int, reason: str) -> None:
        self.host, self.port, self.reason = host, port, reason
        super().__init__(f"cannot connect to {host} port {port}: {reason}")


@dataclass(frozen=True, slots=True)
class Clock:
    """Seconds since the trace began, on the monotonic clock."""

    origin_s: float

    @classmethod
    def start(cls) -> Self:
        """A clock that reads zero now."""
        return cls(time.monotonic())

    def now_s(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.origin_s

    def of_kernel_s(self, realtime_s: float) -> float:
        """The reading of this clock at a moment the kernel stamped with the wall clock; never later than now."""
        now_s = self.now_s()
        at_s = now_s - (time.time() - realtime_s)
        return min(at_s, now_s) if abs(now_s - at_s) < CLOCK_STEP_S else now_s


class Connection:
    """One TCP connection that speaks HTTP/1.x as told, byte for byte, and records both directions.

    Raises Unreachable when it cannot connect within `connect_within_s`. `receive_buffer` (bytes) bounds what the
    kernel takes in while nobody reads; it must be set before the connection is made to bound the window.
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
    ) -> None:
        self.name = name
        self._clock = clock
        self._host_field = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._sent: list[Segment] = []
        self._received: list[Segment] = []
        self._reader = ResponseReader()
        self._closing = Closing.OPEN
        self._closed_at_s = NEVER_S
        self._left_at_s = NEVER_S
        self._socket: socket.socket | None = _connect(host, port, connect_within_s, receive_buffer)
        self._opened_at_s = clock.now_s()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    # Sending

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
        """Send one request; the Host field, and Content-Length where there is a body, are added unless given."""
        lines = list(fields)
        names = {name.lower() for name, _ in lines}
        if "host" not in names:
            lines.insert(0, ("Host", self._host_field))
        if body is not None and not names & {"content-length", "transfer-encoding"}:
            lines.append(("Content-Length", str(len(body))))
        head = f"{method} {target} HTTP/{http_version}\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines)
        self._reader.expect(method)
        return self.send(head.encode("latin-1") + b"\r\n" + (body or b""), within_s=within_s)

    def send(self, data: bytes, *, within_s: float = 10.0) -> bool:
        """Send raw bytes, reading meanwhile what comes back; False if the peer closed or took no more in time."""
        deadline_s = self._clock.now_s() + within_s
        rest = memoryview(data)
        while rest and self._socket is not None and self._closing is not Closing.RESET:
            readable, writable = self._ready(deadline_s, writing=True)
            if readable:
                self._read()
            if writable:
                try:
                    count = self._socket.send(rest)
                except BlockingIOError:
                    continue
                except OSError:
                    break  # the peer has reset; what it said before that is still read
                self._sent.append(Segment(self._clock.now_s(), bytes(rest[:count])))
                rest = rest[count:]
            if not readable and not writable:
                break
        return not rest

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
            if self._socket is None or self._closing is not Closing.OPEN:
                return False
            if not self._ready(deadline_s, writing=False)[0]:
                return False
            self._read()
        return True

    def _ready(self, deadline_s: float, *, writing: bool) -> tuple[bool, bool]:
        assert self._socket is not None  # noqa: S101 - both callers have looked
        poll = select.poll()
        reading = select.POLLIN if self._closing is Closing.OPEN else 0
        poll.register(self._socket, reading | (select.POLLOUT if writing else 0))
        events = poll.poll(max(0.0, deadline_s - self._clock.now_s()) * 1000)
        flags = events[0][1] if events else 0
        ended = flags & (select.POLLERR | select.POLLHUP)
        return bool(flags & select.POLLIN or (ended and reading)), bool(flags & select.POLLOUT)

    def _read(self) -> None:
        assert self._socket is not None  # noqa: S101 - callers have looked
        try:
            data, at_s = self._receive(self._socket)
        except BlockingIOError:
            return
        except OSError:
            self._end(Closing.RESET)
            return
        if not data:
            self._end(Closing.FIN)
            return
        self._received.append(Segment(at_s, data))
        self._reader.feed(data, at_s)

    def _receive(self, sock: socket.socket) -> tuple[bytes, float]:
        if not _GENERIC_SOCKET_H:
            return sock.recv(READ_SIZE), self._clock.now_s()
        data, ancillary, _, _ = sock.recvmsg(READ_SIZE, socket.CMSG_SPACE(_TIMESPEC.size))
        for level, kind, value in ancillary:
            if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS and len(value) == _TIMESPEC.size:
                seconds, nanoseconds = _TIMESPEC.unpack(value)
                if seconds:
                    return data, max(self._clock.of_kernel_s(seconds + nanoseconds / 1e9), self._last_arrival_s())
        return data, self._clock.now_s()

    def _last_arrival_s(self) -> float:
        return self._received[-1].at_s if self._received else 0.0

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
                self._socket.shutdown(socket.SHUT_WR)
            return self._left_at_s
        if how is Leaving.RST:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
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


def _connect(host: str, port: int, within_s: float, receive_buffer: int | None) -> socket.socket:
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Unreachable(host, port, f"the name does not resolve ({error.strerror or error})") from error
    failure: OSError = OSError("no address")
    for family, kind, protocol, _, address in addresses:
        sock = socket.socket(family, kind, protocol)
        try:
            if receive_buffer is not None:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            if _GENERIC_SOCKET_H:
                sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            sock.settimeout(within_s)
            sock.connect(address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setblocking(False)
        except OSError as error:
            sock.close()
            failure = error
            continue
        return sock
    reason = (
        f"no answer within {within_s:g} s" if isinstance(failure, TimeoutError) else failure.strerror or str(failure)
    )
    raise Unreachable(host, port, reason) from failure
