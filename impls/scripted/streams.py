"""The ledger behind `/streams`: which streams are open, how each ended, how often its clean-up ran.

It records, and stops nobody by itself. It answers whatever the producers are doing, and never holds more than
LEDGER_SIZE streams: the one that closed first is forgotten first.
"""

import asyncio
import os
import secrets
import time
from array import array
from collections import deque
from enum import StrEnum
from typing import TYPE_CHECKING

from impls.scripted.gates import Gates
from impls.scripted.limits import LEDGER_SIZE, Limits
from impls.scripted.problem import Problem, not_found, unavailable
from impls.scripted.script import Kind, Script

if TYPE_CHECKING:
    from collections.abc import Callable

PRODUCED_KEPT = 1_000

_MEDIA_TYPES = {Kind.TEXT: "text/plain; charset=utf-8", Kind.EVENTS: "text/event-stream; charset=utf-8"}


class Reason(StrEnum):
    """Why a stream is closed."""

    COMPLETED = "completed"
    DISCONNECTED = "disconnected"
    FAILED = "failed"
    SLOW_CLIENT = "slow_client"
    MAX_AGE = "max_age"
    SHUTDOWN = "shutdown"


def now_ms() -> float:
    """The one clock of the ledger: monotonic, in milliseconds with fractions."""
    return time.monotonic() * 1_000


class Entry:
    """What the ledger knows of one stream; it outlives the stream, so it holds nothing of the script."""

    __slots__ = (
        "_ledger",
        "_over",
        "_produced_ms",
        "bytes_produced",
        "cleaning",
        "cleanups",
        "closed_ms",
        "gates",
        "is_over",
        "items_produced",
        "on_cut",
        "opened_ms",
        "outcome",
        "reason",
        "token",
    )

    def __init__(self, token: str, ledger: "Streams") -> None:
        self.token = token
        self._ledger = ledger
        self.opened_ms = now_ms()
        self.closed_ms: float | None = None
        self.reason: Reason | None = None
        # What the end of the body means, once it is reached: a producer of events that fails says so in the body.
        self.outcome = Reason.COMPLETED
        self.items_produced = 0
        self.bytes_produced = 0
        self._produced_ms = array("d")
        self.cleaning = False
        self.cleanups = 0
        self.gates = Gates()
        self.on_cut: Callable[[Reason], None] | None = None
        self.is_over = False
        # Made for who waits: with an Event for each, the ledger's 10,000 entries take 8 MB more.
        self._over: asyncio.Event | None = None

    def produced(self, payload_bytes: int, at_ms: float) -> None:
        """Records an item at the moment its producer yields it."""
        if self.items_produced < PRODUCED_KEPT:
            self._produced_ms.append(at_ms)
        else:
            self._produced_ms[self.items_produced % PRODUCED_KEPT] = at_ms
        self.items_produced += 1
        self.bytes_produced += payload_bytes

    def close(self, reason: Reason) -> None:
        """Nothing more will be written. The first reason stands."""
        if self.reason is None:
            self.reason = reason
            self.closed_ms = now_ms()
            self._ledger.note_closed(self, reason)

    def clean(self) -> None:
        """The producer's `finally` has run to its end."""
        self.cleanups += 1
        self._ledger.note_cleaned(self)

    def end(self) -> None:
        """The stream is closed, and cleaned up."""
        self.is_over = True
        if self._over is not None:
            self._over.set()
            self._over = None

    async def wait_over(self) -> None:
        """Returns when it is."""
        if not self.is_over:
            self._over = self._over or asyncio.Event()
            await self._over.wait()

    def cut(self, reason: Reason) -> None:
        """Asks whoever delivers the stream to end it now."""
        if self.on_cut is not None:
            self.on_cut(reason)

    def state(self) -> dict[str, object]:
        """The answer of `GET /streams/{token}`."""
        oldest = self.items_produced % PRODUCED_KEPT if self.items_produced > PRODUCED_KEPT else 0
        produced_ms = self._produced_ms[oldest:] + self._produced_ms[:oldest]
        return {
            "token": self.token,
            "state": "open" if self.reason is None else "closed",
            "reason": self.reason,
            "items_produced": self.items_produced,
            "bytes_produced": self.bytes_produced,
            "produced_ms": [round(at_ms, 3) for at_ms in produced_ms],
            "opened_ms": round(self.opened_ms, 3),
            "closed_ms": None if self.closed_ms is None else round(self.closed_ms, 3),
            "now_ms": round(now_ms(), 3),
            "cleaned": self.cleanups > 0,
            "cleanups": self.cleanups,
            "worker": os.getpid(),
        }


