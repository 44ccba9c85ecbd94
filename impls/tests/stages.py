"""What the tests of scripted streams share: a ledger with a stream in it, and a wire that remembers."""

import asyncio
import json
from collections.abc import AsyncIterator

from impls.scripted.connection import Connection
from impls.scripted.limits import Limits
from impls.scripted.request import read_script
from impls.scripted.script import Kind
from impls.scripted.streams import Stream, Streams

SHORT_S = 5.0


async def opened(kind: Kind, script: dict[str, object], streams: Streams | None = None) -> Stream:
    """A stream of the script, open in the ledger."""
    return await _asked(kind, script, "POST", streams or Streams(Limits()))


async def _asked(kind: Kind, script: dict[str, object], method: str, streams: Streams) -> Stream:
    async def body() -> AsyncIterator[bytes]:
        yield json.dumps(script).encode()

    fields = {"content-type": "application/json"}
    return streams.open(await read_script(kind, "POST", b"", fields, body()), method)


class FakeTransport:
    """A transport without a socket; what happens to it is its state."""

    def __init__(self) -> None:
        self.unsent_bytes = 0
        self.ended_by = ""
        self.gone = asyncio.Event()

    def is_closing(self) -> bool:
        """Whether somebody has ended it."""
        return bool(self.ended_by)

    def get_write_buffer_size(self) -> int:
        """What the test says."""
        return self.unsent_bytes

    def get_extra_info(self, name: str, /) -> None:
        """No socket."""
        assert name == "socket"

    def close(self) -> None:
        """Remembers it."""
        self.ended_by = self.ended_by or "close"
        self.gone.set()

    def abort(self) -> None:
        """Remembers it."""
        self.ended_by = "abort"
        self.gone.set()


class FakeWire:
    """A response that is a list: "head", each chunk, "last chunk"."""

    def __init__(self) -> None:
        self.transport = FakeTransport()
        self.connection: Connection | None = Connection(self.transport)
        self.sent: list[bytes | str] = []
        self.takes = asyncio.Event()
        self.takes.set()
        self.asked = asyncio.Event()
        self.progress = asyncio.Event()

    async def start(self) -> None:
        """Sends the head."""
        self._send("head")

    async def write(self, data: bytes) -> None:
        """Sends a chunk when the client takes one."""
        self.asked.set()
        await self.takes.wait()
        self._send(data)

    async def end(self) -> None:
        """Sends the last chunk."""
        self._send("last chunk")

    async def departed(self) -> None:
        """Returns when the test says that the client has left, or when the connection is ended."""
        await self.transport.gone.wait()

    def closes_by_reset(self) -> bool:
        """As to HTTP/1.1."""
        return False

    def leave(self) -> None:
        """The client leaves, and the server says so."""
        self.transport.gone.set()

    async def until_sent(self, sent: bytes) -> None:
        """Returns when this was written."""
        async with asyncio.timeout(SHORT_S):
            while sent not in self.sent:
                self.progress.clear()
                await self.progress.wait()

    def _send(self, sent: bytes | str) -> None:
        self.sent.append(sent)
        self.progress.set()
