"""Script → bytes on schedule: the one producer of every stream.

It knows the clock, the gates and the ledger, and nothing of HTTP. What is yielded is a whole item, or a whole event.
"""

import asyncio
import json
import math
import time
from collections.abc import AsyncGenerator

from impls.scripted.event_stream import KEEP_ALIVE, encode_event
from impls.scripted.gates import Gates
from impls.scripted.problem import Problem
from impls.scripted.script import End, Kind, Script
from impls.scripted.streams import Entry, Reason, Stream

# A producer that always has an item ready never suspends by itself: the event loop would serve nobody else, and not
# even learn that the client has left. Measured: 400,000 items starved it for 0.6 to 4.7 s, and for 30 ms like this.
CHECKPOINT_S = 0.005

# A text that hangs has no keep-alive to wake it; an event loop takes no infinite delay.
_LONGEST_SLEEP_S = 3_600.0


class ScriptedFailure(Problem):
    """The failure that a script asked for."""

    def __init__(self) -> None:
        super().__init__(500, "The producer failed, as its script asked it to.")


async def play(stream: Stream) -> AsyncGenerator[bytes, None]:
    """Produces a stream's body; raises ScriptedFailure where the script of a text says so.

    What is yielded first is empty: the header section may go now. So a producer that fails before it can still be
    answered with a 500. Close the generator (`aclosing`): its `finally` must not wait for the garbage collector.
    """
    script, entry = stream.script, stream.entry
    try:
        if script.fail_before_start:
            raise ScriptedFailure
        yield b""
        pace = _Pace(script.keepalive_ms / 1_000 if script.kind is Kind.EVENTS else math.inf)
        for item in script.items:
            pace.begin_item()
            while item.gate and not await pace.passed(entry.gates):
                yield KEEP_ALIVE
            pace.add_delay(item.after_ms / 1_000)
            while not await pace.is_due():
                yield KEEP_ALIVE
            entry.produced(item.payload_bytes, pace.now_s * 1_000)
            yield item.body
        while script.end is End.HANG:
            await pace.silence()
            yield KEEP_ALIVE
        yield _ending(script, entry)
    finally:
        entry.cleaning = True
        if script.cleanup_ms:
            await asyncio.sleep(script.cleanup_ms / 1_000)
        entry.clean()


def _ending(script: Script, entry: Entry) -> bytes:
    if script.end is End.COMPLETE:
        return script.ending
    failure = ScriptedFailure()
    if script.kind is Kind.TEXT:
        raise failure
    # The status was sent long ago; an event is what is left to tell the client, and the terminal event must not follow.
    entry.outcome = Reason.FAILED
    return encode_event(event="error", data=json.dumps(failure.members()))


class _Pace:
    """When the next item is due, and when a silence has lasted so long that a keep-alive is.

    Each item is due so long after the one before it *was due*: a sleep that ends late delays one item, not all.
    """

    __slots__ = ("_due_s", "_keepalive_s", "_speak_by_s", "_suspended_s", "now_s")

    def __init__(self, keepalive_s: float) -> None:
        self._keepalive_s = keepalive_s
        self.now_s = self._due_s = self._suspended_s = time.monotonic()
        self._speak_by_s = self.now_s + keepalive_s

    def begin_item(self) -> None:
        """The item before this one has been written."""
        self.now_s = time.monotonic()
        self._speak_by_s = self.now_s + self._keepalive_s

    def add_delay(self, delay_s: float) -> None:
        self._due_s += delay_s

    async def passed(self, gates: Gates) -> bool:
        """True when a gate was passed, False when it is time for a keep-alive."""
        while not gates.open:
            if self._must_speak():
                return False
            await gates.wait(None if self._speak_by_s == math.inf else self._speak_by_s - self.now_s)
            self._resume()
            self._due_s = self.now_s
        gates.go_through()
        return True

    async def is_due(self) -> bool:
        """True when the item is due, False when it is time for a keep-alive."""
        while self.now_s < self._due_s:
            if self._must_speak():
                return False
            await asyncio.sleep(min(self._due_s, self._speak_by_s) - self.now_s)
            self._resume()
        if self.now_s - self._suspended_s >= CHECKPOINT_S:
            await asyncio.sleep(0)
            self._resume()
        return True

    async def silence(self) -> None:
        """Returns when it is time for a keep-alive, or never."""
        while not self._must_speak():
            await asyncio.sleep(min(self._speak_by_s - self.now_s, _LONGEST_SLEEP_S))
            self._resume()

    def _resume(self) -> None:
        self.now_s = self._suspended_s = time.monotonic()

    def _must_speak(self) -> bool:
        if self.now_s < self._speak_by_s:
            return False
        self._speak_by_s = self.now_s + self._keepalive_s
        return True
