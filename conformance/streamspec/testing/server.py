"""A running server for a test, whatever it was made from, and what it has said of errors."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streamspec.testing.application import WHAT_CAN_BE_SERVED, CannotServe
from streamspec.testing.command import imported, launched
from streamspec.testing.loop_thread import LoopThread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Self


LOG_WITHIN_S = 0.25
"""A process that breaks off a response has written why, but a thread of ours has yet to read it."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs: `url` is its base URL, without a slash at its end."""

    url: str
    errors: Callable[[], Sequence[str]]
    """What the application has raised or logged as an error so far; of a process, its standard error by lines."""
    errors_within_s: float = 0.0
    """How much later than a response they may come."""

    def __str__(self) -> str:
        return self.url


@contextmanager
def serving(what: object) -> Iterator[Server]:
    """Serve it on a free port of 127.0.0.1 for as long as the block lasts.

    An object is served in a thread, so that the test can reach into it: an ASGI application (by uvicorn, or Hypercorn
    where that is missing), an aiohttp application, a function that makes one. An import string (`package.module:app`)
    and a command (a list; it prints its URL or takes the port as `{port}`) run in a process. Raises CannotServe.
    """
    if isinstance(what, str) and ":" in what and " " not in what:
        with imported(what) as (url, process):
            yield Server(url, lambda: process.log_since(0).splitlines(), LOG_WITHIN_S)
    elif isinstance(what, list | tuple) and what and all(isinstance(word, str) for word in what):
        with launched(what) as (url, process):
            yield Server(url, lambda: process.log_since(0).splitlines(), LOG_WITHIN_S)
    elif callable(what) or type(what).__module__.partition(".")[0] in {"aiohttp", "uvicorn"}:
        with LoopThread(what) as thread:
            yield Server(thread.url, lambda: thread.log.lines)
    else:
        raise CannotServe(f"{what!r} cannot be served: give {WHAT_CAN_BE_SERVED}")


class Servers:
    """The servers of one test module: each is started when it is first asked for, and stopped at the module's end."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._running: list[tuple[object, Server]] = []

    def __call__(self, what: object) -> Server:
        """The server of that application or command; see `serving` for what it may be."""
        __tracebackhide__ = True
        for known, server in self._running:
            if known is what or (isinstance(what, str | list | tuple) and known == what):
                return server
        try:
            server = self._stack.enter_context(serving(what))
        except CannotServe as error:
            raise CannotServe(str(error)) from None  # so that a traceback ends in the test
        self._running.append((what, server))
        return server

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stack.close()
