"""A script: which items a stream produces, when, and how it ends. Whatever asks for one becomes this.

Values only: nothing here reads a request (`request.py`) or a clock (`player.py`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """What a stream is made of."""

    TEXT = "text"
    EVENTS = "events"


class End(StrEnum):
    """How a script ends, after its last item."""

    COMPLETE = "complete"
    FAIL = "fail"
    HANG = "hang"


class Item(NamedTuple):
    """One thing to produce: its bytes as they go into the body, and how many of them are the script's own."""

    gate: bool
    after_ms: int
    body: bytes
    payload_bytes: int


class Range(NamedTuple):
    """Allowed integers, both ends included."""

    low: int
    high: int

    def __contains__(self, number: object) -> bool:
        return isinstance(number, int) and self.low <= number <= self.high

    def __str__(self) -> str:
        return f"an integer from {self.low} to {self.high}"


_DELAY = Range(0, 60_000)

# The numbers a caller may give, in a query or in a body.
RANGES = {
    "count": Range(0, 100_000),
    "interval_ms": _DELAY,
    "first_delay_ms": _DELAY,
    "after_ms": _DELAY,
    "wait_ms": _DELAY,
    "cleanup_ms": _DELAY,
    "keepalive_ms": Range(10, 3_600_000),
    "size": Range(0, 67_108_864),
    "repeat": Range(1, 1_000_000),
    "retry": Range(0, 2**31 - 1),
    "items": Range(1, 1_000_000),
}
TOKEN_PATTERN = "[A-Za-z0-9_-]{1,64}"  # noqa: S105 - the syntax of a stream's name


@dataclass(frozen=True, slots=True)
class Script:
    """What one stream plays. `items` is read once; `ending` follows the last of them when the stream completes."""

    kind: Kind
    items: Iterator[Item]
    ending: bytes = b""
    token: str | None = None
    end: End = End.COMPLETE
    fail_before_start: bool = False
    keepalive_ms: int = 15_000
    cleanup_ms: int = 0
