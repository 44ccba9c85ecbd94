"""All that one endpoint is asked: as given, as a browser accepts it, over HTTP/1.0, and coming back with an ID.

A request that changes something, or that may, is sent once unless one says that it may be repeated.
It records, and decides what is worth asking; what that shows is judged in `checks/`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from streamspec.dispatches import dispatched
from streamspec.exchanges.recorder import BROWSER_ACCEPT_ENCODING
from streamspec.lint.address import BadAddress
from streamspec.lint.burst import PROOF_MOMENTS, is_live
from streamspec.lint.content import Kind
from streamspec.lint.look import Look, look
from streamspec_client.probe import Clock, Unreachable
from streamspec_client.trace import Ending

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from streamspec.dispatches import Dispatched
    from streamspec.lint.content import Content
    from streamspec.lint.look import Limits, Watcher
    from streamspec.lint.request import Request

ASKED, BROWSER, HTTP10, BACK = "as asked", "browser", "HTTP/1.0", "back"
"""The looks, by what is different about them."""

REDIRECTS = frozenset((301, 302, 303, 307, 308))
MAX_REDIRECTS = 10

SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS", "TRACE"))
"""Methods that "are essentially read-only" (RFC 9110, section 9.2.1): asking again changes nothing."""

RESUMED_EVENTS = 2
"""Events that tell how a stream goes on after Last-Event-ID."""


@dataclass(frozen=True, slots=True)
class Hop:
    """A redirect: who answered it, and where it leads."""

    url: str
    status: int
    location: str


@dataclass(frozen=True, slots=True)
class Visit:
    """What the looks at one endpoint showed."""

    request: Request
    """As it was sent in the end, behind redirects that were followed."""
    limits: Limits
    hops: tuple[Hop, ...]
    looks: Mapping[str, Look]
    unlooked: Mapping[str, str] = field(default_factory=dict)
    """Looks that were not taken, each with why."""
    left_at: Dispatched | None = None
    """The event with whose ID the look BACK comes back; it is in the look ASKED."""
    origin: Look | None = None
    """What the origin answered, where this is the path to one (`--direct`)."""
    why_once: str = ""
    """Why no more looks were taken that might have shown more; empty where they were."""

    @property
    def asked(self) -> Look:
        """The look that is as the request was given."""
        return self.looks[ASKED]


def visit(request: Request, limits: Limits, watcher: Watcher, *, follow: bool, once: bool | None) -> Visit:
    """Ask an endpoint whatever is worth asking. Raises Unreachable where it does not answer the first time.

    With `once` the request is sent a single time, and without it as often as is worth it; with None it depends on
    whether the method is safe. With `follow` redirects are followed.
    """
    clock = Clock.start()
    request, first, hops = _first(request, limits, watcher, clock, follow=follow)
    looks, unlooked = {ASKED: first}, {}
    left_at: Dispatched | None = None
    why_once = _why_once(request, once=once)
    why_not = _why_no_more(first) or why_once
    for name in (BROWSER, HTTP10):
        if why_not:
            unlooked[name] = why_not
            continue
        again = _as_browser(request) if name == BROWSER else request.with_version("1.0")
        try:
            looks[name] = look(again, name, clock, limits, watcher, enough=_proof_beside(first))
        except Unreachable as error:
            unlooked[name] = str(error)
    if unlooked_back := _why_no_more(first) or _why_not_back(first) or why_once:
        unlooked[BACK] = unlooked_back
    else:
        left_at = event_to_leave_at(first)
        assert left_at is not None  # noqa: S101 - _why_not_back has looked
        back = request.with_field("Last-Event-ID", left_at.event.last_event_id.encode().decode("latin-1"))
        try:
            looks[BACK] = look(back, BACK, clock, limits, watcher, enough=lambda got: got.pieces >= RESUMED_EVENTS)
        except Unreachable as error:
            unlooked[BACK] = str(error)
    return Visit(
        request, limits, tuple(hops), looks, unlooked, left_at, why_once=why_once if why_not == why_once else ""
    )


def _why_once(request: Request, *, once: bool | None) -> str:
    """Why the request is sent once; empty where it is not."""
    if once is None and request.method not in SAFE_METHODS:
        return f"{request.method} was sent once, for it may cost or change something: --repeat sends it again"
    return "the request was sent once (--once)" if once else ""


def _first(
    request: Request, limits: Limits, watcher: Watcher, clock: Clock, *, follow: bool
) -> tuple[Request, Look, list[Hop]]:
    """The first look that is no redirect, or the first one where none are followed, or where they do not end."""
    hops: list[Hop] = []
    while True:
        found = look(request, ASKED, clock, limits, watcher)
        response = found.response
        location = response.value("location") if response and response.status in REDIRECTS else None
        if response is None or location is None or len(hops) == MAX_REDIRECTS:
            return request, found, hops
        hops.append(Hop(request.address.url, response.status, location))
        if not follow:
            return request, found, hops
        try:
            request = request.redirected(response.status, request.address.followed_to(location))
        except BadAddress:
            return request, found, hops


def _as_browser(request: Request) -> Request:
    return request.with_field("Accept-Encoding", BROWSER_ACCEPT_ENCODING)


def _proof_beside(first: Look) -> Callable[[Content], bool]:
    """What shows enough of another look: pieces one by one, or comments where the first look had those alone."""
    assert first.content is not None  # noqa: S101 - _why_no_more has looked
    if first.content.pieces:
        return is_live
    enough = min(PROOF_MOMENTS, len(first.content.signs_s))
    return lambda content: len(content.signs_s) >= enough


def _why_no_more(first: Look) -> str:
    response, content = first.response, first.content
    if response is None or content is None:
        return "the first request got no answer"
    if response.status != 200:
        return f"the first request was answered {response.status}"
    if content.kind is Kind.DOCUMENT and content.moments <= 1:
        return "the answer is one JSON document"
    if response.ending is Ending.OPEN and not content.signs_s:
        return "nothing came when asked plainly, so there is nothing to compare with"
    return ""


def _why_not_back(first: Look) -> str:
    assert first.content is not None  # noqa: S101 - _why_no_more has looked
    if first.content.kind is not Kind.EVENTS:
        return "only an event stream has IDs to come back with"
    if first.request.method != "GET":
        return f"a browser comes back with GET, never with {first.request.method}"
    if first.content.undecoded:
        return f"the events cannot be read: {first.content.undecoded}"
    if not any(made.event.last_event_id for made in dispatched(first.content.response.body)):
        return "no event has an id, so a client that comes back has nothing to go on from"
    if event_to_leave_at(first) is None:
        return "no event follows one with an id, so nothing would tell how the stream goes on"
    return ""


def event_to_leave_at(first: Look) -> Dispatched | None:
    """The event after which one leaves: the one in the middle of those that have an ID of their own and a successor."""
    assert first.content is not None  # noqa: S101 - callers have a response
    found = dispatched(first.content.response.body)
    candidates = [
        made
        for made, following in pairwise(found)
        if made.event.last_event_id and made.event.last_event_id != following.event.last_event_id
    ]
    return candidates[len(candidates) // 2] if candidates else None
