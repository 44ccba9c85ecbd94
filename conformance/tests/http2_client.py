"""A client of HTTP/2 with prior knowledge, for tests: h2 over a socket, a frame at a time, windows as the test says.

A frame at a time, because h2 takes a connection that has got GOAWAY for closed, and streams go on after it.
"""

from __future__ import annotations

import json
import socket
import struct
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, Event, ResponseReceived, StreamEnded, StreamReset
from h2.settings import SettingCodes, Settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

DEADLINE_S = 10.0
WIDE = (1 << 31) - 1
"""The largest window there is."""
INITIAL_WINDOW = 65_535
GOAWAY_TYPE = 0x07
JSON = (("content-type", "application/json"),)


@dataclass(slots=True)
class Answer:
    """What came of one stream."""

    status: int = 0
    fields: dict[str, str] = field(default_factory=dict)
    received: bytearray = field(default_factory=bytearray)
    """Content that the test has not taken."""
    ended: bool = False
    """By END_STREAM."""
    reset: int | None = None
    """The code of RST_STREAM."""

    @property
    def content(self) -> bytes:
        return bytes(self.received)


class Http2Client:
    """A connection; streams by their number."""

    def __init__(
        self, url: str, *, window: int = WIDE, connection_window: int = WIDE, receive_buffer: int | None = None
    ) -> None:
        address = urlsplit(url)
        self.authority = address.netloc
        self.socket = socket.socket()
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(DEADLINE_S)
        self.socket.connect((address.hostname, address.port))
        self.answers: defaultdict[int, Answer] = defaultdict(Answer)
        self.order: list[int] = []
        """The streams of the DATA frames, in the order received."""
        self.goaways: list[tuple[int, int]] = []
        """The last stream and the error code of each GOAWAY."""
        self._received = bytearray()
        self._left = False
        self.h2 = H2Connection(H2Configuration(client_side=True, header_encoding="latin-1"))
        self.h2.local_settings = Settings(initial_values={SettingCodes.INITIAL_WINDOW_SIZE: window})
        self.h2.initiate_connection()
        if connection_window > INITIAL_WINDOW:
            self.h2.increment_flow_control_window(connection_window - INITIAL_WINDOW)
        self.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.socket.close()

    # What it sends

    def flush(self) -> None:
        data = self.h2.data_to_send()
        if not self._left:
            self.socket.sendall(data)

    def ask(
        self, target: str, *fields: tuple[str, str], method: str = "GET", body: bytes | None = None, ends: bool = True
    ) -> int:
        """Sends a request, with as much of its body as the windows allow at once."""
        number = self.h2.get_next_available_stream_id()
        pseudo = [(":method", method), (":scheme", "http"), (":authority", self.authority), (":path", target)]
        self.h2.send_headers(number, [*pseudo, *fields], end_stream=ends and body is None)
        self.flush()
        if body is not None:
            self.send_body(number, body, ends=ends)
        return number

    def send_body(self, number: int, body: bytes, *, ends: bool = True) -> None:
        """Sends content as the server's windows open, or until it has answered."""
        while body and not self.answers[number].ended:
            while not (room := self.h2.local_flow_control_window(number)):
                self.receive()
            size = min(room, self.h2.max_outbound_frame_size)
            self.h2.send_data(number, body[:size], end_stream=ends and len(body) <= size)
            body = body[size:]
            self.flush()

    def post(self, path: str, *items: dict[str, object], **script: object) -> int:
        """Posts a script."""
        return self.ask(path, *JSON, method="POST", body=json.dumps({"items": items, **script}).encode())

    def reset(self, number: int) -> None:
        """RST_STREAM."""
        self.h2.reset_stream(number, ErrorCodes.CANCEL)
        self.flush()

    def open_window(self, size: int, number: int | None = None) -> None:
        """WINDOW_UPDATE, of a stream or of the connection."""
        self.h2.increment_flow_control_window(size, number)
        self.flush()

    def leave(self, how: str) -> None:
        """Leaves with FIN, with RST, or with the write side alone."""
        self._left = True
        if how == "half-close":
            self.socket.shutdown(socket.SHUT_WR)
            return
        if how == "rst":
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    # What it receives

    def receive(self) -> bool:
        """Acts on the next frame; false at the end of the connection."""
        while len(self._received) < 9 or len(self._received) < 9 + int.from_bytes(self._received[:3], "big"):
            data = self.socket.recv(262_144)
            if not data:
                return False
            self._received += data
        size = 9 + int.from_bytes(self._received[:3], "big")
        frame = bytes(self._received[:size])
        del self._received[:size]
        if frame[3] == GOAWAY_TYPE:
            self.goaways.append(struct.unpack("!II", frame[9:17]))
        else:
            for event in self.h2.receive_data(frame):
                self._on_event(event)
            self.flush()
        return True

    def _on_event(self, event: Event) -> None:
        match event:
            case ResponseReceived():
                fields = {str(name): str(value) for name, value in event.headers}
                self.answers[event.stream_id].status = int(fields.pop(":status"))
                self.answers[event.stream_id].fields = fields
            case DataReceived():
                self.answers[event.stream_id].received += event.data
                self.order.append(event.stream_id)
            case StreamEnded():
                self.answers[event.stream_id].ended = True
            case StreamReset():
                self.answers[event.stream_id].reset = int(event.error_code)

    def until(self, holds: Callable[[], bool]) -> None:
        """Receives until that holds."""
        while not holds():
            assert self.receive(), "the connection ended"

    def head(self, number: int) -> Answer:
        """Receives a header section."""
        self.until(lambda: self.answers[number].status > 0)
        return self.answers[number]

    def content(self, number: int, size: int) -> bytes:
        """Receives that much content, and takes it off."""
        self.until(lambda: len(self.answers[number].received) >= size)
        answer = self.answers[number]
        taken = bytes(answer.received[:size])
        del answer.received[:size]
        return taken

    def whole(self, number: int) -> Answer:
        """Receives to the end of the stream, be it END_STREAM or RST_STREAM."""
        self.until(lambda: self.answers[number].ended or self.answers[number].reset is not None)
        return self.answers[number]

    def rest(self) -> None:
        """Receives to the end of the connection."""
        while self.receive():
            pass

    # The ledger

    def json(self, target: str) -> dict[str, object]:
        """The object that a resource is."""
        answer = self.whole(self.ask(target))
        assert (answer.status, answer.ended) == (200, True), answer
        found: dict[str, object] = json.loads(answer.content)
        return found

    def record(self, token: str, wait_ms: int = 0) -> dict[str, object]:
        """The state of a stream: now, or when it is over, or after the wait."""
        return self.json(f"/streams/{token}?wait_ms={wait_ms}")

    def ending(self, token: str) -> tuple[object, object, object]:
        """How a stream ended, once it has: the reason, whether it is cleaned up, and how often it was."""
        record = self.record(token, 5_000)
        return record["reason"], record["cleaned"], record["cleanups"]

    def release(self, token: str, items: int = 1) -> None:
        """Opens gates."""
        body = json.dumps({"items": items}).encode()
        assert self.whole(self.ask(f"/streams/{token}/release", *JSON, method="POST", body=body)).status == 204
