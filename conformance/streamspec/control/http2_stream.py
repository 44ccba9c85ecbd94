"""One stream of an HTTP/2 connection, as who answers sees it: a connection of its own, with one request and response.

Rule: it is a gateway. The header section that HTTP/1.1 would have becomes HEADERS, with every field that it names; what
follows becomes DATA; an end that HTTP/1.1 shows by cutting the connection is RST_STREAM.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from h2.errors import ErrorCodes

from streamspec.control.connection import Connection, Disconnect
from streamspec.control.http1 import BadRequest, Request
from streamspec.control.tcp import LINGER_S

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamspec.control.connection import Answerer
    from streamspec.control.http2_connection import Http2Connection

HTTP2 = (2, 0)
HEAD_END = b"\r\n\r\n"


class Http2Stream(Connection):
    """Reads one request; a response is under way from `on_request` to END_STREAM or RST_STREAM."""

    def __init__(self, carrier: Http2Connection, answerer: Answerer, number: int, request: Request) -> None:
        super().__init__()
        self._carrier = carrier
        self._answerer = answerer
        self.number = number
        self._request = request
        self._body = bytearray()
        self._request_whole = False
        self._head = bytearray()
        self._head_sent = False
        self._unsent = bytearray()
        self._complete = False
        self._gone = False

    # The request

    def check_length(self) -> None:
        """Refuses a body that is said to be too large, before it comes."""
        length = self._request.field("content-length") or ""
        if length.isdecimal() and int(length[:18]) > self._answerer.max_body_bytes:
            self._refuse_body()

    def receive(self, data: bytes) -> None:
        """Takes a part of the body, or refuses it for what it has become."""
        if self._complete or self.busy:
            return
        self._body += data
        if len(self._body) > self._answerer.max_body_bytes:
            self._refuse_body()

    def serve(self) -> None:
        """The request is whole."""
        self._request_whole = True
        if self._complete:
            self._forget_once_over()
        elif not self.busy:
            self.busy = True
            self._answerer.on_request(self, replace(self._request, body=bytes(self._body)))

    def _refuse_body(self) -> None:
        self.busy = True
        self._body.clear()
        detail = f"the body is longer than {self._answerer.max_body_bytes} bytes"
        self._answerer.on_bad_request(self, BadRequest(413, detail, self._request))

    # How the client leaves

    def was_reset(self) -> None:
        """The client has reset the stream: nothing more can be written."""
        self._gone = True
        self._unsent.clear()
        self.client_left(Disconnect.RST_STREAM)

    def client_left(self, how: Disconnect) -> None:
        """Tells who answers. After FIN no request becomes whole and no window opens; a whole response goes on."""
        if self.busy:
            self.left(how)
            self.writable()
        elif how is not Disconnect.FIN or not self._unsent or not self.window:
            self._carrier.forget(self)

    # The response

    @property
    def carrier(self) -> Http2Connection:
        """The connection, which other streams go over too."""
        return self._carrier

    @property
    def fin_received(self) -> bool:
        """Whether the client has closed its side of the connection."""
        return self._carrier.fin_received

    @property
    def window(self) -> int:
        """How much content may be sent in the next frame; 0 where the client has closed a window."""
        return 0 if self.broken else self._carrier.window(self.number)

    @property
    def unsent_bytes(self) -> int:
        """Content that waits for a window, or for its turn."""
        return len(self._unsent)

    @property
    def paused(self) -> bool:
        """Whether content waits, for a window to open or for the kernel: the one is like the other."""
        return not self.broken and (bool(self._unsent) or self._carrier.paused)

    @property
    def broken(self) -> bool:
        """Whether nothing more can be written."""
        return self._gone or self._carrier.broken

    @property
    def waiting_bytes(self) -> int:
        """What waits; with a closed window that alone, for what other streams send is no progress of this one."""
        return self.unsent_bytes + (self._carrier.waiting_bytes if self.window else 0)

    def write(self, data: bytes | bytearray) -> None:
        """A header section becomes HEADERS once it is whole, what follows DATA as the windows allow."""
        if self.broken:
            return
        if not self._head_sent:
            data = self._send_head(data)
        if data:
            self._unsent += data
            self._carrier.queue(self)

    def send_frame(self) -> None:
        """Sends one frame of what waits; the last one has END_STREAM."""
        size = min(self.window, len(self._unsent))
        content = bytes(self._unsent[:size])
        del self._unsent[:size]
        ends = self._complete and not self._unsent
        self._carrier.send_data(self.number, content, end_stream=ends)
        if ends:
            self._forget_once_over()

    def response_complete(self, keep: bool) -> None:  # noqa: ARG002 - the connection ends by GOAWAY, not by a response
        """END_STREAM, now or with what waits."""
        self.over()
        if not self._head_sent:
            self.reset()
        elif self.broken:
            self._carrier.forget(self)
        else:
            self._complete = True
            if not self._unsent:
                self.send_frame()

    def close(self) -> None:
        """Cuts the response: RST_STREAM says that it is not whole, where FIN would on HTTP/1.1."""
        self._cut(ErrorCodes.CANCEL)

    def reset(self) -> None:
        """Cuts the response: RST_STREAM, as of a server that cannot go on."""
        self._cut(ErrorCodes.INTERNAL_ERROR)

    def refuse_rest(self) -> None:
        """END_STREAM; what still comes is discarded for a while, then RST_STREAM says that it is not wanted."""
        self.response_complete(keep=True)
        if not self.broken:
            asyncio.get_running_loop().call_later(LINGER_S, self._discard_no_more)

    def _send_head(self, data: bytes | bytearray) -> bytes:
        self._head += data
        head, end, content = bytes(self._head).partition(HEAD_END)
        if not end:
            return b""
        self._head_sent = True
        self._carrier.send_headers(self.number, response_fields(head))
        return content

    def _forget_once_over(self) -> None:
        if self._request_whole and not self._unsent:
            self._carrier.forget(self)

    def _discard_no_more(self) -> None:
        # RFC 9113 8.1 lets a server send "a RST_STREAM with an error code of NO_ERROR after sending a complete
        # response". Not at once: curl 7.88 drops the response that it comes with.
        if self.number in self._carrier.streams and not self._unsent:
            self._cut(ErrorCodes.NO_ERROR)

    def _cut(self, code: ErrorCodes) -> None:
        self.over()
        self._unsent.clear()
        if not self.broken:
            self._carrier.send_reset(self.number, code)
        self._gone = True
        self._carrier.forget(self)
        self.writable()


def request_of(headers: Iterable[tuple[bytes, bytes]]) -> Request:
    """The request that a header section is (RFC 9113 8.3.1), its authority as Host; the body follows."""
    control: dict[str, str] = {}
    fields: list[tuple[str, str]] = []
    for name, value in headers:
        if name.startswith(b":"):
            control[name.decode("ascii")] = value.decode("latin-1")
        else:
            fields.append((name.decode("latin-1"), value.decode("latin-1")))
    authority = control.get(":authority")
    if authority is not None and not any(name == "host" for name, _ in fields):
        fields.insert(0, ("host", authority))
    # RFC 9113 8.5: CONNECT has no :path
    return Request(control[":method"], control.get(":path") or authority or "/", HTTP2, tuple(fields))


def response_fields(head: bytes) -> list[tuple[bytes, bytes]]:
    """A status line and header section as HTTP/2 has it (RFC 9113 8.2): every field, its name in lower case."""
    status_line, *lines = head.split(b"\r\n")
    pairs = (line.partition(b": ") for line in lines)
    return [(b":status", status_line.split(b" ")[1]), *((name.lower(), value) for name, _, value in pairs)]
