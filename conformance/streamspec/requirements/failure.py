"""Failure: a producer that raises is seen by its client, kept in the ledger, and felt by nobody else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from streamspec.contract import TERMINAL_EVENT, Level, contract, rfc
from streamspec.control import ControlServer, Event, Problem, Reason, Request
from streamspec.dispatches import dispatched, shown
from streamspec.exchanges import failure
from streamspec.judging import answered, completed, expect, expect_body, expect_in_time, json_object, number, streamed
from streamspec.requirement import Late, NotObserved, requirement
from streamspec_client.event_stream_lines import LineKind, lines_of
from streamspec_client.trace import Ending, Framing

if TYPE_CHECKING:
    from streamspec.contract import JSON
    from streamspec.control import Stream
    from streamspec.control.connection import Connection
    from streamspec_client.trace import Response, Trace

MUST = Level.MUST
ENDINGS = contract("Endings")

ERROR_EVENT = "error"


def _kind(name: str) -> str:
    return name.rpartition("-")[2]


def _begun(trace: Trace, name: str) -> Response:
    """The stream of a script that fails at its end. Violation where it is refused although its items alone are not."""
    streamed(trace, f"plain-{_kind(name)}")
    response = answered(trace, name)
    told = f"{response.status} {response.body[:160]!r}"
    expect(200 <= response.status < 300, f"{name}: a stream, since it fails only behind its items", told)
    return response


@requirement("failure-truncates", MUST, rfc(9112, "8"), failure.failing_streams)
def failure_truncates(trace: Trace) -> None:
    """A text whose producer raises ends incomplete: without the last chunk, and to HTTP/1.0 with a reset."""
    http10 = [made.name for made in trace.conversations if made.name == failure.HTTP10]
    for name in ("text", *http10):
        response = _begun(trace, name)
        if response.ending is Ending.OPEN:
            raise Late(expected=f"{name}: the end of the connection", actual="none")
        # On HTTP/2 the stream alone is reset: the end of its connection, which others share, is no sign of it.
        over_http2 = response.framing is Framing.FRAMES
        signs = {Ending.RESET} if over_http2 else {Ending.TRUNCATED, Ending.RESET}
        sign = "RST_STREAM" if over_http2 else "an incomplete message"
        told = f"{response.ending} {response.error}".strip()
        if over_http2 and response.ending is Ending.TRUNCATED:
            told = f"the end of its connection, {told}"
        expect(response.ending in signs, f"{name}: {sign}", told)
        expect_body(response.body, failure.TEXT[: len(response.body)])


@failure_truncates.mutant()
class EndsFailedTextCleanly(ControlServer):
    async def end_failed_text(self, stream: Stream) -> None:
        await self.end_message(stream)
        self.complete(stream, Reason.FAILED)


@failure_truncates.mutant()
class ClosesToHttp10AsIfComplete(ControlServer):
    def cut(self, stream: Stream, reason: Reason) -> None:
        if reason is Reason.FAILED:
            stream.connection.close()
        else:
            super().cut(stream, reason)


@failure_truncates.mutant()
class WritesTheErrorIntoTheText(ControlServer):
    async def end_failed_text(self, stream: Stream) -> None:
        self.put(stream, b"Internal Server Error\n")
        await self.flush(stream)
        await super().end_failed_text(stream)


@requirement("failure-error-event", MUST, ENDINGS, failure.failing_streams)
def failure_error_event(trace: Trace) -> None:
    """An event stream whose producer raises ends complete: one `event: error` with a problem, and no `event: done`."""
    _begun(trace, "events")
    response = completed(trace, "events")
    found = dispatched(response.body)
    types = [made.event.type for made in found]
    expect(TERMINAL_EVENT not in types, f"no event: {TERMINAL_EVENT} of a stream that failed", shown(types))
    expect(types.count(ERROR_EVENT) == 1 and types[-1] == ERROR_EVENT, "one event: error, the last", shown(types))
    error = found[-1]
    _expect_problem(error.event.data, "the data of event: error")
    before = ["", *(made.event.last_event_id for made in found[:-1])][-1]
    unchanged = f"the last event ID still {before!r} at event: {ERROR_EVENT}"
    expect(error.event.last_event_id == before, unchanged, repr(error.event.last_event_id))
    behind = [line for line in lines_of(response.body[error.end :]) if line.kind in _FIELDS]
    expect(not behind, "no field behind event: error", shown([line.raw for line in behind]), offset=error.end)


_FIELDS = frozenset({LineKind.DATA, LineKind.EVENT, LineKind.ID, LineKind.RETRY, LineKind.UNKNOWN_FIELD})


def _expect_problem(text: str | bytes, what: str) -> None:
    """Raise Violation unless the text is a problem object of status 500."""
    try:
        value: JSON = json.loads(text)
    except ValueError:
        value = None
    members = value if isinstance(value, dict) else {}
    said = all(isinstance(members.get(name), str) for name in ("type", "title", "detail"))
    wanted = f"{what}: a problem with type, title, detail and status 500"
    expect(said and members.get("status") == 500, wanted, repr(text[:160]))


@failure_error_event.mutant()
class EndsFailedEventsSilently(ControlServer):
    def error_event(self, problem: Problem) -> bytes:
        return b""


@failure_error_event.mutant()
class SaysDoneAfterAnError(ControlServer):
    async def fail_stream(self, stream: Stream) -> None:
        if stream.head_sent and stream.script.sse:
            self.put(stream, self.error_event(self.failure_problem()) + self.terminal_event(stream))
            stream.ending = True
            await self.end_message(stream)
            self.complete(stream, Reason.FAILED)
        else:
            await super().fail_stream(stream)


@failure_error_event.mutant()
class SendsTheErrorAsText(ControlServer):
    def error_event(self, problem: Problem) -> bytes:
        return self.encode_event(Event(event="error", data=problem.detail))


@requirement("failure-before-start", MUST, rfc(9110, "15.6.1"), failure.failing_streams)
def failure_before_start(trace: Trace) -> None:
    """A producer that raises before the header section is answered 500 with a problem: only then is there a status."""
    for kind in failure.KINDS:
        streamed(trace, f"plain-{kind}")
        response = answered(trace, f"before-{kind}")
        told = f"{response.status} {response.body[:160]!r}"
        expect(response.status == 500, f"{kind}: status 500", told, at_s=response.head_at_s)
        media_type = (response.value("content-type") or "").partition(";")[0].strip().lower()
        expect(media_type == "application/problem+json", f"{kind}: a problem", f"{media_type or 'no media type'}")
        if response.ending is Ending.OPEN:
            raise Late(expected=f"{kind}: the whole answer", actual=f"{len(response.body)} bytes")
        _expect_problem(response.body, kind)


@failure_before_start.mutant()
class AnswersAFailureAsASuccess(ControlServer):
    def refuse(self, connection: Connection, request: Request, problem: Problem) -> None:
        answered_as = Problem(200, problem.detail) if problem.status == 500 else problem
        super().refuse(connection, request, answered_as)


@failure_before_start.mutant()
class SendsTheHeadBeforeItFails(ControlServer):
    async def before_head(self, stream: Stream) -> None:
        if stream.script.fail_before_start:
            await self.send_head(stream)


@requirement("failure-recorded", MUST, contract("Ledger"), failure.recorded_failures)
def failure_recorded(trace: Trace) -> None:
    """The ledger has a stream whose producer raised as closed, failed and cleaned up once, also before its start."""
    if [made.status for made in trace.answers_named("state-plain-text")] != [200]:
        raise NotObserved("the state of a plain stream is not told: see head-status")
    for name in failure.OTHERS:
        [answer] = trace.answers_named(f"state-{name}")
        expect(answer.status == 200, f"{name}: a stream that the ledger knows", f"status {answer.status}")
        found = json_object(answer)
        settled = found.get("state") == "closed" and found.get("cleaned") is True
        expect_in_time(
            settled, f"{name}: closed and cleaned up", f"{found.get('state')}, cleaned: {found.get('cleaned')}"
        )
        expect(found.get("reason") == "failed", f"{name}: the reason failed", found.get("reason"))
        cleanups = number(found.get("cleanups"), "cleanups")
        expect(cleanups == 1, f"{name}: one clean-up", f"{cleanups:g}")


@failure_recorded.mutant()
class RecordsFailuresAsCompleted(ControlServer):
    def close_record(self, stream: Stream, reason: Reason) -> None:
        super().close_record(stream, Reason.COMPLETED if reason is Reason.FAILED else reason)


@failure_recorded.mutant()
class CleansUpFailuresTwice(ControlServer):
    async def clean_up(self, stream: Stream) -> None:
        await super().clean_up(stream)
        if stream.record.reason is Reason.FAILED:
            await super().clean_up(stream)


@requirement("failure-not-contagious", MUST, ENDINGS, failure.failures_beside_others)
def failure_not_contagious(trace: Trace) -> None:
    """A failure touches no other stream: those beside it go on to their end, and the next request is served."""
    if not any(_failed(trace, name) for name in failure.OTHERS):
        for name in failure.OTHERS:
            if answered(trace, name).ending is Ending.OPEN:
                raise Late(expected=f"{name}: a failure", actual="none, the stream open")
        raise NotObserved("no producer was seen to fail: see failure-truncates")
    expect_body(completed(trace, "neighbour-text").body, b"neighbour\ngoes on\n")
    completed(trace, "neighbour-events")
    data = [made.event.data for made in dispatched(trace.conversation("neighbour-events").responses[0].body)]
    expect("goes on" in data, "the neighbour's second event", shown(data))
    for kind in failure.KINDS:
        status = answered(trace, f"after-{kind}").status
        expect(200 <= status < 300, f"{kind}: a stream is served after the failures", f"status {status}")


def _failed(trace: Trace, name: str) -> bool:
    response = trace.conversation(name).response
    if response is None:
        return False
    has_error = any(made.event.type == ERROR_EVENT for made in dispatched(response.body))
    return response.status >= 500 or response.ending in {Ending.TRUNCATED, Ending.RESET} or has_error


@failure_not_contagious.mutant()
class FailsTheNeighbourToo(ControlServer):
    def close_record(self, stream: Stream, reason: Reason) -> None:
        super().close_record(stream, reason)
        if reason is Reason.FAILED:
            for other in list(self.live):
                if other.idle and _first(other) == _first(stream):
                    self.stop(other, Reason.FAILED)


def _first(stream: Stream) -> bytes | str | None:
    for item in stream.script.items():
        return item.text() if isinstance(item, Event) else item.payload()
    return None
