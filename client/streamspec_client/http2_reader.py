"""HTTP/2 frames with their arrival times → responses, and requests → frames (sans-IO, over h2).

h2 keeps the state of streams and windows; this keeps what it normally hides: the bounds of DATA frames, their arrival,
fields that no response may have, how each stream ended. What is kept is `http2_responses`, what is given back
`http2_windows`.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, ResponseReceived, StreamEnded, StreamReset
from h2.exceptions import InvalidBodyLengthError, ProtocolError, TooManyStreamsError
from h2.settings import SettingCodes, Settings

from streamspec_client.http2_frames import HEADER_BYTES, Kind, error_name, frames
from streamspec_client.http2_responses import Http2Responses
from streamspec_client.http2_windows import Windows
from streamspec_client.response_reader import MAX_HEAD_BYTES
from streamspec_client.trace import Ending

if TYPE_CHECKING:
    from collections.abc import Iterable

    from h2.events import Event

GOAWAY_BYTES = 8
"""The last stream and the error code; what follows them is for people (RFC 9113, section 6.8)."""

NOT_OF_HTTP2 = {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "host"}
"""RFC 9113, section 8.2.2: a message with connection-specific fields is malformed; `:authority` stands for Host."""


class Http2Reader(Http2Responses):
    """Reads the responses of one HTTP/2 connection, in the order of their requests."""

    def __init__(self) -> None:
        super().__init__()
        # What is malformed is evidence, and no reason to stop reading.
        self._h2 = H2Connection(
            H2Configuration(
                client_side=True, header_encoding=None, validate_inbound_headers=False, validate_outbound_headers=False
            )
        )
        self._h2.local_settings = Settings(
            client=True, initial_values={SettingCodes.ENABLE_PUSH: 0, SettingCodes.MAX_HEADER_LIST_SIZE: MAX_HEAD_BYTES}
        )
        self._h2.decoder.max_header_list_size = MAX_HEAD_BYTES
        self._h2.initiate_connection()
        self._windows = Windows(self._h2)
        self._received = bytearray()
        self.is_broken = False
        """Whether what came is no HTTP/2, so that nothing more is read."""
        self._error = ""
        self._after_error = b""
        self._left: set[int] = set()
        """Streams that were left: what still comes on them was on its way."""
        self._going_away = ""
        """What the server said of the end of the connection (GOAWAY)."""

    # Requests

    def ask(
        self,
        method: str,
        target: str,
        authority: str,
        scheme: str,
        fields: Iterable[tuple[str, str]],
        *,
        has_content: bool,
    ) -> int:
        """Begin a request, which is whole where it has no content; give its number, counted from 0.

        Where the server takes no more streams, it is not sent, and has no response.
        """
        pseudo = [(":method", method), (":scheme", scheme), (":authority", authority), (":path", target)]
        usual = [(name.lower(), value) for name, value in fields if name.lower() not in NOT_OF_HTTP2]
        lines = [(name, value.encode("latin-1")) for name, value in (*pseudo, *usual)]
        why_not = self._error or self._going_away
        if not why_not:
            try:
                stream = self._h2.get_next_available_stream_id()
                self._h2.send_headers(stream, lines, end_stream=not has_content)
                return self._sent_on(stream)
            except TooManyStreamsError:
                why_not = f"SETTINGS_MAX_CONCURRENT_STREAMS {self._h2.remote_settings.max_concurrent_streams}"
            except ProtocolError as error:
                why_not = str(error)
        if self.is_broken:
            return self._not_sent(Ending.MALFORMED, why_not)
        return self._not_sent(Ending.OPEN, f"not sent: {why_not}")

    def room(self, number: int) -> int:
        """Bytes of content that may be sent now; none where the stream is closed."""
        if not self.is_open(number):
            return 0
        stream = self._streams[number]
        try:
            return min(self._h2.local_flow_control_window(stream), self._h2.max_outbound_frame_size)
        except ProtocolError:
            return 0

    def add(self, number: int, content: bytes) -> None:
        """Send content of a request, no more than there is room for."""
        self._h2.send_data(self._streams[number], content)

    def finish(self, number: int) -> None:
        """End a request, unless its stream is closed."""
        with suppress(ProtocolError):
            self._h2.end_stream(self._streams[number])

    def cancel(self, number: int) -> None:
        """Leave a stream, unless it is closed: RST_STREAM with CANCEL (RFC 9113, section 5.4.2)."""
        self._left.add(self._streams[number])
        with suppress(ProtocolError):
            self._h2.reset_stream(self._streams[number], ErrorCodes.CANCEL)

    def withhold(self, number: int) -> None:
        """Widen the window of that request's stream no more, whatever is read of it."""
        self._windows.withhold(self._streams[number])

    def grant(self, number: int) -> None:
        """Give back the window of all that was read of that stream, and from now on of what is read."""
        self._windows.grant(self._streams[number])

    def to_send(self) -> bytes:
        """Bytes that are to go out now: of requests, and what answers the server's own frames."""
        return self._h2.data_to_send()

    # Responses

    @property
    def trailing(self) -> bytes:
        """What came after bytes that are no HTTP/2."""
        return self._after_error

    def feed(self, data: bytes, at_s: float) -> None:
        """Take in bytes that arrived at that time."""
        if self.is_broken:
            self._after_error += data
            return
        self._received += data
        # Frame by frame, since h2 gives nothing of what comes before a frame that is wrong.
        while (size := self._frame_size()) and not self.is_broken:
            frame = bytes(self._received[:size])
            del self._received[:size]
            self._take(frame, at_s)
        if not self.is_broken:
            self._windows.give_back()

    def end(self, *, reset: bool, at_s: float) -> None:
        """The peer has closed, or reset, its side of the connection."""
        for stream in self._streams:
            self._end(stream, Ending.RESET if reset else Ending.TRUNCATED, at_s, self._going_away)

    def _frame_size(self) -> int:
        """Bytes of the next frame; 0 while it is not whole. Of one that is longer than it may be, all that is there."""
        if len(self._received) < HEADER_BYTES:
            return 0
        length = int.from_bytes(self._received[:3], "big")
        if length > self._h2.max_inbound_frame_size:
            return len(self._received)
        return HEADER_BYTES + length if len(self._received) >= HEADER_BYTES + length else 0

    def _take(self, frame: bytes, at_s: float) -> None:
        if frame.startswith(b"HTTP/1."):
            self._fail("HTTP/1.x, where HTTP/2 was asked for", at_s)
            return
        if (length := int.from_bytes(frame[:3], "big")) > self._h2.max_inbound_frame_size:  # h2 would wait for it all
            self._fail(f"HTTP/2: a frame of {length} bytes, where {self._h2.max_inbound_frame_size} are allowed", at_s)
            return
        if misplaced := self._misplaced(frame):
            self._h2.close_connection(ErrorCodes.PROTOCOL_ERROR)
            self._fail(misplaced, at_s)
            return
        if frame[3] == Kind.GOAWAY and len(frame) >= HEADER_BYTES + GOAWAY_BYTES:
            # To h2 the connection is closed then, and what still comes an error; to RFC 9113, section 6.8, it is how
            # a server lets streams end that it has begun.
            self._go_away(frame[HEADER_BYTES:], at_s)
            return
        try:
            events = self._h2.receive_data(frame)
        except ProtocolError as error:
            if isinstance(error, InvalidBodyLengthError):  # not what Content-Length says: evidence, too
                self._keep_content(frame, at_s)
            self._fail(f"HTTP/2: {_told(error)}", at_s)
            return
        for event in events:
            self._note(event, at_s)

    def _misplaced(self, frame: bytes) -> str:
        """What is wrong with content where its stream has none, which h2 lets pass or answers by itself."""
        [found] = frames(frame)
        if found.kind not in {Kind.DATA, Kind.HEADERS}:
            return ""
        kind, stream = Kind(found.kind).name, found.stream
        if stream not in self._streams:
            return f"HTTP/2: {kind} on stream {stream}, on which nothing was asked for"
        if self._is_complete(stream):
            return f"HTTP/2: {kind} on stream {stream} behind its END_STREAM"
        return ""

    def _go_away(self, payload: bytes, at_s: float) -> None:
        last = int.from_bytes(payload[:4], "big") & 0x7FFFFFFF
        self._going_away = f"GOAWAY {error_name(int.from_bytes(payload[4:GOAWAY_BYTES], 'big'))}"
        for stream in self._streams:
            if stream > last:  # RFC 9113, section 6.8: these were not processed, and will not be
                self._end(stream, Ending.RESET, at_s, self._going_away)

    def _note(self, event: Event, at_s: float) -> None:
        if isinstance(event, ResponseReceived):
            self._head(event, at_s)
        elif isinstance(event, DataReceived):
            self._add(event.stream_id, event.data, at_s)
            self._windows.read(event.stream_id, event.flow_controlled_length)
        elif isinstance(event, StreamEnded):
            self._end(event.stream_id, Ending.COMPLETE, at_s)
        elif isinstance(event, StreamReset) and event.remote_reset:
            self._end(event.stream_id, Ending.RESET, at_s, f"RST_STREAM {error_name(event.error_code or 0)}")
        elif isinstance(event, StreamReset) and event.stream_id not in self._left:  # h2 cannot go on with it
            told = f"HTTP/2: {error_name(event.error_code or 0)} of the server on stream {event.stream_id}"
            self._end(event.stream_id, Ending.MALFORMED, at_s, told)

    def _head(self, event: ResponseReceived, at_s: float) -> None:
        lines = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in event.headers]
        # Pseudo-fields besides the first :status are no part of a response: those are kept, as evidence.
        status = next((value for name, value in lines if name == ":status"), "")
        fields = list(lines)
        if (":status", status) in fields:
            fields.remove((":status", status))
        number = int(status) if status.isascii() and status.isdigit() else 0
        self._begin(event.stream_id, number, tuple(fields), at_s)

    def _keep_content(self, frame: bytes, at_s: float) -> None:
        [found] = frames(frame)
        if found.kind == Kind.DATA:
            start, end = found.content(frame)
            self._add(found.stream, frame[start:end], at_s)

    def _fail(self, error: str, at_s: float) -> None:
        self.is_broken, self._error = True, error
        self._after_error = bytes(self._received)
        self._break_off(error, at_s)


def _told(error: ProtocolError) -> str:
    """What h2 found, in words that are the same each time."""
    if isinstance(error, InvalidBodyLengthError):
        return f"Content-Length {error.expected_length}, but {error.actual_length} bytes of content"
    # What hpack says of a block that it cannot read may have the place of an object in memory.
    return re.sub(r":? <[^>]*>", "", str(error)) or type(error).__name__
