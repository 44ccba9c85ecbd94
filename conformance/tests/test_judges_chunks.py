"""The chunks requirements on hand-written traces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests import traces

from streamspec.chunked import read_chunked
from streamspec.contract import DRIFT_BUDGET_MS, FIRST_BYTE_BUDGET_MS, LATENESS_BUDGET_MS
from streamspec.exchanges import chunks as exchanges
from streamspec.requirement import Late, NotObserved, Violation
from streamspec.requirements import chunks, chunks_timing
from streamspec_client.trace import Closing, Ending, Framing, Mark, Response, Trace

if TYPE_CHECKING:
    from streamspec.contract import JSON

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
GOOD = b"1\r\na\r\n0\r\n\r\n"


def on_wire(body: bytes, behind: bytes = b"", before: bytes = b"") -> Trace:
    return traces.trace(traces.conversation(traces.response(b"a"), raw=before + HEAD + body + behind))


@pytest.mark.parametrize(
    "body",
    [
        GOOD,
        b"0\r\n\r\n",
        b"0001\r\na\r\n000\r\n\r\n",
        b'1;name=value;other="q\\"d"\r\na\r\n0;x\r\n\r\n',
        b"A\r\n0123456789\r\na\r\n0123456789\r\n0\r\nTrailer: yes\r\n\r\n",
        b"1\r\n\n\r\n0\r\n\r\n",
    ],
)
def test_valid_chunked_coding_passes(body: bytes) -> None:
    assert chunks.chunks_coding.judge(on_wire(body)) is None
    assert chunks.chunks_coding.judge(on_wire(body, behind=b"HTTP/1.1 200 OK\r\n")) is None


@pytest.mark.parametrize(
    "before",
    [
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
        b"HTTP/1.1 100 \r\n\r\n" * 2,
    ],
)
def test_interim_responses_are_no_part_of_the_body(before: bytes) -> None:
    assert chunks.chunks_coding.judge(on_wire(GOOD, before=before)) is None
    with pytest.raises(Violation) as caught:
        chunks.chunks_coding.judge(on_wire(b"1\na\r\n0\r\n\r\n", before=before))
    assert caught.value.offset == 0


@pytest.mark.parametrize(
    ("body", "offset"),
    [
        (b"1\r\na\r\n", 6),
        (b"1\na\r\n0\r\n\r\n", 0),
        (b"1 \r\na\r\n0\r\n\r\n", 0),
        (b"0x1\r\na\r\n0\r\n\r\n", 0),
        (b"1\r\nab\r\n0\r\n\r\n", 4),
        (b"1\r\na\r\n0\r\n", 9),
        (b"1\r\na\r\n0\r\nno colon\r\n\r\n", 9),
        (b"\r\n1\r\na\r\n0\r\n\r\n", 0),
        (b"5\r\nab", 5),
    ],
)
def test_invalid_chunked_coding_is_a_violation_at_its_offset(body: bytes, offset: int) -> None:
    with pytest.raises(Violation) as caught:
        chunks.chunks_coding.judge(on_wire(body))
    assert caught.value.offset == offset


def test_bytes_behind_the_last_chunk_are_a_violation() -> None:
    with pytest.raises(Violation, match="nothing behind"):
        chunks.chunks_coding.judge(on_wire(GOOD, behind=b"\r\nHTTP/1.1 200 OK"))


def test_every_cut_of_a_chunked_body_is_unfinished_and_never_raises() -> None:
    whole = b'3;x="y"\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\nA: b\r\n\r\n'
    assert read_chunked(whole).error == ""
    assert all(read_chunked(whole[:cut]).error for cut in range(len(whole)))


def lock_step(late_item: int | None = None, release_after_s: float = 0.01) -> Trace:
    """A lock-step in which each item came 1 ms after its release, or one of them after the release of the next."""
    marks, arrived = [], []
    for number, size in enumerate(exchanges.LOCK_STEP_SIZES, 1):
        at_s = number * release_after_s
        marks.append(Mark(at_s, "released", number))
        arrived.append((at_s + (release_after_s + 0.001 if number == late_item else 0.001), b"x" * size))
    return traces.trace(traces.conversation(traces.response(*arrived)), marks=marks)


def test_a_lock_step_passes() -> None:
    assert chunks.chunks_causal.judge(lock_step()) is None
    assert chunks.chunks_one_per_item.judge(lock_step()) is None


@pytest.mark.parametrize("item", range(1, len(exchanges.LOCK_STEP_SIZES)))
def test_an_item_that_comes_with_the_next_release_is_late(item: int) -> None:
    with pytest.raises(Late, match=f"item {item} "):
        chunks.chunks_causal.judge(lock_step(late_item=item))


def test_an_item_that_never_comes_is_late() -> None:
    marks = [Mark(0.1, "released", 1)]
    with pytest.raises(Late, match="item 1 "):
        chunks.chunks_causal.judge(traces.trace(traces.conversation(traces.response()), marks=marks))


def test_merged_chunks_are_no_violation_of_causality_but_of_one_per_item() -> None:
    sizes = exchanges.LOCK_STEP_SIZES
    split = [(number * 0.01 + 0.001, b"x" * size) for number, size in enumerate(sizes, 1)]
    halves = [(at_s, part) for at_s, data in split for part in (data[: len(data) // 2], data[len(data) // 2 :]) if part]
    halved = traces.trace(traces.conversation(traces.response(*halves)), marks=lock_step().marks)
    assert chunks.chunks_causal.judge(halved) is None
    with pytest.raises(Violation, match="chunks of"):
        chunks.chunks_one_per_item.judge(halved)


def test_one_per_item_needs_chunks() -> None:
    close = traces.trace(traces.conversation(traces.response(b"x", framing=Framing.CLOSE)))
    with pytest.raises(NotObserved, match="chunks-coding"):
        chunks.chunks_one_per_item.judge(close)


def test_an_encoding_that_cannot_be_removed_is_judged_by_growth() -> None:
    encoded = traces.response(b"??", fields=traces.TEXT_FIELDS | {"Content-Encoding": "br"})
    talk = traces.conversation(encoded)
    assert chunks.chunks_causal_encoded.judge(traces.trace(talk)) is None
    with pytest.raises(Late, match="some bytes"):
        chunks.chunks_causal_encoded.judge(traces.trace(talk, marks=[Mark(1.0, "missed")]))


def test_a_difference_in_content_is_told_with_its_offset() -> None:
    body = b"".join(exchanges.CONTENT_ITEMS)
    good, bad = traces.response(body), traces.response(body[:8] + b"?" + body[9:])
    assert chunks.chunks_content.judge(traces.trace(traces.conversation(good, name="content"))) is None
    with pytest.raises(Violation) as caught:
        chunks.chunks_content.judge(traces.trace(traces.conversation(bad, name="content")))
    assert caught.value.offset == 8


@pytest.mark.parametrize("ending", [Ending.TRUNCATED, Ending.RESET, Ending.MALFORMED])
def test_the_right_bytes_without_an_end_are_a_violation(ending: Ending) -> None:
    cut = traces.response(b"".join(exchanges.CONTENT_ITEMS), ending=ending)
    with pytest.raises(Violation, match="complete message"):
        chunks.chunks_content.judge(traces.trace(traces.conversation(cut, name="content")))


def test_an_end_that_does_not_come_is_late() -> None:
    waiting = traces.response(b"before", ending=Ending.OPEN)
    with pytest.raises(Late, match="no end"):
        chunks.chunks_empty_item.judge(traces.trace(traces.conversation(waiting, name="empty")))


SERVER_AHEAD_S = 5000.0
"""The server's clock reads that much more than the trace's."""


def paced(late_ms: float, round_trip_s: float = 0.002) -> Trace:
    body, at_s = exchanges.get_body(exchanges.PACED_COUNT), 1.0
    lines = body.splitlines(keepends=True)
    produced = [(at_s + index * 0.02) for index in range(exchanges.PACED_COUNT)]
    arrived = [(made_s + late_ms / 1000, line) for made_s, line in zip([*produced, produced[-1]], lines, strict=True)]
    state: dict[str, JSON] = {
        "now_ms": (2.0 + SERVER_AHEAD_S) * 1000,
        "produced_ms": [(s + SERVER_AHEAD_S) * 1000 for s in produced],
    }
    shortest = traces.answer("state", state, asked_at_s=2.0 - round_trip_s / 2, at_s=2.0 + round_trip_s / 2)
    longer = traces.answer("state", {**state, "now_ms": 0}, asked_at_s=2.0, at_s=2.5)
    return traces.trace(traces.conversation(traces.response(*arrived)), answers=[longer, shortest])


def test_lateness_is_measured_against_the_clock_of_the_shortest_round_trip() -> None:
    figures = chunks_timing.chunks_pacing.judge(paced(LATENESS_BUDGET_MS - 1))
    assert figures is not None
    assert figures["lateness_median_ms"] == pytest.approx(LATENESS_BUDGET_MS - 1)


def test_a_constant_lateness_over_the_budget_is_late() -> None:
    with pytest.raises(Late, match="lateness"):
        chunks_timing.chunks_pacing.judge(paced(LATENESS_BUDGET_MS + 1))


def scheduled(drift_ms_per_item: float, stall_at: int | None = None) -> Trace:
    interval = exchanges.SCHEDULED_INTERVAL_MS
    times: list[float] = []
    for index in range(exchanges.SCHEDULED_COUNT):
        due = index * (interval + drift_ms_per_item)
        stalled = stall_at is not None and stall_at <= index < stall_at + 30
        times.append(7000 + (max(due, (stall_at or 0) * interval + 60) if stalled else due))
    state = traces.answer("state", {"now_ms": 1.0, "produced_ms": list(times)})
    return traces.trace(traces.conversation(traces.response(b"x")), answers=[state])


def test_a_schedule_without_drift_passes_even_with_a_stall_that_it_makes_up_for() -> None:
    assert chunks_timing.chunks_no_drift.judge(scheduled(0)) == {"drift_ms": 0}
    assert chunks_timing.chunks_no_drift.judge(scheduled(0, stall_at=350)) == {"drift_ms": 0}


def test_the_least_drift_that_sleep_pacing_has_is_late() -> None:
    assert 0.2 * exchanges.SCHEDULED_COUNT * 0.9 > DRIFT_BUDGET_MS
    with pytest.raises(Late, match="behind schedule"):
        chunks_timing.chunks_no_drift.judge(scheduled(0.2))


def first_bytes(*took_ms: float) -> Trace:
    responses = [traces.response((number + ms / 1000, b"chunk")) for number, ms in enumerate(took_ms)]
    asked = [Mark(float(number), "asked", number) for number in range(len(took_ms))]
    return traces.trace(traces.conversation(*responses), marks=asked)


def test_one_slow_first_byte_is_noise_and_a_slow_median_is_late() -> None:
    slow = FIRST_BYTE_BUDGET_MS + 1
    assert chunks_timing.chunks_first_byte.judge(first_bytes(1, 1, 1, slow, slow)) is not None
    with pytest.raises(Late):
        chunks_timing.chunks_first_byte.judge(first_bytes(1, 1, slow, slow, slow))


def test_http10_without_transfer_encoding_and_closed_passes() -> None:
    body = exchanges.get_body(3)
    plain = {name: value for name, value in traces.TEXT_FIELDS.items() if name != "Transfer-Encoding"}
    good = traces.response(body, fields=plain, framing=Framing.CLOSE)
    assert chunks.chunks_http10.judge(traces.trace(traces.conversation(good, closing=Closing.FIN))) is None
    with pytest.raises(Late, match="close"):
        chunks.chunks_http10.judge(traces.trace(traces.conversation(good)))
    with pytest.raises(Violation, match="no Transfer-Encoding"):
        chunks.chunks_http10.judge(traces.trace(traces.conversation(traces.response(body), closing=Closing.FIN)))


def reused(*responses: Response) -> Trace:
    return traces.trace(traces.conversation(*responses, closing=Closing.FIN))


def test_reuse_needs_a_second_whole_response() -> None:
    good = traces.response(exchanges.get_body(3))
    assert chunks.chunks_reuse.judge(reused(good, good)) is None
    for broken in (
        reused(good),
        reused(good, traces.response(status=400)),
        reused(good, traces.response(status=0, ending=Ending.MALFORMED, error="?")),
        reused(good, traces.response(exchanges.get_body(3), ending=Ending.TRUNCATED)),
        reused(good, traces.response(exchanges.get_body(2))),
    ):
        with pytest.raises(Violation):
            chunks.chunks_reuse.judge(broken)


def test_close_means_closed() -> None:
    good = traces.response(b"x")
    assert chunks.chunks_close.judge(traces.trace(traces.conversation(good, closing=Closing.FIN))) is None
    with pytest.raises(Late):
        chunks.chunks_close.judge(traces.trace(traces.conversation(good)))


def demo(interval_ms: float, count: int = 20) -> Trace:
    lines = exchanges.get_body(3).splitlines(keepends=True)[:3]
    bare = [(1.0 + index * interval_ms / 1000, line) for index, line in enumerate(lines)]
    return traces.trace(
        traces.conversation(traces.response(*bare, ending=Ending.OPEN), name="bare"),
        traces.conversation(traces.response(exchanges.get_body(count)), name="fast"),
    )


def test_the_demo_is_twenty_chunks_three_tenths_of_a_second_apart() -> None:
    assert chunks_timing.chunks_default_demo.judge(demo(300)) is None
    with pytest.raises(Violation, match="bytes"):
        chunks_timing.chunks_default_demo.judge(demo(300, count=10))
    for interval_ms in (0, 100, 400):
        with pytest.raises(Late, match="chunk 3"):
            chunks_timing.chunks_default_demo.judge(demo(interval_ms))


def test_post_and_get_must_agree() -> None:
    get = traces.conversation(traces.response(b"a"), name="get")
    same = traces.conversation(traces.response(b"a", fields=traces.TEXT_FIELDS | {"Date": "now"}), name="post")
    assert chunks.chunks_post_equals_get.judge(traces.trace(get, same)) is None
    for other in (traces.response(b"b"), traces.response(b"a", fields=traces.TEXT_FIELDS | {"X-More": "1"})):
        with pytest.raises(Violation):
            chunks.chunks_post_equals_get.judge(traces.trace(get, traces.conversation(other, name="post")))
