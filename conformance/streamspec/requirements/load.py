"""Load: many streams at once keep their pace, one more than may be is refused, and nobody starves the others."""

from __future__ import annotations

import asyncio
import re
from email.message import Message
from statistics import median, quantiles
from typing import TYPE_CHECKING

from streamspec.contract import LATENESS_BUDGET_MS, PACE_BUDGET, STATUS_BUDGET_MS, Level, contract, rfc
from streamspec.control import ControlServer
from streamspec.control.problem import Problem
from streamspec.dispatches import dispatched
from streamspec.exchanges import load
from streamspec.judging import (
    answered,
    completed,
    expect,
    expect_in_time,
    json_object,
    number,
    numbers,
    server_clock_offset_s,
    state,
    streamed,
)
from streamspec.requirement import Figures, NotObserved, requirement
from streamspec.requirements.disconnect import is_settled
from streamspec_client.trace import Ending

if TYPE_CHECKING:
    from streamspec.control import Item, Request, Stream
    from streamspec.control.connection import Connection
    from streamspec_client.trace import Response, Trace

MUST = Level.MUST


def _in_crowd(trace: Trace, name: str) -> Response:
    """One stream of the crowd. NotObserved where the server has not so many slots."""
    response = trace.conversation(name).response
    if response is not None and response.status == 503:
        raise NotObserved(f"the server refuses some of {load.CROWD} streams: raise its STREAMSPEC_MAX_STREAMS")
    return completed(trace, name)


def _item_ends(name: str, body: bytes) -> list[int]:
    """How many bytes of the body bring each item."""
    if name.startswith("text"):
        return [match.end() for match in re.finditer(rb"\n", body)]
    return [made.end for made in dispatched(body)]


def _produced_ms(trace: Trace, name: str) -> list[float]:
    """When the items of a stream were produced, on the server's clock."""
    produced_ms = numbers(state(trace, f"state-{name}").get("produced_ms"), "produced_ms")
    expect(len(produced_ms) == load.CROWD_ITEMS, f"{name}: {load.CROWD_ITEMS} items produced", len(produced_ms))
    return produced_ms


def _late_ms(trace: Trace, name: str, offset_s: float) -> list[float]:
    """How late each item of a stream arrived after it was produced."""
    response = _in_crowd(trace, name)
    ends = _item_ends(name, response.body)
    expect(len(ends) >= load.CROWD_ITEMS, f"{name}: {load.CROWD_ITEMS} items", len(ends))
    pairs = zip(ends, _produced_ms(trace, name), strict=False)
    return [(response.arrival_s(end) - offset_s) * 1000 - at_ms for end, at_ms in pairs]


@requirement("load-concurrent", MUST, contract("Schedule"), load.crowded)
def load_concurrent(trace: Trace) -> Figures:
    """Each of 200 streams with 20 items a second keeps its pace: median lateness and length are in their budgets."""
    names = [load.crowd_name(index) for index in range(load.CROWD)]
    for name in names:
        _in_crowd(trace, name)
    offset_s = server_clock_offset_s(trace)
    late_ms = {name: _late_ms(trace, name, offset_s) for name in names}
    latest = max(names, key=lambda name: median(late_ms[name]))
    median_ms = median(late_ms[latest])
    expect_in_time(
        median_ms <= LATENESS_BUDGET_MS,
        f"a median lateness of {LATENESS_BUDGET_MS:g} ms of each stream",
        f"{median_ms:.1f} ms of {latest}",
        by_ms=median_ms - LATENESS_BUDGET_MS,
    )
    took_ms = {name: _produced_ms(trace, name)[-1] - _produced_ms(trace, name)[0] for name in names}
    slowest = max(names, key=lambda name: took_ms[name])
    most_ms = PACE_BUDGET * (load.CROWD_ITEMS - 1) * load.CROWD_INTERVAL_MS
    expect_in_time(
        took_ms[slowest] <= most_ms,
        f"{load.CROWD_ITEMS} items of each stream produced within {most_ms:g} ms",
        f"{took_ms[slowest]:.0f} ms of {slowest}",
        by_ms=took_ms[slowest] - most_ms,
    )
    p99_ms = quantiles([one for of_stream in late_ms.values() for one in of_stream], n=100)[-1]
    return {"lateness_median_ms": median_ms, "lateness_p99_ms": p99_ms}


@load_concurrent.mutant()
class SlowsDownInACrowd(ControlServer):
    async def flush(self, stream: Stream) -> None:
        if len(self.live) > load.CROWD / 4 and not stream.ending:
            await asyncio.sleep(0.1)
        await super().flush(stream)


@load_concurrent.mutant()
class PlaysAHundredAtATime(ControlServer):
    turn = asyncio.Semaphore(100)

    async def wait_for(self, stream: Stream, item: Item, previous_s: float) -> float:
        if item.after_ms != load.CROWD_INTERVAL_MS:
            return await super().wait_for(stream, item, previous_s)
        async with self.turn:
            await asyncio.sleep(item.after_ms / 1000)
        stream.awake_since_s = asyncio.get_running_loop().time()
        return stream.awake_since_s


