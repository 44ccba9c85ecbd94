"""`EventSource` and `TextStream` over an aiohttp `ClientSession`.

Read them inside their own block, whose end closes the connection, however the block is left:

    async with aiohttp.ClientSession() as session, EventSource(session, url, is_terminal=is_done) as events:
        async for event in events: ...

There is no bare `async for`, as Python leaves an asynchronous iterator that is broken off to be cleaned up some time
later. aiohttp gives a connection's error before the bytes that came before it, if those were not read yet: the events
in them are asked for again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp

from streamspec_client.event_source import AwaitedEventSource
from streamspec_client.reconnection import Outcome
from streamspec_client.stream_error import Incomplete, Refused, StreamError
from streamspec_client.text_stream import AwaitedTextStream
from streamspec_client.transport_aiohttp import AiohttpResponse, send

if TYPE_CHECKING:
    from streamspec_client.transport import Request

__all__ = ["EventSource", "Incomplete", "Outcome", "Refused", "StreamError", "TextStream"]


class EventSource(AwaitedEventSource[aiohttp.ClientSession]):
    """Events over an aiohttp.ClientSession; see `AnyEventSource` for what it takes."""

    async def _send(self, request: Request) -> AiohttpResponse:
        return await send(self._client, request)


class TextStream(AwaitedTextStream[aiohttp.ClientSession]):
    """Text over an aiohttp.ClientSession; see `AnyTextStream` for what it takes."""

    async def _send(self, request: Request) -> AiohttpResponse:
        return await send(self._client, request)
