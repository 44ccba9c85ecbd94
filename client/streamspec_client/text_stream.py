"""Text as it arrives, blocking and awaited: pieces of a body become text, and a body cut short never looks whole.

No HTTP library here: a subclass says how one sends a request. Nothing is asked for again, as text has no event IDs.
"""

from __future__ import annotations

import codecs
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Generic, TypeVar

from streamspec_client.reconnection import Outcome
from streamspec_client.stream_error import Incomplete, Refused
from streamspec_client.transport import (
    CONNECT_TIMEOUT_S,
    FIRST_BYTE_TIMEOUT_S,
    AsyncResponse,
    ConnectionFailed,
    Headers,
    Request,
    Response,
    first_bytes,
    first_bytes_async,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import Self

ClientT = TypeVar("ClientT")

# Text has no keep-alive: silence may be a model that thinks.
IDLE_TIMEOUT_S = 60.0


class TextDecoder:
    """Bytes become text as by `TextDecoder` with `stream: true` (WHATWG Encoding): UTF-8, one BOM less, never an error.

    Ill-formed bytes become U+FFFD; an unfinished character waits for the next piece.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._at_start = True

    def decode(self, data: bytes, *, final: bool = False) -> str:
        """The text that `data` completes; `final` says that nothing follows."""
        text = self._decoder.decode(data, final)
        # "utf-8-sig" would lose an unfinished BOM at the end, which is ill-formed text.
        if self._at_start and text:
            self._at_start = False
            return text.removeprefix("\ufeff")
        return text


class AnyTextStream(Generic[ClientT]):
    """The text of one response, in pieces as they arrive.

    `client` sends the request; it stays open. `url`, `method`, `headers`, and `content` or `json` make the request.
    Times are in seconds, None is for ever, and there is no limit to the whole. A body that HTTP does not delimit (to
    HTTP/1.0, say) can be cut short unnoticed; chunked coding and Content-Length can't.
    """

    def __init__(
        self,
        client: ClientT,
        url: str,
        *,
        method: str = "GET",
        headers: Headers = (),
        content: bytes | str | None = None,
        json: object = None,
        connect_timeout_s: float | None = CONNECT_TIMEOUT_S,
        first_byte_timeout_s: float | None = FIRST_BYTE_TIMEOUT_S,
        idle_timeout_s: float | None = IDLE_TIMEOUT_S,
    ) -> None:
        self._client = client
        self._request = Request.of(
            method,
            url,
            headers=headers,
            content=content,
            json=json,
            connect_timeout_s=connect_timeout_s,
            first_byte_timeout_s=first_byte_timeout_s,
        )
        self._idle_timeout_s = idle_timeout_s
        self._is_open: bool | None = None
        self._decoder = TextDecoder()
        self._outcome: Outcome | None = None

    @property
    def outcome(self) -> Outcome | None:
        """What the stream came to; None while it goes on, and where it was left."""
        return self._outcome

    def _opened(self) -> None:
        if self._is_open is not None:
            raise RuntimeError("a TextStream is read once: make a new one")
        self._is_open = True

    def _checked(self) -> Request:
        if not self._is_open:
            raise RuntimeError(
                "this TextStream is not open: read it inside its own block, `with TextStream(…) as text:` "
                "(`async with` for an awaited one), whose end closes the connection"
            )
        return self._request

    def _incomplete(self, failure: ConnectionFailed) -> Incomplete:
        self._outcome = Outcome.INCOMPLETE
        return Incomplete(f"{failure.how}: {failure.__cause__!r}")

    def _refused(self, response: Response | AsyncResponse, body: bytes) -> Refused:
        self._outcome = Outcome.REFUSED
        return Refused(f"status {response.status}", response.status, response.fields, body)

    def _decoded(self, data: bytes) -> str:
        if not data:
            self._outcome = Outcome.COMPLETE
        return self._decoder.decode(data, final=not data)


class BlockingTextStream(AnyTextStream[ClientT], ABC):
    """The shell over a blocking client."""

    _response: Response | None = None

    def __enter__(self) -> Self:
        self._opened()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[str]:
        return self if self._is_open else self._in_a_block()

    def __next__(self) -> str:
        text = ""
        while not text:
            if self._outcome is not None:
                raise StopIteration
            text = self._read(self._response or self._ask())
        return text

    def close(self) -> None:
        """Close the connection; the end of the block does it."""
        self._is_open = False
        self._disconnect()

    @abstractmethod
    def _send(self, request: Request) -> Response:
        """Send it and return with the header section; raises ConnectionFailed."""

    def _in_a_block(self) -> Iterator[str]:
        # A `for` without a block: CPython closes a generator that nothing refers to any more, so a `break` gets here.
        with self:
            yield from self

    def _ask(self) -> Response:
        request = self._checked()
        try:
            response = self._response = self._send(request)
        except ConnectionFailed as failure:
            raise self._incomplete(failure) from failure.__cause__
        if not 200 <= response.status < 300:
            body = first_bytes(response)
            self._disconnect()
            raise self._refused(response, body)
        response.within(self._idle_timeout_s)
        return response

    def _read(self, response: Response) -> str:
        try:
            data = response.read()
        except ConnectionFailed as failure:
            self._disconnect()
            raise self._incomplete(failure) from failure.__cause__
        if not data:
            self._disconnect()
        return self._decoded(data)

    def _disconnect(self) -> None:
        if self._response is not None:
            self._response.close()
            self._response = None


class AwaitedTextStream(AnyTextStream[ClientT], ABC):
    """The shell over a client that is awaited."""

    _response: AsyncResponse | None = None

    async def __aenter__(self) -> Self:
        self._opened()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str:
        text = ""
        while not text:
            if self._outcome is not None:
                raise StopAsyncIteration
            text = await self._read(self._response or await self._ask())
        return text

    async def close(self) -> None:
        """Close the connection; the end of the block does it."""
        self._is_open = False
        await self._disconnect()

    @abstractmethod
    async def _send(self, request: Request) -> AsyncResponse:
        """Send it and return with the header section; raises ConnectionFailed."""

    async def _ask(self) -> AsyncResponse:
        request = self._checked()
        try:
            response = self._response = await self._send(request)
        except ConnectionFailed as failure:
            raise self._incomplete(failure) from failure.__cause__
        if not 200 <= response.status < 300:
            body = await first_bytes_async(response)
            await self._disconnect()
            raise self._refused(response, body)
        response.within(self._idle_timeout_s)
        return response

    async def _read(self, response: AsyncResponse) -> str:
        try:
            data = await response.read()
        except ConnectionFailed as failure:
            await self._disconnect()
            raise self._incomplete(failure) from failure.__cause__
        if not data:
            await self._disconnect()
        return self._decoded(data)

    async def _disconnect(self) -> None:
        if self._response is not None:
            response, self._response = self._response, None
            await response.close()
