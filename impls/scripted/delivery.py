"""One stream over one connection: the head early, an item at a time, and the right end for each reason to end.

The producer runs in a task of its own. It is cancelled at most once, and never while its clean-up runs; whoever called
`deliver` returns when that has run. So an `await` in the producer's `finally` completes, which it does not under
cancellation that repeats (anyio's, and so Starlette's and FastAPI's own).
"""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Protocol

from impls.scripted.connection import Connection
from impls.scripted.event_stream import encode_event
from impls.scripted.player import ScriptedFailure, play
from impls.scripted.script import Kind
from impls.scripted.streams import Reason, Stream
from impls.scripted.watch import looked_after

# What a client whose stream is cut waits before it comes back: time enough for the next server to start.
RECONNECTION_TIME_MS = 1_000

# What a client has to read that in before its stream breaks off. A browser forgets what it has received and not yet
# read when a message is incomplete (Chromium: ResourceLoader::HandleError). Measured with the cut right behind `retry`,
# 3 to 10 of 100 EventSources came back after their default of 3 s; on a machine with 25 processes for 2 cores 5 of 200
# after 25 ms, and none of 200 after 50 ms, nor after 100 ms.
READING_S = 0.2

# How long a client may take what was written before its stream was cut; then the connection is reset.
FLUSH_S = 0.5

_CUTS = {Reason.SHUTDOWN, Reason.MAX_AGE}
_TAKES_NOTHING = {Reason.SLOW_CLIENT, Reason.DISCONNECTED}

logger = logging.getLogger("impls.scripted")


class Wire(Protocol):
    """One response, as the server at hand writes it."""

    connection: Connection | None

    async def start(self) -> None:
        """Puts the header section on the wire, ahead of any content."""

    async def write(self, data: bytes) -> None:
        """Writes one chunk; returns when the client is ready for another. Raises OSError if it has left."""

    async def end(self) -> None:
        """Writes the last chunk."""

    async def departed(self) -> None:
        """Returns when the client has left, or when the connection is closed for another reason."""

    def closes_by_reset(self) -> bool:
        """Whether only a reset tells the client that the message is incomplete."""


async def deliver(stream: Stream, wire: Wire) -> None:
    """Plays the stream to the client until it ends or is ended; raises Problem if it fails before the head."""
    items = play(stream)
    await _begin(stream, items)
    await _Delivery(stream, items, wire).run()


async def _begin(stream: Stream, items: AsyncGenerator[bytes, None]) -> None:
    """Takes the producer as far as the head. One that fails before it cleans up as undisturbed as any other."""
    beginning = asyncio.ensure_future(anext(items))
    try:
        # Not `await beginning`: it would be cancelled with the task that awaits it.
        await asyncio.wait({beginning})
        beginning.result()
    except BaseException:
        await asyncio.wait({beginning})
        stream.entry.close(Reason.DISCONNECTED if beginning.exception() is None else Reason.FAILED)
        await items.aclose()
        raise


