"""Disconnect, what it does besides: the producer's clean-up runs to its end, once; nobody else notices anything."""

from __future__ import annotations

import asyncio
import re
import sys
from collections import deque
from typing import TYPE_CHECKING

from streamspec.contract import DISCONNECT_BUDGET_MS, Level, contract
from streamspec.control import ControlServer, Reason
from streamspec.exchanges import disconnect, disconnect_effects
from streamspec.judging import answered, expect, expect_in_time, expect_lock_step, number, state
from streamspec.requirement import Figures, NotObserved, requirement
from streamspec.requirements.disconnect import described, expect_stopped, is_settled, left_state, waited_ms

if TYPE_CHECKING:
    from streamspec.control import Disconnect, Stream
    from streamspec_client.trace import Trace

MUST = Level.MUST


@requirement("disconnect-no-more-items", MUST, contract("Disconnects"), disconnect_effects.left_then_released)
def disconnect_no_more_items(trace: Trace) -> None:
    """Nothing is produced after the stream is cleaned up, nor after the budget, though gates open and time passes."""
    for name in ("gated", "active"):
        found, later = left_state(trace, name), state(trace, f"later-{name}")
        if not is_settled(found) and waited_ms(trace, name) < DISCONNECT_BUDGET_MS:
            raise NotObserved(f"the {name} stream was not cleaned up, nor waited for: see disconnect-rst-active")
        before, after = (number(one.get("items_produced"), "items_produced") for one in (found, later))
        judge = expect if is_settled(found) else expect_in_time
        judge(after <= before, f"{name}: {before:g} items for ever after the client left", f"{after:g} items")


@disconnect_no_more_items.mutant()
class ProducesOnInTheBackground(ControlServer):
    async def clean_up(self, stream: Stream) -> None:
        await super().clean_up(stream)
        if stream.record.reason is Reason.DISCONNECTED and stream.idle:
            stream.task = asyncio.get_running_loop().create_task(self.produce(stream))


@requirement("disconnect-cleanup-once", MUST, contract("Disconnects"), disconnect_effects.left_then_released)
def disconnect_cleanup_once(trace: Trace) -> None:
    """The producer's clean-up runs exactly once, also where FIN and RST both tell that the client left."""
    for name in ("gated", "active"):
        cleanups = number(state(trace, f"later-{name}").get("cleanups"), "cleanups")
        expect(cleanups <= 1, f"{name}: one clean-up", f"{cleanups:g}")
        expect_in_time(cleanups == 1, f"{name}: one clean-up", f"{cleanups:g}")


@disconnect_cleanup_once.mutant()
class CleansUpTwice(ControlServer):
    async def clean_up(self, stream: Stream) -> None:
        await super().clean_up(stream)
        if stream.record.reason is Reason.DISCONNECTED:
            await super().clean_up(stream)


@requirement("disconnect-cleanup-awaits", MUST, contract("Disconnects"), disconnect_effects.left_while_cleaning)
def disconnect_cleanup_awaits(trace: Trace) -> Figures:
    """A clean-up that awaits something completes, and only then counts as cleaned."""
    awaits_ms = disconnect_effects.CLEANUP_MS
    took_ms = [expect_stopped(trace, kind, DISCONNECT_BUDGET_MS + awaits_ms) for kind in disconnect.KINDS]
    # A tenth less than asked for: timers may round down to their own tick.
    expect(min(took_ms) >= 0.9 * awaits_ms, f"cleaned up after its {awaits_ms} ms", f"after {min(took_ms):.0f} ms")
    return {"cleanup_ms": max(took_ms) - awaits_ms}


@disconnect_cleanup_awaits.mutant()
class CancelsTheCleanUpToo(ControlServer):
    async def clean_up(self, stream: Stream) -> None:
        if stream.record.reason is Reason.DISCONNECTED and stream.task is not None:
            stream.task.cancel()
        await super().clean_up(stream)


@disconnect_cleanup_awaits.mutant()
class CountsAsCleanedBeforeItIs(ControlServer):
    async def clean_up(self, stream: Stream) -> None:
        if stream.record.reason is Reason.DISCONNECTED:
            self.ledger.clean(stream.record)
        await super().clean_up(stream)


