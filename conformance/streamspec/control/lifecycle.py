"""The server as a whole: it starts, holds connections and long polls, and shuts down in bounded time.

Rule: at the shutdown no new stream opens; what is open may end by itself for `drain_ms`, then it is cut; a poll that is
open gets the final state before the connections close.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from typing import TYPE_CHECKING

from streamspec.control.delivery import Delivery
from streamspec.control.ledger import Ledger, Reason
from streamspec.control.limits import Limits
from streamspec.control.message import clock_s
from streamspec.control.preface import Newcomer
from streamspec.control.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamspec.control.connection import Connection, Disconnect
    from streamspec.control.http1 import BadRequest, Request
    from streamspec.control.http2_stream import Http2Stream
    from streamspec.control.ledger import Record
    from streamspec.control.stream import Stream
    from streamspec.control.tcp import TcpConnection

# Half of the 2 s that the contract gives a shutdown beyond drain_ms: a clean-up that takes longer is not waited for.
CLEAN_UP_WITHIN_S = 1.0
# For the kernel to take the last answers: they are small, so only a client that does not read makes it longer.
CLOSE_WITHIN_S = 0.2
BACKLOG = 1024
# asyncio accepts up to its backlog in one go: 200 clients that came at once delayed each other's first byte by 5 ms.
ACCEPTED_AT_ONCE = 4


class Lifecycle(Delivery):
    """Starts and shuts down."""

    max_body_bytes: int
    tcp_nodelay = True

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits.from_environment(os.environ)
        self.ledger = Ledger()
        self.live: set[Stream] = set()
        self.connections: set[TcpConnection] = set()
        self.polls: set[Callable[[], None]] = set()
        """Long polls that wait, each as what answers it now."""
        self._listener: asyncio.Server | None = None
        self._none_connected = asyncio.Event()

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> str:
        """Listens, and returns the base URL."""
        listening = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        # Accepted sockets inherit it; asyncio sets it itself only where the socket says that its protocol is TCP, and
        # that of socket.create_server does not. Without it an item waits 40 ms for the ACK of the one before.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, self.tcp_nodelay)
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(lambda: Newcomer(self), sock=listening, backlog=ACCEPTED_AT_ONCE)
        listening.listen(BACKLOG)
        address = listening.getsockname()
        return f"http://{f'[{address[0]}]' if ':' in address[0] else address[0]}:{address[1]}"

    def connected(self, connection: TcpConnection) -> None:
        """A client has connected."""
        self.connections.add(connection)

    def disconnected(self, connection: TcpConnection) -> None:
        """A socket is closed."""
        self.connections.discard(connection)
        if not self.connections:
            self._none_connected.set()

    def reads_ahead(self) -> bool:
        """Whether a connection goes on reading when a request waits behind a response: else it is blind to FIN."""
        return True

    def may_send(self, connection: Http2Stream) -> bool:  # noqa: ARG002 - for mutants to tell streams apart
        """Whether it is the turn of a stream of HTTP/2 with content and a window for it: whatever holds up others."""
        return True

    def on_request(self, connection: Connection, request: Request) -> None:
        """Answers a request; `server.py` does."""
        raise NotImplementedError

    def on_bad_request(self, connection: Connection, error: BadRequest) -> None:
        """Answers what is no request, or one too large; what follows it is not read."""
        problem = Problem(error.status, error.detail, "body" if error.status == 413 else None)
        self.refuse_bytes(connection, problem, error.request)

    # Long polls

    def answer_record(self, connection: Connection, request: Request, record: Record) -> None:
        """The members of `GET /streams/{token}`."""
        self.answer_json(connection, request, {**record.members(), "now_ms": round(clock_s() * 1000, 3)})

    def poll(self, connection: Connection, request: Request, record: Record, wait_ms: int) -> None:
        """Answers as soon as the stream is closed and cleaned, else after the wait."""

        def leave() -> None:
            timer.cancel()
            record.waiting.discard(answer)
            self.polls.discard(answer)

        def answer() -> None:
            leave()
            self.answer_record(connection, request, record)

        def on_left(_how: Disconnect) -> None:
            leave()
            connection.close()

        timer = asyncio.get_running_loop().call_later(wait_ms / 1000, answer)
        record.waiting.add(answer)
        self.polls.add(answer)
        connection.when_left = on_left

    # Shutdown

    async def shut_down(self) -> None:
        """Ends every stream and closes every connection, within `drain_ms` and 2 s."""
        self.draining = True
        self.announce_shutdown()
        await self.wait_for_streams(self.drain_s())
        self.cut_streams()
        await self.wait_for_streams(CLEAN_UP_WITHIN_S)
        for answer in list(self.polls):
            answer()
        await self.close_connections()

    def announce_shutdown(self) -> None:
        """Tells the clients that can be told to open new streams elsewhere."""
        for connection in list(self.connections):
            connection.go_away()

    def drain_s(self) -> float:
        """How long a stream may go on to its own end."""
        return self.limits.drain_ms / 1000

    async def wait_for_streams(self, within_s: float) -> None:
        """Returns when no stream plays, or after that time."""
        tasks = [stream.task for stream in self.live if stream.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=within_s)

    def cut_streams(self) -> None:
        """Stops what has not ended by itself."""
        for stream in list(self.live):
            self.stop(stream, Reason.SHUTDOWN)

    async def close_connections(self) -> None:
        """Closes the listener and every connection."""
        if self._listener is not None:
            self._listener.close()
        self._none_connected.clear()
        for connection in list(self.connections):
            connection.close()
        if self.connections:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._none_connected.wait(), CLOSE_WITHIN_S)
        for connection in list(self.connections):
            connection.reset()

    def exit_code(self) -> int:
        """The exit status of the process after a shutdown."""
        return 0
