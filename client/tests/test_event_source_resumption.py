"""Ten thousand events over connections that do not last: each comes once, in order, over every shell at once."""

from __future__ import annotations

import json
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from tests.servers import ControlServer, CuttingProxy, control_server
from tests.shells import SHELLS, Body, Session, run_side_by_side

from streamspec_client.reconnection import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

COUNT = 10_000
KILLS = 5
MARKS = [COUNT * kill // (KILLS + 1) for kill in range(1, KILLS + 1)]

# Half a megabyte of response: about seventeen connections, some of them cut before their first event.
LONGEST_BYTES = 60_000


@pytest.fixture
def control() -> Iterator[ControlServer]:
    with control_server() as server:
        yield server


def reads_all(url: str, passed: Callable[[int], object] = lambda _: None) -> Body:
    async def read(session: Session) -> None:
        numbers = []
        async with session.events(url) as events:
            async for event in events:
                numbers.append(json.loads(event.data).get("n"))
                passed(len(numbers))
        assert events.outcome is Outcome.COMPLETE
        assert numbers == [*range(1, COUNT + 1), None]

    return read


def test_every_event_comes_once_although_the_server_is_killed_five_times(control: ControlServer) -> None:
    """Events are a millisecond apart, so that a kill meets every client in the middle of its stream."""
    everyone_passed = threading.Barrier(len(SHELLS), action=control.kill)
    everyone_knows = threading.Barrier(len(SHELLS), action=lambda: threading.Thread(target=control.start).start())
    kills = []

    def passed(count: int) -> None:
        if count in MARKS:
            everyone_passed.wait(20)
            kills.append(count)
            everyone_knows.wait(20)

    run_side_by_side([(name, reads_all(f"{control.url}/sse?count={COUNT}&interval_ms=1", passed)) for name in SHELLS])
    assert sorted(kills) == sorted(MARKS * len(SHELLS))


def test_every_event_comes_once_although_connections_are_cut_at_random_bytes(control: ControlServer) -> None:
    with ExitStack() as stack:
        proxies = {
            name: stack.enter_context(CuttingProxy(control.port, seed, LONGEST_BYTES))
            for seed, name in enumerate(SHELLS)
        }
        run_side_by_side(
            [(name, reads_all(f"{proxy.url}/sse?count={COUNT}&interval_ms=0")) for name, proxy in proxies.items()]
        )
    assert all(proxy.cuts >= 5 for proxy in proxies.values())
