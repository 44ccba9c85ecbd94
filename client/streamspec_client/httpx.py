"""`EventSource` and `TextStream` over httpx: blocking with a `Client`, awaited with an `AsyncClient` on asyncio.

Read them inside their own block, whose end closes the connection, however the block is left:

    with httpx.Client() as client, EventSource(client, url, is_terminal=is_done) as events:
        for event in events: ...

A blocking one may stand in a bare `for`: CPython then closes the connection at a `break`. An awaited one may not, as
Python leaves an asynchronous iterator that is broken off to be cleaned up some time later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from streamspec_client.event_source import AwaitedEventSource, BlockingEventSource
from streamspec_client.reconnection import Outcome
from streamspec_client.stream_error import Incomplete, Refused, StreamError
from streamspec_client.text_stream import AwaitedTextStream, BlockingTextStream
from streamspec_client.transport_httpx import AsyncHttpxResponse, Errors, HttpxResponse, send, send_async

if TYPE_CHECKING:
    from streamspec_client.transport import Request

__all__ = [
    "AsyncEventSource",
    "AsyncTextStream",
    "EventSource",
    "Incomplete",
    "Outcome",
    "Refused",
    "StreamError",
    "TextStream",
]

ERRORS = Errors(
    mistaken=(httpx.UnsupportedProtocol, httpx.LocalProtocolError),
    not_connected=(httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout),
    no_byte=(httpx.ReadTimeout,),
    broken=(httpx.TransportError, httpx.DecodingError),
)


class EventSource(BlockingEventSource[httpx.Client]):
    """Events over a httpx.Client; see `AnyEventSource` for what it takes."""

    def _send(self, request: Request) -> HttpxResponse:
        return send(self._client, request, ERRORS)


class AsyncEventSource(AwaitedEventSource[httpx.AsyncClient]):
    """Events over a httpx.AsyncClient; see `AnyEventSource` for what it takes."""

    async def _send(self, request: Request) -> AsyncHttpxResponse:
        return await send_async(self._client, request, ERRORS)


class TextStream(BlockingTextStream[httpx.Client]):
    """Text over a httpx.Client; see `AnyTextStream` for what it takes."""

    def _send(self, request: Request) -> HttpxResponse:
        return send(self._client, request, ERRORS)


class AsyncTextStream(AwaitedTextStream[httpx.AsyncClient]):
    """Text over a httpx.AsyncClient; see `AnyTextStream` for what it takes."""

    async def _send(self, request: Request) -> AsyncHttpxResponse:
        return await send_async(self._client, request, ERRORS)
