"""The disconnect requirements on hand-written traces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests import traces

from streamspec.exchanges import disconnect as stimuli
from streamspec.exchanges import disconnect_effects as effect_stimuli
from streamspec.requirement import Late, NotObserved, Violation
from streamspec.requirements import disconnect, disconnect_effects
from streamspec_client.trace import Ending, Mark

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamspec.contract import JSON
    from streamspec.requirement import Requirement
    from streamspec_client.trace import Answer, Conversation, Trace

LEFT_AT_S = 0.3
DEMOS = ("text", "events")
BOTH_WAYS = ("text-fin", "text-rst", "events-fin", "events-rst")

ON_DEMOS = [
    disconnect.disconnect_fin_idle,
    disconnect.disconnect_rst_idle,
    disconnect.disconnect_fin_active,
    disconnect.disconnect_rst_active,
]
ON_NAMES: list[tuple[Requirement, Sequence[str]]] = [
    *((requirement, DEMOS) for requirement in ON_DEMOS),
    (disconnect.disconnect_before_first_item, BOTH_WAYS),
    (disconnect.disconnect_stalled, DEMOS),
    (disconnect.disconnect_during_keepalive, ("stream",)),
    (disconnect.disconnect_tight, ("text-1", "events-1", "text-2", "events-2")),
    (disconnect.disconnect_pipelined, BOTH_WAYS),
    (disconnect.disconnect_half_close, DEMOS),
]
"""The requirements of a budget, with the streams that their exchange leaves."""

each_of_a_budget = pytest.mark.parametrize(
    ("requirement", "names"), ON_NAMES, ids=lambda value: getattr(value, "id", None)
)


def left(name: str, body: bytes = b":\n\n:\n\n:\n\ndata: hello\n\n", left_at_s: float = LEFT_AT_S) -> Conversation:
    return traces.conversation(traces.response(body, ending=Ending.OPEN), name=name, left_at_s=left_at_s)


def state(name: str, *, after_ms: float = 1.0, status: int = 200, **members: JSON) -> Answer:
    """What was answered so long after the client left; closed and cleaned up unless said otherwise."""
    sound: dict[str, JSON] = {"state": "closed", "reason": "disconnected", "cleaned": True, "cleanups": 1}
    return traces.answer(
        f"state-{name}", {**sound, "items_produced": 1, **members}, status=status, at_s=LEFT_AT_S + after_ms / 1000
    )


def left_in_turn(names: Sequence[str], **last: JSON) -> Trace:
    """Streams left one after the other, the last with that state."""
    *others, name = names
    states = [*map(state, others), state(name, **last)]  # type: ignore[arg-type] # members and after_ms alike
    return traces.trace(*map(left, names), answers=states)


@each_of_a_budget
def test_a_stream_that_is_cleaned_up_in_time_passes_with_its_figure(requirement: Requirement, names: list[str]) -> None:
    figures = requirement.judge(left_in_turn(names, after_ms=499))
    assert figures is not None
    assert figures["cleanup_ms"] == pytest.approx(499)


@each_of_a_budget
@pytest.mark.parametrize(
    "last",
    [
        {"after_ms": 501},
        {"state": "open", "reason": None, "cleaned": False, "after_ms": 800},
        {"cleaned": False, "after_ms": 800},
        {"state": "open", "after_ms": 1},
    ],
    ids=["over the budget", "unnoticed", "not cleaned", "cleaned, yet open"],
)
def test_a_stream_that_is_not_is_late(requirement: Requirement, names: list[str], last: dict[str, JSON]) -> None:
    with pytest.raises(Late, match=names[-1]):
        requirement.judge(left_in_turn(names, **last))


@each_of_a_budget
def test_the_recording_may_end_at_the_first_that_is_not(requirement: Requirement, names: list[str]) -> None:
    with pytest.raises(Late):
        requirement.judge(traces.trace(left(names[0]), answers=[state(names[0], cleaned=False)]))


@each_of_a_budget
def test_a_server_that_answers_nobody_is_late(requirement: Requirement, names: list[str]) -> None:
    hung = traces.trace(left(names[0]), marks=[Mark(6.0, f"unanswered-{names[0]}")])
    with pytest.raises(Late, match="answers nobody"):
        requirement.judge(hung)


@each_of_a_budget
def test_a_stream_that_the_ledger_does_not_know_is_not_observed(requirement: Requirement, names: list[str]) -> None:
    with pytest.raises(NotObserved, match="404"):
        requirement.judge(left_in_turn(names, status=404))


@pytest.mark.parametrize("requirement", ON_DEMOS, ids=lambda made: made.id)
@pytest.mark.parametrize("reason", ["completed", "failed", None])
def test_another_reason_is_a_violation(requirement: Requirement, reason: str | None) -> None:
    with pytest.raises(Violation, match="reason disconnected") as violation:
        requirement.judge(left_in_turn(DEMOS, reason=reason))
    assert not isinstance(violation.value, Late)


@pytest.mark.parametrize(
    "body", [b"", b"data: hello\n\n", b": hi\n\ndata: hello\n\n: keep-alive\n\n", b"data: :\n\n" * 9]
)
def test_a_stream_that_was_not_kept_alive_shows_nothing_of_keep_alive(body: bytes) -> None:
    silent = traces.trace(left("stream", body), answers=[state("stream")])
    with pytest.raises(NotObserved, match="keepalive-while-silent"):
        disconnect.disconnect_during_keepalive.judge(silent)


@pytest.mark.parametrize("line", [b":keep-alive\r\n\r\n", b": ping - 12:00\r\r", b":\n"])
def test_comments_may_look_different(line: bytes) -> None:
    kept = traces.trace(left("stream", b"data: hello\n\n" + line * 3), answers=[state("stream")])
    assert disconnect.disconnect_during_keepalive.judge(kept)


# What a disconnect does besides


def released(gated: Answer, active: Answer, **later: JSON) -> Trace:
    """Both streams left; `later` is what the ledger says of the active one in the end."""
    end = {"items_produced": 1, "cleanups": 1}
    finals = [traces.answer("later-gated", dict(end)), traces.answer("later-active", {**end, **later})]
    return traces.trace(left("gated"), left("active"), answers=[gated, active, *finals])


def test_no_more_items_pass() -> None:
    assert disconnect_effects.disconnect_no_more_items.judge(released(state("gated"), state("active"))) is None


def test_an_item_after_the_clean_up_is_a_violation() -> None:
    with pytest.raises(Violation, match="active") as violation:
        disconnect_effects.disconnect_no_more_items.judge(released(state("gated"), state("active"), items_produced=2))
    assert not isinstance(violation.value, Late)


def test_an_item_after_the_budget_is_late_even_without_a_clean_up() -> None:
    unnoticed = state("active", state="open", cleaned=False, after_ms=801)
    with pytest.raises(Late):
        disconnect_effects.disconnect_no_more_items.judge(released(state("gated"), unnoticed, items_produced=2))


def test_an_item_within_the_budget_shows_nothing() -> None:
    asked_at_once = state("active", state="open", cleaned=False, after_ms=1)
    with pytest.raises(NotObserved, match="disconnect-rst-active"):
        disconnect_effects.disconnect_no_more_items.judge(released(state("gated"), asked_at_once, items_produced=2))


def test_one_clean_up_passes() -> None:
    assert disconnect_effects.disconnect_cleanup_once.judge(released(state("gated"), state("active"))) is None


def test_two_clean_ups_are_a_violation_even_where_the_second_came_later() -> None:
    with pytest.raises(Violation, match="got 2") as violation:
        disconnect_effects.disconnect_cleanup_once.judge(released(state("gated"), state("active"), cleanups=2))
    assert not isinstance(violation.value, Late)


def test_no_clean_up_is_late() -> None:
    with pytest.raises(Late):
        disconnect_effects.disconnect_cleanup_once.judge(released(state("gated"), state("active"), cleanups=0))


def cleaning(text_ms: float, events_ms: float, **events: JSON) -> Trace:
    states = [state("text", after_ms=text_ms), state("events", after_ms=events_ms, **events)]  # type: ignore[arg-type] # members
    return traces.trace(left("text"), left("events"), answers=states)


def test_a_clean_up_that_awaits_passes_with_what_it_took_besides() -> None:
    awaits_ms = effect_stimuli.CLEANUP_MS
    figures = disconnect_effects.disconnect_cleanup_awaits.judge(cleaning(awaits_ms + 1, awaits_ms + 3))
    assert figures is not None
    assert figures["cleanup_ms"] == pytest.approx(3)


@pytest.mark.parametrize("early_ms", [0.3, 134])
def test_a_clean_up_that_counts_before_it_has_awaited_is_a_violation(early_ms: float) -> None:
    with pytest.raises(Violation, match="150 ms") as violation:
        disconnect_effects.disconnect_cleanup_awaits.judge(cleaning(151, early_ms))
    assert not isinstance(violation.value, Late)


def test_a_clean_up_has_its_own_time_and_the_budget() -> None:
    assert disconnect_effects.disconnect_cleanup_awaits.judge(cleaning(649, 649))
    with pytest.raises(Late):
        disconnect_effects.disconnect_cleanup_awaits.judge(cleaning(151, 651))


def test_a_clean_up_that_was_cancelled_is_late() -> None:
    with pytest.raises(Late, match="closed and not cleaned up"):
        disconnect_effects.disconnect_cleanup_awaits.judge(cleaning(151, 950, cleaned=False))


def storm(*states: Answer, after: int = 200, read: bool = False, status: int = 200) -> Trace:
    """One client each; `read`: they have read the header section, with that status."""
    response = [traces.response(status=status, ending=Ending.OPEN)] if read else []
    clients = [
        traces.conversation(*response, name=found.name.removeprefix("state-"), left_at_s=LEFT_AT_S) for found in states
    ]
    following = traces.conversation(traces.response(b"chunk 1: hello\n", status=after), name="after")
    return traces.trace(*clients, following, answers=states)


def test_a_storm_that_leaves_nothing_behind_passes() -> None:
    found = disconnect_effects.disconnect_storm.judge(storm(state("storm-0"), state("storm-1", status=404)))
    assert found == {"opened": 1}


def test_a_client_that_was_refused_opened_nothing() -> None:
    refused = storm(state("storm-1", status=404), read=True, status=503)
    with pytest.raises(NotObserved, match="none of the streams"):
        disconnect_effects.disconnect_storm.judge(refused)


def test_a_stream_that_was_seen_to_open_must_be_known() -> None:
    with pytest.raises(NotObserved, match="404"):
        disconnect_effects.disconnect_storm.judge(storm(state("storm-1", status=404), read=True))


@pytest.mark.parametrize("members", [{"state": "open", "cleaned": False}, {"cleaned": False}])
def test_one_stream_that_is_left_behind_is_late(members: dict[str, JSON]) -> None:
    states = [state("storm-0"), state("storm-1", status=404), state("storm-2", **members)]  # type: ignore[arg-type] # members
    with pytest.raises(Late, match="storm-2"):
        disconnect_effects.disconnect_storm.judge(storm(*states))


def test_a_server_that_is_full_after_the_storm_is_a_violation() -> None:
    with pytest.raises(Violation, match="503"):
        disconnect_effects.disconnect_storm.judge(storm(state("storm-0"), after=503))


def test_a_server_that_serves_nobody_after_the_storm_is_late() -> None:
    states = [state("storm-0")]
    silent = traces.trace(left("storm-0"), traces.conversation(name="after"), answers=states)
    with pytest.raises(Late):
        disconnect_effects.disconnect_storm.judge(silent)


COUNT, SIZE = effect_stimuli.NEIGHBOUR_ITEMS, effect_stimuli.NEIGHBOUR_ITEM_BYTES


def beside(arrivals_s: Sequence[float], *, opened: bool = True, **end: JSON) -> Trace:
    """Gate n was opened at n seconds; items arrive at those times."""
    stream = traces.conversation(traces.response(*((at_s, b"x" * SIZE) for at_s in arrivals_s)))
    others = [state(f"other-{number}", status=200 if opened else 503) for number in range(2, COUNT + 1)]
    final = traces.answer("state", {"reason": "completed", "items_produced": COUNT, **end})
    gates = [Mark(number, "released", number) for number in range(1, COUNT + 1)]
    return traces.trace(stream, answers=[*others, final], marks=gates)


IN_STEP = [number + 0.1 for number in range(1, COUNT + 1)]


def test_a_neighbour_in_lock_step_passes() -> None:
    assert disconnect_effects.disconnect_others_unharmed.judge(beside(IN_STEP)) is None


def test_a_neighbour_that_stops_is_late() -> None:
    with pytest.raises(Late, match="item 3"):
        disconnect_effects.disconnect_others_unharmed.judge(beside(IN_STEP[:2], reason="disconnected"))


def test_a_neighbour_that_falls_out_of_step_is_late() -> None:
    with pytest.raises(Late, match="item 2"):
        disconnect_effects.disconnect_others_unharmed.judge(beside([IN_STEP[0], 3.05, *IN_STEP[2:]]))


def test_a_neighbour_that_never_was_in_step_is_told_by_chunks_causal_as_long_as_it_completes() -> None:
    assert disconnect_effects.disconnect_others_unharmed.judge(beside([COUNT + 1.0] * COUNT)) is None


@pytest.mark.parametrize("end", [{"reason": "disconnected"}, {"reason": None}, {"items_produced": COUNT - 1}])
def test_a_neighbour_that_does_not_complete_is_late(end: dict[str, JSON]) -> None:
    with pytest.raises(Late, match="completed after"):
        disconnect_effects.disconnect_others_unharmed.judge(beside(IN_STEP, **end))  # type: ignore[arg-type] # members


def test_nobody_beside_shows_nothing() -> None:
    with pytest.raises(NotObserved, match="others"):
        disconnect_effects.disconnect_others_unharmed.judge(beside(IN_STEP, opened=False))


@pytest.mark.parametrize(
    "line",
    [
        "Traceback (most recent call last):",
        "ERROR:asyncio:Task exception was never retrieved",
        "RuntimeWarning: coroutine 'close' was never awaited",
        "Task was destroyed but it is pending!",
        "Exception ignored in: <async_generator object play at 0x7f>",
        "ERROR:    Exception in ASGI application",
        "Unhandled exception in client_connected_cb",
        "    at Socket.onclose (node:net:311:12)",
        "    at /srv/app/server.js:12:3",
        "\tat java.base/java.lang.Thread.run(Thread.java:840)",
        "panic: send on closed channel",
        "thread 'tokio-runtime-worker' panicked at src/main.rs:4:5:",
    ],
)
def test_what_runtimes_say_of_errors_is_late(line: str) -> None:
    with pytest.raises(Late) as violation:
        disconnect_effects.disconnect_quiet_log.judge(traces.trace(log=f"INFO: started\n{line}\nINFO: going on\n"))
    assert line.strip() in str(violation.value)


@pytest.mark.parametrize(
    "log",
    [
        "",
        'INFO:     127.0.0.1:40312 - "GET /sse?count=2&interval_ms=60000 HTTP/1.1" 200 OK\n',
        "WARNING client disconnected before the response was complete: ECONNRESET\n",
        "DEBUG stream log-of-disconnects-1 cancelled\n",
        "2026/11/22 17:00:00 write: broken pipe\n",
    ],
)
def test_a_line_about_a_client_that_left_passes(log: str) -> None:
    assert disconnect_effects.disconnect_quiet_log.judge(traces.trace(log=log)) is None


def test_comments_are_counted_by_line() -> None:
    assert stimuli.comments(traces.response(b": a\n\ndata: :b\n\n:c\r\r", b":d\r\n\r\n")) == 3
