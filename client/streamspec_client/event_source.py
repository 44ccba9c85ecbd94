"""The shells of `reconnection`, blocking and awaited: requests go out, and events come, until there is an outcome.

No HTTP library here: a subclass says how one sends a request (`httpx`, `httpx2`, `aiohttp`). The two loops are twins,
with the same members in the same order; what needs no I/O is in `AnyEventSource`.
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Generic, TypeVar

from streamspec_client.event_stream import DEFAULT_MAX_EVENT_BYTES
from streamspec_client.reconnection import ConnectionEnd, Decision, Outcome, Policy, Reconnect, Reconnection, Stop
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
    with_defaults,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType
    from typing import Self

    from streamspec_client.event import Event

ClientT = TypeVar("ClientT")


class AnyEventSource(Generic[ClientT]):
    """The events of one stream, over as many connections as it takes.

    `client` sends the requests; it stays open. `url`, `method`, `headers`, and `content` or `json` make the request.
    `is_terminal` says which event is the stream's last. `last_event_id` is where an earlier one stopped. `policy` says
    when to come back and how long to wait for a byte (`RobustPolicy(idle_timeout_s=…)`); `repeat` that a POST may be
    sent again. Times are in seconds, None is for ever, and there is no limit to the whole.
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
        is_terminal: Callable[[Event], bool] | None = None,
        last_event_id: str = "",
        policy: Policy | None = None,
        repeat: bool = False,
        max_event_bytes: int = DEFAULT_MAX_EVENT_BYTES,
        connect_timeout_s: float | None = CONNECT_TIMEOUT_S,
        first_byte_timeout_s: float | None = FIRST_BYTE_TIMEOUT_S,
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
        if any(name.lower() == "last-event-id" for name, _ in self._request.fields):
            raise ValueError("Last-Event-ID changes with the stream: give last_event_id, not the header field")
        self._reconnection = Reconnection(
            policy,
            method=method,
            repeat=repeat,
            last_event_id=last_event_id,
            is_terminal=is_terminal,
            max_event_bytes=max_event_bytes,
        )
        self._is_open: bool | None = None
        self._wait_s = 0.0
        self._events: deque[Event] = deque()
        self._handed_over_id = last_event_id
        self._outcome: Outcome | None = None

    @property
    def outcome(self) -> Outcome | None:
        """What the stream came to; None while it goes on, and where it was left."""
        return self._outcome

    @property
    def last_event_id(self) -> str:
        """The ID to go on with after the events that were handed over."""
        return self._handed_over_id if self._events else self._reconnection.last_event_id

    def _opened(self) -> None:
        if self._is_open is not None:
            raise RuntimeError("an EventSource is read once: make a new one, with last_event_id to go on")
        self._is_open = True

    def _next_request(self) -> Request:
        if not self._is_open:
            raise RuntimeError(
                "this EventSource is not open: read it inside its own block, `with EventSource(…) as events:` "
                "(`async with` for an awaited one), whose end closes the connection"
            )
        fields = with_defaults(self._request.fields, self._reconnection.request_fields())
        return replace(self._request, fields=tuple(fields))

    def _next_event(self) -> Event:
        event = self._events.popleft()
        self._handed_over_id = event.last_event_id
        return event

    def _decided(
        self,
        decision: Decision,
        *,
        error: BaseException | None = None,
        response: Response | AsyncResponse | None = None,
        body: bytes = b"",
    ) -> None:
        """Take a decision in; raises Incomplete and Refused."""
        if isinstance(decision, Reconnect):
            self._wait_s = decision.after_s
            return
        self._outcome = decision.outcome
        if decision.outcome is Outcome.REFUSED and response is not None:
            raise Refused(decision.reason, response.status, response.fields, body)
        if decision.outcome is not Outcome.COMPLETE:
            raise Incomplete(decision.reason, self._reconnection.last_event_id) from error


class BlockingEventSource(AnyEventSource[ClientT], ABC):
    """The shell over a blocking client."""

    _response: Response | None = None

    def __enter__(self) -> Self:
        self._opened()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Event]:
        return self if self._is_open else self._in_a_block()

    def __next__(self) -> Event:
        while not self._events:
            if self._outcome is not None:
                raise StopIteration
            if self._response is None:
                self._ask()
            else:
                self._read(self._response)
        return self._next_event()

    def close(self) -> None:
        """Close the connection; the end of the block does it."""
        self._is_open = False
        self._disconnect()

    @abstractmethod
    def _send(self, request: Request) -> Response:
        """Send it and return with the header section; raises ConnectionFailed."""

    def _in_a_block(self) -> Iterator[Event]:
        # A `for` without a block: CPython closes a generator that nothing refers to any more, so a `break` gets here.
        with self:
            yield from self

    def _ask(self) -> None:
        request = self._next_request()
        time.sleep(self._wait_s)
        try:
            response = self._send(request)
        except ConnectionFailed as failure:
            self._decided(self._reconnection.ended(failure.how), error=failure.__cause__)
            return
        self._response = response
        decision = self._reconnection.responded(response.status, response.fields)
        if decision is None:
            response.within(self._reconnection.policy.idle_timeout_s)
            return
        body = first_bytes(response) if is_refusal(decision) else b""
        self._disconnect()
        self._decided(decision, response=response, body=body)

    def _read(self, response: Response) -> None:
        how, error = ConnectionEnd.CLEAN, None
        try:
            data = response.read()
        except ConnectionFailed as failure:
            data, how, error = b"", failure.how, failure.__cause__
        self._events += self._reconnection.received(data)
        if not data or self._reconnection.is_complete:
            self._disconnect()
            self._decided(self._reconnection.ended(how), error=error)

    def _disconnect(self) -> None:
        if self._response is not None:
            self._response.close()
            self._response = None


class AwaitedEventSource(AnyEventSource[ClientT], ABC):
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

    async def __anext__(self) -> Event:
        while not self._events:
            if self._outcome is not None:
                raise StopAsyncIteration
            if self._response is None:
                await self._ask()
            else:
                await self._read(self._response)
        return self._next_event()

    async def close(self) -> None:
        """Close the connection; the end of the block does it."""
        self._is_open = False
        await self._disconnect()

    @abstractmethod
    async def _send(self, request: Request) -> AsyncResponse:
        """Send it and return with the header section; raises ConnectionFailed."""

    async def _ask(self) -> None:
        request = self._next_request()
        await asyncio.sleep(self._wait_s)
        try:
            response = await self._send(request)
        except ConnectionFailed as failure:
            self._decided(self._reconnection.ended(failure.how), error=failure.__cause__)
            return
        self._response = response
        decision = self._reconnection.responded(response.status, response.fields)
        if decision is None:
            response.within(self._reconnection.policy.idle_timeout_s)
            return
        body = await first_bytes_async(response) if is_refusal(decision) else b""
        await self._disconnect()
        self._decided(decision, response=response, body=body)

    async def _read(self, response: AsyncResponse) -> None:
        how, error = ConnectionEnd.CLEAN, None
        try:
            data = await response.read()
        except ConnectionFailed as failure:
            data, how, error = b"", failure.how, failure.__cause__
        self._events += self._reconnection.received(data)
        if not data or self._reconnection.is_complete:
            await self._disconnect()
            self._decided(self._reconnection.ended(how), error=error)

    async def _disconnect(self) -> None:
        if self._response is not None:
            response, self._response = self._response, None
            await response.close()


def is_refusal(decision: Decision) -> bool:
    """Whether the body of the response says why."""
    return isinstance(decision, Stop) and decision.outcome is Outcome.REFUSED
