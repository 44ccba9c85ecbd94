"""Plays a stream: the header section, the producer, keep-alive, and the end that the script asks for.

Rule: an item is one chunk and one write, and the next is not produced before the kernel has taken it. How a stream is
stopped from outside is in `ending.py`.
"""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

from streamspec.control.connection import SendTimeout
from streamspec.control.ending import Ending
from streamspec.control.ledger import Reason
from streamspec.control.message import clock_s
from streamspec.control.problem import Problem
from streamspec.control.script import End

if TYPE_CHECKING:
    from streamspec.control.script import Item
    from streamspec.control.stream import Stream


class ProducerFailed(Exception):
    """The producer raised, as its script says."""


class Delivery(Ending):
    """Plays streams, each in a task of its own."""

    checkpoint_s = 0.005
    """A producer that always has an item ready gives way that often: it delays others by no more, and a checkpoint
    costs 20 µs."""

    async def play(self, stream: Stream) -> None:
        """The whole life of a stream, to the end of its clean-up."""
        stream.started = True
        try:
            if stream.record.reason is None:  # it may have been stopped before its task first ran
                await self.run(stream)
        except SendTimeout:
            self.on_send_timeout(stream)
        finally:
            await self.clean_up(stream)
            await self.be_read(stream)
            self.free_slot(stream)

    async def run(self, stream: Stream) -> None:
        """Sends the header section, the items and the end."""
        try:
            await self.before_head(stream)
            if stream.script.fail_before_start:
                raise ProducerFailed
            await self.send_head(stream)
            await self.produce(stream)
        except ProducerFailed:
            await self.fail_stream(stream)
        else:
            await self.end_stream(stream)

    # The producer

    async def before_head(self, stream: Stream) -> None:
        """What a stream waits for before its header section: nothing."""

    async def produce(self, stream: Stream) -> None:
        """Each item when it is due; raises ProducerFailed where the script says so."""
        stream.awake_since_s = due_s = clock_s()
        for item in stream.script.play_list():
            due_s = await self.wait_for(stream, item, due_s)
            self.count_item(stream, item)
            await self.send_item(stream, item)
            await self.checkpoint(stream)
        if stream.script.end is End.FAIL:
            raise ProducerFailed
        if stream.script.end is End.HANG:
            stream.due_s = math.inf
            await asyncio.Event().wait()

    async def wait_for(self, stream: Stream, item: Item, previous_s: float) -> float:
        """Waits until an item is due and returns when that was; `previous_s` is when the item before it was due."""
        while item.gate and not stream.record.gates.pass_one():
            stream.due_s = math.inf
            await stream.record.gates.wait()
            stream.awake_since_s = previous_s = clock_s()
        stream.due_s = due_s = self.due_at(previous_s, item.after_ms)
        if item.after_ms and (delay_s := due_s - clock_s()) > 0:
            await asyncio.sleep(delay_s)
            stream.awake_since_s = clock_s()
        return due_s

    def due_at(self, previous_s: float, after_ms: int) -> float:
        """When an item is due: counted from when the one before was due, so that lateness does not add up."""
        return previous_s + after_ms / 1000

    def count_item(self, stream: Stream, item: Item) -> None:
        """Enters an item into the stream's record."""
        stream.record.produced(item.payload_size(), clock_s() * 1000)

    async def checkpoint(self, stream: Stream) -> None:
        """Gives way to everyone else where the producer has not waited for a while."""
        if clock_s() - stream.awake_since_s >= self.checkpoint_s:
            await asyncio.sleep(0)
            stream.awake_since_s = clock_s()

    # The message

    async def send_head(self, stream: Stream) -> None:
        """The header section is on the wire before any item exists."""
        stream.head_sent = True
        stream.unsent += self.head_bytes(stream)
        self.schedule_keepalive(stream)
        await self.flush(stream)

    async def send_item(self, stream: Stream, item: Item) -> None:
        """One item: one chunk, one write."""
        self.put(stream, self.encode_item(stream, item))
        await self.flush(stream)

    # The end

    async def end_stream(self, stream: Stream) -> None:
        """The end of a stream whose items are over."""
        stream.ending = True
        self.put(stream, self.closing_content(stream))
        await self.end_message(stream)
        self.complete(stream, Reason.COMPLETED)

    async def fail_stream(self, stream: Stream) -> None:
        """The end of a stream whose producer raised."""
        stream.ending = True
        problem = self.failure_problem()
        if not stream.head_sent:
            self.close_record(stream, Reason.FAILED)
            self.refuse(stream.connection, stream.request, problem)
        elif stream.script.sse:
            self.put(stream, self.error_event(problem))
            await self.end_message(stream)
            self.complete(stream, Reason.FAILED)
        else:
            await self.end_failed_text(stream)

    def failure_problem(self) -> Problem:
        """What a client is told of a failure inside the server."""
        return Problem(500, "the producer failed, as its script says")

    async def end_failed_text(self, stream: Stream) -> None:
        """A failed text is left incomplete: no last chunk, so that nobody takes it for the whole."""
        self.end_abruptly(stream, Reason.FAILED)

    # Keep-alive

    def schedule_keepalive(self, stream: Stream) -> None:
        """Sets the timer for the next keep-alive comment of an event stream."""
        if stream.script.sse and not stream.ending:
            loop = asyncio.get_running_loop()
            due_s = max(self.keepalive_due(stream), loop.time() + 0.001)
            stream.keepalive_timer = loop.call_at(due_s, self.keep_alive, stream)

    def keepalive_due(self, stream: Stream) -> float:
        """When the next keep-alive comment is due: after that much silence."""
        return stream.written_s + stream.script.keepalive_ms / 1000

    def keep_alive(self, stream: Stream) -> None:
        """Sends a keep-alive comment if one is due; between events, because an event is written whole."""
        if stream.ending or stream.record.reason is not None:
            return
        if stream.connection.paused:
            stream.written_s = clock_s()  # there are bytes on their way: no silence
        elif clock_s() >= self.keepalive_due(stream):
            self.put(stream, self.keepalive_comment())
            self.write_unsent(stream)
            stream.keepalives += 1
        self.schedule_keepalive(stream)
