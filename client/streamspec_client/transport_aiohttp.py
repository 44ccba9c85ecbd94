"""`transport` over aiohttp; imported with it only.

`content.readany` is what `iter_any` gives, piece by piece. aiohttp's own read time-out is the first byte's; once the
header section has come it is taken off, as it would end a connection whose reader is busy, and lose what it holds.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp

from streamspec_client.reconnection import ConnectionEnd
from streamspec_client.transport import ConnectionFailed

if TYPE_CHECKING:
    from streamspec_client.transport import Request


class AiohttpResponse:
    """A response whose body is still to come."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.status = response.status
        self.fields = list(response.headers.items())
        self._response = response
        self._idle_timeout_s: float | None = None
        connection = response.connection
        if connection is not None and connection.protocol is not None:
            connection.protocol.read_timeout = None
            connection.protocol.start_timeout()

    async def read(self) -> bytes:
        """As `transport.AsyncResponse` says."""
        content = self._response.content
        try:
            # A time-out costs more than a read of what is there already.
            if data := content.read_nowait():
                return data
            async with asyncio.timeout(self._idle_timeout_s):
                return await content.readany()
        except TimeoutError as error:
            raise ConnectionFailed(ConnectionEnd.IDLE) from error
        except (aiohttp.ClientError, OSError) as error:
            raise ConnectionFailed(ConnectionEnd.BROKEN) from error

    def within(self, idle_timeout_s: float | None) -> None:
        """As `transport.AsyncResponse` says."""
        self._idle_timeout_s = idle_timeout_s

    async def close(self) -> None:
        """As `transport.AsyncResponse` says."""
        self._response.close()


async def send(session: aiohttp.ClientSession, request: Request) -> AiohttpResponse:
    """Send it and return with the header section; raises ConnectionFailed."""
    try:
        response = await session.request(
            request.method,
            request.url,
            headers=request.fields,
            data=request.content,
            timeout=aiohttp.ClientTimeout(
                total=None, connect=request.connect_timeout_s, sock_read=request.first_byte_timeout_s
            ),
            raise_for_status=False,
        )
    except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError, aiohttp.TooManyRedirects):
        raise
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
        raise ConnectionFailed(ConnectionEnd.NOT_CONNECTED) from error
    except (aiohttp.ClientError, OSError) as error:
        raise ConnectionFailed(ConnectionEnd.BROKEN) from error
    return AiohttpResponse(response)
