"""The scanner shows what the decoder hides, and the two agree on every stream."""

from __future__ import annotations

import time

import pytest
from tests.event_streams import Case, cases, decoded, in_pieces

from streamspec_client.event_stream import EventStreamDecoder
from streamspec_client.event_stream_lines import Line, LineKind, LineScanner, lines_of

each_case = pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)


@each_case
def test_the_lines_put_together_are_the_stream(case: Case) -> None:
    """Between the end of one line and the offset of the next there is a line end, or nothing after the BOM."""
    lines = [line for line in lines_of(case.stream) if line.kind is not LineKind.UNFINISHED_EVENT]
    ends = [line.offset + len(line.raw) for line in lines]
    starts = [*(line.offset for line in lines), len(case.stream)][1:]
    for line, end, start in zip(lines, ends, starts, strict=True):
        assert case.stream[line.offset : end] == line.raw
        between = case.stream[end:start]
        assert (
            between == b""
            if line.kind in (LineKind.BOM, LineKind.UNFINISHED_LINE)
            else between in (b"\n", b"\r", b"\r\n")
        )


@each_case
def test_lines_do_not_depend_on_the_split(case: Case) -> None:
    whole = lines_of(case.stream)
    for piece_bytes in (1, 2, 3, 7):
        scanner = LineScanner()
        lines = [line for piece in in_pieces(case.stream, piece_bytes) for line in scanner.feed(piece)]
        assert lines + scanner.close() == whole


@each_case
def test_each_dispatch_is_an_event_and_each_event_a_dispatch(case: Case) -> None:
    dispatched = [line for line in lines_of(case.stream) if line.kind is LineKind.DISPATCH]
    assert len(dispatched) == len(case.outcome.events)


@each_case
def test_an_observed_decoder_decodes_the_same(case: Case) -> None:
    observed: list[Line] = []
    decoder = EventStreamDecoder(case.start_id, observer=observed.append)
    events = [event for piece in in_pieces(case.stream, 5) for event in decoder.feed(piece)]
    decoder.close()
    assert tuple(events) == decoded([case.stream], case.start_id).events
    assert observed == lines_of(case.stream)


def test_each_kind_with_its_place() -> None:
    stream = (
        b"\xef\xbb\xbf: c\r\nid: 1\r\n: in\r\nid\0: x\r\nid: \0\r\nretry: 5\r\nretry: 5s\r\n\r\n"
        b"data: a\n\n\n"
        b"data: b\ndat"
    )
    assert [(line.kind.value, line.offset, line.in_event) for line in lines_of(stream)] == [
        ("bom", 0, False),
        ("comment", 3, False),
        ("id", 8, False),
        ("comment", 15, True),
        ("unknown-field", 21, True),
        ("id-with-nul", 29, True),
        ("retry", 36, True),
        ("retry-not-digits", 46, True),
        ("no-data", 57, True),
        ("data", 59, False),
        ("dispatch", 67, True),
        ("blank", 68, False),
        ("data", 69, False),
        ("unfinished-line", 77, True),
        ("unfinished-event", 69, True),
    ]


def test_values_and_what_is_wrong_with_a_line() -> None:
    comment, data, unknown = lines_of(b":  a: b\ndata:  \xff\nDATA: x\n")[:3]
    assert (comment.value, data.value, unknown.value) == (b"  a: b", b" \xff", b"x")
    assert (comment.has_ill_formed_utf8, data.has_ill_formed_utf8) == (False, True)
    assert (comment.is_ignored, data.is_ignored, unknown.is_ignored) == (False, False, True)


def test_a_line_of_1_mib_in_pieces_of_16_bytes_takes_linear_time() -> None:
    """Quadratic work would move 34 GB."""
    scanner = LineScanner()
    start_s = time.process_time()
    for _ in range(1024 * 1024 // 16):
        assert scanner.feed(b"x" * 16) == []
    (line,) = scanner.feed(b"\n")
    assert len(line.raw) == 1024 * 1024
    assert time.process_time() - start_s < 3
