"""The probe over HTTP/1.x: requests byte for byte as told, also such as no client would send."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamspec_client.probe import Connection
from streamspec_client.response_reader import ResponseReader
from streamspec_client.trace import Closing, Segment

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamspec_client.sockets import Socket


class Http1Connection(Connection):
    """One TCP connection that speaks HTTP/1.x."""

    def _new_reader(self) -> ResponseReader:
        self._responses = ResponseReader()
        return self._responses

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
        """Send one request; see `Connection`."""
        lines = list(fields)
        names = {name.lower() for name, _ in lines}
        if "host" not in names:
            lines.insert(0, ("Host", self._host_field))
        if body is not None and not names & {"content-length", "transfer-encoding"}:
            lines.append(("Content-Length", str(len(body))))
        head = f"{method} {target} HTTP/{http_version}\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines)
        self._responses.expect(method)
        return self.send(head.encode("latin-1") + b"\r\n" + (body or b""), within_s=within_s)

    def send(self, data: bytes, *, within_s: float = 10.0) -> bool:
        """Send raw bytes, reading meanwhile what comes back; False if the peer closed or took no more in time."""
        deadline_s = self._clock.now_s() + within_s
        rest = memoryview(data)
        while self._socket is not None and self._closing is not Closing.RESET:
            if not rest and not self._socket.has_unsent:
                break
            readable, writable = self._ready(deadline_s, writing=True)
            if readable:
                self._read()
            if writable:
                try:
                    count = self._send_some(self._socket, rest)
                except BlockingIOError:
                    continue
                except OSError:
                    break  # the peer has reset; what it said before that is still read
                rest = rest[count:]
            if not readable and not writable:
                break
        return not rest

    def _send_some(self, sock: Socket, data: memoryview) -> int:
        if not data:
            sock.flush()
            return 0
        count = sock.send(data)
        self._sent.append(Segment(self._clock.now_s(), bytes(data[:count])))
        return count
