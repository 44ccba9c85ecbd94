"""Frames → responses, against h2's server in memory: each case whole, byte by byte, and with bytes behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, RequestReceived, SettingsAcknowledged, StreamEnded, StreamReset, WindowUpdated
from h2.settings import SettingCodes
from hypothesis import given
from hypothesis import strategies as st

from streamspec_client.http2_frames import Kind, frames
from streamspec_client.http2_reader import Http2Reader
from streamspec_client.trace import Ending, Framing, Response

if TYPE_CHECKING:
    from collections.abc import Iterable

    from h2.events import Event

OK = ((":status", "200"),)
WINDOW = 65_535
"""Where nobody sets it (RFC 9113, section 6.9.2)."""


class Server:
    """The other side of a reader: requests are taken in, frames come out. It may send what no server should."""

    def __init__(self) -> None:
        self.h2 = H2Connection(
            H2Configuration(client_side=False, validate_outbound_headers=False, normalize_outbound_headers=False)
        )
        self.h2.initiate_connection()
        self.events: list[Event] = []

    def take(self, reader: Http2Reader) -> None:
        self.events += self.h2.receive_data(reader.to_send())

    def seen(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]

    def head(self, stream: int = 1, lines: Iterable[tuple[str, str]] = OK, *, ends: bool = False) -> None:
        self.h2.send_headers(stream, list(lines), end_stream=ends)

    def data(self, data: bytes, stream: int = 1, *, ends: bool = False, pad: int | None = None) -> None:
        self.h2.send_data(stream, data, end_stream=ends, pad_length=pad)

    def out(self) -> bytes:
        return self.h2.data_to_send()


def frame(kind: Kind, payload: bytes, stream: int = 1, flags: int = 0) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def goaway(last: int, code: ErrorCodes = ErrorCodes.NO_ERROR) -> bytes:
    return frame(Kind.GOAWAY, last.to_bytes(4, "big") + code.to_bytes(4, "big") + b"bye", stream=0)


def pair(asked: int = 1, method: str = "GET") -> tuple[Http2Reader, Server]:
    reader, server = Http2Reader(), Server()
    for _ in range(asked):
        reader.ask(method, "/sse?a=1", "h:1", "http", [("Accept", "*/*"), ("Connection", "close")], has_content=False)
    server.take(reader)
    return reader, server


@pytest.fixture(params=[None, 1, 7], ids=["whole", "by 1", "by 7"])
def step(request: pytest.FixtureRequest) -> int | None:
    value = request.param
    assert value is None or isinstance(value, int)
    return value


def read(reader: Http2Reader, data: bytes, step: int | None = None, end: str = "") -> Http2Reader:
    size = step or max(1, len(data))
    for at in range(0, len(data), size):
        reader.feed(data[at : at + size], at_s=float(at + size))
    if end:
        reader.end(reset=end == "reset", at_s=1e6)
    return reader


def only(reader: Http2Reader) -> Response:
    (response,) = reader.responses()
    return response


def kinds(data: bytes) -> list[tuple[int, int]]:
    return [(made.kind, made.stream) for made in frames(data)]


def test_if_frames_come_in_any_pieces_then_their_bounds_are_kept(step: int | None) -> None:
    reader, server = pair()
    server.head(lines=[*OK, ("content-type", "text/plain")])
    server.data(b"abc")
    server.data(b"d", ends=True)
    response = only(read(reader, server.out(), step))
    assert [chunk.data for chunk in response.chunks] == [b"abc", b"d"]
    assert (response.status, response.http_version, response.framing) == (200, "2", Framing.FRAMES)
    assert (response.ending, response.error) == (Ending.COMPLETE, "")
    assert response.fields == (("content-type", "text/plain"),)
    assert (reader.heads, reader.ended, reader.body_size, reader.trailing) == (1, 1, 4, b"")
    assert reader.is_done
    assert not reader.is_refused


def test_a_frame_has_the_time_of_its_last_byte() -> None:
    reader, server = pair()
    server.head()
    head = len(server.h2._data_to_send)
    server.data(b"abc")
    response = only(read(reader, server.out(), step=1))
    assert response.head_at_s == head
    assert [chunk.at_s for chunk in response.chunks] == [head + 9 + 3]


def test_requests_are_sent_as_told_without_the_fields_of_http1() -> None:
    reader, server = pair(method="OPTIONS")
    (asked,) = server.seen(RequestReceived)
    assert isinstance(asked, RequestReceived)
    assert asked.headers is not None
    assert [(bytes(name), bytes(value)) for name, value in asked.headers] == [
        (b":method", b"OPTIONS"), (b":scheme", b"http"), (b":authority", b"h:1"), (b":path", b"/sse?a=1"),
        (b"accept", b"*/*"),
    ]  # fmt: skip
    assert server.seen(StreamEnded)
    assert reader.is_open(0)


def test_a_request_without_content_ends_with_its_head() -> None:
    reader = Http2Reader()
    reader.ask("GET", "/", "h", "http", [], has_content=False)
    *_, last = frames(reader.to_send())
    assert last.kind == Kind.HEADERS
    assert last.ends_stream


def test_an_unfinished_stream_is_open(step: int | None) -> None:
    reader, server = pair()
    server.head()
    server.data(b"ab")
    response = only(read(reader, server.out() + frame(Kind.DATA, b"cdef")[:-2], step))
    assert (response.body, response.ending) == (b"ab", Ending.OPEN)
    assert reader.is_open(0)
    assert not reader.is_done


@pytest.mark.parametrize("end", ["fin", "reset"])
def test_a_stream_that_the_connection_cuts_is_not_complete(step: int | None, end: str) -> None:
    reader, server = pair()
    server.head()
    server.data(b"abc")
    response = only(read(reader, server.out(), step, end=end))
    assert response.ending is (Ending.TRUNCATED if end == "fin" else Ending.RESET)
    assert response.body == b"abc"
    assert reader.ended == 1


@pytest.mark.parametrize("end", ["fin", "reset"])
def test_an_end_before_any_response_leaves_none(end: str) -> None:
    reader, server = pair()
    read(reader, server.out(), end=end)
    assert reader.responses() == ()
    assert reader.is_refused


def test_rst_stream_behind_the_head_resets_the_response(step: int | None) -> None:
    reader, server = pair()
    server.head()
    server.data(b"abc")
    server.h2.reset_stream(1, ErrorCodes.INTERNAL_ERROR)
    response = only(read(reader, server.out(), step))
    assert (response.ending, response.error) == (Ending.RESET, "RST_STREAM INTERNAL_ERROR")
    assert response.body == b"abc"
    assert reader.is_done


def test_rst_stream_before_the_head_leaves_no_response(step: int | None) -> None:
    reader, server = pair()
    server.h2.reset_stream(1, ErrorCodes.REFUSED_STREAM)
    read(reader, server.out(), step)
    assert reader.responses() == ()
    assert (reader.heads, reader.ended) == (0, 0)
    assert reader.is_refused
    assert reader.is_done


def test_an_error_code_without_a_name_is_told_as_its_number() -> None:
    reader, server = pair()
    server.head()
    assert only(read(reader, server.out() + frame(Kind.RST_STREAM, b"\0\0\1\0"))).error == "RST_STREAM error 256"


def test_rst_stream_behind_the_end_changes_nothing(step: int | None) -> None:
    """RFC 9113, section 8.1: NO_ERROR behind a complete response asks the client to send no more of its request."""
    reader, server = Http2Reader(), Server()
    reader.ask("POST", "/", "h", "http", [], has_content=True)
    server.take(reader)
    server.head(lines=[(":status", "413")], ends=True)
    server.h2.reset_stream(1)
    response = only(read(reader, server.out(), step))
    assert (response.status, response.ending, response.error) == (413, Ending.COMPLETE, "")
    assert reader.room(0) == 0


def test_a_refused_request_beside_one_that_is_answered_is_over_with_it() -> None:
    reader, server = pair(asked=2)
    server.head(1, ends=True)
    read(reader, server.out())
    assert [reader.is_done, reader.is_refused] == [False, False]
    server.h2.reset_stream(3, ErrorCodes.REFUSED_STREAM)
    read(reader, server.out())
    assert [reader.is_done, reader.is_refused] == [True, True]
    answered, refused = reader.responses()
    assert answered.ending is Ending.COMPLETE
    assert (refused.status, refused.ending, refused.error) == (0, Ending.RESET, "RST_STREAM REFUSED_STREAM")


def test_responses_stand_in_the_places_of_their_requests() -> None:
    reader, server = pair(asked=4)
    server.h2.reset_stream(1, ErrorCodes.REFUSED_STREAM)
    read(reader, server.out())
    assert reader.responses() == ()
    server.head(5)
    refused, to_come, answered = read(reader, server.out()).responses()
    assert (refused.status, refused.error) == (0, "RST_STREAM REFUSED_STREAM")
    assert (to_come.status, to_come.ending, to_come.error) == (0, Ending.OPEN, "")
    assert answered.status == 200


def test_goaway_ends_the_streams_behind_the_last_and_the_others_go_on(step: int | None) -> None:
    reader, server = pair(asked=3)
    server.head(1)
    server.head(3)
    head = server.out()
    server.data(b"more", 1, ends=True)
    read(reader, head + goaway(1) + server.out(), step)
    first, second, third = reader.responses()
    assert (first.ending, first.body) == (Ending.COMPLETE, b"more")
    assert (second.ending, second.error) == (Ending.RESET, "GOAWAY NO_ERROR")
    assert (third.status, third.ending, third.error) == (0, Ending.RESET, "GOAWAY NO_ERROR")
    assert [reader.is_open(number) for number in range(3)] == [False, False, False]


def test_behind_goaway_nothing_is_asked() -> None:
    reader, server = pair()
    server.head(ends=True)
    read(reader, server.out() + goaway(2**31 - 1))
    reader.to_send()
    number = reader.ask("GET", "/", "h", "http", [], has_content=False)
    assert not reader.was_sent(number)
    assert not reader.is_open(number)
    assert reader.is_refused
    assert reader.to_send() == b""


def test_goaway_tells_why_the_connection_then_ends(step: int | None) -> None:
    reader, server = pair()
    server.head()
    read(reader, server.out() + goaway(1, ErrorCodes.ENHANCE_YOUR_CALM), step, end="fin")
    response = only(reader)
    assert (response.ending, response.error) == (Ending.TRUNCATED, "GOAWAY ENHANCE_YOUR_CALM")


def test_a_goaway_that_is_cut_is_malformed() -> None:
    reader, server = pair()
    assert only(read(reader, server.out() + frame(Kind.GOAWAY, b"\0\0\0\1", stream=0))).ending is Ending.MALFORMED


def test_more_requests_than_the_server_takes_at_a_time_are_not_sent() -> None:
    reader, server = Http2Reader(), Server()
    server.h2.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: 1})
    read(reader, server.out())
    assert [reader.was_sent(reader.ask("GET", "/", "h", "http", [], has_content=False)) for _ in range(2)] == [
        True,
        False,
    ]
    server.take(reader)
    server.head(ends=True)
    sent, unsent = read(reader, server.out()).responses()
    assert sent.ending is Ending.COMPLETE
    assert (unsent.status, unsent.ending) == (0, Ending.OPEN)
    assert unsent.error == "not sent: SETTINGS_MAX_CONCURRENT_STREAMS 1"
    assert reader.is_done


def test_http1_in_return_is_a_malformed_response_without_status(step: int | None) -> None:
    reader, _ = pair()
    read(reader, b"HTTP/1.1 400 Bad Request\r\n\r\n", step)
    response = only(reader)
    assert (response.status, response.ending) == (0, Ending.MALFORMED)
    assert response.error == "HTTP/1.x, where HTTP/2 was asked for"


def test_what_is_no_http_at_all_is_malformed_at_once(step: int | None) -> None:
    """Its first three bytes would be the length of a frame of three megabytes, for which nobody should wait."""
    response = only(read(pair()[0], b"220 smtp.example ESMTP\r\n", step))
    assert (response.status, response.ending) == (0, Ending.MALFORMED)
    assert response.error == "HTTP/2: a frame of 3289648 bytes, where 16384 are allowed"


@pytest.mark.parametrize(
    "bad",
    [
        frame(Kind.DATA, b"x", stream=0),
        frame(Kind.DATA, b"x", stream=2),
        frame(Kind.WINDOW_UPDATE, b"\0\0\0\0", stream=0),
        frame(Kind.RST_STREAM, b"\0"),
        frame(Kind.HEADERS, b"\xff\xff\xff\xff\xff", flags=4),
        frame(Kind.SETTINGS, b"\0\4\xff\xff\xff\xff", stream=0),
        frame(Kind.PUSH_PROMISE, b"\0\0\0\2", flags=4),
        frame(Kind.DATA, b"\xffab", flags=8),
    ],
    ids=[
        "DATA of no stream", "stream nobody opened", "window by zero", "short RST_STREAM", "no field block",
        "window of 2^32", "push", "padding beyond the frame",
    ],
)  # fmt: skip
def test_a_frame_that_breaks_a_rule_is_evidence_and_what_came_before_is_kept(step: int | None, bad: bytes) -> None:
    reader, server = pair()
    server.head()
    server.data(b"abc")
    response = only(read(reader, server.out() + bad + b"behind", step))
    assert (response.body, response.ending) == (b"abc", Ending.MALFORMED)
    assert response.error.startswith("HTTP/2: ")
    assert reader.trailing == b"behind"
    assert {made.kind for made in frames(reader.to_send())} >= {Kind.GOAWAY}


def test_data_before_the_head_is_malformed(step: int | None) -> None:
    reader, server = pair()
    response = only(read(reader, server.out() + frame(Kind.DATA, b"early"), step))
    assert (response.status, response.ending) == (0, Ending.MALFORMED)


def test_a_refused_stream_stays_refused_when_the_connection_breaks() -> None:
    reader, server = pair(asked=2)
    server.h2.reset_stream(1, ErrorCodes.REFUSED_STREAM)
    server.head(3)
    read(reader, server.out() + frame(Kind.DATA, b"x", stream=0))
    reader.ask("GET", "/", "h", "http", [], has_content=False)
    assert not reader.was_sent(2)
    refused, broken, unsent = reader.responses()
    assert refused.error == "RST_STREAM REFUSED_STREAM"
    assert (broken.status, broken.ending) == (200, Ending.MALFORMED)
    assert (unsent.ending, unsent.error) == (Ending.MALFORMED, broken.error)


def test_content_that_is_not_as_long_as_it_said_is_malformed_and_kept(step: int | None) -> None:
    """RFC 9113, section 8.1.1."""
    reader, server = pair()
    server.head(lines=[*OK, ("content-length", "5")])
    server.data(b"abc", ends=True, pad=4)
    response = only(read(reader, server.out(), step))
    assert (response.body, response.ending) == (b"abc", Ending.MALFORMED)
    assert response.error == "HTTP/2: Content-Length 5, but 3 bytes of content"


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (frame(Kind.DATA, b"more"), "DATA on stream 1 behind its END_STREAM"),
        (frame(Kind.DATA, b"", flags=1), "DATA on stream 1 behind its END_STREAM"),
        (frame(Kind.HEADERS, b"\x88", flags=4), "HEADERS on stream 1 behind its END_STREAM"),
        (frame(Kind.HEADERS, b"\x88", stream=2, flags=4), "HEADERS on stream 2, on which nothing was asked for"),
        (frame(Kind.DATA, b"x", stream=101), "DATA on stream 101, on which nothing was asked for"),
    ],
    ids=["more", "END_STREAM twice", "a second head", "a stream of the server", "a stream to come"],
)
def test_content_where_its_stream_has_none_breaks_the_connection(step: int | None, bad: bytes, told: str) -> None:
    """RFC 9113, section 5.1: behind END_STREAM and on idle streams it is an error of the connection."""
    reader, server = pair(asked=2)
    server.head(1, ends=True)
    server.head(3)
    whole, broken = read(reader, server.out() + bad, step).responses()
    assert whole.ending is Ending.COMPLETE
    assert (broken.ending, broken.error) == (Ending.MALFORMED, f"HTTP/2: {told}")
    assert reader.heads == 2
    assert {made.kind for made in frames(reader.to_send())} >= {Kind.GOAWAY}


def test_reset_without_error_behind_the_end_is_no_trouble(step: int | None) -> None:
    """RFC 9113, section 8.1: who has answered may ask so for no more of the request."""
    reader, server = pair()
    server.head(ends=True)
    response = only(read(reader, server.out() + frame(Kind.RST_STREAM, bytes(4)), step))
    assert (response.ending, reader.is_broken) == (Ending.COMPLETE, False)


def test_a_window_that_is_widened_too_far_ends_its_stream(step: int | None) -> None:
    """RFC 9113, section 6.9.1: h2 resets the stream; that is the server's doing, and no silence of it."""
    reader, server = pair()
    server.head()
    response = only(read(reader, server.out() + frame(Kind.WINDOW_UPDATE, b"\x7f\xff\xff\xff"), step))
    assert response.ending is Ending.MALFORMED
    assert response.error == "HTTP/2: FLOW_CONTROL_ERROR of the server on stream 1"


