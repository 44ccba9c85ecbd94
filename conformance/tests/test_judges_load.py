"""The load requirements on hand-written traces: a crowd that keeps its pace, a busy server, every slot taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests import traces

from streamspec.contract import LATENESS_BUDGET_MS, STATUS_BUDGET_MS
from streamspec.exchanges import load as exchanges
from streamspec.requirement import Late, NotObserved, Violation
from streamspec.requirements import load
from streamspec_client.trace import Ending

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamspec.contract import JSON
    from streamspec.requirement import Judge
    from streamspec_client.trace import Answer, Conversation, Response, Trace

INTERVAL_S = exchanges.CROWD_INTERVAL_MS / 1000
SERVER_CLOCK_S = 70.0
"""What the server's clock is ahead of the trace's."""

BUDGET_S = LATENESS_BUDGET_MS / 1000


def totals(name: str, counted: int) -> Answer:
    value: JSON = {"opened": counted, "cleaned": counted, "now_ms": (SERVER_CLOCK_S + 0.301) * 1000}
    return traces.answer(name, value)


def played(name: str, late_s: Sequence[float], starts_s: float) -> Response:
    """A stream whose items are each so late."""
    due_s = [starts_s + index * INTERVAL_S for index in range(exchanges.CROWD_ITEMS)]
    arrivals_s = [due + late for due, late in zip(due_s, late_s, strict=True)]
    if name.startswith("text"):
        chunks = [(at_s, b"chunk %d: hello\n" % number) for number, at_s in enumerate(arrivals_s, 1)]
        return traces.response(*chunks, (arrivals_s[-1], b"done\n"))
    chunks = [(at_s, b'id: %d\ndata: {"n": %d}\n\n' % (number, number)) for number, at_s in enumerate(arrivals_s, 1)]
    return traces.response(*chunks, (arrivals_s[-1], b"event: done\ndata: {}\n\n"), fields=traces.EVENT_FIELDS)


def status(took_s: float, number: int, code: int = 200, ending: Ending = Ending.COMPLETE) -> Conversation:
    response = traces.response((1 + took_s, b"{}"), status=code, ending=ending)
    return traces.conversation(response, name=exchanges.status_name(number), sent_at_s=1.0)


def statuses(*slow_s: float) -> list[Conversation]:
    took_s = [*slow_s, *[0.002] * (exchanges.STATUS_REQUESTS - len(slow_s))]
    return [status(one, number) for number, one in enumerate(took_s, 1)]


def crowd(
    late_s: Mapping[str, Sequence[float]] | None = None,
    behind_s: Mapping[str, Sequence[float]] | None = None,
    instead: Mapping[str, Response] | None = None,
    answers: Sequence[Conversation] | None = None,
    counted: int = exchanges.CROWD,
) -> Trace:
    """200 streams; the items of some arrive late, or are produced behind their schedule."""
    conversations, states = [], []
    for number in range(exchanges.CROWD):
        name, starts_s = exchanges.crowd_name(number), 0.5 + number / 1000
        behind = (behind_s or {}).get(name, [0.0] * exchanges.CROWD_ITEMS)
        late = (late_s or {}).get(name, [one + 0.001 for one in behind])
        response = (instead or {}).get(name) or played(name, late, starts_s)
        conversations.append(traces.conversation(response, name=name))
        produced_s = [starts_s + index * INTERVAL_S + one + SERVER_CLOCK_S for index, one in enumerate(behind)]
        states.append(traces.answer(f"state-{name}", {"produced_ms": [one * 1000 for one in produced_s]}))
    return traces.trace(
        *conversations,
        *(statuses() if answers is None else answers),
        answers=[totals("before", 5), *states, totals("totals", 5 + counted)],
    )


def test_a_crowd_on_time_passes() -> None:
    figures = load.load_concurrent.judge(crowd())
    assert figures == pytest.approx({"lateness_median_ms": 1.0, "lateness_p99_ms": 1.0}, abs=0.01)
    assert load.load_status_responsive.judge(crowd()) == pytest.approx({"status_max_ms": 2.0})


@pytest.mark.parametrize("name", ["text-0", "events-199"])
def test_one_stream_that_is_late_is_enough(name: str) -> None:
    late = [BUDGET_S + 0.001] * exchanges.CROWD_ITEMS
    with pytest.raises(Late, match=f"26.0 ms of {name}"):
        load.load_concurrent.judge(crowd(late_s={name: late}))


def test_a_stream_that_is_produced_too_slowly_is_late_though_its_items_arrive_at_once() -> None:
    behind = [index * INTERVAL_S / 3 for index in range(exchanges.CROWD_ITEMS)]
    assert load.load_concurrent.judge(crowd(behind_s={"events-7": behind})), "drift is another requirement's"
    with pytest.raises(Late, match="within 1425 ms; got 1552 ms of events-7"):
        load.load_concurrent.judge(crowd(behind_s={"events-7": [1.9 * one for one in behind]}))


@pytest.mark.parametrize("name", ["text-2", "events-3"])
def test_items_that_are_missing_are_a_violation(name: str) -> None:
    with pytest.raises(Violation, match=f"{name}: 20 items; got"):
        load.load_concurrent.judge(crowd(instead={name: traces.response(b"chunk 1: hello\n")}))


def test_some_late_items_are_noise() -> None:
    late = [1.0 if index % 3 == 0 else 0.0 for index in range(exchanges.CROWD_ITEMS)]
    assert load.load_concurrent.judge(crowd(late_s={"text-4": late}))


@pytest.mark.parametrize("judge", [load.load_concurrent.judge, load.load_status_responsive.judge])
def test_a_server_with_fewer_slots_shows_nothing_and_a_cut_stream_is_a_violation(judge: Judge) -> None:
    with pytest.raises(NotObserved, match="STREAMSPEC_MAX_STREAMS"):
        judge(crowd(instead={"text-120": traces.response(status=503)}))
    with pytest.raises(NotObserved, match="head-status"):
        judge(crowd(instead={"text-120": traces.response(status=404)}))
    with pytest.raises(Violation, match="truncated"):
        judge(crowd(instead={"text-120": traces.response(ending=Ending.TRUNCATED)}))


@pytest.mark.parametrize("slow", [0, 3, exchanges.STATUS_REQUESTS - 1])
def test_any_answer_over_its_budget_is_late(slow: int) -> None:
    took_s = [0.002] * slow + [STATUS_BUDGET_MS / 1000 + 0.001]
    with pytest.raises(Late, match="251 ms"):
        load.load_status_responsive.judge(crowd(answers=statuses(*took_s)))
    assert load.load_status_responsive.judge(crowd(answers=statuses(*took_s[:-1], STATUS_BUDGET_MS / 1000 - 0.001)))


def test_an_answer_that_does_not_come_is_late_and_another_status_a_violation() -> None:
    for unanswered in ([traces.conversation(name="status-1")], [status(0.1, 1, ending=Ending.OPEN)]):
        with pytest.raises(Late):
            load.load_status_responsive.judge(crowd(answers=unanswered))
    with pytest.raises(Violation, match="status 500"):
        load.load_status_responsive.judge(crowd(answers=[status(0.1, 1, code=500)]))


def test_each_stream_counts() -> None:
    assert load.load_status_responsive.judge(crowd(counted=exchanges.CROWD + 3)), "others may use the server, too"
    with pytest.raises(Late, match="200 more opened; got 199"):
        load.load_status_responsive.judge(crowd(counted=exchanges.CROWD - 1))


def test_beside_a_producer_that_never_waits_answers_come_in_time() -> None:
    tight = traces.conversation(traces.response(b"hello\n", ending=Ending.OPEN), name="tight")
    assert load.load_fair.judge(traces.trace(tight, *statuses(0.07))) == pytest.approx({"status_max_ms": 70.0})
    with pytest.raises(Late, match="a producer that never waits; got after 600 ms"):
        load.load_fair.judge(traces.trace(tight, *statuses(0.6)))
    with pytest.raises(NotObserved):
        load.load_fair.judge(traces.trace(traces.conversation(traces.response(status=422), name="tight")))


REFUSED = {"Content-Type": "application/problem+json", "Retry-After": "1"}
SETTLED: dict[str, JSON] = {"state": "closed", "cleaned": True}


def filled(
    instead: Mapping[str, Response | None] | None = None, settled: Mapping[str, dict[str, JSON]] | None = None
) -> Trace:
    """Every slot taken, what is beyond refused, each slot that is freed taken again."""
    given: dict[str, Response | None] = {name: traces.response() for name in (*exchanges.SLOTS, *exchanges.MADE_ROOM)}
    given |= dict.fromkeys((*exchanges.BEYOND, exchanges.BEYOND_AGAIN), traces.response(status=503, fields=REFUSED))
    given |= instead or {}
    states = {"left": SETTLED, "completed": SETTLED} | dict(settled or {})
    conversations = [traces.conversation(*([made] if made else []), name=name) for name, made in given.items()]
    return traces.trace(*conversations, answers=[traces.answer(name, state) for name, state in states.items()])


@pytest.mark.parametrize(
    "fields",
    [REFUSED, REFUSED | {"Retry-After": "120"}, REFUSED | {"Content-Type": "Application/Problem+JSON; charset=utf-8"}],
)
def test_what_is_beyond_the_limit_is_refused(fields: dict[str, str]) -> None:
    given = filled({"beyond-text": traces.response(status=503, fields=fields)})
    assert load.load_limit.judge(given) is None
    assert load.load_limit_freed.judge(given) is None


@pytest.mark.parametrize("name", [*exchanges.BEYOND, exchanges.BEYOND_AGAIN])
@pytest.mark.parametrize(
    ("response", "said"),
    [
        (traces.response(), "503; got 200"),
        (traces.response(status=429, fields=REFUSED), "503; got 429"),
        (traces.response(status=503, fields={"Content-Type": "application/problem+json"}), "Retry-After"),
        (traces.response(status=503, fields=REFUSED | {"Retry-After": "soon"}), "Retry-After"),
        (traces.response(status=503, fields=REFUSED | {"Retry-After": "-1"}), "Retry-After"),
        (traces.response(status=503, fields=REFUSED | {"Content-Type": "text/plain"}), "problem"),
    ],
)
def test_another_answer_beyond_the_limit_is_a_violation(name: str, response: Response, said: str) -> None:
    with pytest.raises(Violation, match=said):
        load.load_limit.judge(filled({name: response}))


def test_a_slot_that_is_refused_is_a_violation_and_one_without_an_answer_late() -> None:
    with pytest.raises(Violation, match="503 for slot-8"):
        load.load_limit.judge(filled({"slot-8": traces.response(status=503, fields=REFUSED)}))
    with pytest.raises(Late):
        load.load_limit.judge(filled({"beyond-events": None}))
    with pytest.raises(NotObserved):
        load.load_limit_freed.judge(filled({"slot-1": traces.response(status=500)}))


@pytest.mark.parametrize(("before", "after"), [*zip(("left", "completed"), exchanges.MADE_ROOM, strict=True)])
def test_a_slot_that_is_not_free_in_time_is_late(before: str, after: str) -> None:
    with pytest.raises(Late, match=f"one that was {before}"):
        load.load_limit_freed.judge(filled({after: traces.response(status=503, fields=REFUSED)}))
    open_still: dict[str, JSON] = {"state": "open", "cleaned": False}
    refused = {after: traces.response(status=503, fields=REFUSED)}
    assert load.load_limit_freed.judge(filled(refused, settled={before: open_still})) is None
    with pytest.raises(NotObserved, match="neither"):
        load.load_limit_freed.judge(filled(settled=dict.fromkeys(("left", "completed"), open_still)))
