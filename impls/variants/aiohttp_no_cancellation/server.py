"""aiohttp's `StreamResponse`, written in an `async for`, under the settings of `run_app`.

Those leave `handler_cancellation` off, and `shutdown_timeout` at a minute. Header fields and event syntax are those of
the aiohttp server.
"""

import socket

from aiohttp import web

from impls.aiohttp.server import open_stream, streams
from impls.scripted.script import Kind
from impls.scripted.serving import BACKLOG, Drained
from impls.variants.on_aiohttp import application
from impls.variants.producer import items_of

__all__ = ["serve", "streams"]


async def text_stream(request: web.Request) -> web.StreamResponse:
    """`GET /stream` and `POST /stream`: chunks of text."""
    return await written(Kind.TEXT, request)


async def event_stream(request: web.Request) -> web.StreamResponse:
    """`GET /sse` and `POST /sse`: events."""
    return await written(Kind.EVENTS, request)


async def written(kind: Kind, request: web.Request) -> web.StreamResponse:
    """A stream, written item by item."""
    stream = await open_stream(kind, request)
    response = web.StreamResponse(headers=stream.fields())
    await response.prepare(request)
    async for data in items_of(stream):
        await response.write(data)
    await response.write_eof()
    return response


async def serve(listener: socket.socket, drained: Drained) -> None:
    """Serves the listener until the streams are drained."""
    app = application("aiohttp-no-cancellation", text_stream=text_stream, event_stream=event_stream)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.SockSite(runner, listener, backlog=BACKLOG).start()
    await drained()
    await runner.cleanup()
