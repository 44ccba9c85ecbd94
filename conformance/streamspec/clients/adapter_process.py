"""An adapter as a process: started, ordered, heard, and stopped for sure."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from itertools import count
from typing import TYPE_CHECKING

from streamspec.clients.adapter_lines import AdapterError, order_line, read_hello, read_told
from streamspec.clients.play import End, Ended

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from streamspec.clients.adapter_file import Adapter
    from streamspec.clients.adapter_lines import Hello, Order, Told

HELLO_WITHIN_S = 20.0
"""To the first line: importing a client takes up to 2 s on a busy machine."""

LONGEST_LINE_BYTES = 64 * 1_048_576
KEPT_LOG_BYTES = 65_536


class AdapterProcess:
    """A running adapter, in a process group of its own. It ends with its block."""

    def __init__(self, adapter: Adapter, began_s: float) -> None:
        self._adapter = adapter
        self._began_s = began_s
        self._numbers = count(1)
        self._listeners: dict[int, Callable[[Told], None]] = {}
        self._log = bytearray()
        self._tasks: list[asyncio.Task[None]] = []
        self._process: asyncio.subprocess.Process | None = None
        self.failure = ""
        """Why it can be ordered nothing any more, in one sentence; empty while all is well."""

    async def __aenter__(self) -> Self:
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self._adapter.command,
                cwd=self._adapter.cwd,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                limit=LONGEST_LINE_BYTES,
                start_new_session=True,
            )
        except FileNotFoundError:
            raise  # the command is not installed
        except OSError as error:
            raise AdapterError(f"{self._adapter.command[0]!r} cannot be run: {error.strerror}") from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)  # an adapter has nothing to lose
            await self._process.wait()

    async def hello(self) -> Hello:
        """What it drives. Raises AdapterError where it does not say so."""
        process = self._running()
        assert process.stdout is not None and process.stderr is not None  # noqa: S101, PT018 - both were asked for
        self._tasks.append(asyncio.create_task(self._keep_log(process.stderr)))
        try:
            async with asyncio.timeout(HELLO_WITHIN_S):
                line = await process.stdout.readline()
        except TimeoutError as error:
            raise AdapterError(f"it printed no line within {HELLO_WITHIN_S:g} s") from error
        if not line:
            raise AdapterError(await self._how_it_ended())
        hello = read_hello(line)
        self._tasks.append(asyncio.create_task(self._listen(process.stdout)))
        return hello

    def read(self, order: Order, hear: Callable[[Told], None]) -> None:
        """Begin to read a stream."""
        if self.failure:
            hear(Ended(0.0, End.FAILED, self.failure))
            return
        number = next(self._numbers)
        self._listeners[number] = hear
        process = self._running()
        assert process.stdin is not None  # noqa: S101 - it was asked for
        with contextlib.suppress(ConnectionError, RuntimeError):  # _listen tells that it has ended
            process.stdin.write(order_line(order.numbered(number)))

    async def _listen(self, stdout: asyncio.StreamReader) -> None:
        try:
            while line := await stdout.readline():
                number, told = read_told(line, self._began_s)
                if number not in self._listeners:
                    raise AdapterError(f"it tells of a stream {number} that it was not ordered to read")
                self._listeners[number](told)
            self.failure = await self._how_it_ended()
        except AdapterError as error:
            self.failure = str(error)
        except ValueError:
            self.failure = f"it printed a line of more than {LONGEST_LINE_BYTES} bytes"
        for hear in self._listeners.values():
            hear(Ended(0.0, End.FAILED, self.failure))  # so that nobody waits for it any more

    async def _keep_log(self, stderr: asyncio.StreamReader) -> None:
        while data := await stderr.read(4096):
            self._log += data
            del self._log[:-KEPT_LOG_BYTES]

    async def _how_it_ended(self) -> str:
        process = self._running()
        try:
            async with asyncio.timeout(1.0):
                code = await process.wait()
                await self._tasks[0]
            how = f"it ended by {signal.Signals(-code).name}" if code < 0 else f"it ended with exit status {code}"
        except TimeoutError:
            how = "it closed its standard output"
        lines = self._log.decode("utf-8", "replace").strip().splitlines()
        return f"{how}; its last words: {lines[-1].strip()}" if lines else how

    def _running(self) -> asyncio.subprocess.Process:
        assert self._process is not None  # noqa: S101 - used inside its block
        return self._process
