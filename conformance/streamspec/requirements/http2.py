"""HTTP/2: streams that share a connection are live, paced by their windows, and end each on its own.

What is the same over every HTTP is judged elsewhere; `--http2` asks for all of that over HTTP/2.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from streamspec.contract import DISCONNECT_BUDGET_MS, FLOW_BUDGET_BYTES, Level, contract, rfc
from streamspec.control import ControlServer, Reason
from streamspec.control.http2_stream import Http2Stream
from streamspec.exchanges import failure, flow, http2
from streamspec.exchanges.chunks import LOCK_STEP_SIZES
from streamspec.judging import expect, expect_body, expect_in_time, expect_lock_step, number, state
from streamspec.requirement import Figures, Late, NotObserved, requirement
from streamspec.requirements.disconnect import described, is_settled
from streamspec_client.trace import NEVER_S, Ending

if TYPE_CHECKING:
    from streamspec.control import Fields, Item, Stream
    from streamspec_client.trace import Response, Trace

MUST = Level.MUST

MIB = 1_048_576

CONNECTION_FIELDS = ("connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade")
"""RFC 9113, section 8.2.2: "An endpoint MUST NOT generate an HTTP/2 message containing connection-specific header
fields. This includes the Connection header field and those listed as having connection-specific semantics"."""


MAY_END = re.compile(r"not sent: SETTINGS_MAX_CONCURRENT_STREAMS \d+|(not sent: )?GOAWAY NO_ERROR")
"""Why a request had no response that a server may give: it takes no more at a time (RFC 9113, section 5.1.2), or lets
the connection end (section 6.8)."""


def _response(trace: Trace, place: int) -> Response:
    """The response at a place of the connection.

    Violation where it is no HTTP/2, NotObserved where the server takes no more streams, Late where none came.
    """
    talk = trace.conversation(http2.CONNECTION)
    response = talk.responses[place] if place < len(talk.responses) else None
    if response is not None:
        at_s = response.ended_at_s if response.ended_at_s < NEVER_S else None
        expect(response.ending is not Ending.MALFORMED, "HTTP/2", response.error, at_s=at_s)
    if response is None or not response.status:
        told = response.error if response is not None else ""
        if MAY_END.fullmatch(told):
            raise NotObserved(f"the connection took no stream {place + 1}: {told}")
        came = sum(made.status > 0 for made in talk.responses)
        raise Late(
            expected="a response on each stream",
            actual=f"{came}{told and ', then '}{told}; the connection's end: {talk.closing}",
        )
    return response


def _stream(trace: Trace, place: int) -> Response:
    """The same, if it is a stream. NotObserved for an error status."""
    response = _response(trace, place)
    if response.status != 200:
        raise NotObserved(f"the stream was answered {response.status}: see head-status")
    return response


def _complete(trace: Trace, place: int) -> Response:
    """The stream at a place, which must have ended with END_STREAM."""
    response = _stream(trace, place)
    if response.ending is Ending.OPEN:
        raise Late(expected="END_STREAM", actual=f"no end after {len(response.body)} bytes of content")
    told = f"{response.ending} {response.error}".strip()
    expect(response.ending is Ending.COMPLETE, "END_STREAM", told, at_s=response.ended_at_s)
    return response


@requirement("http2-causal", MUST, contract("HTTP/2"), http2.lock_step_on_http2)
def http2_causal(trace: Trace) -> None:
    """Over HTTP/2, too, item n is received before item n+1 is released."""
    expect_lock_step(trace, _stream(trace, 0), LOCK_STEP_SIZES)


@http2_causal.mutant(
    also_breaks={
        "http2-complete": "the lock-step ends at the item that does not come",
        "http2-no-connection-fields": "and so does what would be asked for then",
    }
)
class HoldsBackOneItemOfAStream(ControlServer):
    async def send_item(self, stream: Stream, item: Item) -> None:
        holds = stream.request.multiplexed and item.payload_size() in LOCK_STEP_SIZES
        if holds:
            await self.flush(stream)
        self.put(stream, self.encode_item(stream, item))
        if not holds:
            await self.flush(stream)


