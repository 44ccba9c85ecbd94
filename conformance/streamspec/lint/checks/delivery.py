"""Delivery: whether a body comes over the time that it takes, or in one burst, and who may have held it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamspec.contract import Anchor, Level, html, rfc
from streamspec.judging import expect
from streamspec.lint.checks.check import NotApplicable, check, stream_of, streamed
from streamspec.lint.content import CLUMP, MOMENT_S, Kind, counted
from streamspec.lint.suspects import in_between, who_held_back
from streamspec.lint.visit import BROWSER, HTTP10, PROOF_MOMENTS
from streamspec.requirement import NotObserved, Violation
from streamspec_client.trace import Ending, Framing

if TYPE_CHECKING:
    from streamspec.lint.content import Content
    from streamspec.lint.look import Look
    from streamspec.lint.visit import Visit
    from streamspec.requirement import Figures
    from streamspec_client.trace import Response

MUST, SHOULD = Level.MUST, Level.SHOULD

INCREMENTAL = Anchor(
    "HTTP Incremental (Internet-Draft)", "https://datatracker.ietf.org/doc/draft-ietf-httpbis-incremental/"
)

BURST_S = 0.05
BURST_SHARE = 0.05
"""Pieces that come within this time, or within this share of the time before the first, are one burst: a buffer that
is let go takes milliseconds, however many pieces it holds."""

SURE_PIECES = 5
"""So many pieces in the time in which another look has none: a feed with news at random times is rarely so still."""

MANY_PIECES = 10
"""So many at one moment at the end of a stream are rarely made then: a model's last tokens are fewer."""

WAIT_S = 0.5
"""A burst after less than this may be an answer that was ready. People see a delay of half a second."""


@check("lint-stream", MUST, rfc(9112, "7.1"))
def lint_stream(visit: Visit) -> None:
    """The answer is a stream, or else a JSON document that the request accepts by name."""
    response, content = stream_of(visit.asked)
    if content.kind in {Kind.EVENTS, Kind.JSON_LINES, Kind.TEXT}:
        return
    accepted = (visit.request.value("accept") or "").lower()
    is_document = response.framing is Framing.CONTENT_LENGTH or content.moments <= 1
    if content.kind is Kind.DOCUMENT and "json" in accepted:
        return
    if is_document and response.ending is Ending.COMPLETE:
        length = "with a Content-Length" if response.framing is Framing.CONTENT_LENGTH else "at one moment"
        named = response.value("content-type") or "no media type"
        raise Violation(
            expected="a body that comes piece by piece, such as text/event-stream",
            actual=f"{named}, {len(response.body)} bytes {length}: {response.body[:60]!r}; if it streams when it is "
            "asked to, ask it to (-H 'Accept: text/event-stream', or as its manual says)",
            at_s=response.head_at_s,
        )


@check("lint-incremental", MUST, INCREMENTAL)
def lint_incremental(visit: Visit) -> Figures:
    """The body comes piece by piece over the time that it takes, not in one burst at the end of it."""
    response, content = streamed(visit)
    _expect_no_burst(visit.asked, response, content)
    if response.ending is Ending.COMPLETE:
        _expect_no_burst_at_the_end(content)
    return _figures(visit.asked, content)


def _expect_no_burst_at_the_end(content: Content) -> None:
    """Raise NotObserved where most of it came at once at the end: behind a greeting that was sent by itself, say."""
    signs_s = content.signs_s
    last = 1
    while last < len(signs_s) and signs_s[-last] - signs_s[-last - 1] <= MOMENT_S:
        last += 1
    if last == len(signs_s) or last < MANY_PIECES or 2 * last < len(signs_s):
        return
    wait_s = signs_s[-last] - signs_s[-last - 1]
    if wait_s >= WAIT_S:
        raise NotObserved(
            f"the last {last} of {len(signs_s)} pieces came at one moment, {wait_s:.1f} s after those before: made at "
            "once, or held back, nobody can tell; ask for a stream that takes its time for each"
        )


def _figures(look: Look, content: Content) -> Figures:
    return {
        "first_ms": (content.first_s - look.asked_at_s) * 1000,
        content.noun: content.pieces,
        "moments": content.moments,
        "spread_ms": content.spread_s * 1000,
    }


def _is_burst(look: Look, content: Content) -> bool:
    wait_s = content.first_s - look.asked_at_s
    return content.spread_s <= max(BURST_S, BURST_SHARE * wait_s)


def _is_burst_beside(look: Look, content: Content, plain: Content) -> bool:
    """Whether it is a burst of as many pieces as took several times as long plainly."""
    usual_s = plain.signs_s[: len(content.signs_s)]
    return _is_burst(look, content) and CLUMP * content.spread_s < usual_s[-1] - usual_s[0]


