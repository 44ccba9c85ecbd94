"""The five shells behind one awaited face, so that one test body serves them all, one by one or all at once.

A blocking shell blocks the event loop of its test. Nothing else runs there: servers have threads and processes.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar

import aiohttp
import httpx
import httpx2

import streamspec_client.aiohttp
import streamspec_client.httpx
import streamspec_client.httpx2
from streamspec_client.event import Event
from streamspec_client.reconnection import Outcome, RobustPolicy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
    from contextlib import AbstractAsyncContextManager
    from types import TracebackType
    from typing import Self

    from streamspec_client.event_source import BlockingEventSource
    from streamspec_client.text_stream import BlockingTextStream

ItemT_co = TypeVar("ItemT_co", covariant=True)

# Back at once: what is tested is that it comes back, not that it waits.
FAST = RobustPolicy(0.01, min_delay_s=0.01, max_delay_s=0.1, idle_timeout_s=20.0, max_fruitless=500)


class Stream(Protocol[ItemT_co]):
    """An awaited shell."""

    @property
    def outcome(self) -> Outcome | None: ...
    async def __aenter__(self) -> Self: ...
    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None: ...
    def __aiter__(self) -> Self: ...
    async def __anext__(self) -> ItemT_co: ...


class EventStream(Stream[Event], Protocol):
    """An awaited shell that gives events."""

    @property
    def last_event_id(self) -> str: ...


class AwaitedText:
    """A blocking shell that looks like an awaited one."""

    def __init__(self, shell: BlockingTextStream[httpx.Client] | BlockingTextStream[httpx2.Client]) -> None:
        self.shell = shell

    @property
    def outcome(self) -> Outcome | None:
        return self.shell.outcome

    async def __aenter__(self) -> Self:
        self.shell.__enter__()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self.shell.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str:
        try:
            return next(self.shell)
        except StopIteration:
            raise StopAsyncIteration from None


class AwaitedEvents:
    """A blocking shell that looks like an awaited one."""

    def __init__(self, shell: BlockingEventSource[httpx.Client] | BlockingEventSource[httpx2.Client]) -> None:
        self.shell = shell

    @property
    def outcome(self) -> Outcome | None:
        return self.shell.outcome

    @property
    def last_event_id(self) -> str:
        return self.shell.last_event_id

    async def __aenter__(self) -> Self:
        self.shell.__enter__()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self.shell.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        try:
            return next(self.shell)
        except StopIteration:
            raise StopAsyncIteration from None


@dataclass(frozen=True, slots=True)
class Session:
    """A client with its pool, and the shells over it; an event stream ends with `done`, and comes back at once."""

    make_events: Callable[..., EventStream]
    text: Callable[..., Stream[str]]
    get: Callable[[str], Awaitable[str]]
    """The body of a small response."""

    def events(self, url: str, **options: object) -> EventStream:
        return self.make_events(url, **{"is_terminal": is_done, "policy": FAST, **options})


def is_done(event: Event) -> bool:
    return event.type == "done"


@asynccontextmanager
async def over_httpx(pool: int) -> AsyncIterator[Session]:
    with httpx.Client(limits=httpx.Limits(max_connections=pool)) as client:

        async def get(url: str) -> str:
            return client.get(url, timeout=20).text  # noqa: ASYNC212 - it blocks, as said above

        yield Session(
            lambda url, **options: AwaitedEvents(streamspec_client.httpx.EventSource(client, url, **options)),
            lambda url, **options: AwaitedText(streamspec_client.httpx.TextStream(client, url, **options)),
            get,
        )


@asynccontextmanager
async def over_httpx_async(pool: int) -> AsyncIterator[Session]:
    async with httpx.AsyncClient(limits=httpx.Limits(max_connections=pool)) as client:

        async def get(url: str) -> str:
            return (await client.get(url, timeout=20)).text

        yield Session(
            lambda url, **options: streamspec_client.httpx.AsyncEventSource(client, url, **options),
            lambda url, **options: streamspec_client.httpx.AsyncTextStream(client, url, **options),
            get,
        )


@asynccontextmanager
async def over_httpx2(pool: int) -> AsyncIterator[Session]:
    with httpx2.Client(limits=httpx2.Limits(max_connections=pool)) as client:

        async def get(url: str) -> str:
            return client.get(url, timeout=20).text

        yield Session(
            lambda url, **options: AwaitedEvents(streamspec_client.httpx2.EventSource(client, url, **options)),
            lambda url, **options: AwaitedText(streamspec_client.httpx2.TextStream(client, url, **options)),
            get,
        )


@asynccontextmanager
async def over_httpx2_async(pool: int) -> AsyncIterator[Session]:
    async with httpx2.AsyncClient(limits=httpx2.Limits(max_connections=pool)) as client:

        async def get(url: str) -> str:
            return (await client.get(url, timeout=20)).text

        yield Session(
            lambda url, **options: streamspec_client.httpx2.AsyncEventSource(client, url, **options),
            lambda url, **options: streamspec_client.httpx2.AsyncTextStream(client, url, **options),
            get,
        )


@asynccontextmanager
async def over_aiohttp(pool: int) -> AsyncIterator[Session]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=pool)) as client:

        async def get(url: str) -> str:
            async with client.get(url) as response:
                return await response.text()

        yield Session(
            lambda url, **options: streamspec_client.aiohttp.EventSource(client, url, **options),
            lambda url, **options: streamspec_client.aiohttp.TextStream(client, url, **options),
            get,
        )


Shell: TypeAlias = "Callable[[int], AbstractAsyncContextManager[Session]]"
Body: TypeAlias = "Callable[[Session], Coroutine[object, object, None]]"

BLOCKING: dict[str, Shell] = {"httpx": over_httpx, "httpx2": over_httpx2}
AWAITED: dict[str, Shell] = {
    "httpx-async": over_httpx_async,
    "httpx2-async": over_httpx2_async,
    "aiohttp": over_aiohttp,
}
SHELLS = BLOCKING | AWAITED


def run(shell: Shell, body: Body, *, pool: int = 10) -> None:
    """Run a test body over one shell."""

    async def main() -> None:
        async with shell(pool) as session:
            await body(session)

    asyncio.run(main())


def run_side_by_side(bodies: list[tuple[str, Body]]) -> None:
    """Run test bodies, each over the shell named; the first failure is raised, with the shell's name."""
    with ThreadPoolExecutor(len(bodies)) as threads:
        runs = [(name, threads.submit(run, SHELLS[name], body)) for name, body in bodies]
    for name, done in runs:
        error = done.exception()
        if error is not None:
            raise AssertionError(f"over {name}: {error!r}") from error