def test_what_was_on_its_way_to_a_stream_that_was_left_is_no_error(step: int | None) -> None:
    reader, server = pair()
    server.head()
    read(reader, server.out(), step)
    reader.cancel(0)
    server.data(b"late", ends=True)
    response = only(read(reader, server.out(), step))
    assert (response.ending, reader.is_broken) == (Ending.OPEN, False)


def test_what_comes_at_once_has_to_fit_the_window_that_the_server_knew() -> None:
    """A window is widened when all that came was looked at: until then no server can count on it."""
    reader, server = pair()
    server.head()
    piece = frame(Kind.DATA, bytes(16_384))
    response = only(read(reader, server.out() + 4 * piece))
    assert (response.ending, len(response.body)) == (Ending.MALFORMED, 3 * 16_384)
    assert "window" in response.error


def test_a_window_is_given_back_when_what_came_was_looked_at() -> None:
    reader, server = pair()
    server.head()
    piece = frame(Kind.DATA, bytes(16_384))
    read(reader, server.out() + 3 * piece)
    assert len(only(read(reader, 2 * piece)).body) == 5 * 16_384


@pytest.mark.parametrize("block", [b"\xff" * 9, b"\xbe"], ids=["endless number", "no such entry"])
def test_a_block_that_is_not_hpack_is_told_of_in_the_same_words_each_time(block: bytes) -> None:
    reader, _ = pair()
    error = only(read(reader, frame(Kind.HEADERS, block, flags=4))).error
    assert error.startswith("HTTP/2: Error decoding header block: ")
    assert "0x" not in error


