"""`python -m impls.NAME`: bind, say where, serve on what was bound, and go at SIGTERM with every clean-up done.

The base URL is the first line of stdout, printed when connections are already accepted into the backlog: whoever
started the process needs neither a free port beforehand nor a sleep.
"""

import argparse
import asyncio
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from impls.scripted.streams import Reason, Streams

# What clean-ups may take after the streams were cut. CONTRACT: gone within drain_ms + 2 s, and of these two seconds
# servers need up to 0.9 to stop.
CLEAN_UP_S = 0.6

# Connections the kernel keeps until they are accepted; one too many is asked to come again, a second later.
BACKLOG = 2_048

Drained: TypeAlias = Callable[[], Awaitable[None]]

# Serves the listener until `drained` returns, then stops.
Serve: TypeAlias = Callable[[socket.socket, Drained], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class OnLoop:
    """A server on an event loop other than asyncio's own."""

    new_loop: Callable[[], asyncio.AbstractEventLoop]
    serve: Serve


def run(implementation: str, streams: Streams, servers: Mapping[str, Serve | OnLoop]) -> None:
    """Serves until SIGTERM or SIGINT. The first of `servers` is the default of --server."""
    options = _parser(implementation, tuple(servers)).parse_args()
    with _bind(options.host, options.port) as listener:
        print(_base_url(listener), flush=True)
        chosen = servers[options.server]
        server = chosen if isinstance(chosen, OnLoop) else OnLoop(asyncio.new_event_loop, chosen)
        with asyncio.Runner(loop_factory=server.new_loop) as runner:
            runner.run(_serve(listener, streams, server.serve))
    # Now that the event loop has cancelled what a server left, and waited for it.
    totals = streams.totals()
    print(f"stopped: opened {totals['opened']}, open {totals['open']}, cleaned {totals['cleaned']}", file=sys.stderr)


async def _serve(listener: socket.socket, streams: Streams, serve: Serve) -> None:
    loop = asyncio.get_running_loop()
    told_to_stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told_to_stop.set)

    async def drained() -> None:
        await told_to_stop.wait()
        await drain(streams)

    await serve(listener, drained)


async def drain(streams: Streams) -> None:
    """Opens no more streams, lets the open ones end for drain_ms, cuts the rest and waits for the clean-ups.

    Once only: a server that was started by hand gets here when its application's lifespan ends, ours before.
    """
    if streams.draining:
        return
    streams.drain()
    if not await streams.wait_idle(streams.limits.drain_ms / 1_000):
        streams.cut(Reason.SHUTDOWN)
        await streams.wait_idle(CLEAN_UP_S)
    streams.stop_waiting()


def _parser(implementation: str, servers: tuple[str, ...]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"python -m impls.{implementation}",
        description=f"Serves the streaming contract with {implementation}; its base URL is the first line of stdout.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8000, help="port, 0 for a free one (default: %(default)s)")
    parser.add_argument("--server", choices=servers, default=servers[0], help="server (default: %(default)s)")
    return parser


def _bind(host: str, port: int) -> socket.socket:
    family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    try:
        listener = socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except OSError as error:
        sys.exit(f"Cannot listen on {host} port {port}: {error.strerror}. Choose another, or --port 0 for a free one.")
    # asyncio turns Nagle's algorithm off only where the socket says its protocol, and create_server's says 0; with it
    # on, a server that writes an answer in two pieces waits 40 ms for a delayed ACK. Accepted sockets inherit this.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _base_url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if listener.family == socket.AF_INET6 else f"http://{host}:{port}"
