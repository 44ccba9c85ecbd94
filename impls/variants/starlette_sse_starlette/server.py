"""Starlette with sse-starlette's `EventSourceResponse` for events. Text streams are the Starlette server's own."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.requests import Request
from starlette.responses import Response

from impls.scripted.streams import Stream
from impls.starlette.server import app, streams
from impls.variants.event_fields import events_of
from impls.variants.on_starlette import open_events, serve_instead
from impls.variants.producer import token_field

__all__ = ["app", "streams"]


async def event_stream(request: Request) -> Response:
    """`GET /sse` and `POST /sse`: events."""
    stream = await open_events(request)
    return EventSourceResponse(
        server_sent_events(stream),
        headers=token_field(stream),
        ping=stream.script.keepalive_ms / 1_000,
        send_timeout=stream.limits.send_timeout_ms / 1_000,
    )


async def server_sent_events(stream: Stream) -> AsyncGenerator[ServerSentEvent, None]:
    """The events as the library takes them."""
    async with aclosing(events_of(stream)) as events:
        async for event in events:
            yield ServerSentEvent(**event)


serve_instead("starlette-sse-starlette", "sse-starlette", event_stream=event_stream)
