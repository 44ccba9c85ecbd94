"""`transport` over httpx and over httpx2, whose clients are used alike; neither is imported here.

The read time-out is the first byte's until the header section has come, and then the idle one: both libraries look it
up in the request's `timeout` extension when they begin to read the body.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from streamspec_client.reconnection import ConnectionEnd
from streamspec_client.transport import ConnectionFailed

if TYPE_CHECKING:
    import httpx
    import httpx2

    from streamspec_client.transport import Request

Client = TypeVar("Client", "httpx.Client", "httpx2.Client")
AsyncClient = TypeVar("AsyncClient", "httpx.AsyncClient", "httpx2.AsyncClient")


@dataclass(frozen=True, slots=True)
class Errors:
    """What the library's exceptions mean; the more special ones are looked at first, in this order."""

    mistaken: tuple[type[Exception], ...]
    """The caller's to mend: they pass through."""
    not_connected: tuple[type[Exception], ...]
    no_byte: tuple[type[Exception], ...]
    broken: tuple[type[Exception], ...]

    def before_head(self, error: Exception) -> Exception:
        """What to raise for an error of sending."""
        if isinstance(error, self.mistaken) or not isinstance(error, self.broken):
            return error
        connected = not isinstance(error, self.not_connected)
        return ConnectionFailed(ConnectionEnd.BROKEN if connected else ConnectionEnd.NOT_CONNECTED)

    def in_body(self, error: Exception) -> Exception:
        """What to raise for an error of reading."""
        if not isinstance(error, self.broken):
            return error
        return ConnectionFailed(ConnectionEnd.IDLE if isinstance(error, self.no_byte) else ConnectionEnd.BROKEN)


class HttpxResponse:
    """A response that a blocking client streams."""

    def __init__(self, response: httpx.Response | httpx2.Response, errors: Errors) -> None:
        self.status = response.status_code
        self.fields = response.headers.multi_items()
        self._response = response
        self._pieces = response.iter_bytes()
        self._errors = errors
        self._is_reading = False

    def read(self) -> bytes:
        """As `transport.Response` says."""
        if self._is_reading:
            # Interrupted, the iterator has closed the connection, and would now say that this is the end.
            raise ConnectionFailed(ConnectionEnd.BROKEN)
        self._is_reading = True
        try:
            data = next(self._pieces, b"")
        except self._errors.broken as error:
            raise self._errors.in_body(error) from error
        self._is_reading = False
        return data

    def within(self, idle_timeout_s: float | None) -> None:
        """As `transport.Response` says."""
        self._response.request.extensions["timeout"]["read"] = idle_timeout_s

    def close(self) -> None:
        """As `transport.Response` says."""
        self._response.close()


class AsyncHttpxResponse:
    """A response that an async client streams."""

    def __init__(self, response: httpx.Response | httpx2.Response, errors: Errors) -> None:
        self.status = response.status_code
        self.fields = response.headers.multi_items()
        self._response = response
        self._pieces = response.aiter_bytes()
        self._errors = errors
        self._is_reading = False

    async def read(self) -> bytes:
        """As `transport.Response` says."""
        if self._is_reading:
            # Interrupted, the iterator has closed the connection, and would now say that this is the end.
            raise ConnectionFailed(ConnectionEnd.BROKEN)
        self._is_reading = True
        try:
            data = await anext(self._pieces, b"")
        except self._errors.broken as error:
            raise self._errors.in_body(error) from error
        self._is_reading = False
        return data

    def within(self, idle_timeout_s: float | None) -> None:
        """As `transport.Response` says."""
        self._response.request.extensions["timeout"]["read"] = idle_timeout_s

    async def close(self) -> None:
        """As `transport.Response` says."""
        await self._response.aclose()
        if isinstance(self._pieces, AsyncGenerator):
            await self._pieces.aclose()


def send(client: Client, request: Request, errors: Errors) -> HttpxResponse:
    """Send it and return with the header section; raises ConnectionFailed."""
    try:
        response = client.send(
            client.build_request(
                request.method,
                request.url,
                headers=_encoded(request.fields),
                content=request.content,
                timeout=_timeout(request),
            ),
            stream=True,
            follow_redirects=True,
        )
    except errors.broken as error:
        raise errors.before_head(error) from error
    return HttpxResponse(response, errors)


async def send_async(client: AsyncClient, request: Request, errors: Errors) -> AsyncHttpxResponse:
    """As `send`."""
    try:
        response = await client.send(
            client.build_request(
                request.method,
                request.url,
                headers=_encoded(request.fields),
                content=request.content,
                timeout=_timeout(request),
            ),
            stream=True,
            follow_redirects=True,
        )
    except errors.broken as error:
        raise errors.before_head(error) from error
    return AsyncHttpxResponse(response, errors)


def _encoded(fields: tuple[tuple[str, str], ...]) -> list[tuple[bytes, bytes]]:
    # Both libraries refuse a str that is not ASCII; an event ID is UTF-8 in its field.
    return [(name.encode("ascii"), value.encode()) for name, value in fields]


def _timeout(request: Request) -> tuple[float | None, float | None, float | None, float | None]:
    """Connect, read, write, pool."""
    connect_s, first_byte_s = request.connect_timeout_s, request.first_byte_timeout_s
    return (connect_s, first_byte_s, first_byte_s, connect_s)
