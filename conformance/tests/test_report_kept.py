"""Recordings in results.json: nothing is lost, large ones stay small, and one that was changed is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.http2_talks import Request, http2_talk
from tests.traces import answer, conversation, response, trace

from streamspec.report.kept import (
    BrokenRecording,
    Deflated,
    KeptTrace,
    keep,
    keep_bytes,
    restore,
    restore_bytes,
)
from streamspec_client.http2_frames import Kind, frames
from streamspec_client.response_reader import ResponseReader
from streamspec_client.trace import NEVER_S, Closing, Conversation, Ending, Framing, Mark, Segment, Trace

if TYPE_CHECKING:
    from h2.connection import H2Connection

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def through_json(made: Trace) -> Trace:
    return restore(msgspec.json.decode(msgspec.json.encode(keep(made)), type=KeptTrace))


def read(*segments: bytes) -> Conversation:
    """A connection that received these bytes, its responses read as the probe reads them."""
    reader = ResponseReader()
    reader.expect("GET")
    for number, data in enumerate(segments):
        reader.feed(data, number / 10)
    got = tuple(Segment(number / 10, data) for number, data in enumerate(segments))
    return Conversation(
        "stream", 0.0, (Segment(0.0, b"GET / HTTP/1.1\r\n\r\n"),), got, reader.responses(), Closing.OPEN, NEVER_S, b""
    )


@given(
    st.lists(st.binary(min_size=1, max_size=40), max_size=8),
    st.integers(min_value=1, max_value=30),
)
def test_a_chunked_stream_comes_back_however_it_was_cut(items: list[bytes], step: int) -> None:
    raw = HEAD + b"".join(b"%x\r\n%b\r\n" % (len(item), item) for item in items) + b"0\r\n\r\n"
    made = trace(read(*(raw[at : at + step] for at in range(0, len(raw), step))))
    assert through_json(made) == made


@given(
    st.lists(st.tuples(st.sampled_from([1, 3]), st.binary(max_size=40), st.none() | st.integers(0, 9)), max_size=12),
    st.integers(min_value=1, max_value=60),
)
def test_streams_of_one_connection_come_back_as_spans_of_their_frames(
    items: list[tuple[int, bytes, int | None]], step: int
) -> None:
    def answer(server: H2Connection) -> None:
        for stream in (1, 3):
            server.send_headers(stream, [(":status", "200")])
        for stream, data, pad in items:
            server.send_data(stream, data, pad_length=pad)
        server.end_stream(3)

    talk = http2_talk([Request(), Request()], answer, step=step)
    assert through_json(trace(talk)) == trace(talk)
    kept = keep(trace(talk)).conversations[0]
    assert all(made.chunks.data is None for made in kept.responses)
    received = b"".join(segment.data for segment in talk.received)
    contents = [(made.stream, *made.content(received)) for made in frames(received) if made.kind == Kind.DATA]
    for made, stream in zip(kept.responses, (1, 3), strict=True):
        assert made.chunks.starts == [start for of, start, end in contents if of == stream and end > start]


def test_a_stream_that_was_refused_leaves_the_frames_of_others_to_them() -> None:
    def answer(server: H2Connection) -> None:
        server.reset_stream(1)
        server.send_headers(3, [(":status", "200")])
        server.send_data(3, b"abc", end_stream=True)

    talk = http2_talk([Request(), Request()], answer)
    refused, kept = keep(trace(talk)).conversations[0].responses
    assert (refused.status, refused.chunks.sizes) == (0, [])
    assert (kept.chunks.data, kept.chunks.sizes) == (None, [3])
    assert through_json(trace(talk)) == trace(talk)


@given(st.binary(max_size=3000))
def test_any_bytes_come_back(data: bytes) -> None:
    assert restore_bytes(keep_bytes(data)) == data


def test_what_a_person_writes_by_hand_comes_back() -> None:
    """Chunks that are in no received bytes, times that never were, every kind of answer and mark."""
    made = trace(
        conversation(response(b"one", (0.4, b"\xff\x00"), ending=Ending.TRUNCATED, error="cut"), trailing=b"\xfe"),
        conversation(response(framing=Framing.NONE, status=204), name="other", left_at_s=0.5),
        answers=[answer("state", {"cleaned": True})],
        marks=[Mark(0.1, "released", 2)],
        log="Traceback \udce4\n",
    )
    assert through_json(made) == made


def test_every_byte_of_a_large_stream_stands_there_once() -> None:
    item = bytes(range(256)) * 4096
    raw = HEAD + b"%x\r\n%b\r\n0\r\n\r\n" % (len(item), item)
    made = trace(read(*(raw[at : at + 65536] for at in range(0, len(raw), 65536))))
    kept = msgspec.json.encode(keep(made))
    assert len(kept) < len(item) / 50
    assert keep(made).conversations[0].responses[0].chunks.data is None
    assert through_json(made) == made


def test_chunk_bounds_are_where_the_coding_puts_them() -> None:
    """Also where the data of a chunk look like the line that tells its size."""
    talk = keep(trace(read(HEAD + b"1\r\n1\r\n2\r\n1\r\r\n0\r\n\r\n"))).conversations[0]
    assert [start - len(HEAD) for start in talk.responses[0].chunks.starts] == [3, 9]


@pytest.mark.parametrize(
    "kept",
    [
        Deflated(3, "no base64!"),
        Deflated(3, "AAAA"),
        Deflated(2, "eJxLTEoGAAJNASc="),
        Deflated(4, "eJxLTEoGAAJNASc="),
        Deflated(-1, "eJxLTEoGAAJNASc="),
    ],
)
def test_bytes_that_are_not_what_they_are_said_to_be_are_refused(kept: Deflated) -> None:
    with pytest.raises(BrokenRecording, match="deflated bytes"):
        restore_bytes(kept)


def test_spans_and_segments_that_contradict_each_other_are_refused() -> None:
    kept = keep(trace(read(HEAD + b"3\r\nabc\r\n0\r\n\r\n")))
    talk = kept.conversations[0]
    short = replace(talk, received=replace(talk.received, sizes=[1]))
    with pytest.raises(BrokenRecording, match="do not add up"):
        restore(replace(kept, conversations=[short]))
    chunks = replace(talk.responses[0].chunks, starts=[9999])
    astray = replace(talk, responses=[replace(talk.responses[0], chunks=chunks)])
    with pytest.raises(BrokenRecording, match="outside of its bytes"):
        restore(replace(kept, conversations=[astray]))
