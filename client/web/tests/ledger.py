"""What a server says of its streams, asked for directly: the other side of what the page shows."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from urllib.request import Request, urlopen

from web.tests.board import DEADLINE_S


@dataclass(frozen=True, slots=True)
class State:
    """The members of `GET /streams/{token}` that tests look at."""

    state: str
    reason: str | None
    items_produced: int
    closed_ms: float | None
    cleaned: bool
    now_ms: float


def state(url: str, *, until_closed: bool = False) -> State:
    """The state of the stream with that URL in the ledger, now or when it is over."""
    wait_ms = int(DEADLINE_S * 1_000) if until_closed else 0
    with urlopen(f"{url}?wait_ms={wait_ms}", timeout=2 * DEADLINE_S) as answer:  # noqa: S310 - it is http
        told = json.load(answer)
    return State(**{name: told[name] for name in State.__dataclass_fields__})


def release(url: str) -> None:
    """Open the next gate of that stream."""
    request = Request(f"{url}/release", b'{"items": 1}', {"Content-Type": "application/json"})  # noqa: S310
    with urlopen(request, timeout=DEADLINE_S):  # noqa: S310
        pass


def totals(base: str) -> dict[str, int]:
    """The totals of a server."""
    with urlopen(f"{base}/streams", timeout=DEADLINE_S) as answer:  # noqa: S310
        told: dict[str, int] = json.load(answer)
    return told


def wait_for_open(base: str, count: int) -> float:
    """The time at which the server was seen to have so many streams open."""
    deadline_s = time.monotonic() + DEADLINE_S
    while totals(base)["open"] != count:
        assert time.monotonic() < deadline_s, f"{base} never had {count} streams open: {totals(base)}"
    return time.time()


def server_clock_offset_ms(url: str) -> float:
    """What to add to the server's clock to get this machine's time of day, from the quickest of a few answers."""
    answers = []
    for _ in range(5):
        asked_ms = time.time() * 1_000
        now_ms = state(url).now_ms
        answered_ms = time.time() * 1_000
        answers.append((answered_ms - asked_ms, (asked_ms + answered_ms) / 2 - now_ms))
    return min(answers)[1]
