"""Framing: what holds of an event stream as a whole. What its fields say is in `framing_data` and `framing_fields`."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

from streamspec.contract import TERMINAL_EVENT, Level, contract, html, rfc
from streamspec.control import ControlServer, Event, Item, Stream
from streamspec.dispatches import (
    UNFINISHED,
    Dispatched,
    accepted,
    between_events,
    dispatched,
    expect_each,
    expect_refused,
    fenced,
    shown,
)
from streamspec.exchanges import framing
from streamspec.judging import expect, expect_lock_step, streamed
from streamspec.requirement import Late, NotObserved, requirement
from streamspec_client.event_stream_lines import LineKind, lines_of
from streamspec_client.trace import Ending, Framing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamspec.contract import JSON
    from streamspec_client.event_stream_lines import Line
    from streamspec_client.trace import Conversation, Response, Trace

MUST, SHOULD = Level.MUST, Level.SHOULD


def between_fences(trace: Trace, name: str) -> list[Dispatched]:
    """The events of the script of that name, and the one behind them."""
    return fenced(accepted(trace, name, framing.PLAIN), framing.BEFORE, framing.AFTER)


def expect_data(trace: Trace, name: str, wanted: Sequence[str]) -> None:
    """Raise Violation unless the events of the script of that name have the wanted data."""
    found = between_fences(trace, name)[:-1]
    expect_each(found, [made.event.data for made in found], wanted, "the data")


def _longest_last(trace: Trace) -> list[Conversation]:
    return sorted(trace.conversations, key=lambda made: made.name == framing.GET)


def _without_end(trace: Trace, response: Response, expected: str) -> Late | NotObserved:
    """What to raise of a stream that is open: it is late, unless those events that take their time still come."""
    came = len(dispatched(response.body))
    if response is trace.conversation(framing.GET).response and came < framing.COUNTED_EVENTS:
        return NotObserved(
            f"{came} of {framing.COUNTED_EVENTS} events came in time: see framing-causal and chunks-pacing"
        )
    return Late(expected=expected, actual=f"none after {len(response.body)} bytes")


def _ended_streams(trace: Trace) -> list[tuple[Response, list[Line]]]:
    """The streams that have content; Late while one of them may still get some."""
    streams = []
    for conversation in _longest_last(trace):
        response = streamed(trace, conversation.name)
        if not response.body and response.ending is Ending.OPEN:
            raise Late(expected="an event", actual="none")
        if response.body:
            streams.append((response, lines_of(response.body)))
    if not streams:
        raise NotObserved("no stream has content: see framing-terminal-event")
    return streams


@requirement("framing-utf8", MUST, html("parsing-an-event-stream"), framing.scripted_events)
def framing_utf8(trace: Trace) -> None:
    """An event stream is UTF-8 whatever its text, and text that has no UTF-8, a lone surrogate, is refused."""
    for line in (line for made in between_fences(trace, "utf8") for line in made.lines):
        expect(not line.has_ill_formed_utf8, "UTF-8", repr(line.raw[:80]), offset=line.offset)
    expect_data(trace, "utf8", framing.DATA["utf8"])
    expect_refused(trace, "surrogate", framing.PLAIN, "a lone surrogate has no UTF-8")


@framing_utf8.mutant()
class WritesSurrogatePairs(ControlServer):
    def encode_data(self, text: str) -> bytes:
        if text.isascii():
            return super().encode_data(text)
        units = text.encode("utf-16-le")
        pairs = "".join(chr(units[at] | units[at + 1] << 8) for at in range(0, len(units), 2))
        return b"".join(b"data: %b\n" % line.encode("utf-8", "surrogatepass") for line in self.data_lines(pairs))


@framing_utf8.mutant()
class ReplacesLoneSurrogates(ControlServer):
    def check_string(self, value: object, where: str) -> str:
        text = value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
        return super().check_string(text, where)


@requirement("framing-no-bom", SHOULD, rfc(3629, "6"), framing.ended_events)
def framing_no_bom(trace: Trace) -> None:
    """An event stream has no byte order mark, since UTF-8 is its only encoding and many clients trip over one."""
    for _, lines in _ended_streams(trace):
        expect(lines[0].kind is not LineKind.BOM, "no byte order mark", "one", offset=0)


@framing_no_bom.mutant()
class BeginsWithByteOrderMark(ControlServer):
    async def send_head(self, stream: Stream) -> None:
        await super().send_head(stream)
        if stream.script.sse:
            self.put(stream, b"\xef\xbb\xbf")


@requirement("framing-known-fields", MUST, html("event-stream-interpretation"), framing.ended_events)
def framing_known_fields(trace: Trace) -> None:
    """Every line is a comment or one of the fields event, data, id and retry: a client ignores any other."""
    for _, lines in _ended_streams(trace):
        for line in lines:
            known = line.kind is not LineKind.UNKNOWN_FIELD
            expect(known, "a comment, or event, data, id or retry", repr(line.raw[:80]), offset=line.offset)


@framing_known_fields.mutant()
class SendsSequenceNumbers(ControlServer):
    def encode_event(self, event: Event) -> bytes:
        return b"seq: 1\n" + super().encode_event(event)


@requirement("framing-event-terminated", MUST, html("event-stream-interpretation"), framing.ended_events)
def framing_event_terminated(trace: Trace) -> None:
    """Every event ends with a blank line, the last one too: what is unfinished when the stream ends is discarded."""
    for response, lines in _ended_streams(trace):
        unfinished = [line for line in lines if line.kind in UNFINISHED]
        if response.ending is Ending.OPEN and (unfinished or not _terminal_events(response)):
            raise _without_end(trace, response, "the end of the stream")
        for line in unfinished:
            tail = response.body[line.offset :][:80]
            expect(False, "a blank line behind the last event", repr(tail), offset=line.offset)


@framing_event_terminated.mutant(also_breaks={"framing-terminal-event": "unfinished, it is never dispatched"})
class LeavesTheLastEventUnfinished(ControlServer):
    def terminal_event(self, stream: Stream) -> bytes:
        return super().terminal_event(stream).removesuffix(b"\n")


def _json(text: str) -> JSON:
    try:
        value: JSON = json.loads(text)
    except ValueError:
        return None
    return value


def demo_events(trace: Trace) -> list[Dispatched]:
    """The events of GET /sse that have a number. Late while more may come, Violation where they do not."""
    response = streamed(trace, framing.GET)
    numbered = [made for made in dispatched(response.body) if '"n"' in made.event.data]
    if len(numbered) < framing.GET_COUNT and response.ending is Ending.OPEN:
        raise Late(expected=f"{framing.GET_COUNT} events of GET /sse", actual=str(len(numbered)))
    expect(len(numbered) == framing.GET_COUNT, f"{framing.GET_COUNT} numbered events of GET /sse", len(numbered))
    return numbered


@requirement("framing-one-dispatch", MUST, html("event-stream-interpretation"), framing.scripted_events)
def framing_one_dispatch(trace: Trace) -> None:
    """An item with data is dispatched as one event, and an item without data as none."""
    expect_data(trace, "one-dispatch", ["one", "one", '{"n": 2}', "three", "x" * 100])
    first = dispatched(accepted(trace, "one-dispatch", framing.PLAIN).body)[0].event
    expect(first.data == framing.BEFORE, "no event but the items", shown([tuple(first)]))
    for number, made in enumerate(demo_events(trace), 1):
        wanted: JSON = {"n": number, "text": "hello"}
        expect(_json(made.event.data) == wanted, f"the data {json.dumps(wanted)}", repr(made.event.data))


@framing_one_dispatch.mutant()
class DispatchesRetry(ControlServer):
    def encode_event(self, event: Event) -> bytes:
        return super().encode_event(event if event.text() or event.retry is None else replace(event, data=""))


def _terminal_events(response: Response) -> list[Dispatched]:
    return [made for made in dispatched(response.body) if made.event.type == TERMINAL_EVENT]


@requirement("framing-terminal-event", MUST, contract("Endings"), framing.ended_events)
def framing_terminal_event(trace: Trace) -> None:
    """A stream that completes ends with one `event: done` that tells the count and sets no id; no field follows."""
    for conversation in _longest_last(trace):
        response = streamed(trace, conversation.name)
        terminal = _terminal_events(response)
        if not terminal and response.ending is Ending.OPEN:
            raise _without_end(trace, response, f"event: {TERMINAL_EVENT}")
        expect(len(terminal) == 1, f"one event: {TERMINAL_EVENT}", len(terminal))
        _expect_end(response, terminal[0], framing.COUNTS[conversation.name])


def _expect_end(response: Response, terminal: Dispatched, count: int) -> None:
    says_something = set(LineKind) - {LineKind.BLANK, LineKind.COMMENT, *UNFINISHED}
    behind = [line.raw for line in lines_of(response.body[terminal.end :]) if line.kind in says_something]
    expect(not behind, f"no field behind event: {TERMINAL_EVENT}", shown(behind), offset=terminal.end)
    _, data, last_event_id = terminal.event
    expect(_json(data) == {"count": count}, f'the data {{"count": {count}}}', repr(data))
    before = ["", *(made.event.last_event_id for made in dispatched(response.body)[:-1])][-1]
    unchanged = f"the last event ID still {before!r} at event: {TERMINAL_EVENT}"
    expect(last_event_id == before, unchanged, repr(last_event_id))


@framing_terminal_event.mutant()
class SendsNoTerminalEvent(ControlServer):
    def closing_content(self, stream: Stream) -> bytes:
        return b"" if stream.script.sse else super().closing_content(stream)


@framing_terminal_event.mutant()
class CountsTheScriptOnce(ControlServer):
    def terminal_event(self, stream: Stream) -> bytes:
        return super().terminal_event(
            replace(stream, script=replace(stream.script, total=stream.script.total // stream.script.repeat))
        )


@requirement("framing-whole-events", SHOULD, html("authoring-notes"), framing.ended_events)
def framing_whole_events(trace: Trace) -> None:
    """A chunk ends where an event ends, so that no reader or intermediary holds a part of one."""
    for response, _ in _ended_streams(trace):
        if response.framing is not Framing.CHUNKED:
            raise NotObserved("the body is not chunked: see chunks-coding")
        between = between_events(response.body)
        for end in accumulate(len(chunk.data) for chunk in response.chunks):
            expect(
                end in between,
                "chunks of whole events",
                f"one that ends after {response.body[:end][-40:]!r}",
                offset=end,
            )


@framing_whole_events.mutant()
class CutsEventsInTwo(ControlServer):
    def encode_chunk(self, content: bytes) -> bytes:
        half = len(content) // 2 if content.startswith(b"data: ") else 0
        return super().encode_chunk(content[:half]) + super().encode_chunk(content[half:])


@requirement("framing-causal", MUST, contract("Gates"), framing.lock_step_events)
def framing_causal(trace: Trace) -> None:
    """Event n is dispatched before event n+1 is released."""
    response = streamed(trace)
    ends = {made.event.data: made.end for made in reversed(dispatched(response.body))}
    never = len(response.body) + 1
    reached = [0, *(ends.get(data, never) for data in framing.LOCK_STEP_DATA)]
    expect_lock_step(trace, response, [end - start for start, end in pairwise(reached)])


@framing_causal.mutant()
class EndsAnEventWhenTheNextBegins(ControlServer):
    def encode_item(self, stream: Stream, item: Item) -> bytes:
        content = super().encode_item(stream, item)
        return b"\n" + content.removesuffix(b"\n") if item.gate and isinstance(item, Event) else content

    def closing_content(self, stream: Stream) -> bytes:
        return b"\n" + super().closing_content(stream) if stream.script.sse else super().closing_content(stream)
