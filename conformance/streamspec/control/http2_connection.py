"""One TCP connection that serves HTTP/2 (RFC 9113): frames in and out; what a stream answers is `http2_stream.py`.

Rule: h2 knows the protocol, this knows whose turn it is. Content goes out a frame of each stream in turn, as far as its
window, the connection's window and the kernel take it; what is not taken stays with its stream.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import ConnectionTerminated, DataReceived, RequestReceived, StreamEnded, StreamReset
from h2.exceptions import FrameTooLargeError, ProtocolError
from h2.settings import SettingCodes, Settings

from streamspec.control.connection import Disconnect
from streamspec.control.http2_stream import Http2Stream, request_of
from streamspec.control.tcp import MAX_KEPT_BYTES, TcpConnection

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable

    from h2.events import Event

    from streamspec.control.connection import Answerer

# RFC 9113 3.4: the client connection preface
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
# Twice the largest max_streams: a stream too many is to be answered 503, and the polls of all of them have room.
MAX_CONCURRENT_STREAMS = 20_000
# RFC 9113 6.8: "an initial GOAWAY frame with the last stream identifier set to 2^31-1 and a NO_ERROR code"
LAST_STREAM_EVER = (1 << 31) - 1
# RFC 9113 4.1: Length (24), Type (8), Flags (8), Reserved (1), Stream Identifier (31)
FRAME_HEADER_BYTES = 9
# RFC 9113 4.2: the size that every endpoint takes, and that this one does not exceed
MAX_FRAME_BYTES = 16_384
GOAWAY_TYPE = 0x07


class Http2Connection(TcpConnection):
    """Carries the streams of one client."""

    def __init__(self, answerer: Answerer) -> None:
        super().__init__(answerer)
        # Outbound fields go out as they are, so that a mutant can send what HTTP/2 forbids.
        self._h2 = H2Connection(
            H2Configuration(client_side=False, validate_outbound_headers=False, normalize_outbound_headers=False)
        )
        self._h2.local_settings = Settings(
            client=False,
            initial_values={
                SettingCodes.MAX_CONCURRENT_STREAMS: MAX_CONCURRENT_STREAMS,
                SettingCodes.MAX_HEADER_LIST_SIZE: H2Connection.DEFAULT_MAX_HEADER_LIST_SIZE,
            },
        )
        self._received = bytearray()
        self._over = False
        self._client_goes = False
        self.streams: dict[int, Http2Stream] = {}
        self._waiting: dict[Http2Stream, None] = {}
        """Streams with content that is not sent yet, in the order of their turns."""

    # The transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The client's preface has come; the server's is a SETTINGS frame (RFC 9113 3.4)."""
        super().connection_made(transport)
        self._h2.initiate_connection()
        self._h2.receive_data(PREFACE)
        self._flush()

    def data_received(self, data: bytes) -> None:
        """Acts on every frame that is whole now; a protocol error ends the connection by GOAWAY."""
        if self._discarding:
            return
        self._received += data
        try:
            while not self._over and (frame := self._next_frame()):
                for event in self._h2.receive_data(frame):
                    self._on_event(event)
            self._flush()
        except ProtocolError:
            self._flush()  # what h2 has to send is GOAWAY
            self._over = True
            self._all_left(Disconnect.RST)
            self.discard_rest()
        else:
            self._send_in_turn(list(self._waiting))

    def eof_received(self) -> bool:
        """Keeps the write side open: whether a FIN ends a response is the answerer's to say."""
        self._fin_received = True
        self._all_left(Disconnect.FIN)
        self._close_after_last()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is closed: every stream of it has lost its client."""
        self.lost = self._over = True
        self._all_left(Disconnect.RST)
        super().connection_lost(exc)

    def resume_writing(self) -> None:
        """The kernel has taken everything: the next ones have their turn."""
        super().resume_writing()
        self._send_in_turn(list(self._waiting))
        for stream in self.streams.values():
            stream.writable()

    @property
    def broken(self) -> bool:
        """Whether nothing more can be written."""
        return self._over or super().broken

    def go_away(self) -> None:
        """Asks the client to open new streams elsewhere; those it has go on.

        Not by h2, for which a connection that has sent GOAWAY is over.
        """
        if not self.broken:
            self.write(struct.pack("!BHBBIII", 0, 8, GOAWAY_TYPE, 0, 0, LAST_STREAM_EVER, ErrorCodes.NO_ERROR))

    def close(self) -> None:
        """GOAWAY and FIN follow what was written."""
        if not self.broken:
            self._h2.close_connection()
            self._flush()
            self._over = True
        super().close()

    # What streams send

    def window(self, number: int) -> int:
        """How much content a stream may send in its next frame: by its own window and the connection's."""
        # A larger frame, which the client may allow, would keep the others' turns waiting.
        return max(0, min(self._h2.local_flow_control_window(number), MAX_FRAME_BYTES))

    def send_headers(self, number: int, fields: list[tuple[bytes, bytes]]) -> None:
        """A HEADERS frame, at once: no window holds it up."""
        self._h2.send_headers(number, fields)
        self._flush()

    def send_data(self, number: int, content: bytes, *, end_stream: bool) -> None:
        """A DATA frame, at once: it fits into the window."""
        self._h2.send_data(number, content, end_stream=end_stream)
        self._flush()

    def send_reset(self, number: int, code: ErrorCodes) -> None:
        """A RST_STREAM frame."""
        if not self.broken:
            self._h2.reset_stream(number, code)
            self._flush()

    def queue(self, stream: Http2Stream) -> None:
        """Takes a turn for content that a stream has to send; at once where nothing holds it up."""
        self._waiting.setdefault(stream)
        self._send_in_turn([stream])

    def forget(self, stream: Http2Stream) -> None:
        """The stream is over for both sides."""
        self._waiting.pop(stream, None)
        self.streams.pop(stream.number, None)
        self._close_after_last()

    def _send_in_turn(self, streams: Iterable[Http2Stream]) -> None:
        turns = dict.fromkeys(streams)
        while turns and not self.paused and not self.broken:
            stream = next(iter(turns))
            del turns[stream]
            if stream not in self._waiting or not stream.window or not self._answerer.may_send(stream):
                continue
            del self._waiting[stream]
            stream.send_frame()
            if stream.unsent_bytes:
                self._waiting[stream] = turns[stream] = None
            else:
                stream.writable()

    def _flush(self) -> None:
        if data := self._h2.data_to_send():
            self.write(data)
        if self.waiting_bytes > MAX_KEPT_BYTES:
            self.reset()  # of content it would be a frame: this client makes the server answer, and reads nothing

    # What the client sends

    def _next_frame(self) -> bytes | None:
        """The next frame that is for h2, as its events are acted on before what follows is looked at."""
        while len(self._received) >= FRAME_HEADER_BYTES:
            length, type_ = int.from_bytes(self._received[:3], "big"), self._received[3]
            if length > MAX_FRAME_BYTES:  # h2 would wait for the whole of it
                self._h2.close_connection(ErrorCodes.FRAME_SIZE_ERROR)
                raise FrameTooLargeError(length)
            size = FRAME_HEADER_BYTES + length
            if len(self._received) < size:
                break
            frame = bytes(self._received[:size])
            del self._received[:size]
            if type_ != GOAWAY_TYPE or frame[13:17] != bytes(4):
                return frame
            # RFC 9113 6.8: streams that are open go on after GOAWAY; for h2 the connection would be over.
            self._client_goes = True
            self._close_after_last()
        return None

    def _on_event(self, event: Event) -> None:
        match event:
            case RequestReceived():
                stream = Http2Stream(self, self._answerer, event.stream_id, request_of(event.headers))
                self.streams[stream.number] = stream
                stream.check_length()
            case DataReceived():
                self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                if event.stream_id in self.streams:
                    self.streams[event.stream_id].receive(event.data)
            case StreamEnded():
                if event.stream_id in self.streams:
                    self.streams[event.stream_id].serve()
            case StreamReset():
                if event.stream_id in self.streams:
                    self.streams[event.stream_id].was_reset()
            case ConnectionTerminated():
                self._over = True
                self._all_left(Disconnect.RST)
                super().close()

    def _all_left(self, how: Disconnect) -> None:
        for stream in list(self.streams.values()):
            stream.client_left(how)

    def _close_after_last(self) -> None:
        if (self.fin_received or self._client_goes) and not self.streams:
            self.close()