def _expect_no_burst(look: Look, response: Response, content: Content) -> None:
    """Raise Violation for a burst after a wait, NotObserved where nothing tells."""
    if not content.signs_s:
        if response.ending is Ending.OPEN:
            raise NotObserved(f"the body is empty so far: {look.why_left}")
        raise NotObserved(f"the body has {len(response.body)} bytes and not one of its {content.noun} whole")
    if not _is_burst(look, content):
        return
    wait_s = content.first_s - look.asked_at_s
    came = f"{counted(content.pieces, content.noun)} within {content.spread_s * 1000:.1f} ms, {wait_s:.1f} s after"
    if response.framing is Framing.CONTENT_LENGTH or (len(content.signs_s) > 1 and wait_s >= WAIT_S):
        suspect = who_held_back(look, response, content)
        raise Violation(
            expected=f"{content.noun} one after the other",
            actual=f"{came} the request: {suspect}",
            at_s=content.first_s,
        )
    if len(content.signs_s) == 1:
        raise NotObserved(f"one of its {content.noun} came, so there is no order to see: ask for a longer stream")
    raise NotObserved(
        f"{came} the request: ready at once, or held back, nobody can tell; ask for a stream that takes a second"
    )


@check("lint-incremental-encoded", MUST, rfc(9110, "12.5.3"))
def lint_incremental_encoded(visit: Visit) -> Figures:
    """The body comes piece by piece, too, to a client that accepts every content coding a browser does."""
    return _as_live_as_asked(visit, BROWSER)


@check("lint-incremental-http10", SHOULD, rfc(9112, "6.1"))
def lint_incremental_http10(visit: Visit) -> Figures:
    """The body comes piece by piece, too, over HTTP/1.0, which some proxies speak to the server behind them."""
    return _as_live_as_asked(visit, HTTP10)


def _as_live_as_asked(visit: Visit, name: str) -> Figures:
    """Raise Violation unless that look shows the pieces about as live as the plain one; figures of it."""
    _, plain = streamed(visit)
    if name not in visit.looks:
        raise NotApplicable(visit.unlooked[name])
    look = visit.looks[name]
    if look.response is None:
        raise NotObserved(f"{name}: no answer came: {look.why_left or 'the server closed the connection'}")
    response, content = stream_of(look)
    if len(plain.signs_s) < 2 or _is_burst(visit.asked, plain):
        _expect_no_burst(look, response, content)  # by itself: the plain one is no measure
        return _figures(look, content)
    _expect_not_withheld(visit.asked, look, response)
    enough = min(plain.moments, PROOF_MOMENTS)
    if content.undecoded and content.moments < enough:
        raise _held_back(
            visit.asked,
            look,
            f"{len(response.body)} bytes of {content.coding} at {counted(content.moments, 'moments')}",
        )
    if not content.undecoded and (_is_burst_beside(look, content, plain) or content.is_clumped_beside(plain)):
        told = f"{counted(content.pieces, content.noun)} at {counted(content.moments, 'moments')}"
        after_s = content.first_s - look.asked_at_s
        raise _held_back(visit.asked, look, f"{told}, the first {after_s:.1f} s after the request")
    return _figures(look, content)


def _expect_not_withheld(asked: Look, look: Look, response: Response) -> None:
    """Raise Violation where nothing came in a time in which plainly several pieces did."""
    plain, content = asked.content, look.content
    assert plain is not None  # noqa: S101 - both have a response
    assert content is not None  # noqa: S101 - as above
    if content.signs_s:
        return
    meanwhile = sum(at_s - asked.asked_at_s < look.watched_s for at_s in plain.signs_s)
    told = f"none of its {plain.noun} in {look.watched_s:.1f} s"
    if meanwhile >= SURE_PIECES:
        raise _held_back(asked, look, told)
    raise NotObserved(f"{told}, {response.ending}")


def _held_back(asked: Look, look: Look, told: str) -> Violation:
    plain, response, content = asked.content, look.response, look.content
    assert plain is not None  # noqa: S101 - callers have looked
    assert response is not None  # noqa: S101 - as above
    assert content is not None  # noqa: S101 - as above
    usual = f"{counted(plain.pieces, plain.noun)} at {counted(plain.moments, 'moments')}"
    suspect = who_held_back(look, response, content)
    return Violation(expected=f"what comes when asked plainly: {usual}", actual=f"{told}: {suspect}")


@check("lint-head-early", SHOULD, html("server-sent-events"))
def lint_head_early(visit: Visit) -> Figures:
    """The header section does not wait for the first piece: a client knows at once that it is connected."""
    response, _ = streamed(visit)
    if not response.body:
        raise NotApplicable("the body is empty, so the header section waited for nothing")
    head_s = response.head_at_s - visit.asked.asked_at_s
    first_s = response.arrival_s(1) - visit.asked.asked_at_s
    named = in_between(response)
    expect(
        head_s < WAIT_S or first_s - head_s > BURST_S,
        "the header section before the first piece",
        f"both at once, {head_s:.1f} s after the request" + (f"; in front: {', '.join(named)}" if named else ""),
        at_s=response.head_at_s,
    )
    return {"head_ms": head_s * 1000}
