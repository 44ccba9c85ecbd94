"""The contract's requirements that one conversation shows: the same judges, given what lint recorded.

A requirement that is about items, gates, a script or the ledger is not here: without the contract it is unknown.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from streamspec.contract import Level
from streamspec.exchanges.head import KINDS
from streamspec.lint.address import BadAddress
from streamspec.lint.checks.check import Check, NotApplicable, readable, response_of, streamed
from streamspec.lint.content import Kind
from streamspec.lint.visit import REDIRECTS
from streamspec.requirement import NotObserved, Violation, all_requirements
from streamspec_client.trace import Ending, Trace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streamspec.lint.content import Content
    from streamspec.lint.visit import Visit
    from streamspec.requirement import Figures, Requirement
    from streamspec_client.trace import Response

    Condition = Callable[[Visit, Response, Content], None]

BOTH = tuple(KINDS)
"""The names under which requirements of the head look for a text and an event stream."""


TLS_ALERT = b"\x15\x03"
"""How TLS begins to say that it was not spoken to (RFC 8446, section 5.1)."""


UNREAD = "Only Transfer-Encoding: chunked is supported"
"""What the parser says of a body that is gzip, chunked: valid HTTP/1.1, which nobody sends."""

HINTS = {
    204: "which tells an EventSource to stop",
    401: "(-u, or -H 'Authorization: …')",
    403: "(perhaps -u, -b or -H are missing)",
    404: "(is the path right?)",
    405: "(another method: -X)",
    406: "(another media type: -H 'Accept: …')",
    415: "(another one of the body: -H 'Content-Type: …')",
    422: "(another body: -d)",
}
"""What to do about a status, in a few words."""


def _trace(visit: Visit, names: Sequence[str], response: Response | None) -> Trace:
    """What was asked for as an exchange: the one conversation, under each of the names that a judge looks for."""
    conversation = visit.asked.conversation
    if response is not None:
        conversation = replace(conversation, responses=(response, *conversation.responses[1:]))
    return Trace(
        exchange="lint",
        target=visit.request.address.url,
        started_at="",
        duration_s=visit.asked.watched_s,
        conversations=tuple(replace(conversation, name=name) for name in names),
        answers=(),
        marks=(),
    )


def _status(requirement: Requirement, visit: Visit) -> Figures | None:
    received = b"".join(part.data for part in visit.asked.conversation.received)
    if visit.asked.response is None and received:
        hint = ": that is TLS, so ask with https://" if received.startswith(TLS_ALERT) else ""
        raise Violation(expected="an HTTP response", actual=f"{received[:60]!r}{hint}")
    response = response_of(visit.asked)
    if UNREAD in response.error:
        raise NotObserved("another transfer coding than chunked, which cannot be read here")
    if what_to_do := _redirected(visit, response) or HINTS.get(response.status):
        told = f"{response.status} {what_to_do}"
        raise Violation(expected="status 200", actual=f"{told}: {response.body[:160]!r}", at_s=response.head_at_s)
    return requirement.judge(_trace(visit, BOTH, None))


def _redirected(visit: Visit, response: Response) -> str | None:
    """What becomes of a redirect; None for another status."""
    if response.status not in REDIRECTS:
        return None
    location = response.value("location")
    if location is None:
        return "without a Location, so nothing can follow it"
    try:
        visit.request.address.followed_to(location)
    except BadAddress:
        return f"which leads to {location!r}, and that is not http:// or https://"
    return f"after {len(visit.hops)} redirects, no stream yet" if len(visit.hops) > 1 else "which -L follows"


def _head(requirement: Requirement, names: Sequence[str], kinds: Sequence[Kind], visit: Visit) -> Figures | None:
    response, content = streamed(visit, *kinds)
    if (condition := _CONDITIONS.get(requirement.id)) is not None:
        condition(visit, response, content)
    return requirement.judge(_trace(visit, names, None))


def _caches_may_store(visit: Visit, response: Response, _content: Content) -> None:
    fresh = [token for token in response.tokens("cache-control") if token.startswith(("max-age", "s-maxage", "public"))]
    if visit.request.method not in {"GET", "HEAD"} and not fresh and not response.values("expires"):
        raise NotApplicable(f"no cache stores an answer to {visit.request.method} that says nothing of its freshness")


def _nobody_consumes_it(_visit: Visit, response: Response, _content: Content) -> None:
    by = " ".join(filter(None, [response.value("server"), response.value("via")])).lower()
    for name in ("nginx", "openresty", "tengine"):
        if name in by:
            raise NotApplicable(f"{name} is in front, which takes the field away: --direct ORIGIN shows it")


_CONDITIONS: dict[str, Condition] = {
    "head-no-store": _caches_may_store,
    "head-accel-buffering": _nobody_consumes_it,
}


def _coding(requirement: Requirement, visit: Visit) -> Figures | None:
    response, _ = streamed(visit)
    if visit.request.version != "1.1":
        raise NotApplicable("it was asked for over HTTP/1.0")
    if response.ending is Ending.OPEN and response.tokens("transfer-encoding") == ["chunked"]:
        raise NotApplicable(f"the end was not waited for: {visit.asked.why_left}")
    if not response.values("transfer-encoding"):
        raise NotApplicable(f"the body is {response.framing}, not chunked: see lint-delimited")
    return requirement.judge(_trace(visit, ["stream"], None))


def _framing(requirement: Requirement, visit: Visit) -> Figures | None:
    _, content = readable(visit, Kind.EVENTS)
    return requirement.judge(_trace(visit, ["events"], content.response))


def _framing_of_end(requirement: Requirement, visit: Visit) -> Figures | None:
    response, _ = readable(visit, Kind.EVENTS)
    if response.ending is Ending.OPEN:
        raise NotApplicable(f"the end was not waited for: {visit.asked.why_left}")
    return _framing(requirement, visit)


def _framing_of_chunks(requirement: Requirement, visit: Visit) -> Figures | None:
    response, content = readable(visit, Kind.EVENTS)
    if content.coding:
        raise NotApplicable(f"the chunks are those of {content.coding}, not of the event stream")
    if not response.tokens("transfer-encoding"):
        raise NotApplicable("the body is not chunked: see chunks-coding")
    # The last chunk of a stream that was left may be half of one.
    whole = response.chunks[:-1] if response.ending is Ending.OPEN else response.chunks
    return requirement.judge(_trace(visit, ["events"], replace(response, chunks=whole)))


EVENTS_AND_TEXT = (Kind.EVENTS, Kind.TEXT)
STREAMS = (Kind.EVENTS, Kind.TEXT, Kind.JSON_LINES, Kind.OTHER)

_APPLIED: dict[str, Callable[[Requirement, Visit], Figures | None]] = {
    "head-status": _status,
    "head-text-media-type": lambda made, visit: _head(made, ["text"], [Kind.TEXT], visit),
    "head-sse-media-type": lambda made, visit: _head(made, ["events"], [Kind.EVENTS], visit),
    "head-no-content-length": lambda made, visit: _head(made, BOTH, [], visit),
    "head-no-store": lambda made, visit: _head(made, BOTH, STREAMS, visit),
    "head-no-transform": lambda made, visit: _head(made, BOTH, STREAMS, visit),
    "head-accel-buffering": lambda made, visit: _head(made, BOTH, STREAMS, visit),
    "head-nosniff": lambda made, visit: _head(made, BOTH, EVENTS_AND_TEXT, visit),
    "chunks-coding": _coding,
    "framing-no-bom": _framing,
    "framing-known-fields": _framing,
    "framing-event-terminated": _framing_of_end,
    "framing-whole-events": _framing_of_chunks,
}


_ADVICE = {"head-text-media-type", "head-no-store"}
"""The contract demands them of who holds it; HTTP leaves another charset and a cache to whoever serves."""


def checks() -> list[Check]:
    """The requirements that are applied, as checks: a MUST of the contract alone is advice to others."""
    return [
        Check(
            made.id,
            Level.SHOULD if made.id in _ADVICE else made.level,
            made.sentence,
            made.anchor,
            partial(_APPLIED[made.id], made),
        )
        for made in all_requirements()
        if made.id in _APPLIED
    ]


def unknown() -> list[Requirement]:
    """The requirements of which the wire alone shows nothing that counts."""
    return [made for made in all_requirements() if made.id not in _APPLIED]
