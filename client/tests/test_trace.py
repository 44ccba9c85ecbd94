"""A trace survives JSON, and answers questions about arrival."""

from __future__ import annotations

import gzip
import zlib

import msgspec
import pytest

from streamspec_client.trace import (
    NEVER_S,
    Answer,
    Chunk,
    Closing,
    Conversation,
    Ending,
    Framing,
    Mark,
    Response,
    Segment,
    Trace,
)


def response(*chunks: tuple[float, bytes], fields: tuple[tuple[str, str], ...] = ()) -> Response:
    frozen = tuple(Chunk(at_s, data) for at_s, data in chunks)
    return Response(200, "OK", "1.1", fields, 0.5, Framing.CHUNKED, frozen, Ending.COMPLETE, 9.0)


def test_a_trace_survives_json() -> None:
    talk = Conversation(
        "stream", 0.0, (Segment(0.1, b"GET"),), (Segment(0.2, b"\x00\xff"),), (response((1.0, b"\xfe")),),
        Closing.OPEN, NEVER_S, b"",
    )  # fmt: skip
    answer = Answer("state", "GET", "/streams/x", 0.1, 0.2, 200, (("A", "b"),), b"{}")
    trace = Trace("x", "t", "2026-01-01T00:00:00Z", 1.0, (talk,), (answer,), (Mark(1.0, "left"),), "log")
    assert msgspec.json.decode(msgspec.json.encode(trace), type=Trace) == trace


def test_arrival_is_that_of_the_chunk_that_completes_the_bytes() -> None:
    got = response((1.0, b"ab"), (2.0, b"c"))
    assert [got.arrival_s(size) for size in (0, 1, 2, 3, 4)] == [0.5, 1.0, 1.0, 2.0, NEVER_S]


def test_gzip_is_removed_chunk_by_chunk() -> None:
    compressor = zlib.compressobj(wbits=31)
    first = compressor.compress(b"one") + compressor.flush(zlib.Z_SYNC_FLUSH)
    second = compressor.compress(b"two") + compressor.flush()
    decoded = response((1.0, first), (2.0, second), fields=(("Content-Encoding", "gzip"),)).decoded()
    assert [chunk.data for chunk in decoded.chunks] == [b"one", b"two"]


def test_corrupt_and_unknown_codings_are_value_errors() -> None:
    with pytest.raises(ValueError, match="corrupt gzip"):
        response((1.0, b"nonsense"), fields=(("Content-Encoding", "gzip"),)).decoded()
    with pytest.raises(ValueError, match="br cannot"):
        response((1.0, gzip.compress(b"x")), fields=(("Content-Encoding", "br"),)).decoded()
