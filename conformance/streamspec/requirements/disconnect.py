"""Disconnect: when the client leaves, the producer is stopped and cleaned up, in whatever way and whenever it leaves.

What a disconnect does besides is in `disconnect_effects.py`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from streamspec.contract import DISCONNECT_BUDGET_MS, Level, contract, rfc
from streamspec.control import ControlServer, Disconnect, Reason
from streamspec.exchanges import disconnect
from streamspec.judging import expect, expect_in_time, state
from streamspec.requirement import Figures, Late, NotObserved, requirement

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamspec.contract import JSON
    from streamspec.control import Stream
    from streamspec_client.trace import Trace

MUST, SHOULD = Level.MUST, Level.SHOULD

CLOSURE_SIGNAL = rfc(9112, "9.5")
"""RFC 9112, section 9.5: "implementations SHOULD constantly monitor open connections for a received closure signal and
respond to it as appropriate, since prompt closure of both sides of a connection enables allocated system resources to
be reclaimed"."""


def left_state(trace: Trace, name: str) -> dict[str, JSON]:
    """The state that was waited for when that stream was left. NotObserved where the server knows no such stream."""
    if trace.marks_named(f"unanswered-{name}"):
        raise Late(expected="the stream's state", actual="no answer: the server answers nobody")
    return state(trace, f"state-{name}")


def is_settled(found: dict[str, JSON]) -> bool:
    """Whether the stream is closed and cleaned up."""
    return found.get("state") == "closed" and found.get("cleaned") is True


def described(found: dict[str, JSON]) -> str:
    """That in words."""
    return f"{found.get('state')} and {'cleaned up' if found.get('cleaned') is True else 'not cleaned up'}"


def waited_ms(trace: Trace, name: str) -> float:
    """From leaving to the answer that tells the state: the time to the clean-up is no longer than that."""
    return (trace.answers_named(f"state-{name}")[-1].at_s - trace.conversation(name).left_at_s) * 1000


def expect_stopped(trace: Trace, name: str, budget_ms: float = DISCONNECT_BUDGET_MS) -> float:
    """How long after leaving the stream was closed and cleaned up, in ms. Late over the budget."""
    found = left_state(trace, name)
    took_ms = waited_ms(trace, name)
    expect_in_time(
        is_settled(found) and took_ms <= budget_ms,
        f"{name}: closed and cleaned up within {budget_ms:g} ms of the client's leaving",
        f"{described(found)} after {took_ms:.0f} ms",
        by_ms=max(0.0, took_ms - budget_ms),
    )
    return took_ms


def _all_stopped(trace: Trace, names: Iterable[str]) -> Figures:
    return {"cleanup_ms": max(expect_stopped(trace, name) for name in names)}


def _all_disconnected(trace: Trace) -> Figures:
    """The same for both demos, and the ledger knows that it was the client who ended them."""
    figures = _all_stopped(trace, disconnect.KINDS)
    for kind in disconnect.KINDS:
        reason = left_state(trace, kind).get("reason")
        expect(reason == "disconnected", f"{kind}: closed with the reason disconnected", reason)
    return figures


@requirement("disconnect-fin-idle", MUST, CLOSURE_SIGNAL, disconnect.fin_while_idle)
def disconnect_fin_idle(trace: Trace) -> Figures:
    """A client that closes (FIN) while the producer waits has the stream stopped and cleaned up within the budget."""
    return _all_disconnected(trace)


@disconnect_fin_idle.mutant(
    also_breaks={
        "disconnect-pipelined": "half of its streams are left with FIN while idle",
        "disconnect-cleanup-awaits": "one of its streams is left with FIN while idle",
        "disconnect-no-more-items": "one of its streams is left with FIN at a gate, and produces when that opens",
    }
)
class IsDeafToFinBetweenItems(ControlServer):
    def on_disconnect(self, stream: Stream, how: Disconnect) -> None:
        if how is Disconnect.RST or not stream.idle or not stream.record.items_produced:
            super().on_disconnect(stream, how)


@requirement("disconnect-rst-idle", MUST, CLOSURE_SIGNAL, disconnect.rst_while_idle)
def disconnect_rst_idle(trace: Trace) -> Figures:
    """A client that resets (RST) while the producer waits has the stream stopped and cleaned up within the budget."""
    return _all_disconnected(trace)


@disconnect_rst_idle.mutant(
    also_breaks={
        "disconnect-pipelined": "half of its streams are left with RST while idle",
        "disconnect-cleanup-awaits": "one of its streams is left with RST while idle",
    }
)
class IsDeafToResetsBetweenItems(ControlServer):
    def on_disconnect(self, stream: Stream, how: Disconnect) -> None:
        if how is Disconnect.FIN or not stream.idle or not stream.record.items_produced:
            super().on_disconnect(stream, how)


@requirement("disconnect-fin-active", MUST, CLOSURE_SIGNAL, disconnect.fin_while_active)
def disconnect_fin_active(trace: Trace) -> Figures:
    """A client that closes (FIN) while items come has the stream stopped and cleaned up within the budget."""
    return _all_disconnected(trace)


