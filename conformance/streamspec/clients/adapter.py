"""The half of an adapter that is the same for every client in Python: lines in, a reading each, lines out.

An adapter gives `serve` a function that reads one stream and tells what it sees, plain or `async`. Readings run side by
side: plain ones in threads, async ones on one event loop. Standard library only; any adapter may use it.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import sys
import threading
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

Read: TypeAlias = "Callable[[Reading], Awaitable[None] | None]"

_writing = threading.Lock()


class Left(Exception):
    """Told by `Reading.event`: this was the last event that the order asks for; leave as the client documents it.

    An adapter lets it pass through the client's own loop and blocks, as any exception of a caller would.
    """


@dataclass(slots=True)
class Reading:
    """One stream to be read: what was ordered, and how to tell what is seen."""

    number: int
    url: str
    method: str
    content: bytes
    leave_after: int
    seen: int = 0

    def event(self, data: str, type: str | None = None, id: str | None = None) -> None:  # noqa: A002 - the fields' names
        """Tell an event; what the client does not tell is None. Raises Left where it is time to leave."""
        self.seen += 1
        self._say(event={"data": data, "type": type, "id": id})
        if self.seen == self.leave_after:
            raise Left

    def error(self, error: object) -> None:
        """Tell an error after which the client goes on."""
        self._say(error=_text(error))

    def end(self, how: str, error: object = "") -> None:
        """Tell the end."""
        self._say(end=how, **({"error": _text(error)} if error else {}))

    def _say(self, **what: object) -> None:
        _say({"stream": self.number, **what})


def serve(package: str, read: Read) -> None:
    """Say what is driven, then read streams as they are ordered, until standard input ends."""
    runtime = f"Python {sys.version.partition(' ')[0]}"
    _say({"client": package, "version": metadata.version(package), "runtime": runtime})
    if inspect.iscoroutinefunction(read):
        asyncio.run(_serve_async(read))
    else:
        for line in sys.stdin.buffer:
            threading.Thread(target=_read_plain, args=(read, _ordered(line)), daemon=True).start()
    sys.stdout.flush()
    os._exit(0)  # readings go on in threads that nobody waits for


def missing(error: ImportError) -> None:
    """Say that what is to be driven is not installed, and end."""
    _say({"missing": str(error)})
    sys.exit()


async def _serve_async(read: Callable[[Reading], Awaitable[None]]) -> None:
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[bytes] = asyncio.Queue()

    def pump() -> None:
        for line in sys.stdin.buffer:
            loop.call_soon_threadsafe(lines.put_nowait, line)
        loop.call_soon_threadsafe(lines.put_nowait, b"")

    threading.Thread(target=pump, daemon=True).start()
    tasks = set()
    while line := await lines.get():
        tasks.add(asyncio.create_task(_read_async(read, _ordered(line))))
    os._exit(0)


def _read_plain(read: Read, reading: Reading) -> None:
    try:
        read(reading)
    except Left:
        reading.end("left")
    except Exception as error:  # noqa: BLE001 - whatever a client raises is what it tells
        reading.end("failed", error)
    else:
        reading.end("complete")


async def _read_async(read: Callable[[Reading], Awaitable[None]], reading: Reading) -> None:
    try:
        await read(reading)
    except Left:
        reading.end("left")
    except Exception as error:  # noqa: BLE001 - whatever a client raises is what it tells
        reading.end("failed", error)
    else:
        reading.end("complete")


def _ordered(line: bytes) -> Reading:
    order = json.loads(line)
    content = order.get("content", "").encode()
    return Reading(order["stream"], order["url"], order.get("method", "GET"), content, order.get("leave_after", 0))


def _text(error: object) -> str:
    if isinstance(error, BaseException):
        return f"{type(error).__name__}: {error}".removesuffix(": ")
    return str(error)


def _say(what: dict[str, object]) -> None:
    # A lone surrogate, which no UTF-8 holds, becomes "?".
    line = json.dumps(what, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
    with _writing:
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
