"""The resume requirements on hand-written traces: what follows each id, each cut, and what is no id."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests import traces

from streamspec.exchanges import resume as exchanges
from streamspec.requirement import Late, NotObserved, Requirement, Violation
from streamspec.requirements import resume
from streamspec_client.trace import Ending, Framing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from streamspec_client.trace import Response, Trace

COUNT = exchanges.COUNT
ALL = [
    resume.resume_next,
    resume.resume_every_cut,
    resume.resume_finished,
    resume.resume_unknown,
    resume.resume_garbage,
]


def event(number: int) -> bytes:
    return b'id: %d\ndata: {"n": %d, "text": "hello"}\n\n' % (number, number)


def done(count: int = COUNT) -> bytes:
    return b'event: done\ndata: {"count": %d}\n\n' % count


def rest(after: int, encode: Callable[[int], bytes] = event) -> bytes:
    return b"".join(encode(number) for number in range(after + 1, COUNT + 1)) + done()


def events(body: bytes, ending: Ending = Ending.COMPLETE) -> Response:
    return traces.response(body, fields=traces.EVENT_FIELDS, ending=ending)


def refusal(status: int = 422, media_type: str = "application/problem+json") -> Response:
    return traces.response(b'{"status": 422}', status=status, fields={"Content-Type": media_type})


FINISHED = traces.response(status=204, fields={}, framing=Framing.NONE)


def sound(encode: Callable[[int], bytes] = event) -> dict[str, Response]:
    """What a sound server answers, by the name of the conversation; each cut is behind one event."""
    made = {exchanges.WHOLE: events(rest(0, encode)), exchanges.EMPTY: events(rest(0, encode))}
    made |= {f"after-{last}": events(rest(last, encode)) for last in range(1, COUNT)}
    made[exchanges.FINISHED] = FINISHED
    made |= {name: refusal() for name in (*exchanges.UNKNOWN, *exchanges.GARBAGE, *exchanges.NOT_ASCII)}
    made |= {f"cut-{number}": events(encode(number), Ending.OPEN) for number in range(1, COUNT + 1)}
    made[f"cut-{COUNT + 1}"] = FINISHED
    return made


def judged(given: Mapping[str, Response | None]) -> dict[str, type[Exception]]:
    """What the requirements raised, by id; those that passed are left out."""
    recorded: Trace = traces.trace(
        *(traces.conversation(*([made] if made else []), name=name) for name, made in given.items())
    )
    found: dict[str, type[Exception]] = {}
    for requirement in ALL:
        try:
            requirement.judge(recorded)
        except (Violation, NotObserved) as error:
            found[requirement.id] = type(error)
    return found


def broken(**changed: Response | None) -> dict[str, type[Exception]]:
    return judged({**sound(), **{name.replace("_", "-"): made for name, made in changed.items()}})


def without_space(number: int) -> bytes:
    return b'data:{"text":"hello","n":%d}\nid:%d\n\n' % (number, number)


STYLES: dict[str, Callable[[int], bytes]] = {
    "LF": event,
    "CRLF": lambda number: event(number).replace(b"\n", b"\r\n"),
    "CR": lambda number: event(number).replace(b"\n", b"\r"),
    "id behind data, no spaces": without_space,
    "comments and retry between": lambda number: b": x\n\nretry: 3000\n\n" + event(number),
    "data in several fields": lambda number: b'id: %d\ndata: {"n":\ndata: %d}\n\n' % (number, number),
    "an event of its own ahead": lambda number: b"event: tick\ndata: hello\n\n" + event(number),
}


@pytest.mark.parametrize("style", STYLES.values(), ids=STYLES)
def test_every_style_that_the_standard_allows_passes(style: Callable[[int], bytes]) -> None:
    assert judged(sound(style)) == {}


def test_an_event_that_comes_twice_fails_next_and_every_cut() -> None:
    assert broken(after_2=events(rest(1))) == {"resume-next": Violation, "resume-every-cut": Violation}


def test_an_event_that_is_left_out_fails_next_and_every_cut() -> None:
    assert broken(after_2=events(rest(3))) == {"resume-next": Violation, "resume-every-cut": Violation}


def test_a_gap_behind_the_next_event_fails_every_cut_alone() -> None:
    assert broken(after_1=events(event(2) + event(4) + done())) == {"resume-every-cut": Violation}


def test_a_server_that_begins_anew_always_fails_all() -> None:
    given = dict.fromkeys(sound(), events(rest(0)))
    assert judged(given) == {requirement.id: Violation for requirement in ALL}


def test_the_terminal_event_counts_the_whole() -> None:
    assert broken(after_1=events(rest(1).replace(done(), done(COUNT - 1)))) == {"resume-next": Violation}
    assert broken(after_1=events(rest(1).removesuffix(done()))) == {"resume-next": Violation}


def test_a_server_without_terminal_events_is_not_blamed_here() -> None:
    given = {
        name: events(made.body.replace(done(), b""), made.ending) if made.status == 200 else made
        for name, made in sound().items()
    }
    assert judged(given) == {}


def test_an_empty_last_event_id_is_none() -> None:
    assert broken(after_none=refusal()) == {"resume-next": Violation}
    assert broken(after_none=events(rest(1))) == {"resume-next": Violation}


def test_an_id_ahead_of_its_data_loses_an_event_where_it_is_cut_between() -> None:
    def ahead(number: int) -> bytes:
        return b'id: %d\n\ndata: {"n": %d}\n\n' % (number, number)

    assert judged(sound(ahead)) == {"resume-every-cut": Violation}


def test_an_id_behind_its_data_repeats_an_event_where_it_is_cut_between() -> None:
    def behind(number: int) -> bytes:
        return b'data: {"n": %d}\n\nid: %d\n\n' % (number, number)

    assert judged(sound(behind)) == {"resume-every-cut": Violation}


def test_the_offset_of_the_cut_is_told() -> None:
    with pytest.raises(Violation) as caught:
        resume.resume_every_cut.judge(
            traces.trace(*(traces.conversation(made, name=name) for name, made in _losing_two().items()))
        )
    assert caught.value.offset == len(event(1))
    assert "resumed after '1'" in caught.value.actual


def _losing_two() -> dict[str, Response]:
    return {**sound(), "after-1": events(rest(2))}


def test_ids_that_are_no_numbers_are_a_matter_of_framing() -> None:
    def named(number: int) -> bytes:
        return event(number).replace(b"id: ", b"id: event-")

    assert judged(sound(named)) == {"resume-every-cut": NotObserved}


def test_without_ids_nothing_can_be_resumed() -> None:
    def bare(number: int) -> bytes:
        return event(number).partition(b"\n")[2]

    assert judged(sound(bare)) == {"resume-every-cut": Violation}


def test_a_reconnect_that_repeats_or_skips_is_a_violation() -> None:
    assert broken(cut_2=events(event(1) + event(2), Ending.OPEN)) == {"resume-every-cut": Violation}
    assert broken(cut_2=events(event(3), Ending.OPEN)) == {"resume-every-cut": Violation}
    assert broken(cut_2=refusal(), cut_3=FINISHED, cut_4=FINISHED) == {"resume-every-cut": Violation}


def test_a_reconnect_that_got_more_than_one_event_needs_fewer_connections() -> None:
    assert (
        broken(cut_2=events(event(2) + event(3), Ending.OPEN), cut_3=events(event(4), Ending.OPEN), cut_4=FINISHED)
        == {}
    )


def test_a_reconnect_that_got_nothing_in_time_is_late() -> None:
    nothing = events(b"", Ending.OPEN)
    given: dict[str, Response | None] = dict(sound())
    for number in range(3, COUNT + 2):
        del given[f"cut-{number}"]
    assert judged({**given, "cut-3": nothing}) == {"resume-every-cut": Late}
    assert judged({**given, "cut-3": None}) == {"resume-every-cut": Late}


@pytest.mark.parametrize("made", [events(done()), events(b""), refusal(), refusal(404), events(rest(0))])
def test_a_finished_stream_is_answered_204(made: Response) -> None:
    assert broken(after_4=made)["resume-finished"] is Violation


def test_a_terminal_event_for_a_finished_stream_fails_finished_alone() -> None:
    assert broken(after_4=events(done())) == {"resume-finished": Violation}


@pytest.mark.parametrize("name", [*exchanges.UNKNOWN, *exchanges.GARBAGE, *exchanges.NOT_ASCII])
@pytest.mark.parametrize("made", [events(rest(0)), FINISHED, refusal(500), refusal(302)])
def test_what_is_no_id_must_be_refused(name: str, made: Response) -> None:
    fails = "resume-unknown" if name in exchanges.UNKNOWN else "resume-garbage"
    assert judged({**sound(), name: made}) == {fails: Violation}


@pytest.mark.parametrize("status", [400, 404, 409, 422])
def test_any_4xx_with_a_problem_refuses(status: int) -> None:
    for name in (*exchanges.UNKNOWN, *exchanges.GARBAGE):
        assert judged({**sound(), name: refusal(status, "application/problem+json; charset=utf-8")}) == {}


def test_a_refusal_has_a_problem_but_where_the_http_server_may_refuse_by_itself() -> None:
    assert judged({**sound(), "next": refusal(400, "text/plain")}) == {"resume-unknown": Violation}
    assert judged({**sound(), "word": refusal(400, "text/plain")}) == {"resume-garbage": Violation}
    assert judged({**sound(), "superscript": refusal(400, "text/plain")}) == {}


def test_what_is_unanswered_is_late() -> None:
    assert broken(after_2=None) == {"resume-next": Late, "resume-every-cut": Late}
    assert broken(after_2=events(event(3), Ending.OPEN)) == {"resume-next": Late, "resume-every-cut": Late}
    assert broken(after_4=None) == {"resume-every-cut": Late, "resume-finished": Late}
    assert broken(zero=None) == {"resume-unknown": Late}
    assert broken(word=None) == {"resume-garbage": Late}


@pytest.mark.parametrize(
    "whole", [refusal(), refusal(503), events(b""), events(event(1) + done()), events(rest(0).replace(b'"n"', b'"N"'))]
)
def test_without_a_whole_demo_nothing_is_learnt(whole: Response) -> None:
    assert judged({**sound(), exchanges.WHOLE: whole}) == {requirement.id: NotObserved for requirement in ALL}


def test_a_whole_demo_that_has_not_ended_is_late() -> None:
    part = events(event(1) + event(2), Ending.OPEN)
    assert judged({**sound(), exchanges.WHOLE: part}) == {requirement.id: Late for requirement in ALL}


def test_the_ids_that_are_asked_for_are_none_of_the_demo() -> None:
    ids = {str(number) for number in range(1, COUNT + 1)}
    asked = {**exchanges.UNKNOWN, **exchanges.GARBAGE, **exchanges.NOT_ASCII}
    assert not ids & set(asked.values())
    assert len(asked) == len(exchanges.UNKNOWN) + len(exchanges.GARBAGE) + len(exchanges.NOT_ASCII)
    assert json.loads(exchanges.GARBAGE["json"]) == {"n": 1}


def test_the_area_has_the_requirements_of_the_contract() -> None:
    assert all(isinstance(made, Requirement) and made.area == "resume" for made in ALL)
