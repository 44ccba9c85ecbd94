"""The server that plays at clients: it hands each request to the exchange whose path it names, and does as told.

It keeps no rule of HTTP for the exchanges: what they write is what is sent.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import struct
import time
from typing import TYPE_CHECKING

from streamspec.clients.play import Request

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

EVENT_STREAM = ("Content-Type", "text/event-stream")
CHUNKED = ("Transfer-Encoding", "chunked")
LONGEST_HEAD_BYTES = 65_536
_LENGTH = re.compile(rb"(?im)^content-length:[ \t]*(\d{1,9})[ \t]*\r?$")
_NO_MORE = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"
_AT_ONCE = struct.pack("ii", 1, 0)


class Exchanged:
    """One request on a connection of its own, and what is answered there.

    Writing to a client that has left is no error.
    """

    def __init__(self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.request = request
        self._reader = reader
        self._writer = writer

    async def head(self, status: int = 200, *fields: tuple[str, str], persists: bool = False) -> None:
        """The status line and header section; without fields, those of a chunked event stream.

        Without `persists` it says that the connection ends here: so no pool tries its next request on it.
        """
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields or (EVENT_STREAM, CHUNKED))
        lines += "" if persists else "Connection: close\r\n"
        await self.write(f"HTTP/1.1 {status} Whatever\r\n{lines}\r\n".encode())

    async def chunk(self, data: bytes) -> None:
        """One chunk of the content, as it is."""
        await self.write(b"%x\r\n%b\r\n" % (len(data), data))

    async def chunks(self, data: bytes, size: int) -> None:
        """The data in chunks of that size, in one write."""
        pieces = (data[at : at + size] for at in range(0, len(data), size))
        await self.write(b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces))

    async def chunks_within(self, data: bytes, size: int, within_s: float) -> None:
        """The same, for a client that may read slowly: after that time, what is left goes nowhere."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self.chunks(data, size)

    async def write(self, data: bytes) -> None:
        """Bytes as they are."""
        with contextlib.suppress(ConnectionError):
            self._writer.write(data)
            await self._writer.drain()

    async def finish(self) -> None:
        """The last chunk, and the end of the connection."""
        await self.write(b"0\r\n\r\n")
        self.close()

    async def cut(self) -> None:
        """A chunk that is announced longer than it comes, and the end of the connection."""
        await self.write(b"40\r\n: cut")
        self.close()

    def reset(self) -> None:
        """End the connection by RST."""
        with contextlib.suppress(OSError):
            self._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
        self._writer.transport.abort()

    def close(self) -> None:
        """End the connection by FIN, after what was written."""
        self._writer.close()

    async def left(self, within_s: float) -> bool:
        """Whether the client ends the connection within that time."""
        try:
            async with asyncio.timeout(within_s):
                while await self._reader.read(4096):
                    pass
        except TimeoutError:
            return False
        except ConnectionError:
            pass
        return True


class PlayingServer:
    """Listens on a free port of the loopback interface for as long as its block lasts."""

    def __init__(self) -> None:
        self.began_s = time.monotonic()
        self._expected: dict[str, asyncio.Queue[Exchanged]] = {}
        self._over: set[str] = set()
        self._end = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._open: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._base = ""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(
            self._connected, "127.0.0.1", 0, limit=LONGEST_HEAD_BYTES, backlog=512
        )
        host, port = self._server.sockets[0].getsockname()
        self._base = f"http://{host}:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        assert self._server is not None  # noqa: S101 - __aenter__ has set it
        self._server.close()
        self._end.set()
        for connection in self._open:
            connection.transport.abort()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def expect(self, name: str) -> tuple[str, asyncio.Queue[Exchanged]]:
        """A URL, and where the requests for it and for what is below it arrive."""
        self._expected[name] = asyncio.Queue()
        return f"{self._base}/{name}", self._expected[name]

    def over(self, name: str) -> None:
        """Whoever comes back there is told 204 once, and then kept waiting: it cannot storm the next exchange."""
        self._over.add(name)
        queue = self._expected[name]
        while not queue.empty():
            queue.get_nowait().close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine of start_server runs in one
        self._tasks.add(task)
        self._open.add(writer)
        try:
            exchanged = await self._read(reader, writer)
            name = exchanged.request.target.partition("?")[0].split("/")[1]
            if name in self._over or name not in self._expected:
                await exchanged.write(_NO_MORE)
            else:
                self._expected[name].put_nowait(exchanged)
            await self._end.wait()  # the exchange ends the connection, or the end of the run does
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            pass  # it left before it had asked for anything
        except asyncio.CancelledError:
            pass  # Ctrl-C; asyncio would print a traceback for each connection
        finally:
            self._tasks.discard(task)
            self._open.discard(writer)
            writer.transport.abort()

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Exchanged:
        head = await reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        content = await reader.readexactly(int(length[1])) if length else b""
        first, *lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
        method, target = [*first.decode("latin-1").split(" "), "", ""][:2]
        pairs = (line.partition(b":") for line in lines)
        fields = tuple((name.strip(), value.strip(b" \t")) for name, _, value in pairs)
        at_s = time.monotonic() - self.began_s
        return Exchanged(Request(at_s, method, target, fields, content), reader, writer)
