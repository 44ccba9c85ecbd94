"""What became of every stream: the records behind `/streams`, bounded; no socket, no clock.

Rule: a record is closed once (the first reason stays), cleaned once; the oldest finished record is forgotten first.
"""

from __future__ import annotations

import asyncio
import os
from array import array
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_RECORDS = 10_000
MAX_TIMES = 1_000


class Reason(StrEnum):
    """Why a stream is closed."""

    COMPLETED = "completed"
    DISCONNECTED = "disconnected"
    FAILED = "failed"
    SLOW_CLIENT = "slow_client"
    MAX_AGE = "max_age"
    SHUTDOWN = "shutdown"


class Gates:
    """The gates of one stream: those opened early stay open."""

    def __init__(self) -> None:
        self._open = 0
        self._opened = asyncio.Event()

    def release(self, items: int) -> None:
        """Opens that many more."""
        self._open += items
        self._opened.set()

    def pass_one(self) -> bool:
        """Goes through a gate if one is open."""
        if self._open == 0:
            return False
        self._open -= 1
        return True

    async def wait(self) -> None:
        """Returns when a gate has been opened since the last wait; whether one is open still, `pass_one` says."""
        await self._opened.wait()
        self._opened.clear()


@dataclass(slots=True, eq=False)
class Record:
    """One stream, as `GET /streams/{token}` tells it. Times are of one monotonic clock, in ms."""

    token: str
    opened_ms: float
    closed_ms: float | None = None
    reason: Reason | None = None
    items_produced: int = 0
    bytes_produced: int = 0
    cleanups: int = 0
    cleaned: bool = False
    waiting: set[Callable[[], None]] = field(default_factory=set)
    """Called once when it is closed and cleaned."""
    gates: Gates = field(default_factory=Gates)
    _produced_ms: array[float] = field(default_factory=lambda: array("d"))

    @property
    def finished(self) -> bool:
        """Whether it is closed and cleaned."""
        return self.reason is not None and self.cleaned

    @property
    def produced_ms(self) -> list[float]:
        """When the last 1,000 items were produced."""
        return [round(at_ms, 3) for at_ms in self._produced_ms[-MAX_TIMES:]]

    def members(self) -> dict[str, object]:
        """The record as JSON has it, but for the time."""
        return {
            "token": self.token,
            "state": "open" if self.reason is None else "closed",
            "reason": self.reason,
            "items_produced": self.items_produced,
            "bytes_produced": self.bytes_produced,
            "produced_ms": self.produced_ms,
            "opened_ms": round(self.opened_ms, 3),
            "closed_ms": None if self.closed_ms is None else round(self.closed_ms, 3),
            "cleaned": self.cleaned,
            "cleanups": self.cleanups,
            "worker": os.getpid(),
        }

    def produced(self, size: int, at_ms: float) -> None:
        """Counts an item of `size` bytes."""
        self.items_produced += 1
        self.bytes_produced += size
        self._produced_ms.append(at_ms)
        if len(self._produced_ms) == 2 * MAX_TIMES:
            del self._produced_ms[:MAX_TIMES]


class Ledger:
    """The last 10,000 streams by token, and totals over all there ever were."""

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}
        self.opened = 0
        self.cleaned = 0
        self.reasons: Counter[Reason] = Counter()

    @property
    def open(self) -> int:
        """Streams that are not closed."""
        return self.opened - self.reasons.total()

    def find(self, token: str) -> Record | None:
        """The record of a token, None where it is not known (any more)."""
        return self._records.get(token)

    def open_record(self, token: str, now_ms: float) -> Record:
        """Enters a stream."""
        if len(self._records) >= MAX_RECORDS:
            self._forget_oldest()
        record = Record(token, now_ms)
        self._records[token] = record
        self.opened += 1
        return record

    def close(self, record: Record, reason: Reason, now_ms: float) -> None:
        """Enters that nothing more will be written, and why."""
        if record.reason is not None:
            return
        record.reason, record.closed_ms = reason, now_ms
        self.reasons[reason] += 1
        # Back to the end: what is forgotten first is what was closed first, not what was opened first.
        if self._records.get(record.token) is record:
            self._records[record.token] = self._records.pop(record.token)
        self._note_finished(record)

    def clean(self, record: Record) -> None:
        """Enters that the producer's clean-up has returned."""
        if record.cleaned:
            return
        record.cleaned = True
        self.cleaned += 1
        self._note_finished(record)

    def _note_finished(self, record: Record) -> None:
        if record.finished:
            for answer in list(record.waiting):
                answer()

    def _forget_oldest(self) -> None:
        for token, record in self._records.items():
            if record.finished:
                del self._records[token]
                return
