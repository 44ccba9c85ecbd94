"""The four implementations for longer and with more streams than a check takes time for.

By default each goes on just long enough to be run at all; STREAMSPEC_ENDURANCE=full gives it its length, which takes
minutes. Figures are printed: `pytest -rP` shows them.
"""

from __future__ import annotations

import json
import os
import re
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

import pytest

from streamspec.contract import FLOW_BUDGET_BYTES, LATENESS_BUDGET_MS
from streamspec.exchanges.disconnect import HELLO, IDLE, KINDS, STALLED_RECEIVE_BUFFER, await_rest
from streamspec.exchanges.flow import STRIPE_BYTES
from streamspec.exchanges.recorder import Recorder
from streamspec.exchanges.shutdown import ACTIVE_ITEMS, ACTIVE_MS, GONE_WITHIN_MS, LAUNCH, Shutdown
from streamspec.implementation import read_implementation
from streamspec.requirements.shutdown import EXIT_CODES
from streamspec.target import running
from streamspec_client.http1_probe import Http1Connection
from streamspec_client.probe import Clock, Leaving
from streamspec_client.trace import Ending

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from streamspec.target import Target

IMPLS = Path(__file__).parents[2] / "impls"
PROMPT_S = 10.0


class Length(NamedTuple):
    """How much is done."""

    resets: int
    resets_before_rss: int
    of_each_kind: int
    neighbours: int
    stall_s: float


SHORT = Length(resets=300, resets_before_rss=100, of_each_kind=10, neighbours=20, stall_s=1.0)
FULL = Length(resets=10_000, resets_before_rss=1_000, of_each_kind=50, neighbours=100, stall_s=30.0)
LENGTH = FULL if os.environ.get("STREAMSPEC_ENDURANCE") == "full" else SHORT

MOST_GROWTH_BYTES = 5_000_000

ROUND_MS = 200
"""From one round of the neighbours to the next: a poll that waits for the stalled stream, which does not end."""

LONG_TIMEOUT = {"STREAMSPEC_SEND_TIMEOUT_MS": "120000"}
"""Beyond the stall, so that its stream stays."""

MEMORY_IS_TOLD = Path("/proc/self/status").exists()

each_implementation = pytest.mark.parametrize("name", ["starlette", "fastapi", "aiohttp", "quart"])


@contextmanager
def recorder(name: str, env: Mapping[str, str]) -> Iterator[Recorder]:
    """For an implementation that was launched with that environment besides."""
    implementation = read_implementation(IMPLS / name / "impl.toml")
    with running(implementation, env) as target, Recorder(target, "endurance") as made:
        yield made


def resident_bytes(target: Target) -> int:
    """What the server's process has in memory now; 0 where the system does not tell."""
    if not MEMORY_IS_TOLD or target.process is None:
        return 0
    found = re.search(r"^VmRSS:\s+(\d+) kB$", Path(f"/proc/{target.process.pid}/status").read_text(), re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


@each_implementation
def test_streams_opened_and_reset_in_a_row_leave_nothing_behind(name: str) -> None:
    with recorder(name, {}) as made:
        clock, token, before = Clock.start(), "", 0
        for number in range(LENGTH.resets):
            if number == LENGTH.resets_before_rss:
                before = resident_bytes(made.target)
            token = made.token()
            path = f"{tuple(KINDS.values())[number % 2]}?{IDLE}&token={token}"
            # Not one of the recorder's, which keeps what it records: ten thousand are none of the server's memory.
            with Http1Connection("reset", made.target.host, made.target.port, clock) as stream:
                stream.request("GET", path)
                assert stream.wait_head(PROMPT_S), f"stream {number} was not opened"
                stream.leave(Leaving.RST)
        made.state(token, wait_ms=int(PROMPT_S * 1000))
        growth = resident_bytes(made.target) - before
        totals = made.totals()
        after = made.get("/stream?count=1&interval_ms=0", name="after")
        after.wait_complete(1, PROMPT_S)
    print(f"{name}: {LENGTH.resets} streams, grown by {growth / 1e6:.1f} MB")
    assert (totals["opened"], totals["cleaned"], totals["open"]) == (LENGTH.resets, LENGTH.resets, 0)
    assert growth < MOST_GROWTH_BYTES
    assert after.response is not None
    assert after.response.ending is Ending.COMPLETE


@each_implementation
def test_a_process_that_is_terminated_with_many_streams_goes_in_time(name: str) -> None:
    names = []
    with recorder(name, LAUNCH) as made:
        shutdown = Shutdown(made)
        for number in range(LENGTH.of_each_kind):
            kind = tuple(KINDS)[number % 2]
            names += [f"{kind}-idle-{number}", f"{kind}-active-{number}"]
            assert shutdown.open(names[-2], kind, [HELLO[kind]], end="hang")
            item = {**HELLO[kind], "after_ms": ACTIVE_MS}
            assert shutdown.open(names[-1], kind, [item], repeat=ACTIVE_ITEMS)
        shutdown.terminate()
        trace = made.trace()
    (terminated,), (exited,) = trace.marks_named("terminated"), trace.marks_named("exited")
    took_ms = (exited.at_s - terminated.at_s) * 1000
    print(f"{name}: {len(names)} streams, gone after {took_ms:.0f} ms")
    assert took_ms <= GONE_WITHIN_MS
    assert exited.value in EXIT_CODES
    for one in names:
        response, told = (trace.conversation(found).response for found in (one, f"state-{one}"))
        assert response is not None
        assert response.ending in {Ending.TRUNCATED, Ending.RESET}
        assert told is not None, f"{one}: nobody tells of its clean-up"
        state = json.loads(told.body)
        assert (state["reason"], state["cleaned"], state["cleanups"]) == ("shutdown", True, 1)


@each_implementation
def test_a_reader_that_stalls_holds_up_none_of_many_beside_it(name: str) -> None:
    with recorder(name, LONG_TIMEOUT) as made:
        stalled = made.token()
        made.post(
            "/stream", [{"size": STRIPE_BYTES}], token=stalled, name="stalled", repeat=1_000_000,
            receive_buffer=STALLED_RECEIVE_BUFFER,
        )  # fmt: skip
        await_rest(made, stalled)
        neighbours = {}
        for number in range(LENGTH.neighbours):
            token, kind = made.token(), tuple(KINDS)[number % 2]
            items = [{**HELLO[kind], "gate": True}]
            stream = made.post(KINDS[kind], items, token=token, name=f"{kind}-{number}", repeat=1_000_000)
            assert stream.wait_head(PROMPT_S)
            neighbours[token] = stream
        late_ms: dict[str, list[float]] = {stream.name: [] for stream in neighbours.values()}
        clock = Clock.start()
        while clock.now_s() < LENGTH.stall_s:
            for token, stream in neighbours.items():
                size, asked_s = stream.body_size, clock.now_s()
                made.release(token)
                assert stream.wait_body(size + 1, PROMPT_S), f"{stream.name} stalls, too"
                late_ms[stream.name].append((clock.now_s() - asked_s) * 1000)
            state = made.state(stalled, wait_ms=ROUND_MS)
    slowest_ms = max(median(of_stream) for of_stream in late_ms.values())
    latest_ms = max(max(of_stream) for of_stream in late_ms.values())
    print(
        f"{name}: {state['bytes_produced']} bytes produced, slowest {slowest_ms:.1f} ms, latest item {latest_ms:.1f} ms"
    )
    assert state["state"] == "open"
    assert isinstance(state["bytes_produced"], int)
    assert state["bytes_produced"] <= FLOW_BUDGET_BYTES
    assert slowest_ms <= LATENESS_BUDGET_MS
