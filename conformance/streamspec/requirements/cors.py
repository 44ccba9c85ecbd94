"""CORS: a page of a listed origin may read every answer, and one of another origin none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamspec.contract import Level, contract, fetch
from streamspec.control import ControlServer, Fields, Problem, Request, Stream, replaced, without
from streamspec.exchanges import cors
from streamspec.judging import answered, expect
from streamspec.requirement import NotObserved, requirement
from streamspec.requirements.input import recorded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from streamspec.control.connection import Connection
    from streamspec.exchanges.asked import Asked
    from streamspec_client.trace import Response, Trace

MUST, SHOULD = Level.MUST, Level.SHOULD

ALLOW_ORIGIN = "Access-Control-Allow-Origin"


def _asked_from(trace: Trace, wanted: Iterable[Asked], origin: str | None) -> list[Asked]:
    return recorded(trace, [cors.from_origin(asked, origin) for asked in wanted])


def _expect_allowed(response: Response, what: str) -> None:
    """Raise Violation unless the answer lets a page of the listed origin read it."""
    # Fetch, "CORS check": the combined value is compared, so a field line too many is as bad as none.
    wanted = f"{ALLOW_ORIGIN}: {cors.LISTED} (which is listed by default) on the answer to {what}"
    expect(response.value(ALLOW_ORIGIN) == cors.LISTED, wanted, response.value(ALLOW_ORIGIN) or "none")


def _expect_listed(response: Response, name: str, member: str, what: str) -> None:
    """Raise Violation unless a field of the answer lists the member, or the wildcard that stands for all of them."""
    holds = bool({member.lower(), "*"} & set(response.tokens(name)))
    expect(holds, f"{name} with {member} on the answer to {what}", response.value(name) or "none")


@requirement("cors-stream", MUST, fetch("cors-check"), cors.cross_origin)
def cors_stream(trace: Trace) -> None:
    """Streams, and all else that succeeds, are readable by a page of a listed origin."""
    for asked in _asked_from(trace, cors.ANSWERS, cors.LISTED):
        response = answered(trace, asked.name)
        if not 200 <= response.status < 300:
            raise NotObserved(f"{asked.name} was answered {response.status}: see head-status")
        _expect_allowed(response, asked.name)


@cors_stream.mutant()
class HidesStreamsFromPages(ControlServer):
    def stream_fields(self, stream: Stream) -> Fields:
        return without(super().stream_fields(stream), ALLOW_ORIGIN)


@cors_stream.mutant()
class SaysTheOriginTwice(ControlServer):
    def stream_fields(self, stream: Stream) -> Fields:
        fields = super().stream_fields(stream)
        return [*fields, *(field for field in fields if field[0] == ALLOW_ORIGIN)]


@requirement("cors-error", MUST, contract("CORS"), cors.cross_origin)
def cors_error(trace: Trace) -> None:
    """Errors are readable by a page of a listed origin, too: else it sees a network error, and never the reason."""
    errors = _asked_from(trace, (*cors.ERRORS, cors.TOO_LARGE), cors.LISTED)
    seen = [(asked, response) for asked in errors if (response := answered(trace, asked.name)).status >= 400]
    if not seen:
        raise NotObserved("no bad request was refused: see input-range")
    for asked, response in seen:
        _expect_allowed(response, f"{asked.name} ({response.status})")


@cors_error.mutant()
class HidesErrorsFromPages(ControlServer):
    def problem_fields(self, request: Request, problem: Problem) -> Fields:
        return without(super().problem_fields(request, problem), ALLOW_ORIGIN)


@cors_error.mutant()
class AnswersFailuresOutsideOfItsMiddleware(ControlServer):
    def problem_fields(self, request: Request, problem: Problem) -> Fields:
        fields = super().problem_fields(request, problem)
        return without(fields, ALLOW_ORIGIN) if problem.status >= 500 else fields


@requirement("cors-preflight", MUST, fetch("cors-preflight-fetch"), cors.cross_origin)
def cors_preflight(trace: Trace) -> None:
    """A preflight of a listed origin allows a POST of JSON and a GET with Last-Event-ID."""
    for asked in _asked_from(trace, cors.PREFLIGHTS, cors.LISTED):
        response = answered(trace, asked.name)
        expect(200 <= response.status < 300, f"2xx to {asked.name}", response.status)
        _expect_allowed(response, asked.name)
        # Fetch needs no word for the methods that forms have: "and method is not a CORS-safelisted method".
        field = dict(asked.fields)["Access-Control-Request-Headers"]
        _expect_listed(response, "Access-Control-Allow-Headers", field, asked.name)


@cors_preflight.mutant()
class AllowsSimpleRequestsOnly(ControlServer):
    def preflight_fields(self, request: Request, allow: str) -> Fields:
        return without(super().preflight_fields(request, allow), "access-control-allow-headers")


@cors_preflight.mutant()
class ForgetsReconnections(ControlServer):
    def preflight_fields(self, request: Request, allow: str) -> Fields:
        return replaced(super().preflight_fields(request, allow), "Access-Control-Allow-Headers", "Content-Type")


@cors_preflight.mutant()
class HasNoOptions(ControlServer):
    def route(self, connection: Connection, request: Request) -> None:
        if request.method == "OPTIONS":
            raise self.method_not_allowed(request, "GET, POST")
        super().route(connection, request)


@requirement("cors-denied", MUST, contract("CORS"), cors.cross_origin)
def cors_denied(trace: Trace) -> None:
    """An origin that is not listed is neither echoed nor allowed by `*`, however much it looks like a listed one."""
    for origin in cors.UNLISTED:
        for asked in _asked_from(trace, (*cors.ANSWERS, *cors.ERRORS, *cors.PREFLIGHTS), origin):
            allowed = answered(trace, asked.name).values(ALLOW_ORIGIN)
            expect(not {origin, "*"} & set(allowed), f"no {ALLOW_ORIGIN} for {origin} to {asked.name}", allowed)


@cors_denied.mutant()
class EchoesEveryOrigin(ControlServer):
    def origin_allowed(self, origin: str) -> bool:
        return True


@cors_denied.mutant()
class ComparesTheBeginning(ControlServer):
    def origin_allowed(self, origin: str) -> bool:
        return origin.startswith(self.limits.cors_origins)


@cors_denied.mutant()
class TakesNullForAnOrigin(ControlServer):
    def origin_allowed(self, origin: str) -> bool:
        return origin == "null" or super().origin_allowed(origin)


def _by_origin(trace: Trace) -> Iterator[tuple[Asked, list[Response]]]:
    """Each request with its answers to the listed origin, to another and to none."""
    for asked in (*cors.ANSWERS, *cors.ERRORS):
        sent = [_asked_from(trace, [asked], origin) for origin in (cors.LISTED, cors.OTHER, None)]
        if all(sent):
            yield asked, [answered(trace, one.name) for (one,) in sent]


def _readers(response: Response) -> tuple[object, ...]:
    """What an answer says of who may read it."""
    return response.status, *sorted(
        field for field in response.fields if field[0].lower().startswith("access-control-")
    )


@requirement("cors-vary", MUST, fetch("cors-protocol-and-http-caches"), cors.cross_origin)
def cors_vary(trace: Trace) -> None:
    """Where an answer depends on Origin, Vary says so, also to requests without one: a cache must not mix them up."""
    for asked, responses in _by_origin(trace):
        if len({_readers(response) for response in responses}) > 1:
            for response, whose in zip(responses, ("a listed origin", "another origin", "no origin"), strict=True):
                _expect_listed(response, "Vary", "Origin", f"{asked.name} of {whose}")


@cors_vary.mutant()
class LetsCachesMixOrigins(ControlServer):
    def cors_fields(self, request: Request) -> Fields:
        return without(super().cors_fields(request), "vary")


@cors_vary.mutant()
class VariesForPagesOnly(ControlServer):
    def cors_fields(self, request: Request) -> Fields:
        return super().cors_fields(request) if request.field("origin") else []


@requirement("cors-expose", SHOULD, fetch("http-access-control-expose-headers"), cors.cross_origin)
def cors_expose(trace: Trace) -> None:
    """A page of a listed origin may read Stream-Token, with which it asks for the stream's state."""
    for asked in _asked_from(trace, cors.STREAMS, cors.LISTED):
        response = answered(trace, asked.name)
        if not response.values("stream-token"):
            raise NotObserved(f"no Stream-Token on the answer to {asked.name}")
        _expect_listed(response, "Access-Control-Expose-Headers", "Stream-Token", asked.name)


@cors_expose.mutant()
class HidesTheStreamToken(ControlServer):
    def cors_fields(self, request: Request) -> Fields:
        return without(super().cors_fields(request), "access-control-expose-headers")
