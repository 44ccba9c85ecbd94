"""The servers an ASGI application can run under. Each serves a listener that is bound, until the streams are drained.

None handles signals itself: a server that does closes its listener first and then waits, for ever or for a grace time,
for streams that nobody has told to end.

uvicorn is four servers: either of its parsers on either event loop. `uvicorn` is what `pip install uvicorn` gives, and
`uvicorn-standard` what `pip install uvicorn[standard]` gives; the two between them tell the parser from the loop.
"""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Iterator, Mapping
from typing import Literal

from impls.scripted.asgi import Application
from impls.scripted.serving import BACKLOG, Drained, OnLoop, Serve

Parser = Literal["h11", "httptools"]

# What a response may take that was begun when the streams were already drained.
GRACE_S = 0.5


def servers_for(application: Application) -> Mapping[str, Serve | OnLoop]:
    """Each server by its name, the default first; a server is imported when it is chosen."""

    def uvicorn(parser: Parser) -> Serve:
        return lambda listener, drained: _serve_with_uvicorn(application, parser, listener, drained)

    def hypercorn(listener: socket.socket, drained: Drained) -> Awaitable[None]:
        return _serve_with_hypercorn(application, listener, drained)

    def granian(listener: socket.socket, drained: Drained) -> Awaitable[None]:
        return _serve_with_granian(application, listener, drained)

    return {
        "uvicorn": uvicorn("h11"),
        "uvicorn-httptools": uvicorn("httptools"),
        "uvicorn-uvloop": OnLoop(_new_uvloop, uvicorn("h11")),
        "uvicorn-standard": OnLoop(_new_uvloop, uvicorn("httptools")),
        "hypercorn": hypercorn,
        "granian": granian,
    }


def _new_uvloop() -> asyncio.AbstractEventLoop:
    import uvloop  # noqa: PLC0415 - only the server that is chosen need be installed

    return uvloop.new_event_loop()


async def _serve_with_uvicorn(
    application: Application, parser: Parser, listener: socket.socket, drained: Drained
) -> None:
    import uvicorn  # noqa: PLC0415 - only the server that is chosen need be installed

    class OurServer(uvicorn.Server):
        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

    config = uvicorn.Config(
        application,
        http=parser,
        # A loop is running already.
        loop="none",
        ws="none",
        lifespan="on",
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=GRACE_S,  # type: ignore[arg-type]  # seconds for asyncio.wait_for, whole or not
    )
    server = OurServer(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    await _until_either(serving, drained)
    server.should_exit = True
    await serving


async def _serve_with_hypercorn(application: Application, listener: socket.socket, drained: Drained) -> None:
    from hypercorn.asyncio import serve  # noqa: PLC0415 - only the server that is chosen need be installed
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


async def _serve_with_granian(application: Application, listener: socket.socket, drained: Drained) -> None:
    from granian.constants import HTTPModes, Interfaces  # noqa: PLC0415 - only the server that is chosen need be installed
    from granian.log import LogLevels  # noqa: PLC0415 - as above
    from granian.net import SocketHolder  # type: ignore[attr-defined]  # noqa: PLC0415 - its servers import it there
    from granian.server.embed import Server  # noqa: PLC0415 - as above

    class OurServer(Server):
        # Left to itself it binds a socket of its own, and tells nobody which port 0 has become.
        def _init_shared_socket(self) -> None:
            is_unix = False
            holder = SocketHolder(listener.detach(), is_unix, BACKLOG)  # type: ignore[call-arg]  # its stub names none
            self._shd = holder  # type: ignore[assignment]  # its constructor says None, and no more

    server = OurServer(
        application,
        interface=Interfaces.ASGI,
        http=HTTPModes.auto,
        websockets=False,
        # It serves as many connections at once as this says, 128 by default; others wait for one of them to end.
        backlog=BACKLOG,
        # It warns that a server inside an event loop that is not its own is experimental.
        log_level=LogLevels.error,
    )
    serving = asyncio.create_task(server.serve())
    await _until_either(serving, drained)
    server.stop()  # type: ignore[no-untyped-call]  # its own omission
    # It waits for every connection, also for one whose client takes nothing and never will.
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(serving, GRACE_S)


async def _until_either(serving: asyncio.Task[None], drained: Drained) -> None:
    """Returns when the streams are drained, or when the server stops by itself: it could not start, say."""
    draining = asyncio.ensure_future(drained())
    await asyncio.wait({serving, draining}, return_when=asyncio.FIRST_COMPLETED)
    draining.cancel()


def _report_but_cancellation(loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    """Leaves out what asyncio.start_server logs in CPython 3.11.7 and 3.12.1 for a cancelled connection.

    Hypercorn cancels those that outlast its grace time: https://github.com/python/cpython/issues/113538
    """
    if not isinstance(context.get("exception"), asyncio.CancelledError):
        loop.default_exception_handler(context)
