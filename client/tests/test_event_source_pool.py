"""Streams that are left early hold no connection: the pool serves the next request, and the server knows at once."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING

import httpx
import httpx2
import pytest
from tests.servers import ControlServer, control_server
from tests.shells import AWAITED, SHELLS, Session, Shell, run

import streamspec_client.httpx
import streamspec_client.httpx2

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

POOL = 2
TIMES = 50
SERVED_WITHIN_S = 1.0

every_shell = pytest.mark.parametrize("shell", SHELLS.values(), ids=SHELLS.keys())


class EnoughError(Exception):
    """What a reader raises in the middle."""


@pytest.fixture(scope="module")
def control() -> Iterator[ControlServer]:
    with control_server() as server:
        yield server


def stream(control: ControlServer, token: str = "", resource: str = "sse") -> str:
    """One item at once, and the next in a minute."""
    return f"{control.url}/{resource}?count=2&interval_ms=60000" + (f"&token={token}" if token else "")


async def is_served_soon(session: Session, control: ControlServer, token: str) -> None:
    """The next request is served within a second, and says that the last stream was left."""
    before_s = time.monotonic()
    state = json.loads(await session.get(f"{control.url}/streams/{token}?wait_ms=10000"))
    assert time.monotonic() - before_s < SERVED_WITHIN_S
    assert (state["state"], state["reason"], state["items_produced"]) == ("closed", "disconnected", 1)


@every_shell
def test_after_fifty_breaks_the_next_request_is_served(
    shell: Shell, control: ControlServer, request: pytest.FixtureRequest
) -> None:
    async def body(session: Session) -> None:
        for time_ in range(TIMES):
            async with session.events(stream(control, f"b{time_}-{request.node.callspec.id}")) as events:
                async for _ in events:
                    break
        await is_served_soon(session, control, f"b{TIMES - 1}-{request.node.callspec.id}")

    run(shell, body, pool=POOL)


@every_shell
def test_after_fifty_exceptions_the_next_request_is_served(
    shell: Shell, control: ControlServer, request: pytest.FixtureRequest
) -> None:
    async def raising(session: Session, token: str) -> None:
        async with session.events(stream(control, token)) as events:
            async for _ in events:
                raise EnoughError

    async def body(session: Session) -> None:
        for time_ in range(TIMES):
            with pytest.raises(EnoughError):
                await raising(session, f"e{time_}-{request.node.callspec.id}")
        await is_served_soon(session, control, f"e{TIMES - 1}-{request.node.callspec.id}")

    run(shell, body, pool=POOL)


@every_shell
def test_after_fifty_texts_left_early_the_next_request_is_served(
    shell: Shell, control: ControlServer, request: pytest.FixtureRequest
) -> None:
    async def body(session: Session) -> None:
        for time_ in range(TIMES):
            async with session.text(stream(control, f"t{time_}-{request.node.callspec.id}", "stream")) as chunks:
                async for _ in chunks:
                    break
        await is_served_soon(session, control, f"t{TIMES - 1}-{request.node.callspec.id}")

    run(shell, body, pool=POOL)


@pytest.mark.parametrize("shell", AWAITED.values(), ids=AWAITED.keys())
def test_after_fifty_cancellations_the_next_request_is_served(
    shell: Shell, control: ControlServer, request: pytest.FixtureRequest
) -> None:
    async def reading(session: Session, token: str, has_begun: asyncio.Event) -> None:
        async with session.events(stream(control, token)) as events:
            async for _ in events:
                has_begun.set()

    async def body(session: Session) -> None:
        for time_ in range(TIMES):
            has_begun = asyncio.Event()
            task = asyncio.create_task(reading(session, f"c{time_}-{request.node.callspec.id}", has_begun))
            await has_begun.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await is_served_soon(session, control, f"c{TIMES - 1}-{request.node.callspec.id}")

    run(shell, body, pool=POOL)


def broken_off_over_httpx(control: ControlServer) -> str:
    with httpx.Client(limits=httpx.Limits(max_connections=POOL)) as client:
        for _ in range(TIMES):
            for _ in streamspec_client.httpx.EventSource(client, stream(control)):
                break
        return client.get(f"{control.url}/", timeout=SERVED_WITHIN_S).text


def broken_off_over_httpx2(control: ControlServer) -> str:
    with httpx2.Client(limits=httpx2.Limits(max_connections=POOL)) as client:
        for _ in range(TIMES):
            for _ in streamspec_client.httpx2.EventSource(client, stream(control)):
                break
        return client.get(f"{control.url}/", timeout=SERVED_WITHIN_S).text


@pytest.mark.parametrize("broken_off", [broken_off_over_httpx, broken_off_over_httpx2], ids=["httpx", "httpx2"])
def test_after_fifty_breaks_without_a_block_the_next_request_is_served(
    broken_off: Callable[[ControlServer], str], control: ControlServer
) -> None:
    assert "contract" in broken_off(control)
