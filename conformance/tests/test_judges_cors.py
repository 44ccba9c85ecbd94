"""The CORS requirements on hand-written traces: who may read what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests import traces

from streamspec.exchanges import cors as exchanges
from streamspec.exchanges.cors import LISTED, OTHER, UNLISTED, from_origin
from streamspec.requirement import Late, NotObserved, Requirement, Violation
from streamspec.requirements import cors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from streamspec.exchanges.asked import Asked
    from streamspec_client.trace import Trace

    Fields = dict[str, str]

ALL = [
    cors.cors_stream,
    cors.cors_error,
    cors.cors_preflight,
    cors.cors_denied,
    cors.cors_vary,
    cors.cors_expose,
]
ANSWERS = (*exchanges.ANSWERS, *exchanges.ERRORS)
STREAM, ERROR, PREFLIGHT = exchanges.STREAMS[0], exchanges.ERRORS[0], exchanges.PREFLIGHTS[0]
ORIGINS = (LISTED, OTHER, None)


def sound(asked: Asked, origin: str | None) -> Fields:
    """What a sound server says of who may read."""
    fields = {"Vary": "Origin"}
    if origin == LISTED:
        fields |= {"Access-Control-Allow-Origin": LISTED, "Access-Control-Expose-Headers": "Stream-Token"}
        if asked.method == "OPTIONS":
            fields["Access-Control-Allow-Headers"] = "Content-Type, Last-Event-ID"
    return fields | ({"Stream-Token": "made"} if asked in exchanges.STREAMS else {})


def trace(
    fields: Callable[[Asked, str | None], Mapping[str, str]] = sound,
    status: Callable[[Asked, str | None], int | None] = lambda asked, _: asked.status,
) -> Trace:
    """The exchange with those fields and statuses by request and origin; None for no answer."""
    sent: list[tuple[Asked, str | None]] = [(asked, origin) for asked in ANSWERS for origin in ORIGINS]
    sent += [
        (exchanges.TOO_LARGE, LISTED),
        *((asked, origin) for asked in exchanges.PREFLIGHTS for origin in ORIGINS[:2]),
    ]
    sent += [(STREAM, origin) for origin in UNLISTED[1:]]
    conversations = []
    for asked, origin in sent:
        code = status(asked, origin)
        answers = [traces.response(status=code, fields=fields(asked, origin))] if code else []
        conversations.append(traces.conversation(*answers, name=from_origin(asked, origin).name))
    return traces.trace(*conversations)


def but(wanted: Asked, whose: str | None, **odd: str | None) -> Callable[[Asked, str | None], Fields]:
    """Sound fields, but for some of one answer; None takes a field away."""

    def fields(asked: Asked, origin: str | None) -> Fields:
        found: dict[str, str | None] = {**sound(asked, origin)}
        if (asked, origin) == (wanted, whose):
            found |= {name.replace("_", "-"): value for name, value in odd.items()}
        return {name: value for name, value in found.items() if value is not None}

    return fields


@pytest.mark.parametrize("requirement", ALL, ids=lambda made: made.id)
def test_an_allow_list_passes(requirement: Requirement) -> None:
    assert requirement.judge(trace()) is None


@pytest.mark.parametrize("asked", exchanges.ANSWERS, ids=lambda asked: asked.name)
@pytest.mark.parametrize("allowed", [None, "*", OTHER, f"{LISTED}, {LISTED}", f"{LISTED}/", "HTTP://localhost:3000"])
def test_an_answer_that_the_listed_origin_cannot_read_is_a_violation(asked: Asked, allowed: str | None) -> None:
    with pytest.raises(Violation, match="Access-Control-Allow-Origin"):
        cors.cors_stream.judge(trace(but(asked, LISTED, Access_Control_Allow_Origin=allowed)))


@pytest.mark.parametrize("asked", [*exchanges.ERRORS, exchanges.TOO_LARGE], ids=lambda asked: asked.name)
def test_an_error_that_the_listed_origin_cannot_read_is_a_violation(asked: Asked) -> None:
    odd = trace(but(asked, LISTED, Access_Control_Allow_Origin=None))
    with pytest.raises(Violation, match=str(asked.status)):
        cors.cors_error.judge(odd)
    assert cors.cors_stream.judge(odd) is None


def test_what_was_taken_after_all_is_no_error() -> None:
    hidden = but(ERROR, LISTED, Access_Control_Allow_Origin=None)
    taken = trace(hidden, lambda asked, _: 200 if asked is ERROR else asked.status)
    assert cors.cors_error.judge(taken) is None
    with pytest.raises(NotObserved):
        cors.cors_error.judge(trace(status=lambda *_: 200))


def test_streams_that_are_refused_are_not_observed() -> None:
    refused = trace(status=lambda *_: 503)
    for requirement in (cors.cors_stream, cors.cors_expose):
        with pytest.raises(NotObserved):
            requirement.judge(trace(but(STREAM, LISTED, Stream_Token=None), lambda *_: 503))
    assert cors.cors_error.judge(refused) is None


@pytest.mark.parametrize("requirement", ALL, ids=lambda made: made.id)
def test_no_answer_is_late(requirement: Requirement) -> None:
    with pytest.raises(Late):
        requirement.judge(trace(status=lambda *_: None))


# Preflights


@pytest.mark.parametrize("status", [200, 204])
@pytest.mark.parametrize("allowed", ["content-type,last-event-id", "*", "Authorization, Content-Type, LAST-EVENT-ID"])
def test_a_preflight_is_allowed_in_many_ways(status: int, allowed: str) -> None:
    def fields(asked: Asked, origin: str | None) -> Fields:
        found = sound(asked, origin)
        return found | ({"Access-Control-Allow-Headers": allowed} if "Access-Control-Allow-Headers" in found else {})

    answered = trace(fields, lambda asked, _: status if asked.method == "OPTIONS" else asked.status)
    assert cors.cors_preflight.judge(answered) is None


def test_only_what_was_asked_for_needs_to_be_allowed() -> None:
    assert cors.cors_preflight.judge(trace(but(PREFLIGHT, LISTED, Access_Control_Allow_Headers="content-type"))) is None


@pytest.mark.parametrize("allowed", [None, "", "Content-Typ", "Last-Event-ID"])
def test_a_preflight_that_does_not_allow_what_was_asked_for_is_a_violation(allowed: str | None) -> None:
    with pytest.raises(Violation, match="Access-Control-Allow-Headers"):
        cors.cors_preflight.judge(trace(but(PREFLIGHT, LISTED, Access_Control_Allow_Headers=allowed)))


def test_a_preflight_without_the_origin_is_a_violation() -> None:
    with pytest.raises(Violation, match="Access-Control-Allow-Origin"):
        cors.cors_preflight.judge(trace(but(PREFLIGHT, LISTED, Access_Control_Allow_Origin=None)))


@pytest.mark.parametrize("status", [301, 400, 404, 405, 500])
def test_a_preflight_that_is_no_success_is_a_violation(status: int) -> None:
    with pytest.raises(Violation, match="2xx"):
        cors.cors_preflight.judge(trace(status=lambda asked, _: status if asked is PREFLIGHT else asked.status))


@pytest.mark.parametrize("status", [200, 400, 403])
def test_a_preflight_of_another_origin_may_be_answered_with_anything(status: int) -> None:
    def statuses(asked: Asked, origin: str | None) -> int:
        return status if asked.method == "OPTIONS" and origin == OTHER else asked.status

    for requirement in ALL:
        assert requirement.judge(trace(status=statuses)) is None


# Other origins


@pytest.mark.parametrize("asked", [*ANSWERS, *exchanges.PREFLIGHTS], ids=lambda asked: asked.name)
@pytest.mark.parametrize("allowed", [OTHER, "*"])
def test_another_origin_that_is_allowed_is_a_violation(asked: Asked, allowed: str) -> None:
    with pytest.raises(Violation, match=OTHER):
        cors.cors_denied.judge(trace(but(asked, OTHER, Access_Control_Allow_Origin=allowed)))


@pytest.mark.parametrize("origin", UNLISTED)
def test_an_origin_that_looks_like_the_listed_one_is_another(origin: str) -> None:
    with pytest.raises(Violation, match=origin):
        cors.cors_denied.judge(trace(but(STREAM, origin, Access_Control_Allow_Origin=origin)))


def test_an_origin_that_is_not_listed_may_be_told_of_the_one_that_is() -> None:
    told = trace(but(STREAM, OTHER, Access_Control_Allow_Origin=LISTED))
    assert cors.cors_denied.judge(told) is None


# Caches


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize("asked", [STREAM, ERROR, exchanges.ERRORS[-1]], ids=lambda asked: asked.name)
def test_an_answer_that_depends_on_the_origin_and_does_not_say_so_is_a_violation(
    asked: Asked, origin: str | None
) -> None:
    with pytest.raises(Violation, match="Vary"):
        cors.cors_vary.judge(trace(but(asked, origin, Vary="Accept-Encoding")))


@pytest.mark.parametrize("vary", ["origin", "*", "Accept-Encoding, Origin"])
def test_vary_says_so_in_many_ways(vary: str) -> None:
    assert cors.cors_vary.judge(trace(but(STREAM, None, Vary=vary))) is None


def test_an_answer_that_is_the_same_to_everybody_needs_no_vary() -> None:
    """If the listed origin is the only one, its name may be told to all; browsers deny the others themselves."""

    def fields(asked: Asked, _: str | None) -> Fields:
        return {name: value for name, value in sound(asked, LISTED).items() if name != "Vary"}

    for requirement in ALL:
        assert requirement.judge(trace(fields)) is None


def test_a_status_that_depends_on_the_origin_needs_vary() -> None:
    def fields(_asked: Asked, _origin: str | None) -> Fields:
        return {}

    def status(asked: Asked, origin: str | None) -> int:
        return 403 if origin == OTHER else asked.status

    with pytest.raises(Violation, match="Vary"):
        cors.cors_vary.judge(trace(fields, status))


# What may be read


@pytest.mark.parametrize("exposed", ["stream-token", "*", "Retry-After, Stream-Token"])
def test_the_token_is_exposed_in_many_ways(exposed: str) -> None:
    assert cors.cors_expose.judge(trace(but(STREAM, LISTED, Access_Control_Expose_Headers=exposed))) is None


@pytest.mark.parametrize("exposed", [None, "", "Retry-After", "Stream"])
def test_a_token_that_is_not_exposed_is_a_violation(exposed: str | None) -> None:
    with pytest.raises(Violation, match="Stream-Token"):
        cors.cors_expose.judge(trace(but(STREAM, LISTED, Access_Control_Expose_Headers=exposed)))


def test_without_a_token_there_is_none_to_expose() -> None:
    with pytest.raises(NotObserved):
        cors.cors_expose.judge(trace(but(STREAM, LISTED, Stream_Token=None)))