def test_pseudo_fields_that_no_response_has_are_kept() -> None:
    reader, server = pair()
    server.head(lines=[*OK, (":status", "500"), ("a", "b"), (":path", "/")])
    response = only(read(reader, server.out()))
    assert response.status == 200
    assert response.fields == ((":status", "500"), ("a", "b"), (":path", "/"))


def test_fields_that_no_response_may_have_are_kept_as_evidence(step: int | None) -> None:
    lines = [("connection", "keep-alive"), ("Transfer-Encoding", "chunked"), ("x", "\xe9")]
    reader, server = pair()
    server.head(lines=[*OK, *lines[:2]], ends=True)
    response = only(read(reader, server.out(), step))
    assert response.fields == tuple(lines[:2])
    assert response.ending is Ending.COMPLETE


@pytest.mark.parametrize("status", ["", "OK", "٢٠٠"])
def test_a_status_that_is_no_number_is_zero(step: int | None, status: str) -> None:
    reader, server = pair()
    server.head(lines=[(":status", status), ("a", "b")], ends=True)
    response = only(read(reader, server.out(), step))
    assert (response.status, response.fields) == (0, (("a", "b"),))


def test_interim_responses_are_passed_over(step: int | None) -> None:
    reader, server = pair()
    for status in ("100", "103"):
        server.head(lines=[(":status", status)])
    server.head(ends=True)
    assert only(read(reader, server.out(), step)).status == 200
    assert reader.heads == 1


