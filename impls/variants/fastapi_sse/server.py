"""FastAPI's own events: a path operation that yields `ServerSentEvent`s, with `EventSourceResponse`.

Text streams are the FastAPI server's own.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

from fastapi import Depends, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from impls.fastapi.server import app, streams
from impls.scripted.streams import Stream
from impls.variants.event_fields import events_of
from impls.variants.on_fastapi import idiom, open_events, serve_instead
from impls.variants.producer import token_field

__all__ = ["app", "streams"]


async def asked_events(request: Request, response: Response) -> Stream:
    """What is asked for: once the path operation has yielded, it can refuse nothing."""
    stream = await open_events(request)
    response.headers.update(token_field(stream))
    return stream


@idiom.api_route("/sse", methods=["GET", "POST"], response_class=EventSourceResponse)
async def event_stream(stream: Annotated[Stream, Depends(asked_events)]) -> AsyncGenerator[ServerSentEvent, None]:
    """`GET /sse` and `POST /sse`: events."""
    async with aclosing(events_of(stream)) as events:
        async for event in events:
            text = event.pop("data", None)
            yield ServerSentEvent(raw_data=text, **event)


serve_instead("fastapi-sse")