class Stream:
    """One stream that is asked for: its script, its entry in the ledger, and the limits it runs under."""

    __slots__ = ("entry", "limits", "script", "token_is_made")

    def __init__(self, entry: Entry, script: Script, limits: Limits) -> None:
        self.entry = entry
        self.script = script
        self.limits = limits
        self.token_is_made = script.token is None

    def fields(self) -> list[tuple[str, str]]:
        """The header fields of the response.

        No Content-Length: nobody knows it. No Connection, no Keep-Alive: they are the server's, and RFC 9113 (8.2.2)
        calls a message with them malformed. `no-transform` keeps compressors from collecting the body, the X-Accel
        field keeps nginx from it; without `nosniff` a browser holds text back until it has about 1 KB.
        """
        fields = [
            ("Content-Type", _MEDIA_TYPES[self.script.kind]),
            ("Cache-Control", "no-cache, no-transform"),
            ("X-Accel-Buffering", "no"),
            ("X-Content-Type-Options", "nosniff"),
        ]
        return [*fields, ("Stream-Token", self.entry.token)] if self.token_is_made else fields


class Streams:
    """Every stream of this process, the open ones and the last that closed."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.draining = False
        self._entries: dict[str, Entry] = {}
        self._closed_tokens: deque[str] = deque()
        self._slots_taken = 0
        self._open = 0
        self._opened = 0
        self._cleaned = 0
        self._reasons = dict.fromkeys(Reason, 0)
        self._idle = asyncio.Event()
        self._idle.set()
        self._stopped = asyncio.Event()

    def open(self, script: Script, method: str) -> Stream:
        """Opens a stream, or raises Problem: 409 for a known token, 503 at the limit and while draining.

        HEAD is answered as GET would be and opens nothing: its stream is not in the ledger.
        """
        if self.draining:
            raise unavailable("The server is shutting down and opens no more streams.")
        if self._slots_taken >= self.limits.max_streams:
            raise unavailable(f"All {self.limits.max_streams} streams are taken; try again when one has ended.")
        if script.token is not None and script.token in self._entries:
            raise Problem(409, f"The token {script.token} is known already; choose another.", "token")
        entry = Entry(script.token or secrets.token_urlsafe(12), self)
        if method != "HEAD":
            self._add(entry)
        return Stream(entry, script, self.limits)

    def find(self, token: str) -> Entry:
        """The entry of a token; raises Problem 404."""
        entry = self._entries.get(token)
        if entry is None:
            raise not_found(token)
        return entry

    def release(self, token: str, gates: int) -> None:
        """Opens so many gates of a stream, also in advance, also when it is closed; raises Problem 404."""
        self.find(token).gates.release(gates)

    async def state(self, token: str, wait_ms: int) -> dict[str, object]:
        """A stream's state once it is closed and cleaned, or after the wait, or at shutdown; raises Problem 404."""
        entry = self.find(token)
        if wait_ms and not entry.is_over:
            over, stopped = asyncio.ensure_future(entry.wait_over()), asyncio.ensure_future(self._stopped.wait())
            try:
                await asyncio.wait({over, stopped}, timeout=wait_ms / 1_000, return_when=asyncio.FIRST_COMPLETED)
            finally:
                over.cancel()
                stopped.cancel()
        return entry.state()

    def totals(self) -> dict[str, object]:
        """The answer of `GET /streams`."""
        return {
            "open": self._open,
            "opened": self._opened,
            "cleaned": self._cleaned,
            "reasons": {str(reason): count for reason, count in self._reasons.items()},
            "draining": self.draining,
            "now_ms": round(now_ms(), 3),
        }

    def drain(self) -> None:
        """From now on no stream is opened; those that are open may end by themselves."""
        self.draining = True

    def cut(self, reason: Reason) -> None:
        """Ends every open stream."""
        for entry in [entry for entry in self._entries.values() if entry.reason is None]:
            entry.cut(reason)

    async def wait_idle(self, at_most_s: float) -> bool:
        """Whether every stream was closed and cleaned within so many seconds."""
        try:
            async with asyncio.timeout(at_most_s):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True

    def stop_waiting(self) -> None:
        """Answers every long-poll now: the server is about to go."""
        self._stopped.set()

    def note_closed(self, entry: Entry, reason: Reason) -> None:
        """For an entry to call when it closes."""
        if self._entries.get(entry.token) is entry:
            self._open -= 1
            self._reasons[reason] += 1
            self._closed_tokens.append(entry.token)
            self._free(entry)

    def note_cleaned(self, entry: Entry) -> None:
        """For an entry to call when its producer's clean-up has run."""
        if entry.cleanups == 1:
            self._cleaned += 1
            self._free(entry)

    def _add(self, entry: Entry) -> None:
        if len(self._entries) >= LEDGER_SIZE:
            # One is closed: max_streams is at most LEDGER_SIZE, and this stream found a free slot.
            del self._entries[self._closed_tokens.popleft()]
        self._entries[entry.token] = entry
        self._slots_taken += 1
        self._open += 1
        self._opened += 1
        self._idle.clear()

    def _free(self, entry: Entry) -> None:
        if entry.reason is not None and entry.cleanups == 1:
            self._slots_taken -= 1
            entry.end()
            if self._slots_taken == 0:
                self._idle.set()