class _Delivery:
    def __init__(self, stream: Stream, items: AsyncGenerator[bytes, None], wire: Wire) -> None:
        loop = asyncio.get_running_loop()
        self._stream = stream
        self._entry = stream.entry
        self._items = items
        self._wire = wire
        self._ended: asyncio.Future[Reason] = loop.create_future()
        # The header section counts as being written until it is; nothing else may go out before it.
        self._writing = True
        self._written = 0
        self._taken = 0
        self._progress_s = loop.time()
        self._whole = False
        self._producer = loop.create_task(self._produce())
        self._departure = loop.create_task(wire.departed())

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        too_old = loop.call_later(self._stream.limits.max_age_ms / 1_000, self._end, Reason.MAX_AGE)
        self._entry.on_cut = self._end
        self._departure.add_done_callback(lambda _: self._end(Reason.DISCONNECTED))
        try:
            with looked_after(self):
                # Not `await self._ended`: a task that is cancelled cancels the future it awaits.
                await asyncio.wait({self._ended})
            await self._finish(self._ended.result())
        except asyncio.CancelledError:
            self._give_up()
            await self._clean_up()
            raise
        finally:
            too_old.cancel()
            self._entry.on_cut = None
            self._departure.cancel()

    def look(self, now_s: float) -> None:
        """Sees a client that takes nothing, and one whose leaving the server has not noticed."""
        connection = self._wire.connection
        unsent_bytes = 0 if connection is None else connection.unsent_bytes()
        taken = self._written - unsent_bytes
        if taken > self._taken or not (unsent_bytes or self._writing):
            self._progress_s = now_s
        elif now_s - self._progress_s >= self._stream.limits.send_timeout_ms / 1_000:
            self._end(Reason.SLOW_CLIENT)
        self._taken = taken
        if connection is not None and connection.has_left():
            self._end(Reason.DISCONNECTED)

    async def _produce(self) -> None:
        try:
            async with aclosing(self._items) as items:
                await self._wire.start()
                self._writing = False
                async for data in items:
                    # In chunked coding an empty chunk is the last chunk (RFC 9112, 7.1).
                    if data:
                        await self._write(data)
            if not self._ended.done():
                await self._wire.end()
                self._whole = True
                # Now, and not in a later step: the next request on this connection may ask for the state.
                self._entry.close(self._entry.outcome)
                self._end(self._entry.outcome)
        except OSError:
            self._end(Reason.DISCONNECTED)
        except ScriptedFailure:
            self._end(Reason.FAILED)
        except Exception:
            logger.exception("the producer of stream %s failed", self._entry.token)
            self._end(Reason.FAILED)

    async def _write(self, data: bytes) -> None:
        connection = self._wire.connection
        if connection is not None and connection.is_closing():
            # A producer that never suspends would write on for some milliseconds, and asyncio logs each write.
            raise ConnectionResetError
        self._writing = True
        try:
            await self._wire.write(data)
        finally:
            self._writing = False
        self._written += len(data)

    def _end(self, reason: Reason) -> None:
        if not self._ended.done():
            self._ended.set_result(reason)

    async def _finish(self, reason: Reason) -> None:
        self._stop_producing()
        if reason in _CUTS and self._stream.script.kind is Kind.EVENTS:
            await self._say_when_to_come_back()
        if reason is Reason.DISCONNECTED:
            self._entry.close(reason)
        if not self._whole:
            await self._break_off(reason)
        self._entry.close(reason)
        await self._clean_up()

    def _stop_producing(self) -> None:
        is_cleaning_up = self._entry.cleaning and not self._entry.cleanups
        if not is_cleaning_up and not self._producer.cancelling():
            self._producer.cancel()

    async def _say_when_to_come_back(self) -> None:
        # A write that was cancelled wrote nothing and is over after a step; one that goes on is part of an item.
        await asyncio.sleep(0)
        if self._writing:
            return
        try:
            async with asyncio.timeout(FLUSH_S):
                await self._wire.write(encode_event(retry=RECONNECTION_TIME_MS))
        except OSError:
            return
        await asyncio.wait({self._departure}, timeout=READING_S)

    async def _break_off(self, reason: Reason) -> None:
        """Ends the connection. Without a hold on it, to return with the message incomplete makes the server do it."""
        connection = self._wire.connection
        if connection is None:
            return
        if reason not in _TAKES_NOTHING:
            connection.close(by_reset=self._wire.closes_by_reset())
            await asyncio.wait({self._departure}, timeout=FLUSH_S)
        if not self._departure.done():
            connection.reset()
            await asyncio.wait({self._departure}, timeout=FLUSH_S)

    def _give_up(self) -> None:
        """The server cancels a handler because the client left (aiohttp), or because its own time is over."""
        connection = self._wire.connection
        if self._departure.done() or connection is None or connection.is_closing():
            self._end(Reason.DISCONNECTED)
        self._end(Reason.SHUTDOWN)
        self._stop_producing()
        if connection is not None and not self._whole:
            connection.close(by_reset=self._wire.closes_by_reset())
        self._entry.close(self._ended.result())

    async def _clean_up(self) -> None:
        await asyncio.wait({self._producer})
        # A producer that is cancelled before its first step has closed nothing.
        await self._items.aclose()
