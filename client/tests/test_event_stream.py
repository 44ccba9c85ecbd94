"""The decoder equals the standard's algorithm on every stream, however the bytes are split."""

from __future__ import annotations

import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.event_streams import FRAGMENTS, Case, cases, cut_at, decoded, in_pieces
from tests.fuzz_event_stream import first_difference
from tests.oracle import Outcome, interpret

from streamspec_client.event_stream import Event, EventStreamDecoder, EventTooLarge

CASES = cases()
MIB = 1024 * 1024

each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
TOO_LARGE = Event("too large", "", "")

cuts_of_any_stream = st.lists(st.integers(min_value=0, max_value=200), max_size=6)
streams = st.lists(st.sampled_from(FRAGMENTS) | st.binary(max_size=4), max_size=16).map(b"".join)


def test_the_corpus_is_large_and_its_names_are_unique() -> None:
    assert len(CASES) >= 225
    assert len({case.name for case in CASES}) == len(CASES)


@each_case
def test_the_oracle_agrees_with_the_corpus(case: Case) -> None:
    assert interpret(case.stream, case.start_id) == case.outcome


@each_case
def test_a_whole_stream(case: Case) -> None:
    assert decoded([case.stream], case.start_id) == case.outcome


@each_case
def test_every_split_point(case: Case) -> None:
    for cut in range(len(case.stream) + 1):
        assert decoded(cut_at(case.stream, [cut]), case.start_id) == case.outcome, f"cut at {cut}"


@each_case
def test_every_pair_of_split_points_of_a_short_stream(case: Case) -> None:
    stream = case.stream[:48]
    expected = interpret(stream, case.start_id)
    for first in range(len(stream)):
        for second in range(first + 1, len(stream)):
            assert decoded(cut_at(stream, [first, second]), case.start_id) == expected, f"cut at {first}, {second}"


@each_case
def test_each_byte_gives_at_once_what_it_completes(case: Case) -> None:
    stream = case.stream[:600]
    decoder = EventStreamDecoder(case.start_id)
    events: list[Event] = []
    for end in range(1, len(stream) + 1):
        events += decoder.feed(stream[end - 1 : end])
        so_far = Outcome(tuple(events), decoder.last_event_id, decoder.retry_ms)
        assert so_far == interpret(stream[:end], case.start_id), f"after {end} bytes"


@given(
    stream=streams,
    cuts=st.lists(st.integers(min_value=0, max_value=200), max_size=6),
    start_id=st.sampled_from(["", "k"]),
)
def test_any_stream_in_any_pieces(stream: bytes, cuts: list[int], start_id: str) -> None:
    pieces = cut_at(stream, sorted(min(cut, len(stream)) for cut in cuts))
    assert decoded(pieces, start_id) == interpret(stream, start_id)


def test_random_streams() -> None:
    assert first_difference(seed=20261122, count=3000) is None


def test_empty_pieces_change_nothing() -> None:
    pieces = [b"", b"\xef", b"", b"\xbb\xbf", b"", b"data: a\r", b"", b"\n", b"", b"\r", b"", b"\ndata: b\n\n", b""]
    assert decoded(pieces).events == (("message", "a", ""), ("message", "b", ""))


def test_a_bytearray_is_read_and_not_kept() -> None:
    buffer = bytearray(b"data: a\n\ndata: b")
    decoder = EventStreamDecoder()
    # A type checker refuses it, yet a socket read into a buffer may well pass it.
    assert decoder.feed(buffer) == [Event("message", "a", "")]  # type: ignore[arg-type]  # see above
    buffer[:] = b"x" * len(buffer)
    assert decoder.feed(b"\n\n") == [Event("message", "b", "")]


def test_the_next_connection_begins_where_the_last_one_stopped() -> None:
    first = EventStreamDecoder()
    first.feed(b"id: 7\ndata: a\n\nid: 8\ndata: lost\n")
    first.close()
    second = EventStreamDecoder(first.last_event_id)
    assert second.feed(b"data: b\n\n") == [Event("message", "b", "7")]


def test_after_close_a_piece_is_refused_and_the_state_stays() -> None:
    decoder = EventStreamDecoder()
    decoder.feed(b"id: 1\nretry: 5\n\ndata: lost")
    decoder.close()
    decoder.close()
    with pytest.raises(ValueError, match="new EventStreamDecoder"):
        decoder.feed(b"\n\n")
    assert (decoder.last_event_id, decoder.retry_ms) == ("1", 5)


