"""One application in a thread with an event loop of its own: started, known to be ready, stopped for sure.

The test's thread, and whatever event loop pytest plugins run in it, are left alone.
"""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
import traceback
from typing import TYPE_CHECKING

from streamspec.testing.app_log import AppLog, told
from streamspec.testing.application import CannotServe, serve

if TYPE_CHECKING:
    from typing import Self

START_WITHIN_S = 30.0
"""For the application's start-up: a model may be loaded in it."""

STOP_WITHIN_S = 10.0
"""For its shutdown, above what servers give their connections and the application's own clean-up."""


class LoopThread:
    """An application that is served on a free port of 127.0.0.1; a context manager. Raises CannotServe."""

    def __init__(self, application: object) -> None:
        self._application = application
        # asyncio sets TCP_NODELAY only where the protocol is named, and without it items wait for 40 ms.
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(128)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.log = AppLog()
        self._changed = threading.Condition()
        self._ready = self._ended = False
        self._error: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="streamspec-server", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        with self._changed:
            self._changed.wait_for(lambda: self._ready or self._ended, START_WITHIN_S)
        if self._ready and not self._ended:
            return self
        reason = self._why() if self._ended else f"it was not ready within {START_WITHIN_S:g} s; it is {self._where()}"
        self.stop()
        if isinstance(self._error, CannotServe):
            raise self._error
        raise CannotServe(f"the application did not start: {reason}")

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End the server and its thread. Raises CannotServe where the application keeps it from ending."""
        with self._changed:
            if self._loop is not None and self._stopping is not None and not self._ended:
                self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(STOP_WITHIN_S)
        if self._thread.is_alive():
            raise CannotServe(
                f"the application did not stop within {STOP_WITHIN_S:g} s: it is {self._where()}. What blocks there "
                "blocks the whole server; give an import string or a command, and it runs in a process that can be "
                "ended"
            )

    def _run(self) -> None:
        with self.log:
            try:
                with asyncio.Runner() as runner:
                    runner.run(self._serve())
            except BaseException as error:  # noqa: BLE001 - told by the thread that waits for this one
                self._error = error
        self._listener.close()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    async def _serve(self) -> None:
        stopping = asyncio.Event()
        with self._changed:
            self._loop, self._stopping = asyncio.get_running_loop(), stopping
        await serve(self._application, self._listener, self._tell_ready, stopping.wait)

    def _tell_ready(self) -> None:
        with self._changed:
            self._ready = True
            self._changed.notify_all()

    def _why(self) -> str:
        said = list(told(self._error)) if self._error is not None else []
        return "; ".join(dict.fromkeys([*self.log.lines, *said])) or "the server ended and did not say why"

    def _where(self) -> str:
        """What the thread is at."""
        frame = sys._current_frames().get(self._thread.ident or 0)
        if frame is None:
            return "about to end"
        stack = traceback.extract_stack(frame)[-1]
        return f"in {stack.name} ({stack.filename}:{stack.lineno}: {stack.line})"
