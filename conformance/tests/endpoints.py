"""Endpoints for the tests of `streamspec.testing`: an ASGI application without a framework, and its gate."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from typing import TypeAlias

from streamspec.testing import Gate

Message: TypeAlias = MutableMapping[str, object]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Receive: TypeAlias = Callable[[], Awaitable[Message]]

gate = Gate()
stopped = threading.Event()
"""Set when the producer of `/gated` has ended."""
blocking = threading.Event()
"""What `/blocks` waits for, and its whole event loop with it."""
blocked = threading.Event()
"""Set when `/blocks` waits."""
lifespan: list[str] = []
"""What the application was told of its start and end."""


async def paced() -> AsyncGenerator[bytes, None]:
    """Five events, 100 ms apart: a probe that sleeps through two of these pauses still sees three moments."""
    for number in range(5):
        if number:
            await asyncio.sleep(0.1)
        yield b"data: %d\n\n" % number


async def gated() -> AsyncGenerator[bytes, None]:
    """Events without end, each when the gate is released."""
    number = 0
    try:
        while True:
            await gate.passed()
            yield b"data: item %d\n\n" % number
            number += 1
    finally:
        stopped.set()


async def ungated() -> AsyncGenerator[bytes, None]:
    """The same events, whatever the gate does."""
    for number in range(3):
        yield b"data: item %d\n\n" % number
    await asyncio.sleep(60)


async def hoarded() -> AsyncGenerator[bytes, None]:
    """The events of `paced`, all at the end."""
    yield b"".join([event async for event in paced()])


async def pinging() -> AsyncGenerator[bytes, None]:
    """Comments without end."""
    while True:
        yield b": ping\n\n"
        await asyncio.sleep(0.02)


async def failing() -> AsyncGenerator[bytes, None]:
    """One event, then an exception."""
    yield b"data: 0\n\n"
    raise ValueError("no more tokens")


PRODUCERS = {
    "/paced": paced,
    "/gated": gated,
    "/ungated": ungated,
    "/hoarded": hoarded,
    "/pinging": pinging,
    "/failing": failing,
}


async def app(scope: Message, receive: Receive, send: Send) -> None:
    """An event stream for each producer; its client is watched, as a framework does it."""
    if scope["type"] == "lifespan":
        await _live(receive, send)
        return
    if scope["path"] == "/blocks":
        blocked.set()
        blocking.wait(30)
    if scope["path"] == "/raises":
        raise LookupError("before the header section")
    producer = PRODUCERS.get(str(scope["path"]))
    status = 200 if producer else 404
    fields = [(b"content-type", b"text/event-stream")]
    if coding := dict(scope["headers"]).get(b"x-coding"):  # type: ignore[call-overload]  # pairs, says ASGI
        fields.append((b"content-encoding", coding))
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": b"", "more_body": True})
    if producer:
        await _play(producer(), receive, send)
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def without_lifespan(scope: Message, receive: Receive, send: Send) -> None:
    """The same application, which knows of requests alone."""
    assert scope["type"] == "http"
    await app(scope, receive, send)


def make_app() -> object:
    """A factory of the application."""
    return app


async def _play(items: AsyncGenerator[bytes, None], receive: Receive, send: Send) -> None:
    async def sending() -> None:
        async for item in items:
            await send({"type": "http.response.body", "body": item, "more_body": True})

    async def leaving() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    tasks = asyncio.ensure_future(sending()), asyncio.ensure_future(leaving())
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    if tasks[0].done():
        tasks[0].result()


async def _live(receive: Receive, send: Send) -> None:
    for word in ("startup", "shutdown"):
        await receive()
        lifespan.append(word)
        await send({"type": f"lifespan.{word}.complete"})


def unstarted_for(seconds: float) -> Callable[[], object]:
    """A factory of the application that takes so long."""

    def make() -> object:
        time.sleep(seconds)  # a model being loaded
        return app

    return make
