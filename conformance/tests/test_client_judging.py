"""Judges of clients on hand-written plays, and the rules that every requirement of a client keeps."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from streamspec.clients import requirements
from streamspec.clients.contract import AREAS
from streamspec.clients.judging import expect_data, expect_ids, expect_types
from streamspec.clients.play import End, Ended, Event, Mark, Play, Reading, Request
from streamspec.clients.requirement import CLIENT_REGISTRY, ClientRequirement, all_client_requirements
from streamspec.contract import AREAS as SERVER_AREAS
from streamspec.contract import Level
from streamspec.requirement import Late, NotObserved, UnknownSelection, Violation

REQUIREMENTS = all_client_requirements()
GET = Request(0.0, "GET", "/", (), b"")
OVER = Event(9.0, "message", "over", "")

each_requirement = pytest.mark.parametrize("made", REQUIREMENTS, ids=lambda made: made.id)


def event(data: str, type_: str | None = "message", id_: str | None = "") -> Event:
    return Event(1.0, type_, data, id_)


def reading(
    *events: Event,
    requests: tuple[Request, ...] = (GET,),
    ended: Ended | None = None,
    errors: tuple[str, ...] = (),
    marks: tuple[Mark, ...] = (),
) -> Reading:
    return Reading(requests, events, errors, ended, marks)


def play(*readings: Reading) -> Play:
    return Play(readings, 1.0)


def again(at_s: float, *last_event_id: bytes) -> Request:
    return Request(at_s, "GET", "/", tuple((b"Last-Event-ID", value) for value in last_event_id), b"")


def test_what_comes_after_the_sentinel_is_not_judged() -> None:
    expect_data(play(reading(event("a"), OVER, event("b"))), "a")


def test_events_that_differ_before_the_sentinel_are_a_violation() -> None:
    with pytest.raises(Violation, match="the data 'a', 'b'; got 'a'") as caught:
        expect_data(play(reading(event("a"), OVER)), "a", "b")
    assert not isinstance(caught.value, Late)


def test_events_that_differ_without_the_sentinel_may_come_still() -> None:
    with pytest.raises(Late):
        expect_data(play(reading(event("a"))), "a", "b")


def test_the_end_stands_in_for_the_sentinel_and_is_told() -> None:
    ended = Ended(2.0, End.FAILED, "UnicodeDecodeError")
    with pytest.raises(Violation, match="got none, and the reading ended failed: UnicodeDecodeError") as caught:
        expect_data(play(reading(ended=ended)), "a")
    assert not isinstance(caught.value, Late)


def test_a_client_that_asked_for_nothing_is_late() -> None:
    with pytest.raises(Late, match="a request"):
        expect_data(play(reading(requests=())), "a")


def test_a_type_of_none_is_message_and_an_id_of_none_is_empty() -> None:
    shown = play(reading(event("a", None, None), OVER))
    expect_types(shown, a="message")
    expect_ids(shown, a="")
    with pytest.raises(Violation, match="last event ID '1' of the event of data 'a'"):
        expect_ids(shown, a="1")


def test_a_wait_is_counted_from_the_end_of_the_stream() -> None:
    judge = CLIENT_REGISTRY["return-retry"].judge
    end = Mark(10.0, "ending 1")
    kept = reading(requests=(GET, again(11.496)), marks=(end,))
    judge(play(kept, kept, kept))
    with pytest.raises(Violation, match=r"a wait of 1\.5 s; got 1\.400 s"):
        judge(play(kept, reading(requests=(GET, again(11.4)), marks=(end,)), kept))


def test_a_client_that_is_back_too_late_is_late_only() -> None:
    judge = CLIENT_REGISTRY["return-retry-short"].judge
    judge(play(reading(requests=(GET, again(11.9)), marks=(Mark(10.0, "ending 1"),))))
    with pytest.raises(Late):
        judge(play(reading(requests=(GET, again(12.1)), marks=(Mark(10.0, "ending 1"),))))


def test_one_last_event_id_field_with_exactly_those_bytes() -> None:
    judge = CLIENT_REGISTRY["return-id-utf8"].judge
    judge(play(reading(requests=(GET, again(1.0, "grün ✓ 1".encode())))))
    for wrong in ([b"gr\xfcn ? 1"], [], ["grün ✓ 1".encode()] * 2):
        with pytest.raises(Violation, match="Last-Event-ID"):
            judge(play(reading(requests=(GET, again(1.0, *wrong)))))


def test_a_break_is_no_success_but_a_reported_error_or_a_return_is() -> None:
    judge = CLIENT_REGISTRY["ending-cut"].judge
    judge(play(reading(requests=(GET, GET))))
    judge(play(reading(errors=("reset",))))
    judge(play(reading(ended=Ended(1.0, End.FAILED, "cut"))))
    with pytest.raises(Violation):
        judge(play(reading(ended=Ended(1.0, End.COMPLETE, ""))))
    with pytest.raises(Late):
        judge(play(reading()))


def test_leaving_is_not_observed_where_no_event_came() -> None:
    judge = CLIENT_REGISTRY["leaving-closes"].judge
    with pytest.raises(NotObserved):
        judge(play(reading()))
    with pytest.raises(Late):
        judge(play(reading(marks=(Mark(1.0, "left", held=False),))))
    judge(play(reading(marks=(Mark(1.0, "left"),))))


def test_areas_of_clients_and_of_servers_have_names_of_their_own() -> None:
    assert not AREAS.keys() & SERVER_AREAS.keys()
    assert {made.area for made in REQUIREMENTS} == AREAS.keys()


def test_an_unknown_prefix_names_the_areas() -> None:
    from streamspec.clients.requirement import select  # noqa: PLC0415 - the name says too little up there

    assert {made.area for made in select(["ids", "leaving"])} == {"ids", "leaving"}
    with pytest.raises(UnknownSelection, match="the areas are decoding, delivery"):
        select(["head"])


@each_requirement
def test_a_requirement_has_a_sentence_a_source_and_a_mutant(made: ClientRequirement) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z0-9]+)+", made.id)
    assert made.sentence.endswith(".")
    assert len(made.sentence) <= 200
    assert isinstance(made.level, Level)
    assert re.match(r"https://[\w.-]+/\S*#\S+$", made.anchor.url)


def test_exchanges_have_names_of_their_own() -> None:
    exchanges = {id(made.exchange): made.exchange.name for made in REQUIREMENTS}
    assert len(set(exchanges.values())) == len(exchanges)


def test_judges_know_no_network_and_no_clock() -> None:
    for path in Path(requirements.__path__[0]).glob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        assert not imported & {"socket", "time", "asyncio", "h11", "httpx", "subprocess", "threading"}, path.name
