"""A gate between an endpoint and its test: the endpoint waits, the test releases, and so the order is certain.

It knows no event loop of its own: the endpoint may run in any thread, on any loop, or be a plain blocking generator.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from concurrent.futures import Future

BLOCKED_AT_MOST_S = 60.0
"""A thread that waits at a gate which no test releases any more goes on, so that its process can end."""


class Gate:
    """Lets what waits at it pass, one for each release; a release that nobody waits for is kept."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._released = 0
        self._waiting: deque[Future[None]] = deque()

    def release(self, items: int = 1) -> None:
        """Let that many pass, now or when they come."""
        for _ in range(items):
            self._release_one()

    async def passed(self) -> None:
        """Wait, in an endpoint that is awaited, until released."""
        await asyncio.wrap_future(self._waiter())

    def wait_passed(self) -> None:
        """Wait, in a blocking endpoint, until released. Raises TimeoutError after a minute."""
        waiter = self._waiter()
        try:
            waiter.result(BLOCKED_AT_MOST_S)
        finally:
            waiter.cancel()

    def _waiter(self) -> Future[None]:
        waiter: Future[None] = Future()
        with self._lock:
            if self._released:
                self._released -= 1
                waiter.set_result(None)
            else:
                self._waiting.append(waiter)
        return waiter

    def _release_one(self) -> None:
        with self._lock:
            while self._waiting:
                waiter = self._waiting.popleft()
                if waiter.set_running_or_notify_cancel():  # False: its stream has ended meanwhile
                    break
            else:
                self._released += 1
                return
        waiter.set_result(None)
