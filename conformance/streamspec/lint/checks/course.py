"""Course: how a stream ends, how long it is silent, and how it goes on for a client that comes back."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING

from streamspec.contract import Level, html, rfc
from streamspec.dispatches import dispatched, shown
from streamspec.judging import expect
from streamspec.lint.checks.check import NotApplicable, check, readable, response_of, streamed
from streamspec.lint.content import Kind, content_of
from streamspec.lint.visit import BACK
from streamspec.requirement import NotObserved, Violation
from streamspec_client.trace import Closing, Ending, Framing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamspec.contract import JSON
    from streamspec.lint.visit import Visit
    from streamspec.requirement import Figures
    from streamspec_client.event_stream import Event

MUST, SHOULD = Level.MUST, Level.SHOULD

LAST_WORDS = {"[done]", "done", "end", "complete", "completed", "close", "closed", "finish", "finished", "eof"}
"""Data, and types of events, that say of themselves that they are the last."""


@check("lint-ending", MUST, rfc(9112, "8"))
def lint_ending(visit: Visit) -> None:
    """A stream that ends is complete by its framing, so that a client can tell it from one that was cut."""
    response, _ = streamed(visit)
    look = visit.asked
    if response.ending is Ending.OPEN:
        raise NotApplicable(f"the end was not waited for: {look.why_left}")
    told = f"{response.ending} after {len(response.body)} bytes of content {response.error}".strip()
    expect(response.ending is Ending.COMPLETE, "a complete message", told, at_s=response.ended_at_s)
    if response.framing is Framing.CLOSE and look.conversation.closing is Closing.FIN:
        raise NotObserved("the body ends where the connection does, so one that was cut looks the same")


def _json(text: str) -> dict[str, JSON]:
    try:
        value: JSON = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


_REASONS = ("finish_reason", "finishReason", "stop_reason")
"""Members in which a model's last words say why they are."""

_ANSWERS = ("choices", "candidates")
"""Members that hold a model's answers, each with a reason of its own."""


def _has_reason(members: dict[str, JSON]) -> bool:
    lists = [members.get(name) for name in _ANSWERS]
    answers = [answer for found in lists if isinstance(found, list) for answer in found if isinstance(answer, dict)]
    return any(holder.get(key) for holder in (members, *answers) for key in _REASONS)


def _says_the_end(events: Sequence[Event]) -> bool:
    """Whether the last event differs from those before it in a way that a client can go by."""
    *before, last = events
    if last.data.strip().lower() in LAST_WORDS or last.type.lower() in LAST_WORDS:
        return True
    if last.type not in {"message", *(event.type for event in before)}:
        return True
    members = _json(last.data)
    if "jsonrpc" in members and ("result" in members or "error" in members):
        return True  # the response that ends an exchange of JSON-RPC
    if members.get("done") is True or _has_reason(members):
        return True
    kind = members.get("type")
    return isinstance(kind, str) and bool(before) and all(_json(event.data).get("type") != kind for event in before)


@check("lint-terminal", SHOULD, html("server-sent-events-intro"))
def lint_terminal(visit: Visit) -> None:
    """The last event of a stream that ends says that it is the last: a browser comes back after any other end."""
    response, content = readable(visit, Kind.EVENTS)
    if response.ending is not Ending.COMPLETE:
        raise NotApplicable(f"it did not come to its end: {visit.asked.why_left or response.ending}")
    events = [made.event for made in dispatched(content.response.body)]
    if not events:
        raise NotApplicable("no event came")
    last = shown([events[-1].data if events[-1].type == "message" else tuple(events[-1])])
    expect(_says_the_end(events), "a last event of its own kind (event: done, data: [DONE])", f"{last}, as before it")


@check("lint-keepalive", SHOULD, html("authoring-notes"))
def lint_keepalive(visit: Visit) -> Figures:
    """An event stream is never silent for longer than a proxy waits: comments keep it alive."""
    response, content = streamed(visit, Kind.EVENTS)
    look, most_s = visit.asked, visit.limits.max_silence_s
    signs_s = [look.asked_at_s, response.head_at_s, *content.signs_s, look.over_at_s]
    silent_s, since_s = max((later - earlier, earlier) for earlier, later in pairwise(signs_s))
    expect(
        silent_s <= most_s,
        f"an event or a comment at least every {most_s:g} s (--max-silence)",
        f"silence of {silent_s:.1f} s",
        at_s=since_s,
    )
    if look.watched_s < most_s:
        how = "took" if response.ending is not Ending.OPEN else "was watched for"
        raise NotApplicable(f"it {how} {look.watched_s:.1f} s, too short for a silence of {most_s:g} s to show")
    return {"longest_silence_ms": silent_s * 1000}


@check("lint-resume", SHOULD, html("the-last-event-id-header"))
def lint_resume(visit: Visit) -> None:
    """A client that comes back with Last-Event-ID gets the event behind that one next, none twice."""
    _, content = readable(visit, Kind.EVENTS)
    if BACK not in visit.looks or visit.left_at is None:
        raise NotApplicable(visit.unlooked[BACK])
    response = response_of(visit.looks[BACK])
    found = [made.event for made in dispatched(content.response.body)]
    at = found.index(visit.left_at.event)
    came_back = f"to Last-Event-ID {visit.left_at.event.last_event_id!r}"
    following = f"the event behind that one, {shown([tuple(found[at + 1])])}"
    expect(response.status == 200, following, f"status {response.status} {came_back}", at_s=response.head_at_s)
    again = [made.event for made in dispatched(content_of(response).response.body)]
    if not again:
        raise NotObserved(f"no event came {came_back}: {visit.looks[BACK].why_left or response.ending}")
    first = again[0]
    if first == found[at + 1]:
        return
    if first == found[0] and at > 0:
        raise Violation(expected=following, actual=f"the stream from its begin {came_back}")
    if first in found[: at + 1]:
        raise Violation(expected=following, actual=f"{shown([tuple(first)])} once more {came_back}")
    if first in found:
        raise Violation(expected=following, actual=f"{shown([tuple(first)])} {came_back}: events are missing")
    if first.last_event_id == found[at + 1].last_event_id:
        return  # the same event at another time
    raise NotApplicable("what came was not there the first time: whether any event is missing, only the server knows")
