"""Many connections read by one thread: each arrival is recorded as it would be if its connection were read alone.

It waits for whatever comes first and reads that; what is read stays with its connection.
"""

from __future__ import annotations

import select
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from streamspec_client.probe import Connection


class Crowd:
    """Connections that are read together until the peer closes them; none may be left or closed meanwhile."""

    def __init__(self, connections: Iterable[Connection]) -> None:
        self._poll = select.poll()
        self._open: dict[int, Connection] = {}
        for connection in connections:
            self.add(connection)

    def add(self, connection: Connection) -> None:
        """Read one more, unless the peer has closed it already."""
        if not connection.closed:
            self._open[connection.fileno()] = connection
            self._poll.register(connection.fileno(), select.POLLIN)

    def read(self, until: Callable[[], bool], within_s: float) -> bool:
        """Read until that holds; False where it does not within that time, or after every connection was closed."""
        deadline_s = time.monotonic() + within_s
        while not until():
            rest_s = deadline_s - time.monotonic()
            if rest_s <= 0 or not self._open:
                return False
            for number, _ in self._poll.poll(rest_s * 1000):
                self._open[number].read_ready()
                if self._open[number].closed:
                    # A socket at its end stays readable, so the poll would return at once for ever.
                    self._poll.unregister(number)
                    del self._open[number]
        return True

    def read_to_end(self, within_s: float) -> bool:
        """Read until the peer has closed or reset every connection."""
        return self.read(lambda: not self._open, within_s)
