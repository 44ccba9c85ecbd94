"""What an application that runs in a thread of ours raises or logs as an error, as lines for a failure's message.

Frameworks and servers differ in who catches an exception; all of them log it. So the log is listened to, and of it
only what comes from the application's own thread.
"""

from __future__ import annotations

import logging
import threading
import traceback
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

_INSTALLED = ("site-packages", "dist-packages", "/lib/python")
"""Parts of the paths of files that are not the user's own."""


class AppLog(logging.Handler):
    """Listens from `with` on, to the thread that entered it."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []
        self._thread = 0
        self._heard: list[logging.Logger] = []

    def __enter__(self) -> Self:
        self._thread = threading.get_ident()
        # A user's own configuration of uvicorn keeps its records from the root.
        known = [logging.getLogger(name) for name in ("uvicorn", "uvicorn.error", "hypercorn.error")]
        self._heard = [logging.getLogger(), *(logger for logger in known if not logger.propagate)]
        for logger in self._heard:
            logger.addHandler(self)
        return self

    def __exit__(self, *exc_info: object) -> None:
        for logger in self._heard:
            logger.removeHandler(self)
        self.close()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep what the application's thread says, an exception by its kind, its words and its place."""
        if record.thread != self._thread:
            return
        error = record.exc_info[1] if record.exc_info else None
        found = list(told(error)) if error is not None else [_last_line(record.getMessage())]
        self.lines += [line for line in found if line not in self.lines[-len(found) :]]


def told(error: BaseException) -> Iterator[str]:
    """An exception in one line, with the place in the user's own code; of a group, each that is in it."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from told(inner)
        return
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not any(part in frame.filename for part in _INSTALLED)]
    place = (own or frames)[-1:]
    where = f" ({place[0].filename}:{place[0].lineno}, in {place[0].name}: {place[0].line})" if place else ""
    words = " ".join(str(error).split())
    yield f"{type(error).__name__}: {words}{where}"


def _last_line(text: str) -> str:
    """The last line that says something: of a traceback as text, the exception."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
