"""An application object on a listener that is bound, under the server that suits it, until it is told to stop.

The settings are those that the server's own command has, so that a test sees what production does. Whoever wants others
hands over the server's own object that holds them: a `uvicorn.Config`, an `aiohttp.web.AppRunner`.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import sys
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, TypeAlias, TypeGuard

from streamspec.mistake import Mistake

if TYPE_CHECKING:
    import socket

    import uvicorn
    from aiohttp import web

Message: TypeAlias = MutableMapping[str, object]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Application: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]

Ready: TypeAlias = Callable[[], None]
Stop: TypeAlias = Callable[[], Awaitable[object]]
"""Returns when the server is to stop."""

GRACE_S = 1.0
"""What is left of responses when the server is told to stop: a test has left its streams by then."""

WHAT_CAN_BE_SERVED = (
    "an ASGI application, an aiohttp application, a function without parameters that makes one, "
    "an import string ('package.module:app'), or a command as a list (['node', 'server.js', '--port', '{port}'])"
)


class CannotServe(Mistake):
    """What was handed over cannot be served, or did not start: the message says why."""


async def serve(what: object, listener: socket.socket, ready: Ready, stop: Stop) -> None:
    """Serve until `stop` returns; `ready` is called when its start-up is done. Raises CannotServe."""
    if is_factory(what):
        what = what()
        if inspect.isawaitable(what):
            what = await what
    if (runner := _aiohttp_runner(what)) is not None:
        await _serve_with_aiohttp(runner, listener, ready, stop)
    elif (config := _uvicorn_config(what)) is not None:
        await _serve_with_uvicorn(config, listener, ready, stop)
    elif is_asgi(what):
        await _serve_with_hypercorn(what, listener, ready, stop)
    else:
        raise CannotServe(f"{type(what).__name__} cannot be served: give {WHAT_CAN_BE_SERVED}")


def is_asgi(what: object) -> TypeGuard[Application]:
    """Whether it is called as ASGI 3 says: awaited, with scope, receive and send."""
    return inspect.iscoroutinefunction(what) or inspect.iscoroutinefunction(getattr(what, "__call__", None))  # noqa: B004 - the method itself is looked at


def is_factory(what: object) -> TypeGuard[Callable[[], object]]:
    """Whether it is a function that makes the application."""
    return inspect.isroutine(what) and not any(
        parameter.default is parameter.empty and parameter.kind not in {parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL}
        for parameter in inspect.signature(what).parameters.values()
    )


def _aiohttp_runner(what: object) -> web.AppRunner | None:
    """A runner where it is aiohttp's: nobody has an object of aiohttp who has not imported it."""
    if (module := sys.modules.get("aiohttp.web")) is None:
        return None
    if isinstance(what, module.AppRunner):
        return what  # type: ignore[no-any-return]  # looked up by name, so without a type
    return module.AppRunner(what, shutdown_timeout=GRACE_S) if isinstance(what, module.Application) else None


def _uvicorn_config(what: object) -> uvicorn.Config | None:
    if (module := sys.modules.get("uvicorn")) is not None and isinstance(what, module.Config):
        return what  # type: ignore[no-any-return]  # looked up by name, so without a type
    if not is_asgi(what):
        return None
    if find_spec("uvicorn") is None:
        if find_spec("hypercorn") is None:
            raise CannotServe("an ASGI application needs a server: pip install uvicorn, or hypercorn")
        return None
    import uvicorn  # noqa: PLC0415 - only where it is installed

    return uvicorn.Config(
        what,
        ws="none",
        log_config=None,  # logging is pytest's here
        access_log=False,
        timeout_graceful_shutdown=GRACE_S,  # type: ignore[arg-type]  # seconds for asyncio.wait_for, whole or not
    )


async def _serve_with_aiohttp(runner: web.AppRunner, listener: socket.socket, ready: Ready, stop: Stop) -> None:
    from aiohttp import web  # noqa: PLC0415 - only where it is installed

    try:
        await runner.setup()
        await web.SockSite(runner, listener).start()
        ready()
        await stop()
    finally:
        # It waits for handlers twice its time-out, and without handler_cancellation some never end.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(runner.cleanup(), 3 * GRACE_S)


async def _serve_with_uvicorn(config: uvicorn.Config, listener: socket.socket, ready: Ready, stop: Stop) -> None:
    import uvicorn  # noqa: PLC0415 - only where it is installed

    class OurServer(uvicorn.Server):
        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            try:
                await super().startup(sockets)
            except SystemExit:  # it has logged why; out of a task that would end the event loop
                self.should_exit = True
            if self.started:
                ready()

    server = OurServer(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    await _until_either(serving, stop)
    server.should_exit = True
    await serving


async def _serve_with_hypercorn(application: Application, listener: socket.socket, ready: Ready, stop: Stop) -> None:
    from hypercorn.asyncio import serve as hypercorn  # noqa: PLC0415 - only where it is installed
    from hypercorn.config import Config  # noqa: PLC0415 - as above

    config = Config()
    config.bind = [f"fd://{listener.detach()}"]
    config.graceful_timeout = config.shutdown_timeout = GRACE_S
    config.accesslog = None
    config.errorlog = logging.getLogger("hypercorn.error")
    await hypercorn(
        told_when_started(application, ready),  # type: ignore[arg-type]  # its own types of ASGI messages
        config,
        shutdown_trigger=stop,
    )


def told_when_started(application: Application, ready: Ready) -> Application:
    """The application; `ready` is called when it has started, or has no start-up. For a server that does not tell."""

    async def wrapped(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await application(scope, receive, send)
            return

        has_failed = False

        async def telling(message: Message) -> None:
            nonlocal has_failed
            has_failed = has_failed or message["type"] == "lifespan.startup.failed"
            await send(message)
            if message["type"] == "lifespan.startup.complete":
                ready()

        try:
            await application(scope, receive, telling)
        except Exception:
            if not has_failed:
                ready()  # a server goes on without lifespan where an application raises over it
            raise

    return wrapped


async def _until_either(serving: asyncio.Task[None], stop: Stop) -> None:
    """Return when it is to stop, or when the server stops by itself: it could not start, say."""
    stopping = asyncio.ensure_future(stop())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
