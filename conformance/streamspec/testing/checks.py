"""What must hold of a response that was read: pure functions of it, which raise Violation. No socket, no waiting."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from streamspec.dispatches import dispatched
from streamspec.requirement import Violation
from streamspec_client.event_stream import Event
from streamspec_client.event_stream_lines import LineKind, lines_of
from streamspec_client.trace import Ending

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamspec_client.event_stream_lines import Line
    from streamspec_client.trace import Response

BURST_S = 0.005
"""What comes closer together than this came at once: writes of one task on loopback are within 1 ms."""

_WRONG_LINES = {
    LineKind.UNKNOWN_FIELD: "a field that is not event, data, id or retry: clients ignore it",
    LineKind.ID_WITH_NUL: "an id that holds NUL: clients ignore it",
    LineKind.RETRY_NOT_DIGITS: "a retry that is not digits alone: clients ignore it",
    LineKind.UNFINISHED_LINE: "a last line without its end: clients drop it",
    LineKind.UNFINISHED_EVENT: "a last event without its blank line: clients drop it",
}


def is_event_stream(response: Response) -> bool:
    """Whether the media type says that the content is an event stream."""
    return (response.value("content-type") or "").partition(";")[0].strip().lower() == "text/event-stream"


def plain(response: Response) -> Response:
    """The response without its content coding. Raises Violation for one that cannot be removed."""
    try:
        return response.decoded()
    except ValueError as error:
        raise Violation(expected="content that can be decoded", actual=str(error)) from error


def arrivals_s(response: Response) -> list[float]:
    """When each event was there, or each piece of any other content; comments and empty pieces do not count."""
    response = plain(response)
    if is_event_stream(response):
        return [response.arrival_s(made.end) for made in dispatched(response.body)]
    return [chunk.at_s for chunk in response.chunks if chunk.data]


def expect_success(response: Response) -> None:
    """The response is a 2xx with content."""
    if not 200 <= response.status < 300 or response.status == 204:
        beginning = f": {response.body[:200].decode('utf-8', 'replace')}" if response.body else ""
        actual = f"{response.status} {response.reason}{beginning}" if response.status else response.error
        raise Violation(expected="a response with status 200", actual=actual)


def expect_incremental(response: Response, over_s: float, pieces: int) -> None:
    """At least so many pieces, apart from each other, the first and the last at least `over_s` apart."""
    at_s = arrivals_s(response)
    what = "events" if is_event_stream(response) else "pieces"
    bursts = sum(later - earlier > BURST_S for earlier, later in itertools.pairwise(at_s)) + bool(at_s)
    span_s = at_s[-1] - at_s[0] if at_s else 0.0
    if bursts >= pieces and span_s >= over_s:
        return
    came = f"{len(at_s)} in {span_s:.3f} s, at {bursts} {'moment' if bursts == 1 else 'different moments'}"
    raise Violation(
        expected=f"{what} that come at {pieces} or more different moments, over {over_s:g} s or more",
        actual=came if at_s else f"no {what} at all",
    )


def expect_head_first(response: Response, by_s: float) -> None:
    """The header section came so long before the content, as far as that is there."""
    first_s = next((chunk.at_s for chunk in response.chunks if chunk.data), None)
    if first_s is not None and first_s - response.head_at_s < by_s:
        raise Violation(
            expected=f"the header section {by_s:g} s or more before the first content",
            actual=f"{first_s - response.head_at_s:.3f} s before it",
            at_s=response.head_at_s,
        )


def expect_complete(response: Response) -> None:
    """The response ended, and by its own framing."""
    if response.ending is Ending.OPEN:
        raise Violation(expected="a response that ends", actual=f"no end after {len(response.body)} bytes of content")
    if response.ending is not Ending.COMPLETE:
        how = {
            Ending.TRUNCATED: "the server closed the connection before the message was complete",
            Ending.RESET: "the server reset the connection",
            Ending.MALFORMED: f"what came is not HTTP: {response.error}",
        }[response.ending]
        raise Violation(expected="a complete response", actual=how, at_s=response.ended_at_s)


def expect_event_stream(response: Response) -> None:
    """The media type and, as far as they came, the lines are those of an event stream; there is at least one event."""
    if not is_event_stream(response):
        value = response.value("content-type")
        actual = f"Content-Type: {value}" if value else "no Content-Type"
        raise Violation(expected="Content-Type: text/event-stream", actual=actual)
    body = plain(response).body
    lines = lines_of(body)
    typed = False
    for line in lines:
        if problem := _wrong_line(line, typed=typed, ended=response.ending is not Ending.OPEN):
            raise Violation(expected="an event stream", actual=f"{problem}: {line.raw[:80]!r}", offset=line.offset)
        typed = line.kind is LineKind.EVENT or (typed and line.kind not in {LineKind.DISPATCH, LineKind.NO_DATA})
    if not dispatched(body):
        raise Violation(expected="at least one event", actual=f"none in {len(body)} bytes")


def _wrong_line(line: Line, *, typed: bool, ended: bool) -> str:
    if line.has_ill_formed_utf8:
        return "bytes that are not UTF-8"
    if line.kind is LineKind.NO_DATA and typed:
        return "an event that has a type and no data: clients do not dispatch it"
    if line.kind in {LineKind.UNFINISHED_LINE, LineKind.UNFINISHED_EVENT} and not ended:
        return ""  # it is still coming
    return _WRONG_LINES.get(line.kind, "")


def expect_events(found: Sequence[Event], expected: Sequence[str | Event]) -> None:
    """The events are these, in this order: a string stands for an event with that data, whatever else it has."""
    for number, want in enumerate(expected, 1):
        got = found[number - 1] if number <= len(found) else None
        if got is None or (got != want if isinstance(want, Event) else got.data != want):
            wanted = want if isinstance(want, Event) else f"data {want!r}"
            raise Violation(expected=f"event {number}: {wanted}", actual=str(got or f"{len(found)} events in all"))
    if len(found) > len(expected):
        raise Violation(expected=f"{len(expected)} events in all", actual=f"one more: {found[len(expected)]}")
