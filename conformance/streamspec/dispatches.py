"""What a client of an event stream sees: the events that its bytes dispatch, where, and what lies between them.

Judges go by this and not by bytes: line ends, the space after a colon and the order of fields are a server's choice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from streamspec.judging import answered, expect
from streamspec.requirement import Late, NotObserved, Violation
from streamspec_client.event_stream import EventStreamDecoder
from streamspec_client.event_stream_lines import LineKind, lines_of
from streamspec_client.trace import Ending

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamspec_client.event_stream import Event
    from streamspec_client.event_stream_lines import Line
    from streamspec_client.trace import Response, Trace

UNFINISHED = frozenset({LineKind.UNFINISHED_LINE, LineKind.UNFINISHED_EVENT})


class Dispatched(NamedTuple):
    """An event, and what stood between the event before it and its own blank line."""

    event: Event
    lines: tuple[Line, ...]
    """Its lines in their order, comments and blank ones included; the last is the blank line that dispatches it."""
    retry_ms: int | None
    """The reconnection time in force when it is dispatched; None before the first valid `retry`."""

    @property
    def end(self) -> int:
        """How many bytes of the stream dispatch it: the first byte of its blank line is the last of them."""
        return self.lines[-1].offset + 1


def dispatched(body: bytes) -> list[Dispatched]:
    """The events of a stream's bytes, as far as they are there."""
    found: list[Dispatched] = []
    decoder = EventStreamDecoder()
    lines: list[Line] = []
    fed = 0
    for line in lines_of(body):
        lines.append(line)
        if line.kind is LineKind.DISPATCH:
            end = line.offset + 1
            found += [Dispatched(event, tuple(lines), decoder.retry_ms) for event in decoder.feed(body[fed:end])]
            fed = end
            lines = []
    return found


def between_events(body: bytes) -> frozenset[int]:
    """The offsets at which a stream may be cut without cutting an event or a line; its end is one of them."""
    lines = lines_of(body)
    starts = {line.offset for line in lines if not line.in_event}
    blank_ends = {line.offset + 1 for line in lines if line.kind is LineKind.DISPATCH}  # before the LF of a CRLF
    return frozenset(starts | blank_ends | {len(body)})


def accepted(trace: Trace, name: str, plain: str) -> Response:
    """The stream that was answered to a script all of which can be written. Violation where it is refused.

    NotObserved where even the script named `plain` is refused: then the fault is not with these items.
    """
    response = _beside(trace, name, plain)
    expect(_is_stream(response), "a stream, since its items can be written", _told(response))
    return response


def expect_refused(trace: Trace, name: str, plain: str, why: str) -> None:
    """Raise Violation unless a script that cannot be written was refused while the one named `plain` was not."""
    response = _beside(trace, name, plain)
    expect(400 <= response.status < 500, f"4xx to the script {name}, since {why}", _told(response))


def _beside(trace: Trace, name: str, plain: str) -> Response:
    baseline = answered(trace, plain)
    if not _is_stream(baseline):
        raise NotObserved(f"a plain script was answered {baseline.status}: see head-status")
    return answered(trace, name)


def fenced(response: Response, before: str, after: str) -> list[Dispatched]:
    """The events between the one whose data is `before` and the next whose data is `after`; that one is the last.

    So what a server sends of its own at the begin or the end of a stream does not count. Late while more may come,
    Violation where the stream ended without them.
    """
    if response.ending is Ending.MALFORMED:
        raise NotObserved(f"the message is malformed ({response.error}): see chunks-coding")
    found = dispatched(response.body)
    data = [made.event.data for made in found]
    start = data.index(before) + 1 if before in data else 0
    if start and after in data[start:]:
        return found[start : data.index(after, start) + 1]
    raise (Late if response.ending is Ending.OPEN else Violation)(
        expected=f"all of its events, from {before!r} to {after!r}",
        actual=f"{shown(data)}, then {response.ending} after {len(response.body)} bytes",
        at_s=response.ended_at_s if response.ending is not Ending.OPEN else None,
    )


def expect_each(found: Sequence[Dispatched], actual: Sequence[str], wanted: Sequence[str], what: str) -> None:
    """Raise Violation, with the lines that it comes from, where an event's value is not the wanted one."""
    for made, value, want in zip(found, actual, wanted, strict=False):
        lines = shown([line.raw for line in made.lines])
        expect(value == want, f"{what} {shown([want])}", f"{shown([value])} by {lines}", offset=made.lines[0].offset)
    expect(len(actual) == len(wanted), f"{len(wanted)} events, with {what} {shown(wanted)}", shown(actual))


def shown(values: Sequence[object]) -> str:
    """Values for people: each is cut where it is long."""
    texts = [repr(value) for value in values]
    return ", ".join(text if len(text) <= 120 else f"{text[:80]}… ({len(text)} characters)" for text in texts) or "none"


def _told(response: Response) -> str:
    if _is_stream(response):
        return f"{response.status} with the events {shown([tuple(made.event) for made in dispatched(response.body)])}"
    return f"{response.status} {response.body[:160]!r}"


def _is_stream(response: Response) -> bool:
    return 200 <= response.status < 300 and response.status != 204
