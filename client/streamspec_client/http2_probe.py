"""The probe over HTTP/2: each request is a stream of the connection, and to leave is to reset that stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamspec_client.http2_reader import Http2Reader
from streamspec_client.probe import Connection, Leaving
from streamspec_client.sockets import Unreachable
from streamspec_client.tls import TlsSocket
from streamspec_client.trace import Closing, Segment

if TYPE_CHECKING:
    from collections.abc import Iterable


PROTOCOL = "h2"
"""Its name in ALPN (RFC 9113, section 3.1)."""


class NoHttp2(Unreachable):
    """The server takes connections, but HTTP/2 is not agreed on."""


class Http2Connection(Connection):
    """One TCP connection that speaks HTTP/2 from its first byte.

    Without TLS that is prior knowledge (RFC 9113, section 3.3); with it, `tls` has to offer `h2` by ALPN. Raises
    NoHttp2 where the server does not take it. A window is widened when what came is read: who reads nothing grants
    64 KiB of each stream, whatever the kernel takes in.
    """

    def _new_reader(self) -> Http2Reader:
        self._streams = Http2Reader()
        self._outgoing = bytearray()
        return self._streams

    def _check_protocol(self, host: str, port: int) -> None:
        if isinstance(self._socket, TlsSocket) and self._socket.protocol != PROTOCOL:
            self.close()
            raise NoHttp2(host, port, "it does not speak HTTP/2: by ALPN it chose none, or HTTP/1.1")

    def request(
        self,
        method: str,
        target: str,
        fields: Iterable[tuple[str, str]] = (),
        body: bytes | None = None,
        *,
        http_version: str = "1.1",  # noqa: ARG002 - of HTTP/1.x
        within_s: float = 10.0,
    ) -> bool:
        """Send one request on a stream of its own; fields that HTTP/2 does not have are left out."""
        deadline_s = self._clock.now_s() + within_s
        lines = list(fields)
        if body is not None and "content-length" not in {name.lower() for name, _ in lines}:
            lines.append(("content-length", str(len(body))))
        number = self._streams.ask(method, target, self._host_field, self._scheme, lines, has_content=body is not None)
        rest = memoryview(body or b"")
        while rest and self._goes_on(number) and self._clock.now_s() < deadline_s:
            room = self._streams.room(number)
            if room:
                self._streams.add(number, bytes(rest[:room]))
                rest = rest[room:]
            if not self._send_out(deadline_s, until_read=not room):
                return False
        if body is not None and not rest:
            self._streams.finish(number)
        return self._send_out(deadline_s) and not rest and self._streams.was_sent(number)

    def leave(self, how: Leaving) -> float:
        """Leave in that way and give the time of it. RST resets the latest stream, and the connection lives on.

        Where nothing was asked there is no stream, and RST is that of TCP.
        """
        if how is not Leaving.RST or self._socket is None or not self._streams.asked:
            return super().leave(how)
        return self.reset_stream(self.asked - 1)

    def reset_stream(self, number: int) -> float:
        """Leave the stream of that request, counted from 0: RST_STREAM with CANCEL. Gives the time of it."""
        self._streams.cancel(number)
        self._left_at_s = self._clock.now_s()
        self._send_now()
        return self._left_at_s

    def withhold(self, number: int) -> None:
        """Widen the window of that request's stream no more: what is read of it ends after 64 KiB."""
        self._streams.withhold(number)

    def grant(self, number: int) -> None:
        """Widen it again, also by all that was read meanwhile."""
        self._streams.grant(number)
        self._send_now()

    def wait_closed(self, within_s: float) -> bool:
        """Read until the connection has ended, or every stream of it: nothing more can come."""
        return self._wait(lambda: self.closed or self._streams.is_done, within_s)

    def wait_head_of(self, number: int, within_s: float) -> bool:
        """Read until the header section of the response to that request is complete, or will not come."""
        self._wait(lambda: self._streams.has_head(number) or self._streams.has_ended(number), within_s)
        return self._streams.has_head(number)

    def wait_body_of(self, number: int, size: int, within_s: float) -> bool:
        """Read until the response to that request has `size` bytes of body, or has ended with less."""
        self._wait(lambda: self.body_size_of(number) >= size or self._streams.has_ended(number), within_s)
        return self.body_size_of(number) >= size

    def wait_end_of(self, number: int, within_s: float) -> bool:
        """Read until the response to that request has ended, in whatever way."""
        return self._wait(lambda: self._streams.has_ended(number), within_s)

    def body_size_of(self, number: int) -> int:
        """Bytes of the body of the response to that request read so far."""
        return self._streams.body_size_of(number)

    @property
    def asked(self) -> int:
        """Requests so far."""
        return self._streams.asked

    @property
    def closed(self) -> bool:
        """Whether nothing more can come: the connection has ended or is broken, or its last stream has no response."""
        return super().closed or self._streams.is_broken or self._streams.is_refused

    def _goes_on(self, number: int) -> bool:
        return not self.closed and self._streams.is_open(number)

    def _read(self) -> None:
        super()._read()
        self._send_now()

    def _send_now(self) -> None:
        """Send what is to go out, as far as there is room for it."""
        self._outgoing += self._streams.to_send()
        while self._outgoing and self._socket is not None and self._closing is not Closing.RESET:
            try:
                count = self._socket.send(memoryview(bytes(self._outgoing)))
            except OSError:  # there is no room, or the peer has gone: what it said before that is still read
                return
            self._sent.append(Segment(self._clock.now_s(), bytes(self._outgoing[:count])))
            del self._outgoing[:count]

    def _send_out(self, deadline_s: float, *, until_read: bool = False) -> bool:
        """Send all that is to go out, reading meanwhile; with `until_read` wait until something was read, too."""
        self._send_now()
        while self._socket is not None and (self._outgoing or self._socket.has_unsent or until_read):
            readable, writable = self._ready(deadline_s, writing=bool(self._outgoing or self._socket.has_unsent))
            if readable:
                self._read()
                until_read = False
            if writable:
                if self._socket.has_unsent:
                    self._flush()
                self._send_now()
            if self.closed or not (readable or writable):
                break
        is_held = self._socket is not None and self._socket.has_unsent
        return not (self._outgoing or is_held or until_read)

    def _flush(self) -> None:
        assert self._socket is not None  # noqa: S101 - its caller has looked
        try:
            self._socket.flush()
        except OSError:
            return
