"""Resume: a client that comes back with the last event ID gets what it has not had, and nothing twice."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from streamspec.contract import TERMINAL_EVENT, Level, contract, html
from streamspec.control import ControlServer, Event
from streamspec.dispatches import dispatched, shown
from streamspec.exchanges import resume
from streamspec.judging import answered, expect, streamed
from streamspec.requirement import Late, NotObserved, requirement
from streamspec_client.event_stream import EventStreamDecoder
from streamspec_client.trace import Ending

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from streamspec.contract import JSON
    from streamspec.control import Script, Stream
    from streamspec_client.event import Event as DispatchedEvent
    from streamspec_client.trace import Response, Trace

MUST = Level.MUST
IDS = contract("Ids")


def _members(event: DispatchedEvent) -> Mapping[str, JSON]:
    """The JSON object in an event's data; nothing for other data."""
    try:
        value: JSON = json.loads(event.data)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _numbers(events: Iterable[DispatchedEvent]) -> list[JSON]:
    """The numbers of those events of the demo that have one; what a server sends besides does not count."""
    return [members["n"] for members in map(_members, events) if "n" in members]


def _terminal_counts(response: Response) -> list[JSON]:
    found = [made.event for made in dispatched(response.body) if made.event.type == TERMINAL_EVENT]
    return [_members(event).get("count") for event in found]


def _whole(trace: Trace) -> Response:
    """The demo as a whole, which has every number. NotObserved where it has not, Late while one may come."""
    response = streamed(trace, resume.WHOLE)
    numbers = _numbers(made.event for made in dispatched(response.body))
    if len(numbers) < resume.COUNT and response.ending is Ending.OPEN:
        raise Late(expected=f"the {resume.COUNT} events of the demo", actual=shown(numbers))
    if numbers != list(range(1, resume.COUNT + 1)):
        raise NotObserved(f"the demo has the events {shown(numbers)} without any cut: see framing-one-dispatch")
    return response


def _resumed(trace: Trace, name: str) -> Response:
    """The stream that was asked for after some id. Violation where there is none, Late while its end is to come."""
    response = answered(trace, name)
    told = f"{response.status} {response.body[:160]!r}"
    expect(200 <= response.status < 300 and response.status != 204, f"{name}: the rest of the stream", told)
    if response.ending is Ending.OPEN:
        raise Late(expected=f"{name}: the end of the stream", actual=f"none after {len(response.body)} bytes")
    return response


@requirement("resume-next", MUST, html("the-last-event-id-header"), resume.resumed_events)
def resume_next(trace: Trace) -> None:
    """After Last-Event-ID k the next event is k + 1, after an empty one the first; the count is still the whole's."""
    whole = _whole(trace)
    for last in range(resume.COUNT):
        name = f"after-{last}" if last else resume.EMPTY
        response = _resumed(trace, name)
        numbers = _numbers(made.event for made in dispatched(response.body))
        expect(numbers[:1] == [last + 1], f"{name}: event {last + 1} next", shown(numbers[:1]))
        counts, wanted = _terminal_counts(response), _terminal_counts(whole)
        expect(counts == wanted, f"{name}: a terminal event with the count {shown(wanted)}", shown(counts))


@resume_next.mutant(also_breaks={"resume-every-cut": "each time that it is resumed, one event comes twice"})
class RepeatsTheLastEvent(ControlServer):
    def resume_from(self, last_event_id: str | None, count: int) -> int:
        first = super().resume_from(last_event_id, count)
        return first - 1 if 1 < first <= count else first


@resume_next.mutant()
class CountsTheRest(ControlServer):
    def terminal_event(self, stream: Stream) -> bytes:
        rest = stream.script.total - stream.script.first + 1
        return super().terminal_event(replace(stream, script=replace(stream.script, total=rest)))


def _rests(trace: Trace) -> dict[str, list[JSON]]:
    """The numbers that a client gets after each last event ID, by that ID."""
    rests = {"": _numbers(made.event for made in dispatched(_whole(trace).body))}
    for last in range(1, resume.COUNT + 1):
        finished = answered(trace, f"after-{last}").status == 204
        body = b"" if finished else _resumed(trace, f"after-{last}").body
        rests[str(last)] = _numbers(made.event for made in dispatched(body))
    return rests


@requirement("resume-every-cut", MUST, html("the-last-event-id-header"), resume.resumed_events)
def resume_every_cut(trace: Trace) -> None:
    """Wherever a stream is cut, inside of an event too, what came and what is resumed have no gap and no repeat."""
    rests = _rests(trace)
    for last_event_id in list(rests)[: resume.COUNT]:
        name = f"after-{last_event_id}" if last_event_id else resume.WHOLE
        _expect_whole_at_every_cut(answered(trace, name).body, last_event_id, rests)
    _expect_whole_after_reconnects(trace)


