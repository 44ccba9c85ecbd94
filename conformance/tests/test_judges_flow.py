"""The flow requirements on hand-written traces: who stalls, who reads on, who is beside them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import pytest
from tests import traces

from streamspec.contract import FLOW_BUDGET_BYTES
from streamspec.exchanges import flow as exchanges
from streamspec.requirement import Late, NotObserved, Violation
from streamspec.requirements import flow
from streamspec_client.trace import Ending, Mark

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from streamspec.contract import JSON
    from streamspec.requirement import Requirement
    from streamspec_client.trace import Answer, Response, Trace

WHOLE = exchanges.STRIPES * exchanges.STRIPE_BYTES
MIB = 1_048_576


@cache
def event_stream(end: bytes = b"\n", *, id_first: bool = True, space: bytes = b" ") -> bytes:
    """The stripes as events, in one of the styles that the standard allows."""
    made = []
    for number in range(1, exchanges.STRIPES + 1):
        lines = [b"id:%b%d" % (space, number), b"data:%b%b" % (space, b"x" * exchanges.STRIPE_BYTES)]
        made += [*(lines if id_first else lines[::-1]), b""]
    return end.join([*made, b"event: done", b'data: {"count": 280}', b"", b""])


def neighbour(arrivals_s: list[float]) -> Response:
    chunks = [(at_s, b"x" * exchanges.STRIPE_BYTES) for at_s in arrivals_s]
    return traces.response(*chunks, ending=Ending.OPEN)


def beside(
    *,
    text: Response | None = None,
    events: Response | None = None,
    produced: float = 4 * MIB,
    read: int = 0,
    arrivals_s: list[float] | None = None,
    send_timeout_ms: int = 30_000,
) -> Trace:
    """Both streams at rest with so many bytes produced; gates open each 0.1 s, and their stripes come 10 ms later."""
    released = [Mark(1 + number / 10, "released", number + 1) for number in range(exchanges.NEIGHBOUR_STRIPES)]
    kinds = {
        "text": text or traces.response(exchanges.text_stripes()),
        "events": events or traces.response(event_stream(), fields=traces.EVENT_FIELDS),
    }
    rests = [Mark(0.5, f"rests-{kind}", read) for kind in kinds]
    return traces.trace(
        *[traces.conversation(response, name=kind) for kind, response in kinds.items()],
        traces.conversation(neighbour(arrivals_s or [made.at_s + 0.01 for made in released]), name="neighbour"),
        answers=[traces.answer(f"rests-{kind}", {"bytes_produced": produced}) for kind in kinds],
        marks=[Mark(0.3, "send-timeout", send_timeout_ms), *rests, *released, Mark(1.7, "read-on")],
    )


def test_a_sound_server_passes() -> None:
    given = beside()
    assert flow.flow_bounded.judge(given) == {"ahead_mib": 4}
    assert flow.flow_resumed.judge(given) is None
    assert flow.flow_isolated.judge(given) is None


@pytest.mark.parametrize(("produced", "read"), [(0, 0), (FLOW_BUDGET_BYTES, 0), (FLOW_BUDGET_BYTES + 9, 9)])
def test_production_ahead_of_the_reader_is_bounded(produced: int, read: int) -> None:
    assert flow.flow_bounded.judge(beside(produced=produced, read=read))
    with pytest.raises(Violation, match="text: at most 16,777,216 bytes"):
        flow.flow_bounded.judge(beside(produced=produced + 1 + FLOW_BUDGET_BYTES, read=read))


@pytest.mark.parametrize("judge", [flow.flow_bounded, flow.flow_resumed, flow.flow_isolated])
def test_a_stream_that_is_refused_shows_nothing(judge: Requirement) -> None:
    with pytest.raises(NotObserved, match="answered 503"):
        judge.judge(beside(events=traces.response(status=503)))


@pytest.mark.parametrize(
    "body",
    [
        event_stream(b"\r\n"),
        event_stream(b"\r", space=b""),
        event_stream(id_first=False),
        b": hello\n" + event_stream(),
    ],
    ids=["crlf", "cr, no space", "id last", "comment"],
)
def test_events_are_whole_in_any_style(body: bytes) -> None:
    assert flow.flow_resumed.judge(beside(events=traces.response(body, fields=traces.EVENT_FIELDS))) is None


def without(body: bytes, at: int, count: int = 1) -> bytes:
    return body[:at] + body[at + count :]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda body: without(body, WHOLE // 2), f"{WHOLE - 1} bytes"),
        (lambda body: body + b"?", f"{WHOLE + 1} bytes"),
        (lambda body: without(body, exchanges.STRIPE_BYTES, exchanges.STRIPE_BYTES), "there b'3"),
        (lambda body: body[: exchanges.STRIPE_BYTES] * exchanges.STRIPES, "there b'1"),
    ],
    ids=["a byte is lost", "a byte too many", "a stripe is lost", "one stripe for all"],
)
def test_text_that_is_not_what_was_asked_for_is_a_violation(change: Callable[[bytes], bytes], said: str) -> None:
    with pytest.raises(Violation, match=said):
        flow.flow_resumed.judge(beside(text=traces.response(change(exchanges.text_stripes()))))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (event_stream().replace(b"id: 7\n", b"id: 6\n"), "ids"),
        (without(event_stream(), 100), "data of 65536 x; got 65535"),
        (event_stream()[: WHOLE // 2], "ids"),
    ],
)
def test_events_that_are_not_what_was_asked_for_are_a_violation(body: bytes, said: str) -> None:
    with pytest.raises(Violation, match=said):
        flow.flow_resumed.judge(beside(events=traces.response(body, fields=traces.EVENT_FIELDS)))


def test_a_stream_that_does_not_end_is_late_and_one_that_is_cut_a_violation() -> None:
    cut = traces.response(b"x", ending=Ending.TRUNCATED)
    with pytest.raises(Late, match="no end"):
        flow.flow_resumed.judge(beside(text=replace(cut, ending=Ending.OPEN)))
    with pytest.raises(Violation, match="truncated"):
        flow.flow_resumed.judge(beside(text=cut))


def test_a_stall_that_outlasts_half_the_send_timeout_proves_nothing_where_the_stream_is_cut() -> None:
    cut = traces.response(b"x", ending=Ending.RESET)
    with pytest.raises(NotObserved, match="raise that"):
        flow.flow_resumed.judge(beside(text=cut, send_timeout_ms=3_000))
    assert flow.flow_resumed.judge(beside(send_timeout_ms=3_000)) is None


def test_a_neighbour_whose_stripe_comes_after_the_next_release_is_late() -> None:
    on_time = [1.01, 1.11, 1.21, 1.31, 1.41]
    for arrivals_s in ([1.01, 1.21, 1.21, 1.31, 1.41, 1.51], on_time):
        with pytest.raises(Late):
            flow.flow_isolated.judge(beside(arrivals_s=arrivals_s))
    assert flow.flow_isolated.judge(beside(arrivals_s=[*on_time, 9.0])) is None


def timed_out(timeout_ms: int = 2_000, ending: Ending = Ending.RESET, **members: JSON) -> Trace:
    state: Mapping[str, JSON] = {
        "state": "closed", "cleaned": True, "reason": "slow_client", "produced_ms": [90, 100], "closed_ms": 2_200,
        **members,
    }  # fmt: skip
    answers: list[Answer] = [traces.answer(f"state-{kind}", dict(state)) for kind in ("text", "events")]
    streams = [traces.conversation(traces.response(b"x", ending=ending), name=kind) for kind in ("text", "events")]
    return traces.trace(*streams, answers=answers, marks=[Mark(0.0, "send-timeout", timeout_ms)])


@pytest.mark.parametrize("ending", [Ending.RESET, Ending.TRUNCATED])
def test_a_stream_that_is_cut_at_its_send_timeout_passes(ending: Ending) -> None:
    assert flow.flow_send_timeout.judge(timed_out(ending=ending)) == {"closed_after_ms": 2_100}
    assert flow.flow_send_timeout.judge(timed_out(10_000, closed_ms=11_000)) == {"closed_after_ms": 10_900}


@pytest.mark.parametrize(
    "members",
    [
        {"state": "open", "cleaned": False, "reason": None, "closed_ms": None},
        {"cleaned": False},
        {"closed_ms": 1_000},
        {"closed_ms": 3_200},
        {"ending": Ending.OPEN},
    ],
    ids=["open", "not cleaned up", "too soon", "too late", "the connection is left open"],
)
def test_what_time_decides_is_late(members: dict[str, JSON]) -> None:
    with pytest.raises(Late):
        flow.flow_send_timeout.judge(timed_out(**members))  # type: ignore[arg-type]  # `ending` is among them once


@pytest.mark.parametrize("members", [{"reason": "disconnected"}, {"closed_ms": "soon"}, {"ending": Ending.COMPLETE}])
def test_another_reason_and_an_end_as_if_it_were_whole_are_violations(members: dict[str, JSON]) -> None:
    with pytest.raises(Violation) as caught:
        flow.flow_send_timeout.judge(timed_out(**members))  # type: ignore[arg-type]  # as above
    assert not isinstance(caught.value, Late)


@pytest.mark.parametrize(
    ("limits", "awaited"),
    [({"send_timeout_ms": 10_000}, True), ({"send_timeout_ms": 10_001}, False), ({}, False), (None, False)],
)
def test_at_a_url_only_a_short_send_timeout_is_awaited(limits: JSON, awaited: bool) -> None:
    at_url = exchanges.stalled_for_ever.at_url
    assert at_url is not None
    obstacle = at_url({"limits": limits})
    assert (obstacle is None) is awaited
    assert obstacle is None or "STREAMSPEC_SEND_TIMEOUT_MS=2000" in obstacle
