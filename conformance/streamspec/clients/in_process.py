"""The control client and its mutants as a `Client`: each reading is a task on the suite's own event loop."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from streamspec.clients.play import End, Ended

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamspec.clients.adapter_lines import Order, Told
    from streamspec.clients.control import ControlClient


class InProcess:
    """Readings of one kind of client; `close` ends them."""

    def __init__(self, kind: type[ControlClient], began_s: float) -> None:
        self._kind = kind
        self._began_s = began_s
        self._tasks: set[asyncio.Task[None]] = set()

    def read(self, order: Order, hear: Callable[[Told], None]) -> None:
        """Begin to read a stream."""
        task = asyncio.create_task(self._reading(order, hear))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _reading(self, order: Order, hear: Callable[[Told], None]) -> None:
        try:
            await self._kind(order, hear, self._began_s).run()
        except Exception as error:  # noqa: BLE001 - a client that is broken on purpose may raise anything
            hear(Ended(time.monotonic() - self._began_s, End.FAILED, f"{type(error).__name__}: {error}"))

    async def close(self) -> None:
        """End what is still read."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
