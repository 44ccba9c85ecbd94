"""Ways to run a control server: as a process until SIGTERM, or in a thread of a test."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamspec.control.limits import Limits
    from streamspec.control.server import ControlServer

# Starting takes a millisecond; stopping at most the second that a clean-up is given, and half of one to close.
THREAD_WITHIN_S = 10.0


async def serve_until_signal(server: ControlServer, host: str, port: int) -> int:
    """Announces the base URL as the first line of standard output; returns the exit status after SIGTERM or SIGINT."""
    asked_to_stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked_to_stop.set)
    print(await server.start(host, port), flush=True)
    await asked_to_stop.wait()
    await server.shut_down()
    return server.exit_code()


@contextlib.contextmanager
def serve_in_thread(server_class: type[ControlServer], limits: Limits | None = None) -> Iterator[str]:
    """A server in a thread of its own; gives its base URL. Streams that are open at the end are cut at once."""
    started: queue.Queue[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]] = queue.Queue()

    async def serve() -> None:
        server, asked_to_stop = server_class(limits), asyncio.Event()
        started.put((await server.start(), asyncio.get_running_loop(), asked_to_stop))
        await asked_to_stop.wait()
        server.cut_streams()
        await server.shut_down()

    thread = threading.Thread(target=asyncio.run, args=(serve(),), name=server_class.__name__, daemon=True)
    thread.start()
    url, loop, asked_to_stop = started.get(timeout=THREAD_WITHIN_S)
    try:
        yield url
    finally:
        loop.call_soon_threadsafe(asked_to_stop.set)
        thread.join(THREAD_WITHIN_S)
