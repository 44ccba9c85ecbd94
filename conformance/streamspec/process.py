"""One server process: spawned, its URL line awaited, its standard error kept, stopped for sure."""

from __future__ import annotations

import atexit
import contextlib
import os
import queue
import re
import select
import signal
import subprocess
import sys
import threading
import time
from typing import IO, TYPE_CHECKING

from streamspec.run_delay import process_times

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from streamspec.run_delay import ProcessTimes

READY_WITHIN_S = 30.0
"""To the URL line: importing FastAPI takes 1 s on a busy machine, other languages' servers may compile first."""

STOP_WITHIN_S = 8.0
"""From SIGTERM to SIGKILL: above drain_ms + 2 s of the default limits."""

BROKEN_OFF_WITHIN_S = 1.0
"""The same where a run broke off, after Ctrl-C say: nobody looks at how the server ends any more."""

LOG_BYTES = 1_048_576
"""Standard error kept, of its beginning: what went wrong first is there."""

URL_LINE = re.compile(r"^(https?://\S+)$")


class ProcessError(Exception):
    """The command did not become a server: mend the command."""


_LEFT: set[Process] = set()
"""What is to be stopped still. Ctrl-C ends the main thread alone: what others have launched must not outlive it."""
_SPAWNING = threading.Lock()


@atexit.register
def _stop_what_is_left() -> None:
    _SPAWNING.acquire()  # for good: nothing is spawned any more
    for process in list(_LEFT):
        process.terminate()
    for process in list(_LEFT):
        process.stop(BROKEN_OFF_WITHIN_S)


class Process:
    """A spawned command in a process group of its own, so that its children end with it."""

    def __init__(self, command: Sequence[str], *, cwd: Path, env: Mapping[str, str], name: str) -> None:
        self.name = name
        self._command = list(command)
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._log = bytearray()
        self._threads: list[threading.Thread] = []
        self._times_at_end: ProcessTimes = {}
        with _SPAWNING:
            self._popen = self._spawned(cwd, env)
            _LEFT.add(self)
        for pipe, drain in ((self._popen.stdout, self._drain_output), (self._popen.stderr, self._drain_log)):
            assert pipe is not None  # noqa: S101 - both were asked for above
            thread = threading.Thread(target=drain, args=(pipe,), daemon=True)
            thread.start()
            self._threads.append(thread)

    def _spawned(self, cwd: Path, env: Mapping[str, str]) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                self._command,
                cwd=cwd,
                env={**os.environ, **env},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise ProcessError(f"{self.name}: {self._command[0]!r} cannot be run: {error.strerror}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop(STOP_WITHIN_S if error is None else BROKEN_OFF_WITHIN_S)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._popen.pid

    @property
    def exit_code(self) -> int | None:
        """The exit status, negative for a signal; None while it runs."""
        return self._popen.poll()

    def wait_url(self, ready: re.Pattern[str] | None, within_s: float = READY_WITHIN_S) -> str:
        """The base URL that the process announces on standard output. Raises ProcessError where it does not.

        It is the first group of `ready` in the first line that has it; without `ready` it is the whole first line.
        """
        deadline_s = time.monotonic() + within_s
        seen: list[str] = []
        while (rest_s := deadline_s - time.monotonic()) > 0:
            try:
                line = self._lines.get(timeout=rest_s)
            except queue.Empty:
                break
            if line is None:
                how = f"ended {self.ending()}" if self.wait_exit(1) else "closed its standard output"
                raise ProcessError(f"{self._named()} {how} before it announced its URL{self.last_words()}")
            seen.append(line)
            if match := (ready or URL_LINE).search(line):
                return match.group(1)
            if ready is None:
                raise ProcessError(
                    f"{self._named()} printed {line[:200]!r} first, which is no URL: the first line of standard output "
                    f"must be its base URL (or impl.toml says how to find it, with `ready`){self.last_words()}"
                )
        said = f"; it printed {seen[0]!r}" if seen else ""
        raise ProcessError(
            f"{self._named()} announced no URL within {within_s:g} s{said}: it must print its base URL as the first "
            f"line of standard output (or impl.toml says how, with `ready`){self.last_words()}"
        )

    def wait_exit(self, within_s: float) -> bool:
        """Whether the process ends within that time."""
        deadline_s = time.monotonic() + within_s
        self._await_end(within_s)
        try:
            self._popen.wait(max(0.0, deadline_s - time.monotonic()))
        except subprocess.TimeoutExpired:
            return False
        return True

    def _await_end(self, within_s: float) -> None:
        """Await its end where Linux tells it, and keep its times, which are gone once it was waited for."""
        if self._popen.returncode is None and sys.platform == "linux":
            with contextlib.suppress(OSError), os.fdopen(os.pidfd_open(self.pid), "rb", 0) as end:
                if select.select([end], [], [], within_s)[0]:
                    self._times_at_end = process_times(self.pid)

    def times(self) -> ProcessTimes:
        """How long each of its threads ran, and waited for a processor: until now, or until an end that was awaited."""
        return process_times(self.pid) if self._popen.returncode is None else self._times_at_end

    def wait_log(self, within_s: float = 0.5) -> None:
        """Return when all of its standard error is kept: soon after its end, unless a child holds that open."""
        self._threads[1].join(within_s)

    def terminate(self) -> None:
        """Ask the process to end (SIGTERM)."""
        self._popen.terminate()

    def stop(self, within_s: float = STOP_WITHIN_S) -> None:
        """End the process: SIGTERM, and after that time SIGKILL for what is left of its group."""
        if self.exit_code is None:
            self._popen.terminate()
            try:
                self._popen.wait(within_s)
            except subprocess.TimeoutExpired:
                pass
            except BaseException:  # Ctrl-C must not leave a server behind
                self._kill()
                raise
        self._kill()
        self._popen.wait()
        _LEFT.discard(self)
        for thread in self._threads:
            thread.join(1)

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # the whole group is gone already
            os.killpg(self.pid, signal.SIGKILL)

    def ending(self) -> str:
        """How it ended, in words: `with exit status 1`, `by SIGKILL`."""
        code = self._popen.wait(1)
        return f"by {signal.Signals(-code).name}" if code < 0 else f"with exit status {code}"

    def log_size(self) -> int:
        """Bytes of standard error kept so far."""
        return len(self._log)

    def log_since(self, size: int) -> str:
        """Standard error from that size on."""
        return bytes(self._log[size:]).decode("utf-8", "replace")

    def _named(self) -> str:
        return f"{self.name}: {' '.join(self._command)!r}"

    def last_words(self) -> str:
        """The last line of its standard error, as the end of a sentence; empty where there is none."""
        self.wait_log()
        lines = self.log_since(0).strip().splitlines()
        return f"; its last words: {lines[-1].strip()}" if lines else ""

    def _drain_output(self, pipe: IO[bytes]) -> None:
        with pipe:
            for line in pipe:
                self._lines.put(line.decode("utf-8", "replace").strip())
        self._lines.put(None)

    def _drain_log(self, pipe: IO[bytes]) -> None:
        with pipe:
            while data := os.read(pipe.fileno(), 65_536):
                self._log += data[: max(0, LOG_BYTES - len(self._log))]
