"""The failure requirements on hand-written traces: how a failure shows, and to whom it must not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests import traces

from streamspec.exchanges import failure as exchanges
from streamspec.requirement import Late, NotObserved, Violation
from streamspec.requirements import failure
from streamspec_client.trace import Ending, Framing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamspec.contract import JSON
    from streamspec.requirement import Requirement
    from streamspec_client.trace import Answer, Response

ITEMS = b"id: 1\ndata: first\n\nid: 2\ndata: last\n\n"
PROBLEM = json.dumps({"type": "about:blank", "title": "Internal Server Error", "status": 500, "detail": "it failed"})
ERROR = b"event: error\ndata: " + PROBLEM.encode() + b"\n\n"
DONE = b'event: done\ndata: {"count": 2}\n\n'
PROBLEM_FIELDS = {"Content-Type": "application/problem+json"}


def text(
    body: bytes = exchanges.TEXT, ending: Ending = Ending.COMPLETE, framing: Framing = Framing.CHUNKED
) -> Response:
    return traces.response(body, ending=ending, framing=framing)


def events(body: bytes, ending: Ending = Ending.COMPLETE) -> Response:
    return traces.response(body, fields=traces.EVENT_FIELDS, ending=ending)


def problem(body: str = PROBLEM, status: int = 500, ending: Ending = Ending.COMPLETE) -> Response:
    return traces.response(body.encode(), status=status, fields=PROBLEM_FIELDS, ending=ending)


REFUSED = problem(status=422)


def sound() -> dict[str, Response | None]:
    return {
        "plain-text": text(),
        "plain-events": events(ITEMS + DONE),
        "text": text(ending=Ending.TRUNCATED),
        "events": events(ITEMS + ERROR),
        "before-text": problem(),
        "before-events": problem(),
        "http10-text": text(ending=Ending.RESET, framing=Framing.CLOSE),
    }


def judged(
    requirements: list[Requirement], given: Mapping[str, Response | None], answers: tuple[Answer, ...] = ()
) -> dict[str, type[Exception]]:
    """What the requirements raised, by id; those that passed are left out."""
    recorded = traces.trace(
        *(traces.conversation(*([made] if made else []), name=name) for name, made in given.items()), answers=answers
    )
    found: dict[str, type[Exception]] = {}
    for requirement in requirements:
        try:
            requirement.judge(recorded)
        except (Violation, NotObserved) as error:
            found[requirement.id] = type(error)
    return found


ON_THE_WIRE = [failure.failure_truncates, failure.failure_error_event, failure.failure_before_start]


def broken(name: str, made: Response | None) -> dict[str, type[Exception]]:
    return judged(ON_THE_WIRE, {**sound(), name: made})


def test_a_sound_server_passes() -> None:
    assert judged(ON_THE_WIRE, sound()) == {}


# Truncates


@pytest.mark.parametrize("body", [b"", b"first\n", exchanges.TEXT[:3], exchanges.TEXT])
@pytest.mark.parametrize("ending", [Ending.TRUNCATED, Ending.RESET])
@pytest.mark.parametrize("name", ["text", "http10-text"])
def test_a_text_that_is_visibly_cut_passes_wherever_it_is_cut(name: str, body: bytes, ending: Ending) -> None:
    assert broken(name, text(body, ending)) == {}


@pytest.mark.parametrize("name", ["text", "http10-text"])
@pytest.mark.parametrize("framing", [Framing.CHUNKED, Framing.CLOSE, Framing.CONTENT_LENGTH])
def test_a_text_that_looks_complete_is_a_violation(name: str, framing: Framing) -> None:
    assert broken(name, text(framing=framing)) == {"failure-truncates": Violation}
    assert broken(name, text(b"", framing=framing)) == {"failure-truncates": Violation}


@pytest.mark.parametrize("body", [b"first\nlast\nInternal Server Error", b"Traceback", b"last\n"])
def test_what_is_no_item_is_no_part_of_a_cut_text(body: bytes) -> None:
    assert broken("text", text(body, Ending.TRUNCATED)) == {"failure-truncates": Violation}


def test_a_malformed_end_is_a_violation_and_none_is_late() -> None:
    assert broken("text", text(ending=Ending.MALFORMED)) == {"failure-truncates": Violation}
    assert broken("text", text(ending=Ending.OPEN)) == {"failure-truncates": Late}
    assert broken("text", None) == {"failure-truncates": Late}


# Error event


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_an_error_event_passes_in_every_line_end(end: bytes) -> None:
    assert broken("events", events((ITEMS + ERROR).replace(b"\n", end))) == {}


@pytest.mark.parametrize(
    "body",
    [
        b"retry: 3000\n\n: hello\n\n" + ITEMS + b": keep-alive\n\n" + ERROR,
        ITEMS + b"data:" + PROBLEM.encode() + b"\nevent:error\n\n",
        ITEMS + b"id: 2\n" + ERROR,
        ITEMS + ERROR + b": bye\n\n",
        ITEMS + ERROR.replace(b'"status": 500', b'"status":500,\ndata: "trace": "x"'),
        ERROR,
    ],
)
def test_how_an_error_event_is_written_is_the_servers_choice(body: bytes) -> None:
    assert broken("events", events(body)) == {}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        ITEMS,
        ITEMS + DONE,
        ITEMS + ERROR + DONE,
        ITEMS + DONE + ERROR,
        ITEMS + ERROR + ERROR,
        ERROR + ITEMS,
        ITEMS + ERROR[:-1],
        ITEMS + ERROR + b"data: more\n\n",
        ITEMS + ERROR + b"retry: 1\n\n",
        ITEMS + ERROR + b"id: 3\n\n",
        ITEMS + b"id: 3\n" + ERROR,
        ITEMS + b"id\n" + ERROR,
        ITEMS + b"event: error\ndata: it failed\n\n",
        ITEMS + b"event: error\ndata: []\n\n",
        ITEMS + b"event: error\ndata: {}\n\n",
        ITEMS + ERROR.replace(b"500", b'"500"'),
        ITEMS + ERROR.replace(b"500", b"200"),
        ITEMS + ERROR.replace(b"title", b"name"),
        ITEMS + ERROR.replace(b"event: error", b"event: failure"),
        ITEMS + ERROR.replace(b"event: error\n", b""),
    ],
)
def test_any_other_end_of_events_that_fail_is_a_violation(body: bytes) -> None:
    assert broken("events", events(body)) == {"failure-error-event": Violation}


def test_events_that_fail_end_complete() -> None:
    for ending in (Ending.TRUNCATED, Ending.RESET, Ending.MALFORMED):
        assert broken("events", events(ITEMS + ERROR, ending)) == {"failure-error-event": Violation}
    assert broken("events", events(ITEMS + ERROR, Ending.OPEN)) == {"failure-error-event": Late}
    assert broken("events", None) == {"failure-error-event": Late}


# Before the start


@pytest.mark.parametrize("name", ["before-text", "before-events"])
@pytest.mark.parametrize(
    "made",
    [
        problem(status=200),
        problem(status=422),
        problem(status=503),
        problem("Internal Server Error"),
        problem(PROBLEM.replace("500", "200")),
        traces.response(PROBLEM.encode(), status=500, fields={"Content-Type": "application/json"}),
        traces.response(b"Internal Server Error", status=500, fields={"Content-Type": "text/plain"}),
        traces.response(b"", status=500, fields={}),
        events(ERROR),
        text(b"", Ending.TRUNCATED),
    ],
)
def test_a_failure_before_the_head_is_a_problem_of_status_500(name: str, made: Response) -> None:
    assert broken(name, made) == {"failure-before-start": Violation}


def test_a_failure_before_the_head_that_gets_no_whole_answer_is_late() -> None:
    assert broken("before-text", None) == {"failure-before-start": Late}
    assert broken("before-text", problem(PROBLEM[:9], ending=Ending.OPEN)) == {"failure-before-start": Late}


@pytest.mark.parametrize(
    ("name", "fails"), [("text", "truncates"), ("http10-text", "truncates"), ("events", "error-event")]
)
def test_a_script_that_fails_is_no_reason_to_refuse_it(name: str, fails: str) -> None:
    assert broken(name, REFUSED) == {f"failure-{fails}": Violation}
    assert broken(name, problem()) == {f"failure-{fails}": Violation}


def test_where_plain_scripts_are_refused_too_nothing_is_learnt() -> None:
    refused: dict[str, Response | None] = dict.fromkeys(sound(), REFUSED)
    assert judged(ON_THE_WIRE, refused) == {made.id: NotObserved for made in ON_THE_WIRE}


# Recorded


def state(name: str, *, status: int = 200, **members: JSON) -> Answer:
    found: dict[str, JSON] = {"state": "closed", "reason": "failed", "cleaned": True, "cleanups": 1, **members}
    return traces.answer(f"state-{name}", found, status=status)


def judged_record(
    name: str = "", *, plain_status: int = 200, status: int = 200, **members: JSON
) -> type[Exception] | None:
    answers = [state(other, status=status, **members) if other == name else state(other) for other in exchanges.OTHERS]
    found = judged([failure.failure_recorded], {}, (state("plain-text", status=plain_status), *answers))
    return found.get("failure-recorded")


def test_a_failure_that_the_ledger_has_passes() -> None:
    assert judged_record() is None


@pytest.mark.parametrize("name", exchanges.OTHERS)
def test_a_failure_that_the_ledger_tells_otherwise_is_a_violation(name: str) -> None:
    for reason in ("completed", "disconnected", None):
        assert judged_record(name, reason=reason) is Violation
    for cleanups in (0, 2, None):
        assert judged_record(name, cleanups=cleanups) is Violation
    assert judged_record(name, status=404) is Violation


@pytest.mark.parametrize("name", exchanges.OTHERS)
def test_a_failure_that_is_not_settled_is_late(name: str) -> None:
    assert judged_record(name, state="open", reason=None, cleaned=False) is Late
    assert judged_record(name, cleaned=False, cleanups=0) is Late


def test_a_ledger_that_knows_no_stream_says_nothing_of_failures() -> None:
    assert judged_record(plain_status=404) is NotObserved


# Not contagious


def beside(**changed: Response | None) -> type[Exception] | None:
    given: dict[str, Response | None] = {
        "neighbour-text": text(b"neighbour\ngoes on\n"),
        "neighbour-events": events(b"data: neighbour\n\ndata: goes on\n\n" + DONE),
        "text": text(b"neighbour\n", Ending.TRUNCATED),
        "events": events(b"data: neighbour\n\n" + ERROR),
        "before-text": problem(),
        "before-events": problem(),
        "after-text": text(b"chunk 1: hello\ndone\n"),
        "after-events": events(ITEMS + DONE),
    }
    given |= {name.replace("_", "-"): made for name, made in changed.items()}
    return judged([failure.failure_not_contagious], given).get("failure-not-contagious")


def test_neighbours_that_go_on_pass() -> None:
    assert beside() is None


def test_a_neighbour_that_is_cut_or_changed_is_a_violation() -> None:
    assert beside(neighbour_text=text(b"neighbour\n", Ending.TRUNCATED)) is Violation
    assert beside(neighbour_text=text(b"neighbour\n")) is Violation
    assert beside(neighbour_text=text(b"neighbour\nit failed\ngoes on\n")) is Violation
    assert beside(neighbour_events=events(b"data: neighbour\n\n", Ending.RESET)) is Violation
    assert beside(neighbour_events=events(b"data: neighbour\n\n" + ERROR)) is Violation


def test_a_neighbour_that_does_not_go_on_is_late() -> None:
    assert beside(neighbour_text=text(b"neighbour\n", Ending.OPEN)) is Late
    assert beside(neighbour_events=None) is Late


def test_the_next_request_has_to_be_served() -> None:
    assert beside(after_text=problem(status=503)) is Violation
    assert beside(after_events=problem()) is Violation
    assert beside(after_text=None) is Late


def test_one_failure_that_shows_is_enough_and_without_any_nothing_is_learnt() -> None:
    complete, done = text(b"neighbour\n"), events(b"data: neighbour\n\n" + DONE)
    assert beside(text=complete, events=done, before_text=REFUSED) is None
    assert beside(text=complete, events=done, before_text=REFUSED, before_events=REFUSED) is NotObserved
    for unanswered in (None, text(ending=Ending.OPEN)):
        assert beside(text=unanswered, events=done, before_text=REFUSED, before_events=REFUSED) is Late
