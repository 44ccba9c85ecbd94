"""A server as a process of its own: any command, or an application by its import string. Stopped for sure."""

from __future__ import annotations

import os
import re
import socket
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from streamspec.process import READY_WITHIN_S, Process, ProcessError
from streamspec.testing.application import CannotServe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

URL = re.compile(r"(https?://[^\s/]+)")
SERVED = re.compile(r"^(http://127\.0\.0\.1:\d+)$")
"""Not just the first line: an application's modules may print as they are imported."""
PORT = "{port}"
PORTS_TRIED = 3
"""Nobody can hold a port for a process that binds it by itself: another may come first."""
LOOK_EVERY_S = 0.02
"""Between two tries to connect: nothing tells when a foreign process begins to listen."""


@contextmanager
def imported(name: str) -> Iterator[tuple[str, Process]]:
    """The URL and the process of an application that `python -m streamspec.testing` serves."""
    path = os.pathsep.join(filter(None, sys.path))
    with _process([sys.executable, "-m", "streamspec.testing", name], {"PYTHONPATH": path}) as process:
        try:
            url = process.wait_url(SERVED)
        except ProcessError as error:
            raise CannotServe(f"{name!r} did not start: {process.log_since(0).strip() or error}") from None
        yield url, process


@contextmanager
def launched(command: Sequence[str]) -> Iterator[tuple[str, Process]]:
    """The URL and the process of a command that prints its URL, or is told its port in the place of `{port}`."""
    command = [sys.executable if command[0] == "python" else command[0], *command[1:]]
    if not any(PORT in word for word in command):
        with _process(command) as process:
            try:
                url = process.wait_url(URL)
            except ProcessError as error:
                raise CannotServe(f"{error}; where it is to be told its port, write {PORT} in its place") from None
            yield url, process
        return
    for tried in range(1, PORTS_TRIED + 1):
        port = _free_port()
        with _process([word.replace(PORT, str(port)) for word in command]) as process:
            if problem := _not_listening(process, port):
                if tried < PORTS_TRIED and "in use" in process.log_since(0):
                    continue
                raise CannotServe(f"{' '.join(command)!r} {problem}{process.last_words()}")
            yield f"http://127.0.0.1:{port}", process
            return


@contextmanager
def _process(command: Sequence[str], env: dict[str, str] | None = None) -> Iterator[Process]:
    try:
        process = Process(command, cwd=Path.cwd(), env={"PYTHONUNBUFFERED": "1", **(env or {})}, name=command[0])
    except ProcessError as error:
        raise CannotServe(str(error)) from None
    with process:
        yield process


def _free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
        return port


def _not_listening(process: Process, port: int) -> str:
    """Why nothing of the process listens there; empty when it does."""
    deadline_s = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline_s:
        if process.wait_exit(LOOK_EVERY_S):
            return f"ended {process.ending()} before it listened on port {port}"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            continue
        return ""
    return f"does not listen on port {port} of 127.0.0.1 within {READY_WITHIN_S:g} s"
