"""Gates: items that wait until somebody releases them. A gate opened early stays open."""

import asyncio


class Gates:
    """Counts how many gates were opened and how many passed; one producer waits at most at one of them."""

    __slots__ = ("_open", "_waiting")

    def __init__(self) -> None:
        self._open = 0
        self._waiting: asyncio.Future[None] | None = None

    def release(self, gates: int) -> None:
        """Opens so many gates."""
        self._open += gates
        wake(self._waiting)

    @property
    def open(self) -> bool:
        """Whether the next gate can be passed without waiting."""
        return self._open > 0

    def go_through(self) -> None:
        """Passes one open gate."""
        self._open -= 1

    async def wait(self, at_most_s: float | None) -> None:
        """Returns when the next gate is open, or after so many seconds."""
        loop = asyncio.get_running_loop()
        self._waiting = loop.create_future()
        timer = None if at_most_s is None else loop.call_later(at_most_s, wake, self._waiting)
        try:
            await self._waiting
        finally:
            self._waiting = None
            if timer is not None:
                timer.cancel()


def wake(waiting: asyncio.Future[None] | None) -> None:
    """Ends a wait, if there is one that has not ended."""
    if waiting is not None and not waiting.done():
        waiting.set_result(None)
