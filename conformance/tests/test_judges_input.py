"""The input requirements on hand-written traces: what is refused, in which words, and what is taken."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests import traces

from streamspec.exchanges import input as exchanges
from streamspec.exchanges.asked import TOKEN, Asked, Fault
from streamspec.exchanges.bad_requests import PLAIN, REQUESTS, requests
from streamspec.requirement import Late, NotObserved, Requirement, Violation
from streamspec.requirements import input as requirements
from streamspec.requirements import input_whole
from streamspec_client.trace import Closing, Framing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from streamspec.contract import JSON
    from streamspec_client.trace import Response, Trace

PROBLEM_TYPE = "application/problem+json"
OF_FAULTS: dict[Fault, Requirement] = {
    Fault.RANGE: requirements.input_range,
    Fault.TYPE: requirements.input_type,
    Fault.UNKNOWN: requirements.input_unknown_field,
    Fault.MEMBERS: requirements.input_members,
    Fault.JSON: input_whole.input_json,
    Fault.MEDIA_TYPE: input_whole.input_media_type,
    Fault.TOKEN: input_whole.input_token_syntax,
    Fault.PATH: input_whole.input_not_found,
}
OF_WORDS = (requirements.input_problem, requirements.input_names_parameter)
STREAM = traces.response(status=200)
EVERY = (*PLAIN, *REQUESTS)


def problem(status: int, media_type: str = PROBLEM_TYPE, **members: JSON) -> Response:
    whole = {"type": "about:blank", "title": "Wrong", "status": status, "detail": "wrong", **members}
    return traces.response(
        json.dumps({name: value for name, value in whole.items() if value is not None}).encode(),
        status=status,
        fields={"Content-Type": media_type},
        framing=Framing.CONTENT_LENGTH,
    )


def sound(asked: Asked) -> Response:
    if asked.status < 400:
        return replace(STREAM, status=asked.status)
    detail = f"at most or at least {asked.bound}"
    return problem(asked.status, detail=detail, parameter=asked.parameters[0] if asked.parameters else None)


def trace(wanted: Iterable[Asked], odd: Mapping[Asked, Response | None] | None = None) -> Trace:
    """Sound answers, but for the odd ones; None for no answer."""
    answers = {asked: sound(asked) for asked in wanted} | dict(odd or {})
    return traces.trace(
        *(traces.conversation(*([made] if made else []), name=asked.name) for asked, made in answers.items())
    )


def first(fault: Fault, method: str = "POST") -> Asked:
    return next(asked for asked in requests([fault]) if asked.method == method and asked.status >= 400)


def test_each_request_has_a_name_of_its_own_that_fits_a_line() -> None:
    names = [asked.name for asked in EVERY]
    assert [name for name, count in Counter(names).items() if count > 1] == []
    assert all(name.isascii() and name.isprintable() and len(name) < 200 for name in names)


def test_each_refusal_that_is_about_a_part_of_the_request_says_which() -> None:
    assert [
        asked.name for asked in REQUESTS if asked.status in {400, 409, 413, 415, 422} and not asked.parameters
    ] == []


def test_a_request_is_sent_with_its_token() -> None:
    got, posted = first(Fault.RANGE, "GET").with_token(), first(Fault.RANGE).with_token()
    assert got.sent_with("t-1").path == f"{first(Fault.RANGE, 'GET').path}&token=t-1"
    assert json.loads(posted.sent_with("t-1").body or b"").items() >= {"token": "t-1"}.items()
    assert TOKEN in got.name
    assert TOKEN in posted.name


@pytest.mark.parametrize("requirement", [*OF_FAULTS.values(), *OF_WORDS], ids=lambda made: made.id)
def test_refusals_pass(requirement: Requirement) -> None:
    assert requirement.judge(trace(EVERY)) is None


@pytest.mark.parametrize("requirement", [*OF_FAULTS.values(), *OF_WORDS], ids=lambda made: made.id)
def test_without_scripts_the_queries_are_judged(requirement: Requirement) -> None:
    assert requirement.judge(trace([asked for asked in EVERY if asked.method == "GET"])) is None


@pytest.mark.parametrize(
    "asked", [asked for asked in REQUESTS if asked.fault in OF_FAULTS], ids=lambda asked: asked.name
)
def test_what_is_answered_otherwise_fails_the_requirement_of_its_fault_alone(asked: Asked) -> None:
    odd = trace(EVERY, {asked: STREAM if asked.status >= 400 else problem(422)})
    for fault, requirement in OF_FAULTS.items():
        if asked.fault is fault and fault is not Fault.PATH:
            with pytest.raises(Violation, match=r"^expected \d{3} to (GET|POST) /"):
                requirement.judge(odd)
        elif asked.fault is not Fault.PATH:
            assert requirement.judge(odd) is None
    for requirement in OF_WORDS:
        assert requirement.judge(odd) is None


@pytest.mark.parametrize("status", [400, 200, 302, 404, 500, 503])
def test_only_the_status_of_the_contract_is_right(status: int) -> None:
    with pytest.raises(Violation, match="422"):
        requirements.input_range.judge(trace(EVERY, {first(Fault.RANGE): problem(status)}))


def test_no_answer_is_late() -> None:
    with pytest.raises(Late, match="none"):
        requirements.input_type.judge(trace(EVERY, {first(Fault.TYPE): None}))


TAKEN = next(asked for asked in requests([Fault.RANGE]) if asked.starts_stream)


def test_a_stream_whose_head_does_not_come_is_no_matter_of_input_but_hides_no_violation() -> None:
    with pytest.raises(NotObserved, match="head-before-first-item"):
        requirements.input_range.judge(trace(EVERY, {TAKEN: None}))
    with pytest.raises(Violation, match="422"):
        requirements.input_range.judge(trace(EVERY, {TAKEN: None, first(Fault.RANGE): STREAM}))
    for requirement in OF_WORDS:
        assert requirement.judge(trace(EVERY, {TAKEN: None})) is None


def test_a_connection_that_is_closed_without_a_word_refuses_a_stream() -> None:
    given = trace([asked for asked in EVERY if asked != TAKEN])
    closed = traces.conversation(name=TAKEN.name, closing=Closing.FIN)
    with pytest.raises(Late, match="none"):
        requirements.input_range.judge(replace(given, conversations=(*given.conversations, closed)))


@pytest.mark.parametrize("fault", [Fault.RANGE, Fault.TYPE, Fault.UNKNOWN, Fault.MEMBERS, Fault.JSON, Fault.MEDIA_TYPE])
def test_a_server_that_refuses_everything_shows_nothing(fault: Fault) -> None:
    everything = {asked: problem(422) for asked in PLAIN if asked.method == "POST"}
    with pytest.raises(NotObserved, match="without a fault"):
        OF_FAULTS[fault].judge(trace(EVERY, everything))


# Words


@pytest.mark.parametrize("parameter", ["items[0]", "items[0].text", "items[0].size"])
def test_of_members_that_exclude_each_other_any_is_named(parameter: str) -> None:
    both = next(asked for asked in requests([Fault.MEMBERS]) if b'"a", "size"' in (asked.body or b""))
    assert requirements.input_names_parameter.judge(trace(EVERY, {both: problem(422, parameter=parameter)})) is None


@pytest.mark.parametrize("parameter", [None, 7, "", "size", "items.0.size", "items", "body"])
def test_another_parameter_is_a_violation(parameter: JSON) -> None:
    asked = next(asked for asked in requests([Fault.RANGE]) if asked.parameters == ("items[0].size",))
    answer = problem(422, parameter=parameter, detail=f"up to {asked.bound}")
    with pytest.raises(Violation, match=r"items\[0\]\.size"):
        requirements.input_names_parameter.judge(trace(EVERY, {asked: answer}))


def test_the_case_of_a_field_name_is_free_and_that_of_a_member_is_not() -> None:
    judge = requirements.input_names_parameter.judge
    assert judge(trace(EVERY, {first(Fault.MEDIA_TYPE): problem(415, parameter="content-type")})) is None
    with pytest.raises(Violation):
        judge(trace(EVERY, {first(Fault.JSON): problem(400, parameter="Body")}))


@pytest.mark.parametrize(
    "detail",
    ["0 to 67108864", "at most 67,108,864", "<= 67 108 864", "max 67.108.864 bytes", "0,67108864", "[0,67'108'864]"],
)
def test_the_limit_is_told_in_any_way_of_writing_numbers(detail: str) -> None:
    asked = next(asked for asked in requests([Fault.RANGE]) if asked.bound == 67_108_864)
    answer = problem(422, detail=detail, parameter=asked.parameters[0])
    assert requirements.input_names_parameter.judge(trace(EVERY, {asked: answer})) is None


@pytest.mark.parametrize("detail", ["out of range", "6710886", "167108864", "not -1"])
def test_another_limit_or_none_is_a_violation(detail: str) -> None:
    asked = next(asked for asked in requests([Fault.RANGE]) if asked.bound == 67_108_864)
    answer = problem(422, detail=detail, parameter=asked.parameters[0])
    with pytest.raises(Violation, match="67108864"):
        requirements.input_names_parameter.judge(trace(EVERY, {asked: answer}))


def test_a_limit_of_zero_may_be_told_in_words() -> None:
    asked = next(asked for asked in requests([Fault.RANGE]) if asked.bound == 0)
    answer = problem(422, detail="must not be negative", parameter=asked.parameters[0])
    assert requirements.input_names_parameter.judge(trace(EVERY, {asked: answer})) is None


@pytest.mark.parametrize("media_type", ["Application/Problem+JSON", "application/problem+json; charset=utf-8"])
def test_the_media_type_of_a_problem_has_no_case_and_may_have_parameters(media_type: str) -> None:
    asked = first(Fault.TYPE)
    answer = problem(422, media_type, parameter=asked.parameters[0])
    assert requirements.input_problem.judge(trace(EVERY, {asked: answer})) is None


@pytest.mark.parametrize(
    "answer",
    [
        problem(422, "application/json"),
        problem(422, "text/html"),
        problem(422, type=None),
        problem(422, title=""),
        problem(422, detail=None),
        problem(422, detail=["a list"]),
        replace(problem(400), status=422),
        replace(problem(422), chunks=()),
    ],
    ids=["JSON", "HTML", "no type", "no title", "no detail", "detail is a list", "another status", "empty"],
)
def test_what_is_no_whole_problem_is_a_violation(answer: Response) -> None:
    with pytest.raises(Violation):
        requirements.input_problem.judge(trace(EVERY, {first(Fault.TYPE): answer}))


def test_a_problem_of_no_resource_needs_no_parameter() -> None:
    odd = {asked: problem(asked.status) for asked in requests([Fault.PATH, Fault.METHOD])}
    for requirement in OF_WORDS:
        assert requirement.judge(trace(EVERY, odd)) is None


@pytest.mark.parametrize("requirement", OF_WORDS, ids=lambda made: made.id)
def test_where_nothing_is_refused_there_are_no_words(requirement: Requirement) -> None:
    with pytest.raises(NotObserved, match="input-range"):
        requirement.judge(trace(EVERY, dict.fromkeys(EVERY, STREAM)))


# Streams


def of_tokens(known: Mapping[Asked, int], odd: Mapping[Asked, Response | None] | None = None) -> Trace:
    conversations = trace(exchanges.WITH_TOKENS, odd).conversations
    states = [traces.answer(f"state {asked.name}", {}, status=known.get(asked, 404)) for asked in exchanges.WITH_TOKENS]
    return traces.trace(*conversations, answers=states)


def test_tokens_of_refused_requests_are_unknown() -> None:
    assert requirements.input_no_stream_opened.judge(of_tokens({})) is None


def test_each_kind_of_stream_is_refused_by_each_method() -> None:
    asked_for = {(asked.fault, asked.method, asked.resource) for asked in exchanges.WITH_TOKENS}
    for fault in (Fault.RANGE, Fault.TYPE, Fault.UNKNOWN):
        assert {(fault, method, path) for method in ("GET", "POST") for path in ("/stream", "/sse")} <= asked_for


@pytest.mark.parametrize("asked", exchanges.WITH_TOKENS, ids=lambda asked: asked.name)
def test_a_token_that_is_known_is_a_violation_unless_the_request_was_taken(asked: Asked) -> None:
    with pytest.raises(Violation, match="404 for the token"):
        requirements.input_no_stream_opened.judge(of_tokens({asked: 200}))
    assert requirements.input_no_stream_opened.judge(of_tokens({asked: 200}, {asked: STREAM})) is None


def test_where_nothing_is_refused_no_token_is_looked_at() -> None:
    with pytest.raises(NotObserved):
        requirements.input_no_stream_opened.judge(of_tokens({}, dict.fromkeys(exchanges.WITH_TOKENS, STREAM)))


# Large bodies, known tokens, unknown paths


def named(answers: Mapping[str, int | None]) -> Trace:
    """Conversations by name, each with a problem or a stream of that status."""
    made = {name: status and (problem(status) if status >= 300 else STREAM) for name, status in answers.items()}
    return traces.trace(
        *(traces.conversation(*([answer] if answer else []), name=name) for name, answer in made.items())
    )


LARGE: dict[str, int | None] = {exchanges.ALLOWED: 200, "a byte longer": 413, "four times as long": 413}


@pytest.mark.parametrize("chunked", [413, 411])
def test_large_bodies_are_refused(chunked: int) -> None:
    assert input_whole.input_too_large.judge(named({**LARGE, exchanges.CHUNKED: chunked})) is None


@pytest.mark.parametrize(
    ("name", "status"),
    [
        (exchanges.ALLOWED, 413),
        ("a byte longer", 200),
        ("a byte longer", 411),
        ("four times as long", 500),
        (exchanges.CHUNKED, 200),
        (exchanges.CHUNKED, 400),
    ],
)
def test_any_other_answer_to_a_large_body_is_a_violation(name: str, status: int) -> None:
    with pytest.raises(Violation, match=name):
        input_whole.input_too_large.judge(named({**LARGE, exchanges.CHUNKED: 413, name: status}))


def test_a_large_body_without_an_answer_is_late() -> None:
    # The exchange ends there: no other is asked about.
    with pytest.raises(Late):
        input_whole.input_too_large.judge(named({exchanges.ALLOWED: 200, "a byte longer": None}))


def known(**odd: int) -> Trace:
    answers: dict[str, int | None] = {}
    for name in exchanges.KNOWN_STREAMS:
        answers |= {name: 200, f"{name} GET /stream": 409, f"{name} POST /sse": 409}
    return named(answers | {name.replace("_", " ", 1): status for name, status in odd.items()})


def test_known_tokens_are_refused() -> None:
    assert input_whole.input_token_conflict.judge(known()) is None


@pytest.mark.parametrize(("odd", "raised"), [
    ({"completed_GET /stream": 200}, Violation),
    ({"open_POST /sse": 422}, Violation),
    ({"open": 503}, NotObserved),
])  # fmt: skip
def test_other_answers_to_known_tokens(odd: dict[str, int], raised: type[Exception]) -> None:
    with pytest.raises(raised):
        input_whole.input_token_conflict.judge(known(**odd))


NOWHERE = (PLAIN[0], *exchanges.UNKNOWN)


def test_unknown_paths_and_tokens_are_not_found() -> None:
    assert input_whole.input_not_found.judge(trace(NOWHERE)) is None


@pytest.mark.parametrize("asked", exchanges.UNKNOWN, ids=lambda asked: asked.name)
def test_a_resource_where_none_is_is_a_violation(asked: Asked) -> None:
    with pytest.raises(Violation, match="404 to"):
        input_whole.input_not_found.judge(trace(NOWHERE, {asked: STREAM}))


def test_a_redirect_is_told_with_where_to() -> None:
    redirect = replace(STREAM, status=307, fields=(("Location", "/stream"),))
    with pytest.raises(Violation, match="307 to /stream"):
        input_whole.input_not_found.judge(trace(NOWHERE, {exchanges.UNKNOWN[1]: redirect}))


def test_where_every_path_is_unknown_nothing_is_seen() -> None:
    with pytest.raises(NotObserved):
        input_whole.input_not_found.judge(trace(NOWHERE, {PLAIN[0]: problem(404)}))