@disconnect_fin_active.mutant(also_breaks={"disconnect-half-close": "the same FIN, while items come"})
class WritesOnAfterFin(ControlServer):
    def on_disconnect(self, stream: Stream, how: Disconnect) -> None:
        if stream.idle or not stream.connection.fin_received:
            super().on_disconnect(stream, how)


@requirement("disconnect-rst-active", MUST, CLOSURE_SIGNAL, disconnect.rst_while_active)
def disconnect_rst_active(trace: Trace) -> Figures:
    """A client that resets (RST) while items come has the stream stopped and cleaned up within the budget."""
    return _all_disconnected(trace)


@disconnect_rst_active.mutant()
class TakesAResetForAFailure(ControlServer):
    def on_disconnect(self, stream: Stream, how: Disconnect) -> None:
        self.stop(stream, Reason.DISCONNECTED if stream.idle or how is Disconnect.FIN else Reason.FAILED)


@disconnect_rst_active.mutant(
    also_breaks={
        "disconnect-tight": "its stream is left with RST while items come",
        "disconnect-stalled": "its streams are left with RST before their items are over",
        "disconnect-cleanup-once": "one of its streams is left with RST while items come, and its clean-up never runs",
        "disconnect-no-more-items": "the same one produces on",
    }
)
class WritesOnAfterAReset(ControlServer):
    def on_disconnect(self, stream: Stream, how: Disconnect) -> None:
        if stream.idle or stream.connection.fin_received or not stream.record.items_produced:
            super().on_disconnect(stream, how)


@requirement("disconnect-before-first-item", MUST, CLOSURE_SIGNAL, disconnect.left_before_first_item)
def disconnect_before_first_item(trace: Trace) -> Figures:
    """A client that leaves before there is any item has the stream stopped and cleaned up within the budget."""
    return _all_stopped(trace, [name for name, _, _ in disconnect.LEFT])


@disconnect_before_first_item.mutant(also_breaks={"disconnect-storm": "its streams are reset before their only item"})
class ListensFromTheFirstItemOn(ControlServer):
    def on_disconnect(self, stream: Stream, how: Disconnect) -> None:
        if stream.record.items_produced:
            super().on_disconnect(stream, how)


@requirement("disconnect-stalled", MUST, contract("Disconnects"), disconnect.left_while_stalled)
def disconnect_stalled(trace: Trace) -> Figures:
    """A client that leaves after it stopped reading has the stream stopped and cleaned up within the budget."""
    return _all_stopped(trace, disconnect.KINDS)


@disconnect_stalled.mutant()
class IsDeafWhileNobodyReads(ControlServer):
    def on_disconnect(self, stream: Stream, how: Disconnect) -> None:
        if not stream.connection.paused:
            super().on_disconnect(stream, how)


@requirement("disconnect-during-keepalive", MUST, contract("Keep-alive"), disconnect.left_during_keepalive)
def disconnect_during_keepalive(trace: Trace) -> Figures:
    """Keep-alive hides no disconnect: a silent event stream is stopped and cleaned up within the budget."""
    response = trace.conversation("stream").response
    if response is None or disconnect.comments(response) < disconnect.KEEPALIVE_COMMENTS:
        raise NotObserved("no keep-alive comments came before the client left: see keepalive-while-silent")
    return _all_stopped(trace, ["stream"])


@disconnect_during_keepalive.mutant()
class IsDeafOnceItKeepsAlive(ControlServer):
    def on_disconnect(self, stream: Stream, how: Disconnect) -> None:
        if not stream.keepalives:
            super().on_disconnect(stream, how)


@requirement("disconnect-tight", MUST, contract("Disconnects"), disconnect.left_while_tight)
def disconnect_tight(trace: Trace) -> Figures:
    """A producer that always has an item ready is stopped and cleaned up within the budget, too."""
    return _all_stopped(trace, [name for name, _ in disconnect.TIGHT_LEFT])


@disconnect_tight.mutant()
class NeverLooksUpFromItsWork(ControlServer):
    def on_disconnect(self, stream: Stream, how: Disconnect) -> None:
        waits = stream.due_s > asyncio.get_running_loop().time() or stream.connection.paused
        if waits or not stream.record.items_produced:
            super().on_disconnect(stream, how)


@requirement("disconnect-pipelined", SHOULD, CLOSURE_SIGNAL, disconnect.left_with_request_pipelined)
def disconnect_pipelined(trace: Trace) -> Figures:
    """A request that waits behind the stream does not hide that the client has left."""
    return _all_stopped(trace, [name for name, _, _ in disconnect.LEFT])


@disconnect_pipelined.mutant()
class StopsReadingWhileARequestWaits(ControlServer):
    def reads_ahead(self) -> bool:
        return False


@requirement("disconnect-half-close", MUST, contract("Disconnects"), disconnect.half_closed)
def disconnect_half_close(trace: Trace) -> Figures:
    """A half-close is a disconnect: it puts the same FIN on the wire as a close."""
    return _all_stopped(trace, disconnect.KINDS)


@disconnect_half_close.mutant()
class WritesOnAfterAHalfClose(ControlServer):
    def on_disconnect(self, stream: Stream, how: Disconnect) -> None:
        if how is Disconnect.RST or stream.idle:
            super().on_disconnect(stream, how)