def events_until_too_large(decoder: EventStreamDecoder, pieces: list[bytes]) -> list[Event]:
    """The events of these pieces; the error where there is one is the decoder's last word, after all of them."""
    events: list[Event] = []
    for piece in pieces:
        try:
            events += decoder.feed(piece)
        except EventTooLarge:
            return [*events, TOO_LARGE]
    return events


@pytest.mark.parametrize("stream", [b"data: 45", b"data: 4\ndata:", b": 345678", b"12345678", b"id: 5678"])
def test_an_event_or_a_line_beyond_the_limit_is_an_error_wherever_it_is_split(stream: bytes) -> None:
    """Of two data lines, the first counts with its line end."""
    first = Event("message", "a", "")
    whole = b"data: a\n\n" + stream + b"\n\ndata: a\n\n"
    an_event_a_piece = cut_at(whole, [9, len(whole) - 9])
    for pieces in [an_event_a_piece, *(in_pieces(whole, piece_bytes) for piece_bytes in range(1, 20))]:
        too_small = EventStreamDecoder(max_event_bytes=len(stream) - 1)
        assert events_until_too_large(too_small, [*pieces, b""]) == [first, TOO_LARGE]
        large_enough = EventStreamDecoder(max_event_bytes=len(stream))
        events = events_until_too_large(large_enough, pieces)
        assert events[-1] == Event("message", "a", large_enough.last_event_id)
        assert TOO_LARGE not in events


def test_the_error_names_the_limit_and_what_to_do() -> None:
    decoder = EventStreamDecoder(max_event_bytes=10)
    with pytest.raises(EventTooLarge, match=r"max_event_bytes \(10\): give the decoder a larger") as raised:
        decoder.feed(b"data: far too long")
    assert raised.value.max_event_bytes == 10
    with pytest.raises(ValueError, match="closed"):
        decoder.feed(b"data: a\n\n")


@given(stream=streams, cuts=cuts_of_any_stream, limit=st.integers(1, 30))
def test_the_limit_strikes_at_the_same_byte_however_they_are_split(stream: bytes, cuts: list[int], limit: int) -> None:
    def outcome(pieces: list[bytes]) -> tuple[list[Event], str, int | None]:
        decoder = EventStreamDecoder(max_event_bytes=limit)
        events = events_until_too_large(decoder, [*pieces, b""])
        return events, decoder.last_event_id, decoder.retry_ms

    split = outcome(cut_at(stream, sorted(min(cut, len(stream)) for cut in cuts)))
    assert outcome([stream]) == outcome(in_pieces(stream, 1)) == split


def test_close_tells_of_a_limit_that_no_piece_came_to_tell() -> None:
    decoder = EventStreamDecoder(max_event_bytes=10)
    assert decoder.feed(b"data: a\n\ndata: far too long") == [Event("message", "a", "")]
    with pytest.raises(EventTooLarge, match="larger max_event_bytes"):
        decoder.close()
    decoder.close()


def test_comments_without_a_blank_line_fill_no_memory() -> None:
    decoder = EventStreamDecoder(max_event_bytes=1024)
    tracemalloc.start()
    for _ in range(20_000):
        decoder.feed(b": keep-alive\n")
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 64 * 1024
    assert decoder.feed(b"data: a\n\n") == [Event("message", "a", "")]


@pytest.mark.parametrize("tail", [b"\n\n", b"\r\n\r\n", b"\r\r"], ids=["LF", "CRLF", "CR"])
def test_a_line_of_10_mib_in_pieces_of_16_bytes_takes_linear_time(tail: bytes) -> None:
    """Quadratic work would move 3 TB: minutes. Linear work is under a second of CPU time."""
    piece = b"x" * 16
    decoder = EventStreamDecoder()
    start_s = time.process_time()
    decoder.feed(b"data: ")
    for _ in range(10 * MIB // len(piece)):
        decoder.feed(piece)
    (event,) = decoder.feed(tail)
    assert len(event.data) == 10 * MIB
    assert time.process_time() - start_s < 10


def test_an_event_of_10_mib_of_short_lines_takes_linear_time() -> None:
    decoder = EventStreamDecoder()
    start_s = time.process_time()
    for _ in range(10 * MIB // 16):
        decoder.feed(b"data: 123456789\n")
    (event,) = decoder.feed(b"\n")
    assert len(event.data) == 10 * MIB // 16 * 10 - 1
    assert time.process_time() - start_s < 20
