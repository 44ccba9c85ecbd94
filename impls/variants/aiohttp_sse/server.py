"""aiohttp with aiohttp-sse's `sse_response` for events. Text streams and the server's settings are our own.

So clients that leave are told of by `handler_cancellation=True`, without which aiohttp-sse learns of them at its pings.
"""

import socket
from contextlib import aclosing

from aiohttp import web
from aiohttp_sse import sse_response

from impls.aiohttp.server import GRACE_S, query_of, streams
from impls.scripted.serving import BACKLOG, Drained
from impls.scripted.streams import Reason
from impls.variants.event_fields import events_of, read_event_script
from impls.variants.on_aiohttp import application
from impls.variants.producer import token_field

__all__ = ["serve", "streams"]


async def event_stream(request: web.Request) -> web.StreamResponse:
    """`GET /sse` and `POST /sse`: events."""
    body = request.content.iter_any()
    script = await read_event_script(request.method, query_of(request), request.headers, body)
    stream = streams.open(script, request.method)
    response = sse_response(
        request,
        headers=token_field(stream),
        allow_all_methods=True,
        send_timeout=stream.limits.send_timeout_ms / 1_000,
        ping_interval=script.keepalive_ms / 1_000,
    )
    async with response as sent, aclosing(events_of(stream)) as events:
        async for event in events:
            # It has no comments but its own pings, and no events without data.
            if event.keys() == {"comment"}:
                continue
            try:
                await sent.send(event.get("data", ""), event.get("id"), event.get("event"), event.get("retry"))
            except TimeoutError:
                stream.entry.close(Reason.SLOW_CLIENT)
                raise
    return sent


async def serve(listener: socket.socket, drained: Drained) -> None:
    """Serves the listener until the streams are drained."""
    app = application("aiohttp-sse", "aiohttp-sse", event_stream=event_stream)
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=GRACE_S)
    await runner.setup()
    await web.SockSite(runner, listener, backlog=BACKLOG).start()
    await drained()
    await runner.cleanup()
