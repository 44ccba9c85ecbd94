"""The servers an ASGI application can run under. Each serves a listener that is bound, until the streams are drained.

None handles signals itself: a server that does closes its listener first and then waits, for ever or for a grace time,
for streams that nobody has told to end.
"""

import asyncio
import contextlib
import socket
from collections.abc import Iterator, Mapping

from impls.scripted.asgi import Application
from impls.scripted.serving import BACKLOG, Drained, Serve

# What a response may take that was begun when the streams were already drained.
GRACE_S = 0.5


def servers_for(application: Application) -> Mapping[str, Serve]:
    """Each server by its name, the default first; a server is imported when it is chosen."""

    async def uvicorn(listener: socket.socket, drained: Drained) -> None:
        await _serve_with_uvicorn(application, listener, drained)

    async def hypercorn(listener: socket.socket, drained: Drained) -> None:
        await _serve_with_hypercorn(application, listener, drained)

    return {"uvicorn": uvicorn, "hypercorn": hypercorn}


async def _serve_with_uvicorn(application: Application, listener: socket.socket, drained: Drained) -> None:
    import uvicorn  # noqa: PLC0415 - only one of the servers need be installed

    class Server(uvicorn.Server):
        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

    config = uvicorn.Config(
        application,
        # Its other parser, httptools, sends chunked coding to HTTP/1.0 clients, which RFC 9112 (6.1) forbids.
        http="h11",
        loop="asyncio",
        ws="none",
        lifespan="on",
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=GRACE_S,  # type: ignore[arg-type]  # seconds for asyncio.wait_for, whole or not
    )
    server = Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    draining = asyncio.ensure_future(drained())
    await asyncio.wait({serving, draining}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    draining.cancel()
    await serving


async def _serve_with_hypercorn(application: Application, listener: socket.socket, drained: Drained) -> None:
    from hypercorn.asyncio import serve  # noqa: PLC0415 - only one of the servers need be installed
    from hypercorn.config import Config  # noqa: PLC0415 - as above

    asyncio.get_running_loop().set_exception_handler(_report_but_cancellation)
    config = Config()
    config.bind = [f"fd://{listener.detach()}"]
    # It calls listen again, and would cut the listener's backlog to 100.
    config.backlog = BACKLOG
    config.graceful_timeout = GRACE_S
    config.shutdown_timeout = GRACE_S
    config.accesslog = None
    config.loglevel = "WARNING"
    await serve(
        application,  # type: ignore[arg-type]  # its own types of ASGI messages, which say no more than the protocol
        config,
        shutdown_trigger=drained,
    )


def _report_but_cancellation(loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    """Leaves out what asyncio.start_server logs in CPython 3.11.7 and 3.12.1 for a cancelled connection.

    Hypercorn cancels those that outlast its grace time: https://github.com/python/cpython/issues/113538
    """
    if not isinstance(context.get("exception"), asyncio.CancelledError):
        loop.default_exception_handler(context)
