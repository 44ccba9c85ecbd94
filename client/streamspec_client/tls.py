"""TLS around a socket: the same reads, writes and ends, encrypted (RFC 8446).

The engine of `ssl` works on bytes in memory, and the bytes are carried by `sockets.Socket`: so arrival times stay the
kernel's, and a FIN or RST is sent and seen as without TLS.
"""

from __future__ import annotations

import contextlib
import ssl
from typing import TYPE_CHECKING

from streamspec_client.sockets import Socket, Unreachable

if TYPE_CHECKING:
    import socket

    from streamspec_client.sockets import Clock

RECORD_BYTES = 16_384
"""What is encrypted at a time: the most that one record may hold (RFC 8446, section 5.1)."""


class Untrusted(Unreachable):
    """The server's certificate cannot be trusted, or is for another name."""


def trusting(*, verify: bool = True, ca_file: str | None = None, protocol: str = "http/1.1") -> ssl.SSLContext:
    """What to trust: the system's authorities, those of a PEM file instead, or (`verify=False`) whatever comes.

    `protocol` is what ALPN offers (RFC 7301): `http/1.1`, or `h2` for HTTP/2.

    Raises OSError (ssl.SSLError is one) for a file that cannot be read or holds no certificate.
    """
    context = ssl.create_default_context(cafile=ca_file)
    context.set_alpn_protocols([protocol])
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class TlsSocket(Socket):
    """A socket on which TLS is spoken; made with the handshake done. Raises Unreachable where that fails."""

    def __init__(
        self, sock: socket.socket, clock: Clock, host: str, port: int, *, context: ssl.SSLContext, within_s: float
    ) -> None:
        super().__init__(sock, clock)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._unsent = b""
        self._has_ended = False
        self._engine = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        try:
            self._shake_hands(clock.now_s() + within_s)
        except ssl.SSLCertVerificationError as error:
            sock.close()
            raise Untrusted(host, port, f"its certificate is refused ({error.verify_message})") from error
        except ssl.SSLError as error:
            sock.close()
            raise Unreachable(host, port, f"TLS fails ({_told(error)})") from error
        except TimeoutError as error:
            sock.close()
            raise Unreachable(host, port, f"the TLS handshake did not end within {within_s:g} s") from error
        except OSError as error:
            sock.close()
            raise Unreachable(host, port, f"the connection broke in the TLS handshake ({error.strerror})") from error

    @property
    def protocol(self) -> str | None:
        """What ALPN agreed on; None where the server chose nothing."""
        return self._engine.selected_alpn_protocol()

    def receive(self) -> tuple[bytes, float]:
        """What has arrived, decrypted; BlockingIOError where that was no whole record, or none with data."""
        data, at_s = super().receive()
        if not data:
            return b"", at_s  # FIN without close_notify: it is the end all the same
        self._incoming.write(data)
        plain = self._decrypted()
        self._send_answers()
        if plain or self._has_ended:
            return plain, at_s
        raise BlockingIOError

    @property
    def has_ended(self) -> bool:
        """Whether the peer has said that it was all (close_notify): it may wait for ours before its FIN."""
        return self._has_ended

    def send(self, data: memoryview) -> int:
        """Encrypt a record's worth and send what the kernel takes of it; the rest waits for `flush`."""
        self.flush()
        if self.has_unsent:
            raise BlockingIOError
        count = self._engine.write(data[:RECORD_BYTES])
        with contextlib.suppress(BlockingIOError):
            self.flush()
        return count

    @property
    def has_unsent(self) -> bool:
        """Whether encrypted bytes wait for room."""
        return bool(self._unsent or self._outgoing.pending)

    def flush(self) -> None:
        """Send encrypted bytes that wait."""
        self._unsent += self._outgoing.read()
        while self._unsent:
            self._unsent = self._unsent[super().send(memoryview(self._unsent)) :]

    def end_sending(self) -> None:
        """Say that nothing more comes (close_notify), then FIN."""
        with contextlib.suppress(OSError):
            self._engine.unwrap()  # raises that the peer has not said it too, which nobody waits for
        self._send_answers()
        super().end_sending()

    def _decrypted(self) -> bytes:
        """All that the records at hand hold."""
        parts: list[bytes] = []
        try:
            while part := self._engine.read(RECORD_BYTES):
                parts.append(part)
            self._has_ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self._has_ended = True
        return b"".join(parts)

    def _send_answers(self) -> None:
        """Send what the engine itself has to say, such as a new key, as far as there is room."""
        with contextlib.suppress(OSError):  # also where the peer has gone: what it said before is still read
            self.flush()

    def _shake_hands(self, deadline_s: float) -> None:
        while True:
            try:
                self._engine.do_handshake()
            except ssl.SSLWantReadError:
                self._exchange(deadline_s)
                continue
            except ssl.SSLError:
                self._send_answers()  # the alert that tells the server why
                raise
            while self.has_unsent:
                self._exchange(deadline_s)
            return

    def _exchange(self, deadline_s: float) -> None:
        """Send what waits, else read once. Raises TimeoutError."""
        with contextlib.suppress(BlockingIOError):
            self.flush()
        sending = self.has_unsent
        if not any(self.ready(deadline_s, reading=not sending, writing=sending)):
            raise TimeoutError
        if not sending:
            with contextlib.suppress(BlockingIOError):
                data, _ = super().receive()
                self._incoming.write(data) if data else self._incoming.write_eof()


def _told(error: ssl.SSLError) -> str:
    """What the engine found, in words: `wrong version number`, say, where no TLS is spoken."""
    return (error.reason or str(error)).replace("_", " ").lower()
