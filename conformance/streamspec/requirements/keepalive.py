"""Keep-alive: a silent event stream shows that it lives, by comments that no client takes for an event."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import TYPE_CHECKING

from streamspec.contract import KEEPALIVE_COMMENT, LATENESS_BUDGET_MS, Level, contract, html
from streamspec.control import ControlServer, Event, Item
from streamspec.dispatches import dispatched, shown
from streamspec.exchanges import keepalive
from streamspec.judging import answered, expect, expect_in_time, streamed
from streamspec.requirement import Figures, Late, NotObserved, requirement
from streamspec_client.event_stream_lines import LineKind, lines_of
from streamspec_client.trace import Ending

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamspec.control import Stream
    from streamspec.dispatches import Dispatched
    from streamspec_client.event_stream_lines import Line
    from streamspec_client.trace import Response, Trace

MUST = Level.MUST

LONGEST_SILENCE_MS = 2 * keepalive.KEEPALIVE_MS + LATENESS_BUDGET_MS
"""Twice the keep-alive time, which a server that looks only once in that time comes up to; and what a timer and the
way to the client may take besides."""


def _kept_alive(trace: Trace, name: str) -> Response:
    """The stream of that name. Violation where it is refused although the same without `keepalive_ms` is not."""
    streamed(trace, keepalive.PLAIN)
    response = answered(trace, name)
    told = f"{response.status} {response.body[:160]!r}"
    expect(200 <= response.status < 300 and response.status != 204, "a stream with keepalive_ms", told)
    return response


def _comments(body: bytes) -> list[Line]:
    return [line for line in lines_of(body) if line.kind is LineKind.COMMENT]


def _longest_silence_ms(trace: Trace, name: str, *, behind_first_event: bool) -> float:
    """The longest time without a comment, from the header section or the first event on. Late where it is too long."""
    response = _kept_alive(trace, name)
    start, start_s = 0, response.head_at_s
    if behind_first_event:
        found = dispatched(response.body)
        if not found and response.ending is Ending.OPEN:
            raise Late(expected=f"{name}: a first event", actual=f"none in {len(response.body)} bytes")
        if not found:
            raise NotObserved(f"{name}: no event came, so there is no silence behind it: see framing-one-dispatch")
        start, start_s = found[0].end, response.arrival_s(found[0].end)
    comments = [line for line in _comments(response.body) if line.offset >= start]
    signs_s = [start_s, *(response.arrival_s(line.offset + len(line.raw) + 1) for line in comments)]
    longest_ms = max((later - earlier) * 1000 for earlier, later in pairwise([*signs_s, max(signs_s)]))
    wanted = f"{name}: a comment at least every {2 * keepalive.KEEPALIVE_MS} ms"
    over_ms = longest_ms - LONGEST_SILENCE_MS
    expect_in_time(over_ms <= 0, wanted, f"silence of {longest_ms:.0f} ms", at_s=start_s, by_ms=over_ms)
    # The exchange watches for longer than the longest silence, so less than that is a silence that did not end.
    watched_ms = (signs_s[-1] - start_s) * 1000
    expect_in_time(watched_ms >= 2 * keepalive.KEEPALIVE_MS, wanted, _last_sign(signs_s, response), at_s=signs_s[-1])
    return longest_ms


def _last_sign(signs_s: Sequence[float], response: Response) -> str:
    count = len(signs_s) - 1
    return f"{count or 'none'} and no more, {'the stream open' if response.ending is Ending.OPEN else response.ending}"


def _streams(trace: Trace) -> list[str]:
    return [made.name for made in trace.conversations if made.name != keepalive.PLAIN]


@requirement("keepalive-while-silent", MUST, contract("Keep-alive"), keepalive.silent_events)
def keepalive_while_silent(trace: Trace) -> Figures:
    """A silent event stream sends a comment at least every 2 × `keepalive_ms`, whatever its producer waits for."""
    silences_ms = [_longest_silence_ms(trace, name, behind_first_event=True) for name in _streams(trace)]
    return {"longest_silence_ms": max(silences_ms)}


@keepalive_while_silent.mutant()
class KeepsAliveTooRarely(ControlServer):
    def keepalive_due(self, stream: Stream) -> float:
        times = 3.5 if stream.record.items_produced else 1
        return stream.written_s + times * stream.script.keepalive_ms / 1000


@requirement("keepalive-before-first-event", MUST, contract("Keep-alive"), keepalive.silent_before_first_event)
def keepalive_before_first_event(trace: Trace) -> Figures:
    """Keep-alive begins with the header section, so also a stream that has had no event yet is kept alive."""
    silences_ms = [_longest_silence_ms(trace, name, behind_first_event=False) for name in _streams(trace)]
    return {"longest_silence_ms": max(silences_ms)}


@keepalive_before_first_event.mutant()
class KeepsAliveAfterTheFirstEvent(ControlServer):
    def keepalive_due(self, stream: Stream) -> float:
        if stream.record.items_produced:
            return super().keepalive_due(stream)
        return asyncio.get_running_loop().time() + stream.script.keepalive_ms / 1000  # for ever later than now


def _keepalive_texts(trace: Trace) -> set[bytes]:
    """The contract's keep-alive, and what the silent stream was kept alive with; no comment that its event holds.

    A comment inside an event may be the server's own: only that of a keep-alive tells that one fell there.
    """
    texts = {KEEPALIVE_COMMENT.encode()}
    for conversation in trace.conversations:
        if conversation.name != keepalive.CLOCK or conversation.response is None:
            continue
        body = conversation.response.body
        first = next((made.end for made in dispatched(body)), len(body))
        seen = [(line.offset < first, line.value.strip()) for line in _comments(body)]
        texts |= {text for in_event, text in seen if not in_event} - {text for in_event, text in seen if in_event}
    return texts


@requirement("keepalive-between-events", MUST, contract("Keep-alive"), keepalive.stalled_in_large_events)
def keepalive_between_events(trace: Trace) -> None:
    """A keep-alive falls between events and never inside one, also where an event waits for its reader."""
    response = _kept_alive(trace, "stream")
    large = [made.event.data for made in dispatched(response.body) if made.event.data.startswith("xx")]
    texts = _keepalive_texts(trace)
    for line in lines_of(response.body):
        is_keepalive = line.kind is LineKind.COMMENT and line.value.strip() in texts
        inside = (is_keepalive and line.in_event) or line.raw.startswith(b"xx")
        expect(not inside, "comments between events", f"{shown([line.raw])} inside one", offset=line.offset)
    torn = [data for data in large if set(data) - {"x", "\n"} or data != large[0]]
    expect(not torn, "events of nothing but their data", shown(torn))
    if not large:
        raise NotObserved("no large event came: see framing-causal, framing-data-large and keepalive-while-silent")
    if len(large) < keepalive.LARGE_EVENTS:
        if response.ending is not Ending.OPEN:
            raise NotObserved(f"{len(large)} of {keepalive.LARGE_EVENTS} large events came: see framing-data-large")
        raise Late(expected=f"{keepalive.LARGE_EVENTS} large events", actual=f"{len(large)}, the stream open")
    if not _comments(response.body):
        raise NotObserved("no keep-alive came on that stream: see keepalive-while-silent")


@keepalive_between_events.mutant()
class KeepsAliveInsideLargeEvents(ControlServer):
    def encode_item(self, stream: Stream, item: Item) -> bytes:
        content = super().encode_item(stream, item)
        inside = stream.script.sse and len(content) > 65_536 and stream.script.keepalive_ms < 1_000
        return content[:4_096] + self.keepalive_comment() + content[4_096:] if inside else content


@keepalive_between_events.mutant()
class KeepsAliveWhileAnEventWaits(ControlServer):
    async def send_item(self, stream: Stream, item: Item) -> None:
        content = self.encode_item(stream, item)
        step = 65_536 if isinstance(item, Event) else len(content) or 1
        for at in range(0, len(content), step):
            self.put(stream, content[at : at + step])
            await self.flush(stream)

    def keep_alive(self, stream: Stream) -> None:
        if stream.connection.paused and not stream.ending and stream.record.reason is None:
            self.put(stream, self.keepalive_comment())
            self.write_unsent(stream)
        super().keep_alive(stream)


@requirement("keepalive-not-after-end", MUST, contract("Keep-alive"), keepalive.kept_alive_to_the_end)
def keepalive_not_after_end(trace: Trace) -> None:
    """Nothing keeps a stream alive whose last event has been sent, also while its producer still cleans up."""
    for name in _streams(trace):
        response = _kept_alive(trace, name)
        found = dispatched(response.body)
        if response.ending is Ending.OPEN:
            raise Late(expected=f"{name}: the end of the stream", actual=f"none after {len(response.body)} bytes")
        if not found or not _comments(response.body[: found[-1].end]):
            raise NotObserved(f"{name}: no keep-alive came before the end: see keepalive-while-silent")
        behind = [line.raw for line in _comments(response.body) if line.offset >= found[-1].end]
        expect(not behind, f"{name}: no comment behind the last event", shown(behind), offset=found[-1].end)


@keepalive_not_after_end.mutant()
class KeepsAliveAfterTheEnd(ControlServer):
    async def end_message(self, stream: Stream) -> None:
        if stream.keepalives:
            self.put(stream, self.keepalive_comment())
        await super().end_message(stream)


@keepalive_not_after_end.mutant()
class KeepsAliveWhileItCleansUp(ControlServer):
    async def end_message(self, stream: Stream) -> None:
        if stream.script.sse and stream.script.cleanup_ms:
            await self.flush(stream)
            stream.ending = False
            await asyncio.sleep(stream.script.cleanup_ms / 1000)
            stream.ending = True
        await super().end_message(stream)


@requirement("keepalive-no-dispatch", MUST, html("event-stream-interpretation"), keepalive.kept_alive_to_the_end)
def keepalive_no_dispatch(trace: Trace) -> None:
    """A keep-alive dispatches no event, and leaves the type of the next one as it is."""
    response = _kept_alive(trace, keepalive.COMPLETES)
    items = [made for made in dispatched(response.body) if _is_item(made)]
    if len(items) < 2 and response.ending is Ending.OPEN:
        raise Late(expected="both of its events", actual=f"{len(items)}, the stream open")
    if len(items) != 2:
        raise NotObserved(f"{len(items)} of its 2 events came: see framing-one-dispatch")
    first, last = items
    between = [made for made in dispatched(response.body[first.end : last.end]) if not _is_item(made)]
    added = shown([tuple(made.event) for made in between])
    expect(not between, "no event in the silence", added, offset=first.end)
    expect(last.event.type == first.event.type, f"the type {first.event.type!r}", repr(last.event.type))
    if not _comments(response.body[first.end : last.end]):
        raise NotObserved("no keep-alive came between the events: see keepalive-while-silent")


def _is_item(made: Dispatched) -> bool:
    return '"n"' in made.event.data or made.event.data in (keepalive.BEFORE, keepalive.AFTER)


@keepalive_no_dispatch.mutant()
class KeepsAliveByEvents(ControlServer):
    def keepalive_comment(self) -> bytes:
        return super().keepalive_comment() + self.encode_event(Event(event="ping", data=""))


@keepalive_no_dispatch.mutant()
class NamesTheNextEvent(ControlServer):
    def keep_alive(self, stream: Stream) -> None:
        before = stream.keepalives
        super().keep_alive(stream)
        if stream.script.cleanup_ms and stream.keepalives > before:
            self.put(stream, self.encode_field("event", "keep-alive"))
            self.write_unsent(stream)
