"""The producer as an application has it that leaves everything else to its framework: one async generator.

Nothing here listens for the client, limits it or writes a header field. The schedule is the four servers' own, with the
checkpoint every 5 ms, so what differs is the response alone.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from impls.scripted.player import play
from impls.scripted.streams import Reason, Stream


async def items_of(stream: Stream) -> AsyncGenerator[bytes, None]:
    """The stream's items, ended by whoever iterates; the ledger is told how that was."""
    try:
        async with aclosing(play(stream)) as items:
            await anext(items)  # where the header section could go: a framework sends it before or after, as it likes
            async for data in items:
                yield data
    except (asyncio.CancelledError, GeneratorExit):
        stream.entry.close(Reason.DISCONNECTED)
        raise
    except Exception:
        stream.entry.close(Reason.FAILED)
        raise
    stream.entry.close(stream.entry.outcome)


def token_field(stream: Stream) -> dict[str, str]:
    """The one header field that the contract's client cannot do without, where the server chose the token."""
    return {"Stream-Token": stream.entry.token} if stream.token_is_made else {}
