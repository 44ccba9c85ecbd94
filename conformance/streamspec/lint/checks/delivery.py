"""Delivery: whether a body comes over the time that it takes, or in one burst, and who may have held it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamspec.contract import Anchor, Level, html, rfc
from streamspec.judging import expect
from streamspec.lint.burst import (
    BURST_S,
    HASTE,
    MANY_PIECES,
    PROOF_MOMENTS,
    SURE_PIECES,
    WAIT_S,
    ends_in_burst,
    is_burst,
    is_held_back,
    is_measure,
    is_read_in_time,
    pieces_at_the_end,
)
from streamspec.lint.checks.check import NotApplicable, check, stream_of, streamed
from streamspec.lint.content import Kind, counted
from streamspec.lint.suspects import in_between, who_held_back
from streamspec.lint.visit import BROWSER, HTTP10
from streamspec.requirement import NotObserved, Violation
from streamspec_client.trace import Ending, Framing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamspec.lint.content import Content
    from streamspec.lint.look import Look
    from streamspec.lint.visit import Visit
    from streamspec.requirement import Figures
    from streamspec_client.trace import Response

MUST, SHOULD = Level.MUST, Level.SHOULD

INCREMENTAL = Anchor(
    "HTTP Incremental (Internet-Draft)", "https://datatracker.ietf.org/doc/draft-ietf-httpbis-incremental/"
)


@check("lint-stream", MUST, rfc(9112, "7.1"))
def lint_stream(visit: Visit) -> None:
    """The answer is a stream, or else a JSON document that the request accepts by name."""
    response, content = stream_of(visit.asked)
    if content.kind in {Kind.EVENTS, Kind.JSON_LINES, Kind.TEXT}:
        return
    accepted = (visit.request.value("accept") or "").lower()
    in_body = ", '\"stream\": true' in its body" if (visit.request.body or b"").lstrip()[:1] == b"{" else ""
    is_document = response.framing is Framing.CONTENT_LENGTH or content.moments <= 1
    if content.kind is Kind.DOCUMENT and "json" in accepted:
        return
    if is_document and response.ending is Ending.COMPLETE:
        length = "with a Content-Length" if response.framing is Framing.CONTENT_LENGTH else "at one moment"
        named = response.value("content-type") or "no media type"
        raise Violation(
            expected="a body that comes piece by piece, such as text/event-stream",
            actual=f"{named}, {len(response.body)} bytes {length}: {response.body[:60]!r}; if it streams when it is "
            f"asked to, ask it to (-H 'Accept: text/event-stream'{in_body}, or as its manual says)",
            at_s=response.head_at_s,
        )


@check("lint-incremental", MUST, INCREMENTAL)
def lint_incremental(visit: Visit) -> Figures:
    """The body comes piece by piece over the time that it takes, not in one burst at the end of it."""
    response, content = streamed(visit)
    _expect_pieces(visit.asked, response, content)
    for told, other in _others(visit):
        if is_measure(other) and is_held_back(visit.asked, other):
            raise _held_back(visit.asked, other, told, _told(visit.asked, content))
    _expect_no_burst(visit, visit.asked, response, content)
    if response.ending is Ending.COMPLETE:
        _expect_no_burst_at_the_end(visit, content)
    return _figures(visit.asked, content)


def _others(visit: Visit) -> Iterator[tuple[str, Look]]:
    """Looks at the same that may show it live, each with how it was asked for."""
    if visit.origin is not None:
        yield "from the origin", visit.origin
    for name, told in ((BROWSER, "when asked as a browser does"), (HTTP10, "when asked over HTTP/1.0")):
        if name in visit.looks:
            yield told, visit.looks[name]


def _expect_pieces(look: Look, response: Response, content: Content) -> None:
    """Raise NotObserved where no piece came."""
    if content.pieces:
        return
    if content.comments_s:
        raise NotObserved(
            f"{counted(len(content.comments_s), 'comments')} came and no event ({look.why_left or response.ending}); "
            "comments may get through where events do not: have events sent meanwhile, or wait longer (--max-time)"
        )
    if response.ending is Ending.OPEN:
        raise NotObserved(f"the body is empty so far: {look.why_left}")
    raise NotObserved(f"the body has {len(response.body)} bytes and not one of its {content.noun} whole")


def _expect_no_burst(visit: Visit, look: Look, response: Response, content: Content) -> None:
    """Raise Violation for what was surely, or as good as surely, held back, NotObserved where nothing tells."""
    if not is_burst(look, content):
        return
    came = _told_burst(look, content)
    has_length = response.framing is Framing.CONTENT_LENGTH
    if has_length or ends_in_burst(look, content):
        if not has_length and not is_read_in_time(look, content):
            raise NotObserved(f"{came}, but for {look.unread_s:.2f} s this machine was too busy to read: ask once more")
        told = f"; what is all made in that moment looks the same: to tell, {_what_would_tell(visit)}"
        own = "" if has_length else told
        raise Violation(
            expected=f"{content.noun} one after the other",
            actual=f"{came}: {who_held_back(look, response, content)}{own}",
            at_s=content.first_s,
        )
    if content.pieces == 1:
        raise NotObserved(f"one of its {content.noun} came, so there is no order to see: ask for a longer stream")
    how = "ready at once" if content.first_s - look.asked_at_s < WAIT_S else "made that fast after the wait"
    raise NotObserved(f"{came}: {how}, or held back, nobody can tell; {_what_would_tell(visit)}")


def _expect_no_burst_at_the_end(visit: Visit, content: Content) -> None:
    """Raise NotObserved where most of it came at once at the end: behind a greeting that was sent by itself, say."""
    times_s, last = content.pieces_s, pieces_at_the_end(content)
    if last == len(times_s) or last < MANY_PIECES or 2 * last < len(times_s):
        return
    wait_s = times_s[-last] - times_s[-last - 1]
    if wait_s >= WAIT_S:
        raise NotObserved(
            f"the last {last} of {counted(len(times_s), content.noun)} came at one moment, {wait_s:.1f} s after those "
            f"before: made at once, or held back, nobody can tell; {_what_would_tell(visit)}"
        )


def _what_would_tell(visit: Visit) -> str:
    """What to ask for where one answer leaves open who made a burst."""
    ways = ["ask for one that takes its time for each piece, and for more than a second"]
    if visit.origin is None:
        ways.append("look at the origin beside it (--direct ORIGIN)")
    if visit.why_once:
        ways.append("let it be asked in other ways too (--repeat)")
    return ", or ".join(ways)


def _figures(look: Look, content: Content) -> Figures:
    return {
        "first_ms": (content.first_s - look.asked_at_s) * 1000,
        content.noun: content.pieces,
        "moments": content.moments,
        "spread_ms": content.spread_s * 1000,
    }


def _told_burst(look: Look, content: Content) -> str:
    before = sum(at_s < content.first_s for at_s in content.comments_s)
    return (
        f"{counted(content.pieces, content.noun)} within {content.spread_s * 1000:.1f} ms, "
        f"{content.first_s - look.asked_at_s:.1f} s after the request"
        + (f" and behind {counted(before, 'comments')}" if before else "")
    )


def _told(look: Look, content: Content) -> str:
    is_pinged = len(content.comments_s) > 1  # a single one is a greeting
    comments = f" and {counted(len(content.comments_s), 'comments')}" if is_pinged else ""
    return (
        f"{counted(content.pieces, content.noun)} at {counted(content.moments, 'moments')}{comments}, the first "
        f"{content.first_s - look.asked_at_s:.1f} s after the request"
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
    plain_response, plain = streamed(visit)
    if name not in visit.looks:
        raise NotApplicable(visit.unlooked[name])
    look = visit.looks[name]
    if look.response is None:
        raise NotObserved(f"{name}: no answer came: {look.why_left or 'the server closed the connection'}")
    response, content = stream_of(look)
    _expect_pieces(visit.asked, plain_response, plain)
    told, measure = next(_measures(visit, look), ("", None))
    if measure is None:
        _expect_pieces(look, response, content)
        if is_burst(look, content) and (
            plain_response.framing is Framing.CONTENT_LENGTH or ends_in_burst(visit.asked, plain)
        ):
            raise NotApplicable("it comes at once when asked plainly, too: see lint-incremental")
        _expect_no_burst(visit, look, response, content)
        return _figures(look, content)
    _expect_not_withheld(measure, told, look, response)
    if content.undecoded:
        _expect_coded_moments(measure, told, look, content)
    elif is_held_back(look, measure):
        raise _held_back(look, measure, told, _told(look, content))
    elif is_burst(look, content):
        raise NotObserved(
            f"{_told_burst(look, content)}, sooner than {told}, as from a cache, or too fast for an order to be seen: "
            "ask for an answer that takes its time for each piece and is made anew each time"
        )
    return _figures(look, content)


def _measures(visit: Visit, look: Look) -> Iterator[tuple[str, Look]]:
    """Looks at the same, but for that one, whose pieces came over a time, each with how it was asked for."""
    for told, other in (("when asked plainly", visit.asked), *_others(visit)):
        if other is not look and is_measure(other):
            yield told, other


def _expect_coded_moments(measure: Look, told: str, look: Look, content: Content) -> None:
    """Raise Violation where a coding that cannot be read comes at fewer moments than there are otherwise."""
    assert measure.content is not None  # noqa: S101 - it is a measure
    if content.moments < min(measure.content.moments, PROOF_MOMENTS):
        if look.watched_s < HASTE * measure.watched_s:
            raise NotObserved(f"{content.coding} that came sooner than {told}, as from a cache")
        size = len(content.response.body)
        raise _held_back(
            look, measure, told, f"{size} bytes of {content.coding} at {counted(content.moments, 'moments')}"
        )
    if measure.content.comments_s:
        raise NotObserved(
            f"{content.coding} cannot be read here, so comments may be all that comes live: "
            "-H 'Accept-Encoding: gzip' shows what can be read"
        )


def _expect_not_withheld(measure: Look, told: str, look: Look, response: Response) -> None:
    """Raise Violation where nothing came in a time in which otherwise several pieces did."""
    usual, content = measure.content, look.content
    assert usual is not None  # noqa: S101 - it is a measure
    assert content is not None  # noqa: S101 - there is a response
    if content.pieces:
        return
    meanwhile = sum(at_s - measure.asked_at_s < look.watched_s for at_s in usual.pieces_s)
    comments = f" but {counted(len(content.comments_s), 'comments')}" if content.comments_s else ""
    came = f"none of its {usual.noun}{comments} in {look.watched_s:.1f} s"
    if meanwhile >= SURE_PIECES:
        raise _held_back(look, measure, told, came)
    raise NotObserved(f"{came}, {response.ending}")


def _held_back(look: Look, live: Look, asked_so: str, told: str) -> Violation:
    usual, response, content = live.content, look.response, look.content
    assert usual is not None  # noqa: S101 - callers have looked
    assert response is not None  # noqa: S101 - as above
    assert content is not None  # noqa: S101 - as above
    live_told = f"{counted(usual.pieces, usual.noun)} at {counted(usual.moments, 'moments')}"
    suspect = who_held_back(look, response, content)
    return Violation(expected=f"what comes {asked_so}: {live_told}", actual=f"{told}: {suspect}")


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
