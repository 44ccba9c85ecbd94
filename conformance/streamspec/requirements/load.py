"""Load: many streams at once keep their pace, one more than may be is refused, and nobody starves the others."""

from __future__ import annotations

import asyncio
import re
from email.message import Message
from statistics import median, quantiles
from typing import TYPE_CHECKING

from streamspec.contract import LATENESS_BUDGET_MS, STATUS_BUDGET_MS, Level, contract, rfc
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
from streamspec.requirement import Figures, Late, NotObserved, requirement
from streamspec_client.trace import NEVER_S

if TYPE_CHECKING:
    from streamspec.control import Request, Stream
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


def _late_ms(trace: Trace, name: str, offset_s: float) -> list[float]:
    """How late each item of a stream arrived after it was due."""
    response = _in_crowd(trace, name)
    produced_ms = numbers(state(trace, f"state-{name}").get("produced_ms"), "produced_ms")
    ends = _item_ends(name, response.body)[: load.CROWD_ITEMS]
    expect(min(len(produced_ms), len(ends)) > load.CROWD_ITEMS / 2, f"{name}: {load.CROWD_ITEMS} items", len(ends))
    # Noise only adds, so the item that was produced earliest on its schedule tells when that began.
    began_ms = min(at_ms - index * load.CROWD_INTERVAL_MS for index, at_ms in enumerate(produced_ms))
    return [
        (response.arrival_s(end) - offset_s) * 1000 - began_ms - index * load.CROWD_INTERVAL_MS
        for index, end in enumerate(ends)
    ]


@requirement("load-concurrent", MUST, contract("Schedule"), load.crowded)
def load_concurrent(trace: Trace) -> Figures:
    """Each of 200 streams with 20 items a second keeps its schedule: its median lateness stays under the budget."""
    names = [load.crowd_name(index) for index in range(load.CROWD)]
    for name in names:
        _in_crowd(trace, name)
    offset_s = server_clock_offset_s(trace)
    late_ms = {name: _late_ms(trace, name, offset_s) for name in names}
    worst = max(names, key=lambda name: median(late_ms[name]))
    median_ms = median(late_ms[worst])
    expect_in_time(
        median_ms <= LATENESS_BUDGET_MS,
        f"a median lateness of {LATENESS_BUDGET_MS:g} ms of each stream",
        f"{median_ms:.1f} ms of {worst}",
    )
    p99_ms = quantiles([one for of_stream in late_ms.values() for one in of_stream], n=100)[-1]
    return {"lateness_median_ms": median_ms, "lateness_p99_ms": p99_ms}


@load_concurrent.mutant()
class SlowsDownInACrowd(ControlServer):
    async def flush(self, stream: Stream) -> None:
        if len(self.live) > load.CROWD / 2 and not stream.ending:
            await asyncio.sleep(0.1)
        await super().flush(stream)


def _status_ms(trace: Trace) -> list[float]:
    """How long each request for the totals took. Late where one was not answered."""
    responses = trace.conversation("status").responses
    took_ms = []
    for index, asked in enumerate(trace.marks_named("asked")):
        if index >= len(responses) or responses[index].ended_at_s >= NEVER_S:
            raise Late(expected=f"an answer of /streams within {STATUS_BUDGET_MS:g} ms", actual="none")
        expect(responses[index].status == 200, "/streams answers 200", responses[index].status)
        took_ms.append((responses[index].ended_at_s - asked.at_s) * 1000)
    return took_ms


def _expect_prompt_status(trace: Trace, beside: str) -> Figures:
    max_ms = max(_status_ms(trace))
    expect_in_time(
        max_ms <= STATUS_BUDGET_MS, f"/streams within {STATUS_BUDGET_MS:g} ms beside {beside}", f"{max_ms:.0f} ms"
    )
    return {"status_max_ms": max_ms}


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
        if len(self.live) > load.CROWD / 2:
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
    for before, after in zip(("left", "completed"), load.MADE_ROOM, strict=True):
        found = state(trace, before)
        if found.get("state") != "closed" or found.get("cleaned") is not True:
            raise NotObserved(f"the stream that was {before} was not cleaned up: see disconnect-fin-idle")
        status = answered(trace, after).status
        # Late, because servers with several threads may tell that it is cleaned a moment before they free the slot.
        expect_in_time(status != 503, f"a stream opens when one that was {before} is cleaned up", status)
        streamed(trace, after)


@load_limit_freed.mutant()
class FreesSlotsLate(ControlServer):
    def free_slot(self, stream: Stream) -> None:
        wait_s = 10.0 if self.limit_reached() else 0.0
        asyncio.get_running_loop().call_later(wait_s, super().free_slot, stream)