def test_trailers_end_the_response_and_are_no_head(step: int | None) -> None:
    reader, server = pair()
    server.head()
    server.data(b"abc")
    server.head(lines=[("x-checksum", "1")], ends=True)
    response = only(read(reader, server.out(), step))
    assert (response.body, response.ending, response.fields) == (b"abc", Ending.COMPLETE, ())
    assert reader.heads == 1


def test_the_response_to_head_has_no_content(step: int | None) -> None:
    reader, server = pair(method="HEAD")
    server.head(lines=[*OK, ("content-length", "5")], ends=True)
    assert only(read(reader, server.out(), step)).ending is Ending.COMPLETE


def test_a_header_section_of_100_kib_is_read() -> None:
    reader, server = pair()
    server.head(lines=[*OK, ("x", "a" * 102_400)], ends=True)
    assert len(only(read(reader, server.out())).values("X")[0]) == 102_400


def test_padding_is_no_content_and_is_granted_again(step: int | None) -> None:
    reader, server = pair()
    server.head()
    for _ in range(400):
        server.data(b"a", pad=255)
        read(reader, server.out(), step)
        server.take(reader)
    assert only(reader).body == b"a" * 400
    assert server.h2.local_flow_control_window(1) > WINDOW // 4


def test_empty_frames_are_no_chunks(step: int | None) -> None:
    reader, server = pair()
    server.head()
    server.data(b"")
    server.data(b"", pad=3)
    server.data(b"a")
    server.data(b"", ends=True)
    response = only(read(reader, server.out(), step))
    assert [chunk.data for chunk in response.chunks] == [b"a"]
    assert response.ending is Ending.COMPLETE


