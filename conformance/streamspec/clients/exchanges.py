"""What several exchanges have in common: streams that are played whole, and the sentinel that tells when all was heard.

A client's events reach the suite by another way than its requests. So no exchange concludes from silence: it plays a
sentinel behind what is judged, and when that was told, everything before it was, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamspec.clients.contract import BACK_S
from streamspec.clients.requirement import READ, ClientExchange

if TYPE_CHECKING:
    from streamspec.clients.adapter_lines import Order
    from streamspec.clients.playing import Playing
    from streamspec.clients.requirement import Script
    from streamspec.clients.server import Exchanged

SENTINEL = "over"
OVER = b"data: over\n\n"

SOON = b"retry: 100\n"
"""Before a first event: most readings need not wait for the client's own reconnection time."""


def stream_of(name: str, stream: bytes, *, piece_bytes: int = 0) -> ClientExchange:
    """A stream, whole or in chunks of that size, then the sentinel twice: what is before the first may spoil it."""

    async def script(playing: Playing) -> None:
        exchanged = await playing.request()
        if exchanged is not None:
            await exchanged.head()
            await exchanged.chunks(stream, piece_bytes or len(stream))
            await conclude(playing, exchanged)

    return ClientExchange(name, (script,), READ, alone=False)


async def conclude(playing: Playing, exchanged: Exchanged) -> None:
    """Play the sentinel, wait until it was told, and end the stream."""
    await exchanged.chunk(OVER + OVER)
    await playing.event(SENTINEL)
    await exchanged.finish()


async def conclude_anew(playing: Playing) -> None:
    """Where the client ends, that concludes; where it comes back, the sentinel does."""
    if again := await playing.request(BACK_S):
        await again.head()
        await conclude(playing, again)


def comes_back(name: str, *streams: bytes, order: Order = READ) -> ClientExchange:
    """Streams that end as HTTP says, one connection after the other; then the sentinel on a connection of its own."""

    async def script(playing: Playing) -> None:
        for number, stream in enumerate(streams):
            exchanged = await playing.request(BACK_S if number else 5.0)
            if exchanged is None:
                return
            await exchanged.head()
            await exchanged.chunk(stream)
            playing.mark(f"ending {number + 1}")
            await exchanged.finish()
        await conclude_anew(playing)

    return ClientExchange(name, (script,), order, alone=False)


def answers(name: str, *scripts: Script) -> ClientExchange:
    """Several scripts side by side, one reading each."""
    return ClientExchange(name, scripts, READ, alone=False)
