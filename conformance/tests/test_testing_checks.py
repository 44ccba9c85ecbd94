"""What the assertions of `streamspec.testing` judge, suspect and show, on responses written by hand."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import pytest

from streamspec.requirement import Violation
from streamspec.testing.checks import (
    arrivals_s,
    expect_complete,
    expect_event_stream,
    expect_events,
    expect_head_first,
    expect_incremental,
    expect_success,
)
from streamspec.testing.suspects import suspects
from streamspec.testing.timeline import FIRST_ROWS, LAST_ROWS, timeline
from streamspec_client.event import Event
from streamspec_client.trace import Chunk, Ending, Framing, Mark, Response

if TYPE_CHECKING:
    from collections.abc import Sequence

SSE = ("Content-Type", "text/event-stream; charset=utf-8")
TEXT = ("Content-Type", "text/plain")


def response(
    *chunks: tuple[float, bytes],
    fields: Sequence[tuple[str, str]] = (TEXT,),
    head_at_s: float = 0.001,
    status: int = 200,
    framing: Framing = Framing.CHUNKED,
    ending: Ending = Ending.COMPLETE,
) -> Response:
    """A response whose chunks came at these times."""
    made = tuple(Chunk(at_s, data) for at_s, data in chunks)
    return Response(status, "Some", "1.1", tuple(fields), head_at_s, framing, made, ending, 9.0, "no HTTP")


def events(*texts: str, ending: Ending = Ending.COMPLETE) -> Response:
    """An event stream in chunks 0.1 s apart."""
    chunks = [(0.1 * number, text.encode()) for number, text in enumerate(texts)]
    return response(*chunks, fields=(SSE,), ending=ending)


def test_pieces_that_come_apart_are_incremental() -> None:
    expect_incremental(response((0.0, b"a"), (0.1, b"b")), over_s=0.1, pieces=2)
    expect_incremental(events("data: a\n\n", "data: b\n\n", "data: c\n\n"), over_s=0.2, pieces=3)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (response(), "no pieces at all"),
        (response((0.5, b"a"), (0.501, b"b")), "2 in 0.001 s, at 1 moment"),
        (response((0.0, b"a"), (0.04, b"b")), "2 in 0.040 s, at 2 different moments"),
        (response((0.0, b"a"), (0.1, b"")), "1 in 0.000 s"),
        (events(": ping\n\n", ": ping\n\n", "data: a\n\ndata: b\n\n"), "2 in 0.000 s, at 1 moment"),
        (events("data: a\n", "id: 1\n", "\n"), "1 in 0.000 s"),
    ],
)
def test_what_comes_at_once_is_not_incremental(made: Response, said: str) -> None:
    with pytest.raises(Violation, match=said):
        expect_incremental(made, over_s=0.05, pieces=2)


def test_pieces_that_are_asked_for_must_come_apart() -> None:
    clumps = response((0.0, b"a"), (0.001, b"b"), (0.1, b"c"), (0.101, b"d"))
    expect_incremental(clumps, over_s=0.05, pieces=2)
    with pytest.raises(Violation, match="at 2 different moments"):
        expect_incremental(clumps, over_s=0.05, pieces=3)


def test_a_compressor_that_is_not_flushed_is_not_incremental() -> None:
    compressor = zlib.compressobj(wbits=31)
    pieces = [compressor.compress(b"a"), compressor.compress(b"b") + compressor.flush()]
    assert pieces[0], "gzip has a header of its own, which comes early"
    made = response((0.0, pieces[0]), (0.5, pieces[1]), fields=(TEXT, ("Content-Encoding", "gzip")))
    assert arrivals_s(made) == [0.5]


def test_a_coding_that_cannot_be_removed_is_told() -> None:
    with pytest.raises(Violation, match="content coding br cannot be decoded here"):
        arrivals_s(response((0.0, b"x"), fields=(TEXT, ("Content-Encoding", "br"))))


def test_the_header_section_is_first_where_content_comes_later_or_not_at_all() -> None:
    expect_head_first(response(head_at_s=0.1), 0.02)
    expect_head_first(response((0.13, b"a"), head_at_s=0.1), 0.02)
    with pytest.raises(Violation, match=r"got 0\.001 s before it"):
        expect_head_first(response((0.101, b"a"), head_at_s=0.1), 0.02)


def test_success_is_2xx_with_content() -> None:
    expect_success(response(status=206))
    for status, said in ((404, "404 Some: oh no"), (204, "204 Some"), (0, "no HTTP")):
        with pytest.raises(Violation, match=said):
            expect_success(response((0.0, b"oh no"), status=status))


@pytest.mark.parametrize(
    ("ending", "said"),
    [
        (Ending.OPEN, "no end after 1 bytes"),
        (Ending.TRUNCATED, "closed the connection before the message was complete"),
        (Ending.RESET, "reset the connection"),
        (Ending.MALFORMED, "what came is not HTTP: no HTTP"),
    ],
)
def test_what_does_not_end_complete_is_told(ending: Ending, said: str) -> None:
    expect_complete(response())
    with pytest.raises(Violation, match=said):
        expect_complete(response((0.0, b"a"), ending=ending))


def test_a_valid_event_stream() -> None:
    expect_event_stream(events("\ufeff: hi\n\n", "id: 1\r\nretry: 3\r\n\r\n", "event: x\ndata\n\n"))
    expect_event_stream(events("data: a\n\n", "data: still com", ending=Ending.OPEN))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("data: a\n", "a last event without its blank line"),
        ("data: a\n\ndata: b", "a last line without its end"),
        ("Data: a\n\n", "a field that is not event"),
        ("retry: 3s\ndata: a\n\n", "a retry that is not digits"),
        ("id: a\0\ndata: a\n\n", "an id that holds NUL"),
        ("event: ping\n\ndata: a\n\n", "an event that has a type and no data"),
        (": ping\n\n", "at least one event; got none in 8 bytes"),
        ("", "at least one event"),
    ],
)
def test_what_clients_ignore_or_drop_is_no_event_stream(text: str, said: str) -> None:
    with pytest.raises(Violation, match=said):
        expect_event_stream(events(text))


def test_bytes_that_are_not_utf8_are_no_event_stream() -> None:
    with pytest.raises(Violation, match=r"not UTF-8: b'data: \\xfc'.* at byte 9"):
        expect_event_stream(response((0.0, b"data: a\n\ndata: \xfc\n\n"), fields=(SSE,)))


def test_another_media_type_is_no_event_stream() -> None:
    with pytest.raises(Violation, match="Content-Type: text/plain"):
        expect_event_stream(response((0.0, b"data: a\n\n")))
    with pytest.raises(Violation, match="no Content-Type"):
        expect_event_stream(response((0.0, b"data: a\n\n"), fields=()))


A, B = Event("message", "a", ""), Event("done", "b", "7")


def test_events_are_equal_by_data_or_whole() -> None:
    expect_events([A, B], ["a", "b"])
    expect_events([A, B], ["a", B])


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        (["a"], "expected 1 events in all; got one more: Event"),
        (["a", "b", "c"], "expected event 3: data 'c'; got 2 events in all"),
        (["a", "x"], "expected event 2: data 'x'; got Event"),
        (["a", B._replace(last_event_id="8")], "expected event 2: Event"),
    ],
)
def test_the_first_event_that_differs_is_told(expected: list[str | Event], said: str) -> None:
    with pytest.raises(Violation, match=said):
        expect_events([A, B], expected)


@pytest.mark.parametrize(
    ("made", "named"),
    [
        (None, "the handler has not returned a response yet"),
        (response(head_at_s=0.01), "the producer has not made its first item"),
        (response((0.6, b"a"), head_at_s=0.6), "waits for the content before it sends anything"),
        (response((0.6, b"a")), "the producer: the header section came at once"),
        (response((0.002, b"a")), "nobody, perhaps"),
        (response((0.6, b"a"), framing=Framing.CONTENT_LENGTH), "Content-Length"),
        (response((0.6, b"a"), fields=(("Content-Encoding", "gzip"),)), "compression: the content is gzip"),
        (response((0.6, b"a"), fields=(("Server", "nginx/1.22"),)), "proxy_buffering off"),
        (response((0.6, b"a"), fields=(("Via", "1.1 strange"),)), "Via: 1.1 strange"),
        (response((0.6, b"x" * 4096), (0.7, b"x" * 4096), (0.8, b"x")), "a buffer of 4096 bytes"),
    ],
)
def test_who_held_it_back_is_named(made: Response | None, named: str) -> None:
    assert named in next(iter(suspects(made, asked_at_s=0.0)))


def test_items_of_one_size_are_no_buffer() -> None:
    assert not any("buffer of" in line for line in suspects(response(*[(0.6, b"abc")] * 5), 0.0))


def test_nobody_is_suspected_of_holding_back_what_came_over_time() -> None:
    assert not [*suspects(events("data: a\n\n", "data: b\n\n", "data: c\n\n"), asked_at_s=0.0)]


def test_a_timeline_shows_everything_in_order_of_time() -> None:
    made = response((0.5, b"first"), (1.0, b"x" * 99), head_at_s=0.2, ending=Ending.OPEN)
    marks = [Mark(0.4, "item 1 released")]
    lines = timeline("GET /x", 0.0, made, marks, 1.0).splitlines()
    assert [line.split("  ")[-1] for line in lines] == [
        "→ GET /x",
        "← 200, text/plain",
        "* item 1 released",
        "← 1: 5 bytes 'first'",
        f"← 2: 99 bytes '{'x' * 48}'…",
        "← no end so far",
    ]
    assert [line.index("█") for line in lines] == sorted(line.index("█") for line in lines)
    assert lines[3].startswith("   0.500 s  ")


def test_a_long_timeline_keeps_its_beginning_and_its_end() -> None:
    lines = timeline("GET /", 0.0, response(*[(0.1, b"x")] * 500), [], 1.0).splitlines()
    assert len(lines) == FIRST_ROWS + LAST_ROWS + 1
    assert "more lines" in lines[FIRST_ROWS]
    assert lines[-1].endswith("the end: complete")


def test_a_timeline_without_a_response_says_so() -> None:
    assert "nothing has come so far" in timeline("GET /", 0.0, None, [], 1.0)