def test_a_window_that_is_withheld_stalls_that_stream_alone_until_it_is_granted() -> None:
    reader, server = pair(asked=2)
    reader.withhold(0)
    server.head(1)
    server.head(3)
    for stream in (1, 3, 3, 3):
        left = WINDOW
        while left and (size := min(left, server.h2.local_flow_control_window(stream), 16_384)):
            server.data(b"x" * size, stream)
            left -= size
            read(reader, server.out())
            server.take(reader)
    assert [reader.body_size_of(number) for number in (0, 1)] == [WINDOW, 3 * WINDOW]
    assert server.h2.local_flow_control_window(1) == 0
    reader.grant(0)
    server.take(reader)
    assert server.h2.local_flow_control_window(1) == WINDOW
    server.data(b"x", 1, ends=True)
    read(reader, server.out())
    assert reader.responses()[0].ending is Ending.COMPLETE
    reader.grant(0)  # of a stream that is over, nothing
    assert kinds(reader.to_send()) == []


def test_a_server_that_sends_beyond_the_window_is_malformed() -> None:
    reader, server = pair()
    reader.withhold(0)
    server.head()
    data = server.out() + frame(Kind.DATA, b"x" * 16_384) * 4
    response = only(read(reader, data))
    assert response.ending is Ending.MALFORMED
    assert len(response.body) == 3 * 16_384


