"""What the judges of age say of hand-written traces."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests import traces

from streamspec.exchanges import age as exchanges
from streamspec.exchanges.awaited import AwaitedLimit, late_ms
from streamspec.requirement import Late, NotObserved, Violation
from streamspec.requirements import load_age
from streamspec_client.trace import Ending, Mark

if TYPE_CHECKING:
    from streamspec.contract import JSON
    from streamspec_client.trace import Response, Trace

STATE: dict[str, JSON] = {
    "state": "closed", "cleaned": True, "reason": "max_age", "opened_ms": 100, "closed_ms": 1_102.5,
}  # fmt: skip
RETRY = b"retry: 1000\n\n"
TOLD_S = 1.1


def cut(*chunks: bytes | tuple[float, bytes], ending: Ending = Ending.TRUNCATED, reading_s: float = 0.2) -> Response:
    """A stream that ended so long after its last chunk, which came when its client was told."""
    response = traces.response(*chunks, ending=ending)
    return replace(response, ended_at_s=TOLD_S + reading_s)


def aged(text: Response | None = None, events: Response | None = None, **members: JSON) -> Trace:
    """Every stream cut at its age, but for the first text, and for the last events."""
    given = dict.fromkeys(exchanges.TEXTS, cut(b"hello\n"))
    given |= dict.fromkeys(exchanges.EVENTS, cut(b"data: hello\n\n", (TOLD_S, RETRY)))
    given |= {exchanges.TEXTS[0]: text} if text else {}
    given |= {exchanges.EVENTS[-1]: events} if events else {}
    last = exchanges.EVENTS[-1]
    states = [traces.answer(f"state-{name}", {**STATE, **(members if name == last else {})}) for name in given]
    streams = [traces.conversation(response, name=name) for name, response in given.items()]
    return traces.trace(*streams, answers=states, marks=[Mark(0.0, "max-age", 1_000)])


@pytest.mark.parametrize("ending", [Ending.TRUNCATED, Ending.RESET])
def test_a_stream_that_is_cut_at_its_age_passes(ending: Ending) -> None:
    assert load_age.load_max_age.judge(aged(cut(b"hello\n", ending=ending))) == {"closed_after_ms": 1_002.5}
    assert load_age.load_max_age.judge(aged(closed_ms=1_000)) == {"closed_after_ms": 1_002.5}
    assert load_age.load_max_age.judge(aged(closed_ms=1_850)) == {"closed_after_ms": 1_750}


@pytest.mark.parametrize(
    "members",
    [
        {"state": "open", "cleaned": False, "reason": None, "closed_ms": None},
        {"cleaned": False},
        {"closed_ms": 900},
        {"closed_ms": 1_851},
    ],
    ids=["open", "not cleaned up", "too soon", "too late"],
)
def test_what_time_decides_is_late(members: dict[str, JSON]) -> None:
    with pytest.raises(Late, match="events-active"):
        load_age.load_max_age.judge(aged(**members))  # type: ignore[arg-type]  # no response is among them


def test_a_connection_that_stays_open_is_late() -> None:
    open_still = cut(b"hello\n", ending=Ending.OPEN)
    with pytest.raises(Late, match="stays open"):
        load_age.load_max_age.judge(aged(open_still))
    with pytest.raises(Late, match="see load-max-age"):
        load_age.load_max_age_retry.judge(aged(events=open_still))


def test_another_reason_and_an_end_as_if_it_were_whole_are_violations() -> None:
    for trace in (aged(reason="disconnected"), aged(closed_ms="soon"), aged(cut(b"hello\n", ending=Ending.COMPLETE))):
        with pytest.raises(Violation) as caught:
            load_age.load_max_age.judge(trace)
        assert not isinstance(caught.value, Late)


def test_an_event_stream_tells_its_client_to_come_back_and_leaves_it_time_to_read_that() -> None:
    judge = load_age.load_max_age_retry
    assert judge.judge(aged()) == pytest.approx({"reading_ms": 200})
    assert judge.judge(aged(events=cut((TOLD_S, RETRY), reading_s=0.05))) == pytest.approx({"reading_ms": 50})
    with pytest.raises(Late, match="a retry field"):
        judge.judge(aged(events=cut(b"data: hello\n\n")))
    with pytest.raises(Late, match=r"50 ms from `retry` to the end; got 20\.0 ms"):
        judge.judge(aged(events=cut((TOLD_S, RETRY), reading_s=0.02)))


def test_a_stream_that_is_refused_shows_nothing() -> None:
    for judge in (load_age.load_max_age, load_age.load_max_age_retry):
        with pytest.raises(NotObserved, match="answered 503"):
            judge.judge(aged(events=traces.response(status=503)))


@pytest.mark.parametrize(
    ("limits", "awaited"),
    [({"max_age_ms": 10_000}, True), ({"max_age_ms": 10_001}, False), ({}, False), (None, False)],
)
def test_at_a_url_only_a_short_limit_is_awaited(limits: JSON, awaited: bool) -> None:
    obstacle = AwaitedLimit("max_age_ms", 1_000).too_long_to_await({"limits": limits})
    assert (obstacle is None) is awaited
    assert obstacle is None or "STREAMSPEC_MAX_AGE_MS=1000" in obstacle


def test_a_limit_may_be_a_quarter_late() -> None:
    assert late_ms(1_000) == 1_750
