"""What a shell asks of an HTTP library: send one request, read the response's body piece by piece, close it.

No library is imported here: `transport_httpx` and `transport_aiohttp` are the two that do this. Every error that a
library raises for a connection becomes `ConnectionFailed`; an error of the caller (a wrong URL, say) passes through.
"""

from __future__ import annotations

import json as json_text
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from streamspec_client.reconnection import ConnectionEnd

Headers: TypeAlias = "Mapping[str, str] | Sequence[tuple[str, str]]"

CONNECT_TIMEOUT_S = 10.0
# A model may think for long before its first token; servers that send the header section first answer at once.
FIRST_BYTE_TIMEOUT_S = 60.0

# Enough for a problem document or the top of an error page, from a server that may as well send an endless body.
ERROR_BODY_BYTES = 16 * 1024
ERROR_BODY_WITHIN_S = 2.0


@dataclass(frozen=True, slots=True)
class Request:
    """One request, as it is sent; redirects are followed."""

    method: str
    url: str
    fields: tuple[tuple[str, str], ...]
    content: bytes | None
    connect_timeout_s: float | None
    """To a connection, new or from the pool."""
    first_byte_timeout_s: float | None
    """From the request to the response's header section."""

    @classmethod
    def of(
        cls,
        method: str,
        url: str,
        *,
        headers: Headers,
        content: bytes | str | None,
        json: object,
        connect_timeout_s: float | None,
        first_byte_timeout_s: float | None,
    ) -> Request:
        """The request that a caller describes; ValueError where it says two things."""
        fields = list(headers.items() if isinstance(headers, Mapping) else headers)
        if json is not None:
            if content is not None:
                raise ValueError("a request has one body: give content or json, not both")
            content = json_text.dumps(json)
            fields = with_defaults(fields, [("Content-Type", "application/json")])
        # A compressor on the way may hold back what is not a full block.
        fields = with_defaults(fields, [("Accept-Encoding", "identity")])
        body = content.encode() if isinstance(content, str) else content
        return cls(method.upper(), url, tuple(fields), body, connect_timeout_s, first_byte_timeout_s)


def with_defaults(fields: Iterable[tuple[str, str]], defaults: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The fields, after those of the defaults that they don't name."""
    fields = list(fields)
    named = {name.lower() for name, _ in fields}
    return [field for field in defaults if field[0].lower() not in named] + fields


class ConnectionFailed(Exception):
    """A connection came to an end that is not the message's; `__cause__` is what the library raised."""

    def __init__(self, how: ConnectionEnd) -> None:
        super().__init__(how)
        self.how = how


class Response(Protocol):
    """The head of a response, and its body."""

    status: int
    fields: list[tuple[str, str]]

    def read(self) -> bytes:
        """Wait for the next piece of the body; empty at its end. Raises ConnectionFailed, IDLE for the time-out."""

    def within(self, idle_timeout_s: float | None) -> None:
        """Say how long each `read` may wait; before the first one."""

    def close(self) -> None:
        """Close the connection, unless the body has been read to its end; closing twice does nothing."""


class AsyncResponse(Protocol):
    """As Response, awaited."""

    status: int
    fields: list[tuple[str, str]]

    async def read(self) -> bytes:
        """Wait for the next piece of the body; empty at its end. Raises ConnectionFailed, IDLE for the time-out."""

    def within(self, idle_timeout_s: float | None) -> None:
        """Say how long each `read` may wait; before the first one."""

    async def close(self) -> None:
        """Close the connection, unless the body has been read to its end; closing twice does nothing."""


def first_bytes(response: Response) -> bytes:
    """The first bytes of an error's body, as many as come soon."""
    body = b""
    until_s = time.monotonic() + ERROR_BODY_WITHIN_S
    response.within(ERROR_BODY_WITHIN_S)
    try:
        while len(body) < ERROR_BODY_BYTES and time.monotonic() < until_s and (data := response.read()):
            body += data
    except ConnectionFailed:
        pass  # what came before tells more than that it broke off
    return body[:ERROR_BODY_BYTES]


async def first_bytes_async(response: AsyncResponse) -> bytes:
    """As `first_bytes`."""
    body = b""
    until_s = time.monotonic() + ERROR_BODY_WITHIN_S
    response.within(ERROR_BODY_WITHIN_S)
    try:
        while len(body) < ERROR_BODY_BYTES and time.monotonic() < until_s and (data := await response.read()):
            body += data
    except ConnectionFailed:
        pass  # what came before tells more than that it broke off
    return body[:ERROR_BODY_BYTES]