def _was_never_opened(trace: Trace, name: str) -> bool:
    """Whether the reset was there before the request was read, or the server took no more streams."""
    response = trace.conversation(name).response
    refused = response is None or response.status >= 400
    return refused and [found.status for found in trace.answers_named(f"state-{name}")] == [404]


@requirement("disconnect-storm", MUST, contract("Disconnects"), disconnect_effects.connect_and_reset)
def disconnect_storm(trace: Trace) -> Figures:
    """Of 200 clients that reset, each one's stream that was opened is cleaned up, and the next stream is served."""
    opened = 0
    for name in (conversation.name for conversation in trace.conversations if conversation.name != "after"):
        if _was_never_opened(trace, name):
            continue
        found = left_state(trace, name)
        expect_in_time(is_settled(found), f"{name}: closed and cleaned up", described(found))
        opened += 1
    if not opened:
        raise NotObserved("the server opened none of the streams: see head-status")
    status = answered(trace, "after").status
    expect(200 <= status < 300, "a stream is served after the storm", f"status {status}")
    return {"opened": opened}


@disconnect_storm.mutant()
class HearsEightDisconnectsAtATime(ControlServer):
    def on_disconnect(self, stream: Stream, how: Disconnect) -> None:
        heard_s: deque[float] = self.__dict__.setdefault("heard_s", deque(maxlen=8))
        now_s = asyncio.get_running_loop().time()
        if len(heard_s) < 8 or now_s - heard_s[0] > 0.01:
            heard_s.append(now_s)
            super().on_disconnect(stream, how)


@requirement("disconnect-others-unharmed", MUST, contract("Disconnects"), disconnect_effects.left_beside_lock_step)
def disconnect_others_unharmed(trace: Trace) -> None:
    """Clients that leave do no harm to a stream beside them: it goes on in lock-step to its end."""
    count, size = disconnect_effects.NEIGHBOUR_ITEMS, disconnect_effects.NEIGHBOUR_ITEM_BYTES
    found = state(trace)
    others = [trace.answers_named(f"state-other-{index}") for index in range(2, count + 1)]
    if not any(found and found[0].status == 200 for found in others):
        raise NotObserved("none of the others was opened: see head-status")
    response, released = trace.conversation("stream").response, trace.marks_named("released")
    if response is not None and response.arrival_s(size) < released[1].at_s:  # else: see chunks-causal
        expect_lock_step(trace, response, [size] * count)
    made = (found.get("reason"), found.get("items_produced"))
    expect_in_time(made == ("completed", count), f"completed after {count} items", f"{made[0]} after {made[1]}")


@disconnect_others_unharmed.mutant()
class SharesAProducerByScript(ControlServer):
    def on_disconnect(self, stream: Stream, how: Disconnect) -> None:
        for other in list(self.live):
            if other.request.path == stream.request.path and other.script.items() == stream.script.items():
                self.stop(other, Reason.DISCONNECTED)
        super().on_disconnect(stream, how)


NOISE = re.compile(
    r".*(?:Traceback \(most recent call last\)|was never (?:retrieved|awaited)|was destroyed but it is pending"
    r"|[Ee]xception ignored|[Uu]nhandled|[Uu]ncaught|[Ee]xception in |\bpanic(?:ked)?\b|^\s+at \S+.*[(:]\d+\)?$).*",
    re.MULTILINE,
)
"""What runtimes write of an error that nobody expected: Python and asyncio, Node, the JVM, Go, Rust."""


@requirement("disconnect-quiet-log", MUST, contract("Disconnects"), disconnect_effects.log_of_disconnects)
def disconnect_quiet_log(trace: Trace) -> None:
    """A client that leaves is no error: the server writes no stack trace and no unhandled exception of it."""
    noise = NOISE.search(trace.log)
    # Late, though no clock decides: the log is the whole server's, and another exchange may have left something in it.
    expect_in_time(noise is None, "no stack trace in the log", noise and noise[0].strip())


@disconnect_quiet_log.mutant()
class LogsATraceback(ControlServer):
    def on_disconnect(self, stream: Stream, how: Disconnect) -> None:
        super().on_disconnect(stream, how)
        print("Traceback (most recent call last):\nConnectionResetError: it left", file=sys.stderr, flush=True)