def _expect_prompt_status(trace: Trace, beside: str) -> Figures:
    """The longest that any request for the totals took."""
    expected = f"an answer of /streams within {STATUS_BUDGET_MS:g} ms beside {beside}"
    took_ms = []
    for index in range(1, load.STATUS_REQUESTS + 1):
        response = answered(trace, load.status_name(index))
        expect_in_time(response.ending is not Ending.OPEN, expected, "none")
        expect(response.status == 200, expected, f"status {response.status}")
        took_ms.append((response.ended_at_s - trace.conversation(load.status_name(index)).sent[0].at_s) * 1000)
        # The exchange ends with the first that is not answered, so this comes before the next is missed.
        over_ms = took_ms[-1] - STATUS_BUDGET_MS
        expect_in_time(over_ms <= 0, expected, f"after {took_ms[-1]:.0f} ms", by_ms=over_ms)
    return {"status_max_ms": max(took_ms)}


@requirement("load-status-responsive", MUST, contract("Ledger"), load.crowded)
def load_status_responsive(trace: Trace) -> Figures:
    """Beside 200 streams `/streams` answers within its budget, and in the end it has counted every one of them."""
    for index in range(load.CROWD):
        _in_crowd(trace, load.crowd_name(index))
    figures = _expect_prompt_status(trace, f"{load.CROWD} streams")
    before, after = (json_object(trace.answers_named(name)[-1]) for name in ("before", "totals"))
    for name in ("opened", "cleaned"):
        more = number(after.get(name), name) - number(before.get(name), name)
        expect_in_time(more >= load.CROWD, f"{load.CROWD} more {name}", f"{more:g}")
    return figures


@load_status_responsive.mutant()
class AnswersLateInACrowd(ControlServer):
    def get_totals(self, connection: Connection, request: Request) -> None:
        if len(self.live) > load.CROWD / 4:
            asyncio.get_running_loop().call_later(1.0, super().get_totals, connection, request)
        else:
            super().get_totals(connection, request)


@load_status_responsive.mutant()
class CountsNoMoreThanAHundredAtOnce(ControlServer):
    def totals(self) -> dict[str, object]:
        counted = super().totals()
        return {**counted, "opened": min(self.ledger.opened, 100)}


@requirement("load-fair", MUST, contract("Flow control"), load.tight_beside_status)
def load_fair(trace: Trace) -> Figures:
    """A producer that always has an item ready starves nobody: `/streams` answers within its budget."""
    streamed(trace, "tight")
    return _expect_prompt_status(trace, "a producer that never waits")


@load_fair.mutant()
class LetsATightProducerStarveOthers(ControlServer):
    checkpoint_s = 2.0


def _expect_slots(trace: Trace) -> None:
    """Each stream that may be open is."""
    for name in load.SLOTS:
        status = answered(trace, name).status
        expect(status != 503, f"{load.MAX_STREAMS} streams, as STREAMSPEC_MAX_STREAMS says", f"{status} for {name}")
        streamed(trace, name)


@requirement("load-limit", MUST, rfc(9110, "15.6.4"), load.filled)
def load_limit(trace: Trace) -> None:
    """Beyond max_streams a stream is refused with 503, Retry-After in seconds, and a problem."""
    _expect_slots(trace)
    for name in (*load.BEYOND, load.BEYOND_AGAIN):
        response = answered(trace, name)
        expect(response.status == 503, f"{name}: 503", response.status)
        retry_after = response.value("retry-after")
        expect(re.fullmatch("[0-9]+", retry_after or "") is not None, f"{name}: Retry-After in seconds", retry_after)
        media_type = Message()
        media_type["content-type"] = response.value("content-type") or ""
        is_problem = media_type.get_content_type() == "application/problem+json"
        expect(is_problem, f"{name}: application/problem+json", response.value("content-type"))


@load_limit.mutant()
class HasNoLimit(ControlServer):
    def limit_reached(self) -> bool:
        return False


@load_limit.mutant()
class NamesNoTimeToRetry(ControlServer):
    def unavailable(self) -> Problem:
        return Problem(503, "try again later")


@requirement("load-limit-freed", MUST, contract("Limits"), load.filled)
def load_limit_freed(trace: Trace) -> None:
    """A slot is free for another stream as soon as the one that had it is closed and cleaned up."""
    _expect_slots(trace)
    made_room = dict(zip(("left", "completed"), load.MADE_ROOM, strict=True))
    settled = [before for before in made_room if is_settled(state(trace, before))]
    if not settled:
        raise NotObserved("neither the stream that was left nor the one that completed was cleaned up")
    for before in settled:
        after = made_room[before]
        status = answered(trace, after).status
        # Late, because servers with several threads may tell that it is cleaned a moment before they free the slot.
        expect_in_time(status != 503, f"a stream opens when one that was {before} is cleaned up", status)
        streamed(trace, after)


@load_limit_freed.mutant()
class FreesSlotsLate(ControlServer):
    def free_slot(self, stream: Stream) -> None:
        wait_s = 10.0 if self.limit_reached() else 0.0
        asyncio.get_running_loop().call_later(wait_s, super().free_slot, stream)