def _expect_whole_at_every_cut(body: bytes, last_event_id: str, rests: Mapping[str, list[JSON]]) -> None:
    """Raise Violation where a cut loses or repeats an event, for the cut behind each byte of a stream."""
    decoder = EventStreamDecoder(last_event_id)
    got: list[JSON] = []
    for offset in range(len(body) + 1):
        if offset:
            got += _numbers(decoder.feed(body[offset - 1 : offset]))
        if decoder.last_event_id not in rests:
            raise NotObserved(f"an event has the id {decoder.last_event_id!r}, not its number: see framing-id")
        _expect_all(
            [*got, *rests[decoder.last_event_id]],
            int(last_event_id or 0) + 1,
            f"cut behind {body[:offset][-24:]!r} and resumed after {decoder.last_event_id!r}",
            offset,
        )


def _expect_whole_after_reconnects(trace: Trace) -> None:
    """Raise Violation unless a client that left at each event had them all in the end, Late unless it got so far."""
    cuts = [made for made in trace.conversations if made.name.startswith("cut-")]
    got: list[JSON] = []
    last_event_id = ""
    for made in cuts:
        body = made.response.body if made.response else b""
        decoder = EventStreamDecoder(last_event_id)
        got += _numbers(decoder.feed(body))
        last_event_id = decoder.last_event_id
    refused = any(made.response is not None and made.response.status >= 400 for made in cuts)
    if len(got) < resume.COUNT and got == list(range(1, len(got) + 1)) and not refused:
        raise Late(expected=f"{resume.COUNT} events over {len(cuts)} connections", actual=shown(got))
    _expect_all(got, 1, f"left at each of them, over {len(cuts)} connections")


def _expect_all(numbers: list[JSON], first: int, how: str, offset: int | None = None) -> None:
    wanted = list(range(first, resume.COUNT + 1))
    expect(numbers == wanted, f"the events {shown(wanted)}, once each", f"{shown(numbers)}, {how}", offset=offset)


@resume_every_cut.mutant()
class SendsIdsAhead(ControlServer):
    def encode_event(self, event: Event) -> bytes:
        if event.id is None or event.data is None:
            return super().encode_event(event)
        return self.encode_id(event.id) + b"\n" + super().encode_event(replace(event, id=None))


@requirement("resume-finished", MUST, html("server-sent-events-intro"), resume.resumed_events)
def resume_finished(trace: Trace) -> None:
    """A client that has every event is answered 204, so that an EventSource stops coming back."""
    _whole(trace)
    response = answered(trace, resume.FINISHED)
    expect(response.status == 204, "status 204", f"{response.status} {response.body[:160]!r}")


@resume_finished.mutant()
class AnswersFinishedStreamsAgain(ControlServer):
    def is_finished(self, script: Script) -> bool:
        return False


def _expect_refused(trace: Trace, asked: Mapping[str, str], *, with_problem: bool = True) -> None:
    _whole(trace)
    for name, last_event_id in asked.items():
        response = answered(trace, name)
        told = f"{response.status} {response.body[:160]!r}"
        expect(400 <= response.status < 500, f"4xx to Last-Event-ID {last_event_id!r}", told)
        if with_problem:
            media_type = (response.value("content-type") or "").partition(";")[0].strip().lower()
            expect(media_type == "application/problem+json", "a problem", f"{media_type or 'no media type'}: {told}")


@requirement("resume-unknown", MUST, IDS, resume.resumed_events)
def resume_unknown(trace: Trace) -> None:
    """A number that is no id of the stream is refused with a problem: to begin anew would repeat events unseen."""
    _expect_refused(trace, resume.UNKNOWN)


@resume_unknown.mutant()
class StartsOverForUnknownIds(ControlServer):
    def resume_from(self, last_event_id: str | None, count: int) -> int:
        is_number = re.fullmatch("[0-9]+", last_event_id or "")
        return 1 if is_number and int(is_number[0]) > count else super().resume_from(last_event_id, count)


@requirement("resume-garbage", MUST, IDS, resume.resumed_events)
def resume_garbage(trace: Trace) -> None:
    """What no event has as its id, since it is no decimal number, is refused, however a parser might read it."""
    _expect_refused(trace, resume.GARBAGE)
    _expect_refused(trace, resume.NOT_ASCII, with_problem=False)


@resume_garbage.mutant()
class StartsOverForGarbage(ControlServer):
    def resume_from(self, last_event_id: str | None, count: int) -> int:
        is_number = re.fullmatch("[0-9]+", last_event_id or "0")
        return super().resume_from(last_event_id, count) if is_number else 1


@resume_garbage.mutant()
class ReadsIdsAsPythonDoes(ControlServer):
    def resume_from(self, last_event_id: str | None, count: int) -> int:
        try:
            number = str(int(last_event_id or ""))
        except ValueError:
            number = last_event_id or ""
        return super().resume_from(number, count)
