"""Age: no stream is open for longer than max_age_ms, and one that is cut for it is visibly no whole."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from streamspec.contract import RETRY_BUDGET_MS, Level, contract, html
from streamspec.control import ControlServer, Reason
from streamspec.exchanges import age
from streamspec.exchanges.awaited import late_ms
from streamspec.judging import expect, expect_in_time, number, state, streamed
from streamspec.requirement import Figures, requirement
from streamspec_client.event_stream import EventStreamDecoder
from streamspec_client.trace import Ending

if TYPE_CHECKING:
    from streamspec.control import Stream
    from streamspec_client.trace import Trace

MUST, SHOULD = Level.MUST, Level.SHOULD

EARLY = 0.9
"""How much of its time a stream must have had: timers may fire a little before theirs."""


@requirement("load-max-age", MUST, contract("Limits"), age.open_for_max_age)
def load_max_age(trace: Trace) -> Figures:
    """A stream open for max_age_ms is cut, idle or not, neither much sooner nor later: incomplete, and cleaned up."""
    max_age_ms = trace.marks_named("max-age")[0].value
    ages_ms = []
    for name in (*age.TEXTS, *age.EVENTS):
        ending, found = streamed(trace, name).ending, state(trace, f"state-{name}")
        is_over = found.get("state") == "closed" and found.get("cleaned") is True
        told = f"{found.get('state')}, cleaned {found.get('cleaned')}"
        expect_in_time(is_over, f"{name}: closed and cleaned up, {max_age_ms} ms after it was opened", told)
        expect(found.get("reason") == Reason.MAX_AGE, f"{name}: the reason max_age", found.get("reason"))
        ages_ms.append(number(found.get("closed_ms"), "closed_ms") - number(found.get("opened_ms"), "opened_ms"))
        in_time = max_age_ms * EARLY <= ages_ms[-1] <= late_ms(max_age_ms)
        expect_in_time(in_time, f"{name}: closed {max_age_ms} ms after it was opened", f"after {ages_ms[-1]:.0f} ms")
        expect_in_time(ending is not Ending.OPEN, f"{name}: the connection is closed too", "it stays open")
        expect(ending is not Ending.COMPLETE, f"{name}: an incomplete message", "one that ends as a whole does")
    return {"closed_after_ms": max(ages_ms)}


@load_max_age.mutant(also_breaks={"load-max-age-retry": "it cuts no stream for its age, so it tells no client"})
class NeverGrowsOld(ControlServer):
    def on_max_age(self, stream: Stream) -> None:
        pass


@load_max_age.mutant(also_breaks={"load-max-age-retry": "an event stream that is complete is told nothing before"})
class CompletesOldStreams(ControlServer):
    def on_max_age(self, stream: Stream) -> None:
        if stream.record.reason is None:
            stream.connection.write(self.last_chunk())
            self.complete(stream, Reason.MAX_AGE)
            self.cancel_producer(stream)


@load_max_age.mutant()
class CutsStreamsAtHalfTheirAge(ControlServer):
    def open_stream(self, stream: Stream) -> None:
        super().open_stream(stream)
        if stream.age_timer is not None:
            stream.age_timer.cancel()
        loop = asyncio.get_running_loop()
        stream.age_timer = loop.call_later(self.limits.max_age_ms / 2_000, self.on_max_age, stream)


@load_max_age.mutant()
class TakesOldStreamsForGone(ControlServer):
    def close_record(self, stream: Stream, reason: Reason) -> None:
        super().close_record(stream, Reason.DISCONNECTED if reason is Reason.MAX_AGE else reason)


@requirement("load-max-age-retry", SHOULD, html("reestablish-the-connection"), age.open_for_max_age)
def load_max_age_retry(trace: Trace) -> Figures:
    """An event stream cut for its age has sent `retry`, so long before its end that a busy browser has read it."""
    reading_ms = []
    for name in age.EVENTS:
        response = streamed(trace, name)
        expect_in_time(response.ending is not Ending.OPEN, f"{name}: cut", "open still: see load-max-age")
        decoder = EventStreamDecoder()
        decoder.feed(response.body)
        expect_in_time(decoder.retry_ms is not None, f"{name}: a retry field", f"none; the stream is {response.ending}")
        reading_ms.append((response.ended_at_s - response.chunks[-1].at_s) * 1000)
    wanted = f"{RETRY_BUDGET_MS:g} ms from `retry` to the end"
    # Every stream: to see an end late is to see more time than there was.
    expect_in_time(min(reading_ms) >= RETRY_BUDGET_MS, wanted, f"{min(reading_ms):.1f} ms")
    return {"reading_ms": min(reading_ms)}


@load_max_age_retry.mutant()
class SaysNothingToOldStreams(ControlServer):
    def on_max_age(self, stream: Stream) -> None:
        if stream.record.reason is None:
            self.cut(stream, Reason.MAX_AGE)
            self.close_record(stream, Reason.MAX_AGE)
            self.cancel_producer(stream)


@load_max_age_retry.mutant()
class BreaksOffBehindRetry(ControlServer):
    reading_s = 0.0