@requirement("http2-complete", MUST, rfc(9113, "8.1"), http2.lock_step_on_http2)
def http2_complete(trace: Trace) -> None:
    """A stream that is complete ends with END_STREAM, and the connection serves others then."""
    expect_body(_complete(trace, 0).body, b"x" * sum(LOCK_STEP_SIZES))
    for place in range(1, 1 + len(http2.ANSWERS)):
        response = _response(trace, place)
        told = f"{response.status}, {response.ending} {response.error}".strip()
        expect_in_time(response.ending is Ending.COMPLETE, f"a complete answer to {http2.ANSWERS[place - 1]}", told)


@http2_complete.mutant(also_breaks={"http2-reset-cancels": "the stream beside those that are reset ends so, too"})
class EndsWholeStreamsWithReset(ControlServer):
    def complete(self, stream: Stream, reason: Reason) -> None:
        if not stream.request.multiplexed or stream.script.demo or stream.script.sse:
            super().complete(stream, reason)
            return
        self.close_record(stream, reason)
        stream.connection.reset()


@requirement("http2-no-connection-fields", MUST, rfc(9113, "8.2.2"), http2.lock_step_on_http2)
def http2_no_connection_fields(trace: Trace) -> None:
    """No response has a field of an HTTP/1.1 connection, or one that HTTP/2 cannot name: clients refuse those."""
    _stream(trace, 0)
    for place, asked in enumerate(("/stream", *http2.ANSWERS)):
        response = _response(trace, place)
        found = [f"{name}: {value}" for name, value in response.fields if name.lower() in CONNECTION_FIELDS]
        expect(not found, f"{asked}: none of {', '.join(CONNECTION_FIELDS)}", ", ".join(found))
        odd = [f"{name}: {value}" for name, value in response.fields if name != name.lower() or name.startswith(":")]
        expect(not odd, f"{asked}: field names in lower case, and one :status", ", ".join(odd))


@http2_no_connection_fields.mutant()
class SaysKeepAliveOnStreams(ControlServer):
    def message_fields(self, stream: Stream) -> Fields:
        fields = super().message_fields(stream)
        return [*fields, ("connection", "keep-alive")] if stream.request.multiplexed else fields


@http2_no_connection_fields.mutant()
class EchoesThePathOfRequests(ControlServer):
    def message_fields(self, stream: Stream) -> Fields:
        fields = super().message_fields(stream)
        return [*fields, (":path", stream.request.target)] if stream.request.multiplexed else fields


@requirement("http2-reset-cancels", MUST, rfc(9113, "5.4.2"), http2.reset_beside_lock_step)
def http2_reset_cancels(trace: Trace) -> Figures:
    """RST_STREAM stops that producer within the budget; the connection lives on, and so do its other streams."""
    took_ms: list[float] = []
    for kind in http2.LEFT:
        if not trace.marks_named(f"left-{kind}"):
            ended = trace.conversation(http2.CONNECTION).closing
            expect_in_time(
                not took_ms, "the stream beside goes on after RST_STREAM", f"no item; its connection: {ended}"
            )
            for place in range(http2.RESET_NEIGHBOUR + 1):
                _response(trace, place)
            raise NotObserved("the stream beside those to be reset did not begin")
        found, left_at_s = state(trace, f"state-{kind}"), trace.marks_named(f"left-{kind}")[0].at_s
        took_ms.append((trace.answers_named(f"state-{kind}")[-1].at_s - left_at_s) * 1000)
        expect_in_time(
            is_settled(found) and took_ms[-1] <= DISCONNECT_BUDGET_MS,
            f"{kind}: closed and cleaned up within {DISCONNECT_BUDGET_MS:g} ms of RST_STREAM",
            f"{described(found)} after {took_ms[-1]:.0f} ms",
        )
        expect(found.get("reason") == "disconnected", f"{kind}: the reason disconnected", found.get("reason"))
    _complete(trace, http2.RESET_NEIGHBOUR)
    _complete(trace, http2.RESET_NEIGHBOUR + 1)
    return {"cleanup_ms": max(took_ms)}


@http2_reset_cancels.mutant()
class IsDeafToStreamResets(ControlServer):
    def on_stream_reset(self, stream: Stream) -> None:
        pass


@http2_reset_cancels.mutant()
class ClosesTheConnectionOfAStreamThatIsReset(ControlServer):
    def on_stream_reset(self, stream: Stream) -> None:
        super().on_stream_reset(stream)
        if isinstance(stream.connection, Http2Stream):
            stream.connection.carrier.close()


