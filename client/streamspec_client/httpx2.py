"""`EventSource` and `TextStream` over httpx2: blocking with a `Client`, awaited with an `AsyncClient` on asyncio.

Read them inside their own block, whose end closes the connection, however the block is left:

    with httpx2.Client() as client, EventSource(client, url, is_terminal=is_done) as events:
        for event in events: ...

A blocking one may stand in a bare `for`: CPython then closes the connection at a `break`. An awaited one may not, as
Python leaves an asynchronous iterator that is broken off to be cleaned up some time later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx2

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
    mistaken=(httpx2.UnsupportedProtocol, httpx2.LocalProtocolError),
    not_connected=(httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout),
    no_byte=(httpx2.ReadTimeout,),
    broken=(httpx2.TransportError, httpx2.DecodingError),
)


class EventSource(BlockingEventSource[httpx2.Client]):
    """Events over a httpx2.Client; see `AnyEventSource` for what it takes."""

    def _send(self, request: Request) -> HttpxResponse:
        return send(self._client, request, ERRORS)


class AsyncEventSource(AwaitedEventSource[httpx2.AsyncClient]):
    """Events over a httpx2.AsyncClient; see `AnyEventSource` for what it takes."""

    async def _send(self, request: Request) -> AsyncHttpxResponse:
        return await send_async(self._client, request, ERRORS)


class TextStream(BlockingTextStream[httpx2.Client]):
    """Text over a httpx2.Client; see `AnyTextStream` for what it takes."""

    def _send(self, request: Request) -> HttpxResponse:
        return send(self._client, request, ERRORS)


class AsyncTextStream(AwaitedTextStream[httpx2.AsyncClient]):
    """Text over a httpx2.AsyncClient; see `AnyTextStream` for what it takes."""

    async def _send(self, request: Request) -> AsyncHttpxResponse:
        return await send_async(self._client, request, ERRORS)
