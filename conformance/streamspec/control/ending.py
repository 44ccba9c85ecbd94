"""How a stream ends other than by itself, and what is left to do after any end.

Rule: the first ending wins (`record.reason` is set once), the producer is cancelled at most once, and never in its
clean-up. Each cause has a method of its own, so that a mutant can be deaf to exactly one.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from streamspec.control.connection import Disconnect
from streamspec.control.ledger import Ledger, Reason
from streamspec.control.message import Message, clock_s

# Twice and more what browsers were seen to need on a busy machine: see RETRY_BUDGET_MS in contract.py.
READING_S = 0.2

if TYPE_CHECKING:
    from streamspec.control.stream import Stream


class Ending(Message):
    """Stops streams, closes their records, cleans up after them."""

    ledger: Ledger
    live: set[Stream]
    """Streams that hold a slot: not closed, or not yet cleaned up."""
    reading_s = READING_S
    """How long the client of an event stream that is cut has to read `retry` before the message breaks off."""

    def on_left(self, stream: Stream, how: Disconnect) -> None:
        """The client left: its connection, or this stream of it alone."""
        if how is Disconnect.RST_STREAM:
            self.on_stream_reset(stream)
        else:
            self.on_disconnect(stream, how)

    def on_stream_reset(self, stream: Stream) -> None:
        """The client left with RST_STREAM (HTTP/2): this stream is stopped, its connection lives on."""
        self.stop(stream, Reason.DISCONNECTED)

    def on_disconnect(self, stream: Stream, how: Disconnect) -> None:  # noqa: ARG002 - for mutants to tell them apart
        """The client left: with FIN (also a half-close), with RST, or with RST after FIN."""
        self.stop(stream, Reason.DISCONNECTED)

    def on_send_timeout(self, stream: Stream) -> None:
        """The reader took nothing for the send time-out. The stream's own task is the caller."""
        self.end_abruptly(stream, Reason.SLOW_CLIENT)

    def on_max_age(self, stream: Stream) -> None:
        """The stream has been open for as long as any may."""
        self.stop(stream, Reason.MAX_AGE)

    def stop(self, stream: Stream, reason: Reason) -> None:
        """Ends a stream from outside: on the wire, in the ledger, and its producer."""
        if stream.record.reason is not None:
            return
        self.end_abruptly(stream, reason)
        self.cancel_producer(stream)

    def cancel_producer(self, stream: Stream) -> None:
        """Cancels the producer once; one that has not begun sees for itself that its stream is closed."""
        if stream.started and stream.task is not None:
            stream.task.cancel()

    def end_abruptly(self, stream: Stream, reason: Reason) -> None:
        """Leaves the message incomplete, and the record closed."""
        stream.ending = True
        is_told = stream.script.sse and reason in {Reason.SHUTDOWN, Reason.MAX_AGE} and self.say_retry(stream)
        self.close_record(stream, reason)
        if is_told:
            stream.cut_s = clock_s() + self.reading_s
            asyncio.get_running_loop().call_later(self.reading_s, self.cut, stream, reason)
        else:
            self.cut(stream, reason)

    def say_retry(self, stream: Stream) -> bool:
        """Tells an event stream's client to come back, where that can still be written; whether it could."""
        if not stream.head_sent or stream.connection.paused:
            return False
        self.put(stream, self.retry_before_cut())
        self.write_unsent(stream)
        return True

    async def be_read(self, stream: Stream) -> None:
        """Returns when the stream is cut, where its client was given time."""
        if (rest_s := stream.cut_s - clock_s()) > 0:
            await asyncio.sleep(rest_s)

    def cut(self, stream: Stream, reason: Reason) -> None:
        """Ends the connection where the message stands: chunked coding shows it, else a reset has to.

        So has it where the kernel's buffer is full: FIN would wait behind bytes that nobody reads. On HTTP/2 either is
        RST_STREAM.
        """
        if not stream.connection.paused and (stream.chunked or reason is Reason.DISCONNECTED):
            stream.connection.close()
        else:
            stream.connection.reset()

    def complete(self, stream: Stream, reason: Reason) -> None:
        """The message is complete: the record is closed, the connection goes on or closes."""
        self.close_record(stream, reason)
        stream.connection.response_complete(stream.keep)

    def close_record(self, stream: Stream, reason: Reason) -> None:
        """Nothing more will be written."""
        for timer in (stream.keepalive_timer, stream.age_timer):
            if timer is not None:
                timer.cancel()
        self.ledger.close(stream.record, reason, clock_s() * 1000)

    async def clean_up(self, stream: Stream) -> None:
        """The producer's `finally`: it may await, and counts as cleaned when it has."""
        stream.record.cleanups += 1
        if stream.script.cleanup_ms:
            await asyncio.sleep(stream.script.cleanup_ms / 1000)
        self.ledger.clean(stream.record)

    def free_slot(self, stream: Stream) -> None:
        """Another stream may open in its place."""
        self.live.discard(stream)
