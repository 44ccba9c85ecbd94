"""The HTTP/2 requirements on hand-written traces: streams that share one connection."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests import traces

from streamspec.contract import FLOW_BUDGET_BYTES
from streamspec.exchanges import failure, flow
from streamspec.exchanges import http2 as exchanges
from streamspec.exchanges.chunks import LOCK_STEP_SIZES
from streamspec.requirement import Late, NotObserved, Violation
from streamspec.requirements import http2
from streamspec_client.trace import Closing, Ending, Framing, Mark

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamspec.contract import JSON
    from streamspec.requirement import Requirement
    from streamspec_client.trace import Response, Trace

FIELDS = {"content-type": "text/plain; charset=utf-8", "cache-control": "no-store"}
HELLO = b"hello\n"


def stream(
    *chunks: bytes | tuple[float, bytes],
    status: int = 200,
    ending: Ending = Ending.COMPLETE,
    error: str = "",
    fields: Mapping[str, str] | None = None,
) -> Response:
    return traces.response(
        *chunks,
        status=status,
        fields={**FIELDS, **(fields or {})},
        framing=Framing.FRAMES,
        ending=ending,
        error=error,
    )


def lock_step(first: Response | None = None, *others: Response, late_s: float = 0.0) -> Trace:
    """Gates open each 0.1 s, and their items come 10 ms later; then the other answers."""
    released = [Mark(1 + number / 10, "released", number + 1) for number in range(len(LOCK_STEP_SIZES))]
    chunks = [(made.at_s + 0.01 + late_s, b"x" * size) for made, size in zip(released, LOCK_STEP_SIZES, strict=True)]
    answers = others or tuple(stream(b"{}") for _ in exchanges.ANSWERS)
    talk = traces.conversation(first or stream(*chunks), *answers, name=exchanges.CONNECTION)
    return traces.trace(talk, marks=released)


def test_a_sound_lock_step_passes() -> None:
    for made in (http2.http2_causal, http2.http2_complete, http2.http2_no_connection_fields):
        assert made.judge(lock_step()) is None


def test_an_item_that_comes_behind_the_next_release_is_late() -> None:
    with pytest.raises(Late, match="item 1 "):
        http2.http2_causal.judge(lock_step(late_s=0.1))


ALL = (http2.http2_causal, http2.http2_complete, http2.http2_no_connection_fields)


@pytest.mark.parametrize("made", ALL)
def test_what_is_no_http2_is_a_violation(made: Requirement) -> None:
    with pytest.raises(Violation, match="HTTP/2: window overflow"):
        made.judge(lock_step(stream(b"x", ending=Ending.MALFORMED, error="HTTP/2: window overflow")))


@pytest.mark.parametrize("made", ALL)
def test_a_refused_stream_shows_nothing(made: Requirement) -> None:
    with pytest.raises(NotObserved, match="answered 422"):
        made.judge(lock_step(stream(b"{}", status=422)))


def test_no_response_at_all_is_late() -> None:
    talk = traces.conversation(name=exchanges.CONNECTION, closing=Closing.FIN)
    with pytest.raises(Late, match="0; the connection's end: fin"):
        http2.http2_complete.judge(traces.trace(talk))


def test_a_stream_that_does_not_end_is_late() -> None:
    with pytest.raises(Late, match="no end after 1 bytes"):
        http2.http2_complete.judge(lock_step(stream(b"x", ending=Ending.OPEN)))


def test_a_whole_stream_that_is_reset_is_a_violation() -> None:
    body = b"x" * sum(LOCK_STEP_SIZES)
    with pytest.raises(Violation, match="expected END_STREAM; got reset RST_STREAM NO_ERROR"):
        http2.http2_complete.judge(lock_step(stream(body, ending=Ending.RESET, error="RST_STREAM NO_ERROR")))


def test_a_connection_that_serves_no_others_is_late() -> None:
    body = b"x" * sum(LOCK_STEP_SIZES)
    with pytest.raises(Late, match="a complete answer to /; got 200, open"):
        http2.http2_complete.judge(lock_step(stream(body), stream(ending=Ending.OPEN)))
    with pytest.raises(Late, match="a response on each stream; got 2"):
        http2.http2_complete.judge(lock_step(stream(body), stream(b"{}")))


@pytest.mark.parametrize("field", ["connection", "keep-alive", "transfer-encoding", "upgrade", "proxy-connection"])
def test_connection_specific_fields_are_a_violation(field: str) -> None:
    answers = [stream(b"{}") for _ in exchanges.ANSWERS]
    answers[1] = stream(b"{}", fields={field: "close"})
    with pytest.raises(Violation, match=f"/stream.*: none of.*; got {field}: close"):
        http2.http2_no_connection_fields.judge(lock_step(None, *answers))


@pytest.mark.parametrize("field", ["Vary", ":status", ":path"])
def test_fields_that_http2_cannot_name_are_a_violation(field: str) -> None:
    answers = [stream(b"{}") for _ in exchanges.ANSWERS]
    answers[1] = stream(b"{}", fields={field: "x"})
    with pytest.raises(Violation, match=f"field names in lower case, and one :status; got {field}: x"):
        http2.http2_no_connection_fields.judge(lock_step(None, *answers))


def no_response(error: str = "", ending: Ending = Ending.OPEN) -> Response:
    return replace(stream(status=0, ending=ending, error=error), framing=Framing.NONE, fields=())


@pytest.mark.parametrize(
    "error", ["not sent: SETTINGS_MAX_CONCURRENT_STREAMS 1", "not sent: GOAWAY NO_ERROR", "GOAWAY NO_ERROR"]
)
def test_a_server_may_take_no_more_streams(error: str) -> None:
    with pytest.raises(NotObserved, match=f"no stream 2: {error}"):
        http2.http2_flow_isolated.judge(
            traces.trace(traces.conversation(stream(b"x"), no_response(error), name=exchanges.CONNECTION))
        )
    began = [stream(HELLO, ending=Ending.OPEN), no_response(error), no_response(error)]
    with pytest.raises(NotObserved, match=f"no stream 2: {error}"):
        http2.http2_reset_cancels.judge(traces.trace(traces.conversation(*began, name=exchanges.CONNECTION)))


def test_a_stream_that_is_refused_or_cut_off_is_late_and_said_so() -> None:
    body = b"x" * sum(LOCK_STEP_SIZES)
    for error in ("RST_STREAM REFUSED_STREAM", "not sent: GOAWAY INTERNAL_ERROR"):
        with pytest.raises(Late, match=f"got 1, then {error}; the connection's end: open"):
            http2.http2_complete.judge(lock_step(stream(body), no_response(error)))


def test_a_connection_that_is_no_http2_is_no_riddle_where_streams_were_to_be_reset() -> None:
    broken = stream(status=0, ending=Ending.MALFORMED, error="HTTP/1.x, where HTTP/2 was asked for")
    with pytest.raises(Violation, match=r"expected HTTP/2; got HTTP/1\.x"):
        http2.http2_reset_cancels.judge(traces.trace(traces.conversation(broken, name=exchanges.CONNECTION)))


# Reset


def reset(
    *,
    took_s: float = 0.01,
    reason: str = "disconnected",
    cleaned: bool = True,
    neighbour: Response | None = None,
    after: Response | None = None,
    left: tuple[str, ...] = exchanges.LEFT,
) -> Trace:
    """Each stream is reset at 1 s, 2 s, and its state tells of its end so much later."""
    state: JSON = {"state": "closed", "cleaned": cleaned, "reason": reason}
    talk = traces.conversation(
        *(stream(HELLO, ending=Ending.OPEN) for _ in exchanges.LEFT),
        neighbour or stream(HELLO * exchanges.NEIGHBOUR_ITEMS),
        after or stream(b"chunk 1: hello\ndone\n"),
        name=exchanges.CONNECTION,
    )
    return traces.trace(
        talk,
        marks=[Mark(1.0 + number, f"left-{kind}") for number, kind in enumerate(left)],
        answers=[traces.answer(f"state-{kind}", state, at_s=1.0 + number + took_s) for number, kind in enumerate(left)],
    )


def test_a_reset_that_stops_its_producer_passes() -> None:
    figures = http2.http2_reset_cancels.judge(reset())
    assert figures is not None
    assert figures["cleanup_ms"] == pytest.approx(10)


def test_a_producer_that_goes_on_is_late() -> None:
    with pytest.raises(Late, match=r"text: closed and cleaned up within 500 ms of RST_STREAM.*after 900 ms"):
        http2.http2_reset_cancels.judge(reset(took_s=0.9))
    with pytest.raises(Late, match="not cleaned up"):
        http2.http2_reset_cancels.judge(reset(cleaned=False))


def test_the_ledger_knows_that_the_client_left() -> None:
    with pytest.raises(Violation, match="the reason disconnected; got failed"):
        http2.http2_reset_cancels.judge(reset(reason="failed"))


def test_the_others_of_the_connection_live_on() -> None:
    with pytest.raises(Violation, match="END_STREAM; got reset"):
        http2.http2_reset_cancels.judge(reset(neighbour=stream(HELLO, ending=Ending.RESET)))
    with pytest.raises(Late, match="no end after 0 bytes"):
        http2.http2_reset_cancels.judge(reset(after=stream(ending=Ending.OPEN)))


def test_what_was_never_reset_shows_nothing() -> None:
    with pytest.raises(NotObserved, match="did not begin"):
        http2.http2_reset_cancels.judge(reset(left=()))


def test_a_stream_beside_that_stops_at_a_reset_is_late() -> None:
    with pytest.raises(Late, match="the stream beside goes on after RST_STREAM; got no item"):
        http2.http2_reset_cancels.judge(reset(left=exchanges.LEFT[:1]))


# Flow control


def stalled(
    *,
    produced: int = 131_072,
    read: int = 65_535,
    late_s: float = 0.0,
    body: bytes | None = None,
    ending: Ending = Ending.OPEN,
) -> Trace:
    released = [Mark(1 + number / 10, "released", number + 1) for number in range(flow.NEIGHBOUR_STRIPES)]
    neighbour = [(made.at_s + 0.01 + late_s, b"x" * flow.STRIPE_BYTES) for made in released]
    talk = traces.conversation(
        stream(flow.text_stripes() if body is None else body, ending=ending, error="too much"),
        stream(*neighbour, ending=Ending.OPEN),
        name=exchanges.CONNECTION,
    )
    marks = [*released, Mark(1.7, "rests", read), Mark(1.8, "read-on")]
    return traces.trace(talk, marks=marks, answers=[traces.answer("rests", {"bytes_produced": produced})])


def test_a_sound_window_passes() -> None:
    figures = http2.http2_flow_bounded.judge(stalled())
    assert figures is not None
    assert figures["ahead_mib"] == pytest.approx(65_537 / 1_048_576)
    assert http2.http2_flow_isolated.judge(stalled()) is None
    assert http2.http2_flow_resumed.judge(stalled()) is None


def test_production_ahead_of_a_closed_window_is_bounded() -> None:
    assert http2.http2_flow_bounded.judge(stalled(produced=FLOW_BUDGET_BYTES, read=0))
    with pytest.raises(Late, match="ahead of a window that is closed; got 16,777,217"):
        http2.http2_flow_bounded.judge(stalled(produced=FLOW_BUDGET_BYTES + 1, read=0))


def test_more_than_the_window_allows_is_a_violation() -> None:
    for made in (http2.http2_flow_bounded, http2.http2_flow_isolated, http2.http2_flow_resumed):
        with pytest.raises(Violation, match="expected HTTP/2; got too much"):
            made.judge(stalled(ending=Ending.MALFORMED))


def test_a_stream_that_waits_for_another_is_late() -> None:
    with pytest.raises(Late, match="item 1 "):
        http2.http2_flow_isolated.judge(stalled(late_s=0.1))


def test_a_stream_whose_item_waits_for_the_window_of_another_is_late() -> None:
    given = stalled()
    first = next(mark for mark in given.marks if mark.name == "released")
    held = replace(given, marks=(first, *given.marks[flow.NEIGHBOUR_STRIPES :]))
    with pytest.raises(Late, match="while the window is closed; got item 1 not in time"):
        http2.http2_flow_isolated.judge(held)


def test_a_stream_that_does_not_go_on_is_late() -> None:
    with pytest.raises(Late, match="65,535: the stream does not go on"):
        http2.http2_flow_resumed.judge(stalled(body=flow.text_stripes()[:65_535]))


def test_bytes_that_are_wrong_are_a_violation() -> None:
    body = flow.text_stripes()
    with pytest.raises(Violation, match="at byte 70000"):
        http2.http2_flow_resumed.judge(stalled(body=body[:70_000] + b"?" + body[70_001:]))


# Failure


def failing(first: Response, after: Response | None = None) -> Trace:
    return traces.trace(traces.conversation(first, after or stream(b"done\n"), name=exchanges.CONNECTION))


@pytest.mark.parametrize("size", [0, 6, len(failure.TEXT)])
def test_a_failed_text_is_reset(size: int) -> None:
    given = failing(stream(failure.TEXT[:size], ending=Ending.RESET, error="RST_STREAM INTERNAL_ERROR"))
    assert http2.http2_failure_resets.judge(given) is None


@pytest.mark.parametrize(("ending", "said"), [(Ending.COMPLETE, "complete"), (Ending.TRUNCATED, "truncated")])
def test_any_other_end_of_a_failed_text_is_a_violation(ending: Ending, said: str) -> None:
    with pytest.raises(Violation, match=f"expected RST_STREAM; got {said}"):
        http2.http2_failure_resets.judge(failing(stream(failure.TEXT, ending=ending)))


def test_a_failed_text_without_an_end_is_late() -> None:
    with pytest.raises(Late, match="no end after 11 bytes"):
        http2.http2_failure_resets.judge(failing(stream(failure.TEXT, ending=Ending.OPEN)))


def test_what_was_not_an_item_is_no_part_of_a_failed_text() -> None:
    with pytest.raises(Violation, match="at byte 6"):
        http2.http2_failure_resets.judge(failing(stream(b"first\nError\n", ending=Ending.RESET)))


def test_the_connection_serves_others_after_a_failure() -> None:
    failed = stream(failure.TEXT, ending=Ending.RESET)
    with pytest.raises(Violation, match="END_STREAM; got reset GOAWAY"):
        http2.http2_failure_resets.judge(failing(failed, stream(ending=Ending.RESET, error="GOAWAY INTERNAL_ERROR")))
