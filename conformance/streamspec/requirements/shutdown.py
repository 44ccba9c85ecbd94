"""Shutdown: at SIGTERM the server goes in bounded time, and nothing that it cuts looks as if it were whole."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING

from streamspec.contract import Level, contract, html, rfc
from streamspec.control import ControlServer, Reason
from streamspec.exchanges import disconnect, shutdown
from streamspec.judging import completed, expect, expect_in_time, streamed
from streamspec.requirement import Figures, Late, NotObserved, requirement
from streamspec_client.event_stream import EventStreamDecoder
from streamspec_client.trace import Ending

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamspec.control import Stream
    from streamspec_client.trace import Mark, Trace

MUST, SHOULD = Level.MUST, Level.SHOULD

SIGTERM = 15

EXIT_CODES = (0, -SIGTERM, 128 + SIGTERM)
"""By itself; by the signal, which uvicorn raises again when it is done; 143, as shells and Java say that."""


def _terminated(trace: Trace) -> Mark:
    marks = trace.marks_named("terminated")
    if not marks:
        raise NotObserved("not every stream was there to be ended: see head-before-first-item")
    return marks[0]


def _gone_in_time(trace: Trace, names: Sequence[str]) -> Figures:
    """How long the process took to go with those streams open."""
    terminated, exited = _terminated(trace), trace.marks_named("exited")
    is_open = [name for name in names if streamed(trace, name).ending is Ending.OPEN]
    wanted = f"gone within {shutdown.GONE_WITHIN_MS:g} ms of SIGTERM (drain_ms is {shutdown.DRAIN_MS})"
    if not exited:
        left = f"open still: {', '.join(is_open)}" if is_open else "though every stream has ended"
        raise Late(expected=wanted, actual=f"there after {shutdown.SEEN_GONE_WITHIN_S * 1000:g} ms, {left}")
    took_ms = (exited[0].at_s - terminated.at_s) * 1000
    over_ms = took_ms - shutdown.GONE_WITHIN_MS
    expect_in_time(over_ms <= 0, wanted, f"after {took_ms:.0f} ms", by_ms=over_ms)
    return {"gone_after_ms": took_ms}


@requirement("shutdown-idle", MUST, contract("Shutdown"), shutdown.terminated_while_idle)
def shutdown_idle(trace: Trace) -> Figures:
    """With idle streams open, the process is gone within drain_ms and 2 s of SIGTERM."""
    return _gone_in_time(trace, [*disconnect.KINDS])


@shutdown_idle.mutant(
    also_breaks={
        "shutdown-exit-code": "it does not exit while its idle streams are open",
        "shutdown-sse-retry": "its idle event stream is never cut",
    }
)
class WaitsForIdleStreams(ControlServer):
    async def shut_down(self) -> None:
        idle = [stream.task for stream in self.live if stream.idle and stream.task]
        await asyncio.gather(*idle, return_exceptions=True)
        await super().shut_down()


@requirement("shutdown-active", MUST, contract("Shutdown"), shutdown.terminated_while_active)
def shutdown_active(trace: Trace) -> Figures:
    """With streams open that have items all the time, or a reader that has stalled, it is gone as soon."""
    return _gone_in_time(trace, [*disconnect.KINDS, shutdown.STALLED])


@shutdown_active.mutant(
    also_breaks={
        "shutdown-cleanup": "its streams go on, so none is cleaned up",
        "shutdown-truncation-visible": "its texts go on, so none is cut",
    }
)
class WaitsForActiveStreams(ControlServer):
    async def shut_down(self) -> None:
        active = [stream.task for stream in self.live if not stream.idle and stream.task]
        await asyncio.gather(*active, return_exceptions=True)
        await super().shut_down()


@requirement("shutdown-drains", MUST, contract("Shutdown"), shutdown.terminated_while_idle)
def shutdown_drains(trace: Trace) -> None:
    """A stream that comes to its own end within drain_ms of SIGTERM is complete."""
    _terminated(trace)
    response = completed(trace, shutdown.FINISHING)
    expect(response.body == b"hello\n" * 2, "both items", f"{response.body[:40]!r}")


@shutdown_drains.mutant()
class CutsEveryStreamAtOnce(ControlServer):
    def drain_s(self) -> float:
        return 0.0


@requirement("shutdown-exit-code", MUST, contract("Shutdown"), shutdown.terminated_while_idle)
def shutdown_exit_code(trace: Trace) -> None:
    """The process exits with status 0, or is ended by the SIGTERM itself."""
    _terminated(trace)
    exited = trace.marks_named("exited")
    expect_in_time(bool(exited), "an exit", "none: see shutdown-idle")
    code = exited[0].value
    expect(code in EXIT_CODES, "status 0, or by SIGTERM", f"by signal {-code}" if code < 0 else f"status {code}")


@shutdown_exit_code.mutant()
class ExitsWithAnError(ControlServer):
    def exit_code(self) -> int:
        return 3


@requirement("shutdown-truncation-visible", MUST, rfc(9112, "8"), shutdown.terminated_while_active)
def shutdown_truncation_visible(trace: Trace) -> None:
    """A text that is cut short has no last chunk, so nobody takes it for the whole."""
    _terminated(trace)
    for name in ("text", shutdown.STALLED):
        response = streamed(trace, name)
        expect_in_time(response.ending is not Ending.OPEN, f"{name}: cut", "open still: see shutdown-active")
        cut = response.ending in {Ending.TRUNCATED, Ending.RESET}
        expect(cut, f"{name}: an incomplete message", f"{response.ending} {response.error}".strip())


@shutdown_truncation_visible.mutant()
class EndsCutStreamsCleanly(ControlServer):
    def cut(self, stream: Stream, reason: Reason) -> None:
        if reason is Reason.SHUTDOWN and not stream.connection.paused:
            stream.connection.write(self.last_chunk())
        super().cut(stream, reason)


@requirement("shutdown-sse-retry", SHOULD, html("reestablish-the-connection"), shutdown.terminated_while_idle)
def shutdown_sse_retry(trace: Trace) -> Figures:
    """An event stream that is cut has sent `retry`, so that its client comes back when it is told to."""
    _terminated(trace)
    response = streamed(trace, "events")
    decoder = EventStreamDecoder()
    decoder.feed(response.body)
    # Late, because a stream that was not cut in time cannot have said so.
    expect_in_time(decoder.retry_ms is not None, "a retry field", f"none; the stream is {response.ending}")
    return {"retry_ms": decoder.retry_ms or 0}


@shutdown_sse_retry.mutant(also_breaks={"load-max-age-retry": "it says as little where it cuts a stream for its age"})
class SaysNothingBeforeItGoes(ControlServer):
    def say_retry(self, stream: Stream) -> bool:
        return False


def _is_cleaned(trace: Trace, name: str) -> tuple[bool, str]:
    """Whether the poll that was open at the signal tells of one clean-up, and what it tells."""
    answer = trace.conversation(f"state-{name}").response
    if answer is None or answer.ending is not Ending.COMPLETE:
        return False, "no answer to the poll"
    try:
        found = json.loads(answer.body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        return False, f"the poll was answered {answer.status} {answer.body[:40]!r}"
    told = f"cleaned {found.get('cleaned')}, cleanups {found.get('cleanups')}"
    return found.get("cleaned") is True and found.get("cleanups") == 1, told


def _totals_of_log(log: str) -> tuple[int, int, int] | None:
    """Opened, open and cleaned, from the last line of the log that has all three; None where none has."""
    for line in reversed(log.splitlines()):
        found = [re.search(rf"\b{word}\W{{0,4}}(\d+)", line) for word in ("opened", "open", "cleaned")]
        counts = [int(match[1]) for match in found if match]
        if len(counts) == 3:
            return counts[0], counts[1], counts[2]
    return None


@requirement("shutdown-cleanup", MUST, contract("Shutdown"), shutdown.terminated_while_active)
def shutdown_cleanup(trace: Trace) -> None:
    """Every clean-up runs to its end, once: polls that wait are told so, or a line on standard error has the totals."""
    _terminated(trace)
    names = [*disconnect.KINDS, shutdown.STALLED]
    by_poll = {name: _is_cleaned(trace, name) for name in names}
    if all(cleaned for cleaned, _ in by_poll.values()):
        return
    totals = _totals_of_log(trace.log)
    if totals is not None:
        opened, is_open, cleaned = totals
        holds = opened == cleaned >= len(names) and is_open == 0
        expect_in_time(
            holds, "as many cleaned as opened, none open", f"opened {opened}, open {is_open}, cleaned {cleaned}"
        )
        return
    told = "; ".join(f"{name}: {what}" for name, (cleaned, what) in by_poll.items() if not cleaned)
    expect_in_time(False, "each stream cleaned up once, by its poll or by totals on standard error", told)


@shutdown_cleanup.mutant()
class LeavesCleanUpToTheProcess(ControlServer):
    async def clean_up(self, stream: Stream) -> None:
        if stream.record.reason is Reason.SHUTDOWN:
            await asyncio.sleep(60)
        await super().clean_up(stream)
