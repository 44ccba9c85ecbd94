"""Playing one exchange at a client, and recording it: the only caller of the server, and of clients."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Protocol

from streamspec.clients.contract import PROMPT_S
from streamspec.clients.play import Ended, Event, Mark, Reading

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamspec.clients.adapter_lines import Order, Told
    from streamspec.clients.play import Request
    from streamspec.clients.server import Exchanged, PlayingServer


class Client(Protocol):
    """Something that reads streams as it is ordered, any number of them at once, and tells what it sees."""

    def read(self, order: Order, hear: Callable[[Told], None]) -> None:
        """Begin to read a stream; returns at once."""


class Playing:
    """One reading of an exchange, while it is played: what the server does next, and what it waits for.

    Waiting is bounded: what does not come leaves a mark that did not hold, and the exchange goes on to its end.
    """

    def __init__(self, server: PlayingServer, name: str, slow_factor: float) -> None:
        self.url, self._arrivals = server.expect(name)
        self._name = name
        self._server = server
        self.slow_factor = slow_factor
        self._changed = asyncio.Event()
        self._requests: list[Request] = []
        self._events: list[Event] = []
        self._errors: list[str] = []
        self._ended: Ended | None = None
        self._marks: list[Mark] = []

    def hear(self, told: Told) -> None:
        """Take in what the adapter told, with the time of now."""
        match told:
            case Event():
                self._events.append(told)
            case Ended():
                self._ended = self._ended or told
            case str():
                self._errors.append(told)
        self._changed.set()

    async def request(self, within_s: float = PROMPT_S) -> Exchanged | None:
        """The next request, marked `request N`; None where none comes in time, or where the client has ended."""
        name = f"request {len(self._requests) + 1}"
        arrival = asyncio.ensure_future(self._arrivals.get())
        gone = asyncio.ensure_future(self._until(lambda: self._ended is not None))
        try:
            await asyncio.wait(
                {arrival, gone}, timeout=within_s * self.slow_factor, return_when=asyncio.FIRST_COMPLETED
            )
            if not arrival.done():
                self.mark(name, held=False)
                return None
            exchanged = arrival.result()
        finally:
            arrival.cancel()
            gone.cancel()
        self._requests.append(exchanged.request)
        self.mark(name)
        return exchanged

    async def events(self, count: int, within_s: float = PROMPT_S) -> bool:
        """Whether the client tells so many events, counted from the beginning, in time; marked `events N`."""
        return await self._waited(f"events {count}", lambda: len(self._events) >= count, within_s)

    async def event(self, data: str, within_s: float = PROMPT_S) -> bool:
        """Whether the client tells an event of that data in time; marked `event DATA`."""
        return await self._waited(f"event {data}", lambda: any(e.data == data for e in self._events), within_s)

    async def end(self, within_s: float = PROMPT_S) -> bool:
        """Whether the client ends in time; marked `end`."""
        return await self._waited("end", lambda: self._ended is not None, within_s)

    async def error_or_end(self, within_s: float = PROMPT_S) -> bool:
        """Whether the client reports an error, or ends, in time; marked `error or end`."""
        return await self._waited("error or end", lambda: bool(self._errors) or self._ended is not None, within_s)

    async def left(self, exchanged: Exchanged, within_s: float = PROMPT_S) -> bool:
        """Whether the client ends that connection in time; marked `left`."""
        return self.mark("left", held=await exchanged.left(within_s * self.slow_factor))

    async def stays_away(self, for_s: float) -> None:
        """Look for one more request for so long; any is recorded. Only time shows that nothing comes."""
        try:
            exchanged = await asyncio.wait_for(self._arrivals.get(), for_s)
        except TimeoutError:
            return
        self._requests.append(exchanged.request)
        exchanged.close()

    def mark(self, name: str, *, held: bool = True) -> bool:
        """Mark this moment; returns what was held."""
        self._marks.append(Mark(self.now_s(), name, held))
        return held

    def now_s(self) -> float:
        """Seconds on the clock of the record."""
        return time.monotonic() - self._server.began_s

    def over(self) -> Reading:
        """Close the record."""
        self._server.over(self._name)
        return Reading(tuple(self._requests), tuple(self._events), tuple(self._errors), self._ended, tuple(self._marks))

    async def _waited(self, name: str, holds: Callable[[], bool], within_s: float) -> bool:
        """Wait until it holds, the client has ended or the time is over."""
        try:
            async with asyncio.timeout(within_s * self.slow_factor):
                await self._until(lambda: holds() or self._ended is not None)
        except TimeoutError:
            pass
        return self.mark(name, held=holds())

    async def _until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            self._changed.clear()
            await self._changed.wait()
