"""Chunks in time: items arrive when they are produced, and are produced when they are due."""

from __future__ import annotations

import asyncio
from statistics import median
from typing import TYPE_CHECKING

from streamspec.contract import (
    DEMO_COUNT,
    DEMO_INTERVAL_MS,
    DRIFT_BUDGET_MS,
    FIRST_BYTE_BUDGET_MS,
    LATENESS_BUDGET_MS,
    Level,
    contract,
)
from streamspec.control import ControlServer, Item, Stream
from streamspec.exchanges import chunks
from streamspec.judging import (
    completed,
    expect,
    expect_body,
    expect_in_time,
    numbers,
    server_clock_offset_s,
    state,
    streamed,
)
from streamspec.requirement import Figures, requirement
from streamspec_client.trace import NEVER_S

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamspec_client.trace import Trace

MUST, SHOULD = Level.MUST, Level.SHOULD


def _arrivals_s(trace: Trace, count: int) -> list[float]:
    """When each item of `GET /stream?count=…` was there, on the trace's clock."""
    response = completed(trace)
    expect_body(response.body, chunks.get_body(count))
    ends = [len(chunks.get_body(number)) - len(b"done\n") for number in range(1, count + 1)]
    return [response.arrival_s(end) for end in ends]


@requirement("chunks-pacing", MUST, contract("Schedule"), chunks.paced)
def chunks_pacing(trace: Trace) -> Figures:
    """Scheduled items arrive when they are produced: the median lateness stays under the budget."""
    arrivals_s = _arrivals_s(trace, chunks.PACED_COUNT)
    produced_ms = numbers(state(trace).get("produced_ms"), "produced_ms")
    expect(len(produced_ms) == len(arrivals_s), f"{len(arrivals_s)} items produced", len(produced_ms))
    offset_s = server_clock_offset_s(trace)
    late_ms = [(at_s - offset_s) * 1000 - at_ms for at_s, at_ms in zip(arrivals_s, produced_ms, strict=True)]
    median_ms = median(late_ms)
    wanted, over_ms = f"a median lateness of {LATENESS_BUDGET_MS:g} ms", median_ms - LATENESS_BUDGET_MS
    expect_in_time(over_ms <= 0, wanted, f"{median_ms:.1f} ms", by_ms=over_ms)
    return {"lateness_median_ms": median_ms, "lateness_max_ms": max(late_ms)}


@chunks_pacing.mutant(also_breaks={"load-concurrent": "its streams are demos, too"})
class FlushesEvery100Milliseconds(ControlServer):
    async def send_item(self, stream: Stream, item: Item) -> None:
        if not stream.script.demo:
            await super().send_item(stream, item)
            return
        if not stream.unsent:
            asyncio.get_running_loop().call_later(0.1, self.write_unsent, stream)
        self.put(stream, self.encode_item(stream, item))


@requirement("chunks-no-drift", SHOULD, contract("Schedule"), chunks.scheduled)
def chunks_no_drift(trace: Trace) -> Figures:
    """The schedule does not drift: item n is due n intervals after the first."""
    completed(trace)
    produced_ms = numbers(state(trace).get("produced_ms"), "produced_ms")
    expect(len(produced_ms) == chunks.SCHEDULED_COUNT, f"{chunks.SCHEDULED_COUNT} items produced", len(produced_ms))
    behind_ms = [at_ms - index * chunks.SCHEDULED_INTERVAL_MS for index, at_ms in enumerate(produced_ms)]
    tenth = len(behind_ms) // 10
    drift_ms = min(behind_ms[-tenth:]) - min(
        behind_ms[:tenth]
    )  # noise only adds, so the least lateness is the schedule's
    wanted, over_ms = f"at most {DRIFT_BUDGET_MS:g} ms behind schedule", drift_ms - DRIFT_BUDGET_MS
    expect_in_time(over_ms <= 0, wanted, f"{drift_ms:.1f} ms", by_ms=over_ms)
    return {"drift_ms": drift_ms}


@chunks_no_drift.mutant()
class CountsFromWhenTheItemBeforeWasSent(ControlServer):
    def due_at(self, previous_s: float, after_ms: int) -> float:
        return asyncio.get_running_loop().time() + after_ms / 1000


@requirement("chunks-first-byte", SHOULD, contract("Schedule"), chunks.first_bytes)
def chunks_first_byte(trace: Trace) -> Figures:
    """The first byte of a stream that has an item at once comes within the budget."""
    responses = trace.conversation("stream").responses
    expect_in_time(bool(responses), "a response", "none")
    took_ms = []
    for asked, response in zip(trace.marks_named("asked"), responses, strict=False):
        arrival_s = response.arrival_s(1)
        expect_in_time(arrival_s < NEVER_S, "a first item", "none")
        took_ms.append((arrival_s - asked.at_s) * 1000)
    median_ms = median(took_ms)
    over_ms = median_ms - FIRST_BYTE_BUDGET_MS
    expect_in_time(over_ms <= 0, f"{FIRST_BYTE_BUDGET_MS:g} ms", f"{median_ms:.1f} ms", by_ms=over_ms)
    return {"first_byte_median_ms": median_ms}


@chunks_first_byte.mutant()
class LeavesNagleOn(ControlServer):
    tcp_nodelay = False


@chunks_first_byte.mutant()
class ThinksFirst(ControlServer):
    async def before_head(self, stream: Stream) -> None:
        await asyncio.sleep(0.1)


@requirement("chunks-default-demo", MUST, contract("Resources"), chunks.demo)
def chunks_default_demo(trace: Trace) -> None:
    """GET /stream without parameters is the demo: 20 chunks, 0.3 s apart, then done."""
    expect_body(completed(trace, "fast").body, chunks.get_body(DEMO_COUNT))
    bare = streamed(trace, "bare")
    ends = [len(chunks.get_body(number)) - len(b"done\n") for number in range(1, chunks.DEMO_ITEMS_AWAITED + 1)]
    expect_in_time(bare.arrival_s(ends[-1]) < NEVER_S, f"{len(ends)} chunks", f"{len(bare.body)} bytes")
    expect_body(bare.body[: ends[-1]], chunks.get_body(len(ends))[: ends[-1]])
    took_ms = (bare.arrival_s(ends[-1]) - bare.arrival_s(ends[0])) * 1000
    wanted_ms = DEMO_INTERVAL_MS * (len(ends) - 1)
    on_time = abs(took_ms - wanted_ms) <= DEMO_INTERVAL_MS / 3
    expect_in_time(on_time, f"chunk 3 {wanted_ms} ms after chunk 1", f"{took_ms:.0f} ms")


@chunks_default_demo.mutant()
class DefaultsToTenChunks(ControlServer):
    def query_number(self, query: Mapping[str, str], name: str, default: int) -> int:
        return super().query_number(query, name, 10 if name == "count" else default)
