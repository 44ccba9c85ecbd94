"""FastAPI with `StreamingResponse` around a generator that polls `request.is_disconnected()`, as in most tutorials.

Events are written with f-strings, and no header field is set but the media type.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from fastapi import Request
from fastapi.responses import StreamingResponse

from impls.fastapi.server import app, open_stream, streams
from impls.scripted.script import Kind
from impls.variants.event_fields import framed_by_hand
from impls.variants.on_fastapi import idiom, open_events, serve_instead
from impls.variants.producer import items_of, token_field

__all__ = ["app", "streams"]


@idiom.api_route("/stream", methods=["GET", "POST"])
async def text_stream(request: Request) -> StreamingResponse:
    """`GET /stream` and `POST /stream`: chunks of text."""
    stream = await open_stream(Kind.TEXT, request)
    body = until_left(request, items_of(stream))
    return StreamingResponse(body, media_type="text/plain", headers=token_field(stream))


@idiom.api_route("/sse", methods=["GET", "POST"])
async def event_stream(request: Request) -> StreamingResponse:
    """`GET /sse` and `POST /sse`: events."""
    stream = await open_events(request)
    body = until_left(request, framed_by_hand(stream))
    return StreamingResponse(body, media_type="text/event-stream", headers=token_field(stream))


async def until_left(request: Request, items: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """The items, until one is ready and the client has left."""
    async with aclosing(items):
        async for data in items:
            if await request.is_disconnected():
                break
            yield data


serve_instead("fastapi-streamingresponse")