@requirement("http2-flow-bounded", MUST, rfc(9113, "5.2"), http2.stalled_on_http2)
def http2_flow_bounded(trace: Trace) -> Figures:
    """A window that is closed stops production: the server is never ahead of it by more than the budget."""
    _stream(trace, http2.STALLED)
    if not trace.marks_named("rests"):
        raise NotObserved("the stream was not seen at rest")
    produced = number(state(trace, "rests").get("bytes_produced"), "bytes_produced")
    ahead = produced - trace.marks_named("rests")[0].value
    expect_in_time(
        ahead <= FLOW_BUDGET_BYTES,
        f"at most {FLOW_BUDGET_BYTES:,} bytes produced ahead of a window that is closed",
        f"{ahead:,.0f}, of {flow.STRIPES * flow.STRIPE_BYTES:,} in all",
    )
    return {"ahead_mib": ahead / MIB}


@http2_flow_bounded.mutant()
class BuffersBehindClosedWindows(ControlServer):
    async def drain(self, stream: Stream) -> None:
        if not stream.request.multiplexed or stream.connection.waiting_bytes > FLOW_BUDGET_BYTES:
            await super().drain(stream)


@requirement("http2-flow-isolated", MUST, contract("HTTP/2"), http2.stalled_on_http2)
def http2_flow_isolated(trace: Trace) -> None:
    """A stream whose window is closed holds up no other of its connection: one beside it goes on in lock-step."""
    _stream(trace, http2.STALLED)
    neighbour = _stream(trace, http2.STALLED_NEIGHBOUR)
    released = len(trace.marks_named("released"))
    expect_in_time(
        released == flow.NEIGHBOUR_STRIPES,
        "each item of the stream beside while the window is closed",
        f"item {released} not in time",
    )
    expect_lock_step(trace, neighbour, [flow.STRIPE_BYTES] * flow.NEIGHBOUR_STRIPES)


@http2_flow_isolated.mutant()
class SendsInTheOrderOfRequests(ControlServer):
    def may_send(self, connection: Http2Stream) -> bool:
        before = (other for other in connection.carrier.streams.values() if other.number < connection.number)
        return not any(other.unsent_bytes for other in before)


@requirement("http2-flow-resumed", MUST, rfc(9113, "6.9"), http2.stalled_on_http2)
def http2_flow_resumed(trace: Trace) -> None:
    """A stream whose window opens again goes on, and every byte of it is right."""
    if not trace.marks_named("read-on"):
        raise NotObserved("the window was not opened again")
    body = _stream(trace, http2.STALLED).body
    whole = flow.text_stripes()
    expect_in_time(len(body) >= len(whole), f"{len(whole):,} bytes", f"{len(body):,}: the stream does not go on")
    expect_body(body, whole)


@http2_flow_resumed.mutant()
class ForgetsWhoWaitedWhileOthersWereServed(ControlServer):
    forgotten: ClassVar[set[Http2Stream]] = set()

    def may_send(self, connection: Http2Stream) -> bool:
        before = (other for other in connection.carrier.streams.values() if other.number < connection.number)
        self.forgotten.update(other for other in before if other.unsent_bytes and not other.window)
        return connection not in self.forgotten


@requirement("http2-failure-resets", MUST, rfc(9113, "8.1"), http2.failing_on_http2)
def http2_failure_resets(trace: Trace) -> None:
    """A text whose producer raises ends with RST_STREAM, never with END_STREAM, and its connection serves others."""
    response = _stream(trace, http2.FAILING_TEXT)
    if response.ending is Ending.OPEN:
        raise Late(expected="RST_STREAM", actual=f"no end after {len(response.body)} bytes of content")
    expect(response.ending is Ending.RESET, "RST_STREAM", f"{response.ending} {response.error}".strip())
    expect_body(response.body, failure.TEXT[: len(response.body)])
    _complete(trace, http2.AFTER_FAILURE)


@http2_failure_resets.mutant()
class EndsFailedTextWithEndStream(ControlServer):
    async def end_failed_text(self, stream: Stream) -> None:
        if not stream.request.multiplexed:
            await super().end_failed_text(stream)
            return
        await self.end_message(stream)
        self.complete(stream, Reason.FAILED)
