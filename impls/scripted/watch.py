"""A look at every open delivery, four times a second, for what no event announces.

One timer for all of them: 10,000 timers of their own would cost a tenth of a core.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

LOOK_EVERY_S = 0.25


class Watched(Protocol):
    """Whatever wants to be looked at."""

    def look(self, now_s: float) -> None:
        """Sees what there is to see; `now_s` is the event loop's time."""


class _Watch:
    def __init__(self) -> None:
        self._watched: set[Watched] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    def add(self, watched: Watched) -> None:
        loop = asyncio.get_running_loop()
        self._watched.add(watched)
        if self._timer is None or self._loop is not loop:
            self._loop = loop
            self._timer = loop.call_later(LOOK_EVERY_S, self._look, loop)

    def discard(self, watched: Watched) -> None:
        self._watched.discard(watched)
        if not self._watched and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = loop.call_later(LOOK_EVERY_S, self._look, loop)
        now_s = loop.time()
        for watched in tuple(self._watched):
            watched.look(now_s)


_WATCH = _Watch()


@contextmanager
def looked_after(watched: Watched) -> Iterator[None]:
    """Looks at something regularly for as long as the context lasts."""
    _WATCH.add(watched)
    try:
        yield
    finally:
        _WATCH.discard(watched)
