"""One TCP connection below HTTP: it is made, read, written and let go here, and nothing blocks.

What arrives comes with the time at which the kernel took it in, where the platform tells. Nothing here knows of HTTP.
"""

from __future__ import annotations

import platform
import select
import socket
import struct
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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


class Unreachable(Exception):
    """No connection could be made: nothing listens, nobody answers in time, or what answers is not trusted."""

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


class Socket:
    """A connected socket that never blocks: where nothing can be read or written now, it raises BlockingIOError.

    Any other OSError of `receive` and `send` says that the peer has reset the connection.
    """

    def __init__(self, sock: socket.socket, clock: Clock) -> None:
        self._socket = sock
        self._clock = clock

    def fileno(self) -> int:
        """The descriptor, for whoever waits for several."""
        return self._socket.fileno()

    def ready(self, deadline_s: float, *, reading: bool, writing: bool) -> tuple[bool, bool]:
        """Whether it can be read and written; waits until the clock reads that time for either."""
        poll = select.poll()
        poll.register(self._socket, (select.POLLIN if reading else 0) | (select.POLLOUT if writing else 0))
        events = poll.poll(max(0.0, deadline_s - self._clock.now_s()) * 1000)
        flags = events[0][1] if events else 0
        ended = flags & (select.POLLERR | select.POLLHUP)
        return bool(flags & select.POLLIN or (ended and reading)), bool(flags & select.POLLOUT)

    def receive(self) -> tuple[bytes, float]:
        """What has arrived, and when; no bytes where the peer has closed."""
        if not _GENERIC_SOCKET_H:
            return self._socket.recv(READ_SIZE), self._clock.now_s()
        data, ancillary, _, _ = self._socket.recvmsg(READ_SIZE, socket.CMSG_SPACE(_TIMESPEC.size))
        for level, kind, value in ancillary:
            if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS and len(value) == _TIMESPEC.size:
                seconds, nanoseconds = _TIMESPEC.unpack(value)
                if seconds:
                    return data, self._clock.of_kernel_s(seconds + nanoseconds / 1e9)
        return data, self._clock.now_s()

    @property
    def has_ended(self) -> bool:
        """Whether the peer is known to send no more behind what `receive` has given, though the socket is open."""
        return False

    def send(self, data: memoryview) -> int:
        """Send what the kernel takes now; how many bytes that was."""
        return self._socket.send(data)

    @property
    def has_unsent(self) -> bool:
        """Whether bytes that `send` has taken are still waiting for room: `flush` goes on with them."""
        return False

    def flush(self) -> None:
        """Send what waits for room."""

    def end_sending(self) -> None:
        """Shut down the sending side: the peer gets FIN, and reading goes on."""
        self._socket.shutdown(socket.SHUT_WR)

    def reset_at_close(self) -> None:
        """Make `close` send RST instead of FIN."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def close(self) -> None:
        """Let it go."""
        self._socket.close()


def connect(host: str, port: int, within_s: float, receive_buffer: int | None = None) -> socket.socket:
    """A connected socket that does not block, by the first address of the host that answers. Raises Unreachable."""
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Unreachable(host, port, f"the name does not resolve ({error.strerror or error})") from error
    except UnicodeError as error:
        raise Unreachable(host, port, "that is no host name: a label of it is empty or too long") from error
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
