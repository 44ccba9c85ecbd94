"""The bytes of a stream's message: content, chunked coding, the end; and when they are handed to the connection.

Rule: `put` collects, `flush` sends what was collected in one write. So what a server holds back, or how it cuts what it
sends, is one method.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from streamspec.control.answers import Answers
from streamspec.control.event_stream import EventEncoder
from streamspec.control.script import Event

if TYPE_CHECKING:
    from streamspec.control.script import Item
    from streamspec.control.stream import Stream


def clock_s() -> float:
    """The monotonic clock of every time that the server tells."""
    return asyncio.get_running_loop().time()


class Message(EventEncoder, Answers):
    """Writes the messages of streams."""

    def encode_item(self, stream: Stream, item: Item) -> bytes:  # noqa: ARG002 - for mutants to tell streams apart
        """The content that an item becomes."""
        return self.encode_event(item) if isinstance(item, Event) else item.payload()

    def put(self, stream: Stream, content: bytes) -> None:
        """Adds content to what is unsent."""
        stream.unsent += self.encode_chunk(content) if stream.chunked else content

    def encode_chunk(self, content: bytes) -> bytes:
        """A chunk; nothing for nothing, because a chunk of size 0 is the last."""
        return b"%x\r\n%b\r\n" % (len(content), content) if content else b""

    def last_chunk(self) -> bytes:
        """The last chunk and an empty trailer section."""
        return b"0\r\n\r\n"

    async def flush(self, stream: Stream) -> None:
        """Puts what is unsent on the wire, and waits while the reader does not take it."""
        self.write_unsent(stream)
        await self.drain(stream)

    def write_unsent(self, stream: Stream) -> None:
        """Hands what is unsent to the connection."""
        if stream.unsent:
            stream.connection.write(stream.unsent)
            stream.unsent = bytearray()  # the transport may still hold the other
            stream.written_s = clock_s()

    async def drain(self, stream: Stream) -> None:
        """Waits until the kernel has taken everything; raises SendTimeout."""
        if stream.connection.paused:
            await stream.connection.drain(self.limits.send_timeout_ms / 1000)
            stream.awake_since_s = clock_s()
        elif stream.connection.broken:
            # asyncio tells of a write that failed in its next turn: without this one, 32 MB of items went nowhere and
            # the stream counted as completed.
            await asyncio.sleep(0)

    def closing_content(self, stream: Stream) -> bytes:
        """What follows the last item: the demo's `done`, the terminal event."""
        if stream.script.sse:
            return self.terminal_event(stream)
        return b"done\n" if stream.script.demo else b""

    async def end_message(self, stream: Stream) -> None:
        """Sends what is unsent and the end of the message."""
        stream.unsent += self.last_chunk() if stream.chunked else b""
        await self.flush(stream)