def test_settings_and_ping_are_answered(step: int | None) -> None:
    reader, server = pair()
    server.h2.ping(b"12345678")
    server.h2.update_settings({SettingCodes.MAX_FRAME_SIZE: 20_000})
    read(reader, server.out(), step)
    sent = reader.to_send()
    assert frame(Kind.PING, b"12345678", stream=0, flags=1) in sent
    server.events += server.h2.receive_data(sent)
    assert len(server.seen(SettingsAcknowledged)) == 2


def test_frames_of_an_unknown_kind_are_passed_over(step: int | None) -> None:
    """RFC 9113, section 4.1."""
    reader, server = pair()
    server.head(ends=True)
    unknown = frame(Kind.PING, b"?", stream=7).replace(b"\6", b"\x42", 1)
    assert only(read(reader, unknown + server.out(), step)).ending is Ending.COMPLETE


def test_a_stream_that_is_left_is_reset_for_the_server_and_stays_open_here(step: int | None) -> None:
    reader, server = pair()
    server.head()
    read(reader, server.out())
    reader.cancel(0)
    server.data(b"under way")
    late = server.out()
    server.take(reader)
    (left,) = server.seen(StreamReset)
    assert isinstance(left, StreamReset)
    assert left.error_code == ErrorCodes.CANCEL
    response = only(read(reader, late, step))
    assert (response.ending, response.error, response.body) == (Ending.OPEN, "", b"")
    reader.cancel(0)


def test_content_is_sent_as_the_windows_allow() -> None:
    reader, server = Http2Reader(), Server()
    number = reader.ask("POST", "/", "h", "http", [], has_content=True)
    sent = 0
    while room := reader.room(number):
        reader.add(number, b"x" * room)
        sent += room
    assert sent == WINDOW
    server.take(reader)
    assert sum(event.flow_controlled_length or 0 for event in server.events if isinstance(event, DataReceived)) == sent
    server.h2.acknowledge_received_data(sent, 1)
    read(reader, server.out())
    assert reader.room(number) > 0
    reader.finish(number)
    server.take(reader)
    assert server.seen(StreamEnded)
    assert not server.seen(WindowUpdated)


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 255), st.integers(0, 4), st.binary(max_size=40))))
def test_no_frames_whatever_are_an_exception(made: list[tuple[int, int, int, bytes]]) -> None:
    reader, server = pair(asked=2)
    server.head(1)
    data = b"".join(
        len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload
        for kind, flags, stream, payload in made
    )
    read(reader, server.out() + data, end="fin")
    assert all(response.ending is not Ending.OPEN for response in reader.responses())
    assert reader.is_done
