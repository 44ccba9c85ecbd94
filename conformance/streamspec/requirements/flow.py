"""Flow control: a reader that stops reading stops its own producer and nobody else's, and loses nothing by it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar

from streamspec.contract import FLOW_BUDGET_BYTES, Level, contract
from streamspec.control import ControlServer, Reason
from streamspec.dispatches import shown
from streamspec.exchanges import disconnect, flow
from streamspec.exchanges.awaited import late_ms
from streamspec.judging import (
    answered,
    completed,
    expect,
    expect_body,
    expect_in_time,
    expect_lock_step,
    number,
    numbers,
    state,
    streamed,
)
from streamspec.requirement import Figures, NotObserved, requirement
from streamspec_client.event_stream import EventStreamDecoder
from streamspec_client.trace import Ending

if TYPE_CHECKING:
    from streamspec.control import Item, Stream
    from streamspec_client.trace import Trace

MUST = Level.MUST

MIB = 1_048_576


@requirement("flow-bounded", MUST, contract("Flow control"), flow.stalled_beside_lock_step)
def flow_bounded(trace: Trace) -> Figures:
    """Where the client reads nothing, production stops: the server is never ahead of it by more than the budget."""
    ahead = []
    for kind in disconnect.KINDS:
        streamed(trace, kind)
        produced = number(state(trace, f"rests-{kind}").get("bytes_produced"), "bytes_produced")
        ahead.append(produced - trace.marks_named(f"rests-{kind}")[0].value)
        # Twice over, as a busy machine has it, kernels hide megabytes more behind a proxy than once.
        expect_in_time(
            ahead[-1] <= FLOW_BUDGET_BYTES,
            f"{kind}: at most {FLOW_BUDGET_BYTES:,} bytes produced ahead of a reader that reads nothing",
            f"{ahead[-1]:,.0f}, of {flow.STRIPES * flow.STRIPE_BYTES:,} in all",
        )
    return {"ahead_mib": max(ahead) / MIB}


@flow_bounded.mutant()
class BuffersWithoutBound(ControlServer):
    async def drain(self, stream: Stream) -> None:
        if stream.connection.waiting_bytes > FLOW_BUDGET_BYTES:
            await super().drain(stream)


@requirement("flow-resumed", MUST, contract("Flow control"), flow.stalled_beside_lock_step)
def flow_resumed(trace: Trace) -> None:
    """A reader that stalled and reads on gets every byte, in order, to the end of the stream."""
    for kind in disconnect.KINDS:
        streamed(trace, kind)
    read_on, timeout = trace.marks_named("read-on"), trace.marks_named("send-timeout")
    if not read_on:
        raise NotObserved("the stalled streams were not read again: see head-before-first-item")
    was_cut = any(streamed(trace, kind).ending in {Ending.TRUNCATED, Ending.RESET} for kind in disconnect.KINDS)
    if was_cut and 0 < timeout[0].value / 1000 < 2 * (read_on[0].at_s - streamed(trace, "text").head_at_s):
        raise NotObserved(f"the readers stalled for more than half of send_timeout_ms, {timeout[0].value}: raise that")
    text, events = completed(trace, "text"), completed(trace, "events")
    expect_body(text.body, flow.text_stripes())
    found = EventStreamDecoder().feed(events.body)
    ids = [made.last_event_id for made in found if made.type == "message"]
    wanted = [str(one) for one in range(1, flow.STRIPES + 1)]
    expect(ids == wanted, f"events: ids {shown(wanted)}", shown(ids))
    whole = "x" * flow.STRIPE_BYTES
    for made in found[: flow.STRIPES]:
        expect(
            made.data == whole, f"event {made.last_event_id}: data of {len(whole)} x", f"{len(made.data)} characters"
        )


@flow_resumed.mutant()
class RepeatsTheItemThatWaited(ControlServer):
    async def send_item(self, stream: Stream, item: Item) -> None:
        began_s = asyncio.get_running_loop().time()
        await super().send_item(stream, item)
        if asyncio.get_running_loop().time() - began_s > 0.1:
            await super().send_item(stream, item)


@requirement("flow-isolated", MUST, contract("Flow control"), flow.stalled_beside_lock_step)
def flow_isolated(trace: Trace) -> None:
    """Readers that read nothing hold up nobody else: a stream beside them, of the same script, goes on in lock-step."""
    for kind in disconnect.KINDS:
        streamed(trace, kind)
    answered(trace, "neighbour")
    expect_lock_step(trace, streamed(trace, "neighbour"), [flow.STRIPE_BYTES] * flow.NEIGHBOUR_STRIPES)


@flow_isolated.mutant()
class SendsToItsAudienceInTurn(ControlServer):
    turns: ClassVar[dict[Stream, asyncio.Lock]] = {}

    def open_stream(self, stream: Stream) -> None:
        same = [other for other in self.live if other.script.items() == stream.script.items()]
        self.turns[stream] = self.turns[same[0]] if same else asyncio.Lock()
        super().open_stream(stream)

    async def drain(self, stream: Stream) -> None:
        async with self.turns[stream]:
            await super().drain(stream)


@requirement("flow-send-timeout", MUST, contract("Limits"), flow.stalled_for_ever)
def flow_send_timeout(trace: Trace) -> Figures:
    """A stream whose client takes nothing for send_timeout_ms is cut, neither much sooner nor later, and cleaned up."""
    timeout_ms = trace.marks_named("send-timeout")[0].value
    latest_ms = late_ms(timeout_ms)
    took_ms = []
    for kind in disconnect.KINDS:
        response, found = streamed(trace, kind), state(trace, f"state-{kind}")
        expect_in_time(
            found.get("state") == "closed" and found.get("cleaned") is True,
            f"{kind}: closed and cleaned up {timeout_ms} ms after the client stopped reading",
            f"{found.get('state')}, cleaned {found.get('cleaned')} after {latest_ms} ms and more",
        )
        expect(found.get("reason") == Reason.SLOW_CLIENT, f"{kind}: the reason slow_client", found.get("reason"))
        # What is produced last may wait in a buffer, so the connection has stalled a little sooner or later than that.
        stalled_ms = max(numbers(found.get("produced_ms"), "produced_ms"), default=0.0)
        took_ms.append(number(found.get("closed_ms"), "closed_ms") - stalled_ms)
        in_time = timeout_ms / 2 <= took_ms[-1] <= latest_ms
        expect_in_time(in_time, f"{kind}: closed {timeout_ms} ms after the last item", f"after {took_ms[-1]:.0f} ms")
        expect_in_time(response.ending is not Ending.OPEN, f"{kind}: the connection is closed too", "it stays open")
        expect(
            response.ending is not Ending.COMPLETE, f"{kind}: an incomplete message", "one that ends as a whole does"
        )
    return {"closed_after_ms": max(took_ms)}


@flow_send_timeout.mutant()
class WaitsForeverForAReader(ControlServer):
    async def drain(self, stream: Stream) -> None:
        if stream.connection.paused:
            await stream.connection.drain(timeout_s=3_600)


@flow_send_timeout.mutant()
class CutsSlowReadersTooSoon(ControlServer):
    async def drain(self, stream: Stream) -> None:
        if stream.connection.paused:
            await stream.connection.drain(self.limits.send_timeout_ms / 8_000)


@flow_send_timeout.mutant()
class TakesSlowReadersForGone(ControlServer):
    def on_send_timeout(self, stream: Stream) -> None:
        self.end_abruptly(stream, Reason.DISCONNECTED)
