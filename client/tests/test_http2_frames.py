"""Bytes of one direction → frames and field sections, however little of them is there."""

from __future__ import annotations

import pytest
from hpack import Encoder
from hypothesis import given
from hypothesis import strategies as st

from streamspec_client.http2_frames import (
    END_HEADERS,
    END_STREAM,
    PADDED,
    PREFACE,
    PRIORITY,
    FieldBlocks,
    Frame,
    Kind,
    frames,
)

LINES = [(":status", "200"), ("x", "caf\xe9")]


def frame(kind: int, payload: bytes, stream: int = 1, flags: int = 0) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def held(data: bytes) -> list[bytes]:
    return [data[slice(*made.content(data))] for made in frames(data)]


def block() -> bytes:
    return Encoder().encode([(name, value.encode("latin-1")) for name, value in LINES])


def sections(*parts: bytes) -> list[list[tuple[str, str]] | None]:
    blocks, data = FieldBlocks(), b"".join(parts)
    return [blocks.take(made, data) for made in frames(data)]


def test_frames_are_places_in_the_bytes() -> None:
    data = frame(Kind.SETTINGS, b"", stream=0) + frame(Kind.DATA, b"abc", stream=5, flags=END_STREAM)
    first, second = frames(data)
    assert first == Frame(Kind.SETTINGS, 0, 0, start=0, length=0, end=9)
    assert second == Frame(Kind.DATA, END_STREAM, 5, start=9, length=3, end=21)
    assert (first.ends_stream, second.ends_stream) == (False, True)


def test_the_preface_is_no_frame() -> None:
    (made,) = frames(PREFACE + frame(Kind.PING, b"12345678", stream=0))
    assert (made.kind, made.start) == (Kind.PING, len(PREFACE))


def test_the_reserved_bit_is_no_part_of_a_stream() -> None:
    (made,) = frames(frame(Kind.DATA, b"", stream=0x80000003))
    assert made.stream == 3


def test_padding_and_priority_are_no_content() -> None:
    data = (
        frame(Kind.DATA, b"\2abc\0\0", flags=PADDED)
        + frame(Kind.HEADERS, b"\1PRIORblock\0", flags=PADDED | PRIORITY)
        + frame(Kind.PING, b"\2ab\0\0", flags=PADDED)
    )
    assert held(data) == [b"abc", b"block", b"\2ab\0\0"]


@pytest.mark.parametrize("payload", [b"", b"\0", b"\xff", b"\xffab"])
def test_padding_beyond_the_frame_leaves_nothing(payload: bytes) -> None:
    assert held(frame(Kind.DATA, payload, flags=PADDED)) == [b""]


def test_the_last_frame_may_be_cut() -> None:
    data = frame(Kind.DATA, b"abcdef")[:-2]
    (made,) = frames(data)
    assert (made.length, made.end, held(data)) == (6, 13, [b"abcd"])
    assert list(frames(data[:8])) == []


@given(st.binary(max_size=200))
def test_any_bytes_are_read_in_order_and_within_their_bounds(data: bytes) -> None:
    at = 0
    for made in frames(data):
        start, end = made.content(data)
        assert at == made.start <= made.payload_start <= start <= end <= made.end <= len(data)
        at = made.payload_start + made.length


def test_a_field_section_ends_with_its_last_frame() -> None:
    data = block()
    found = sections(
        frame(Kind.HEADERS, data[:2]),
        frame(Kind.CONTINUATION, data[2:4]),
        frame(Kind.CONTINUATION, data[4:], flags=END_HEADERS),
        frame(Kind.DATA, b"x"),
    )
    assert found == [None, None, LINES, None]


@pytest.mark.parametrize("bad", [b"\xff\xff\xff\xff\xff\xff", b"\x40\x7f", b"\xc5"])
def test_behind_a_section_that_cannot_be_read_none_can(bad: bytes) -> None:
    good = frame(Kind.HEADERS, block(), flags=END_HEADERS)
    assert sections(good, frame(Kind.HEADERS, bad, flags=END_HEADERS), good) == [LINES, None, None]


@given(st.binary(max_size=60))
def test_no_block_whatever_is_an_exception(data: bytes) -> None:
    sections(frame(Kind.HEADERS, data, flags=END_HEADERS))
