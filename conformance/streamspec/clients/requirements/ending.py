"""A stream that ended, and one that broke off, are two things."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamspec.clients.contract import BACK_S
from streamspec.clients.control import ControlOnce, Finished
from streamspec.clients.exchanges import SOON, answers
from streamspec.clients.judging import asked
from streamspec.clients.play import End
from streamspec.clients.requirement import requirement
from streamspec.clients.server import EVENT_STREAM
from streamspec.contract import Anchor, Level, rfc
from streamspec.judging import expect
from streamspec.requirement import Late

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from streamspec.clients.play import Play
    from streamspec.clients.playing import Playing
    from streamspec.clients.requirement import ClientExchange
    from streamspec.clients.server import Exchanged

INCOMPLETE = rfc(9112, "8")
FILLING = b":" + b" " * 20_000 + b"\n\n"
"""Some clients read content in blocks of up to 10,000 bytes where it is not chunked: see delivery-unchunked."""


def ends_by(name: str, end: Callable[[Exchanged], Awaitable[None]], *fields: tuple[str, str]) -> ClientExchange:
    """An event, and when it was told, that end; who comes back is told 204."""

    async def script(playing: Playing) -> None:
        exchanged = await playing.request()
        if exchanged is None:
            return
        # That is not said where the connection breaks: Node's fetch would then take a break for the end.
        await exchanged.head(200, *fields, persists=end is not finished)
        await (exchanged.write if fields else exchanged.chunk)(SOON + b"data: a\n\n" + FILLING)
        await playing.events(1)
        await end(exchanged)
        if again := await playing.request(BACK_S):
            again.close()

    return answers(name, script)


async def finished(exchanged: Exchanged) -> None:
    """The last chunk."""
    await exchanged.finish()


async def cut(exchanged: Exchanged) -> None:
    """The end in the middle of a chunk."""
    await exchanged.cut()


async def closed(exchanged: Exchanged) -> None:
    """The end of the connection."""
    exchanged.close()


async def reset(exchanged: Exchanged) -> None:
    """RST."""
    exchanged.reset()


def expect_no_success(play: Play, how: str) -> None:
    """Raise Violation where the client says that all is well."""
    reading = play.reading
    asked(reading)
    complete = reading.ended is not None and reading.ended.how is End.COMPLETE
    expect(not complete, f"an error or a new connection after {how}", "a reading that ended without an error")
    if reading.ended is None and not reading.errors and len(reading.requests) < 2:
        raise Late(expected=f"an error or a new connection after {how}", actual="neither")


@requirement("ending-clean", Level.MUST, INCOMPLETE, ends_by("ends-cleanly", finished))
def ending_clean(play: Play) -> None:
    """A stream that ends with the last chunk ends the reading without an error, or is a reason to come back."""
    reading = play.reading
    asked(reading)
    failed = reading.ended is not None and reading.ended.how is End.FAILED and len(reading.requests) < 2
    error = reading.ended.error if reading.ended else ""
    expect(not failed, "an end without an error, or a new connection", f"a reading that failed: {error}")
    if reading.ended is None and len(reading.requests) < 2:
        raise Late(expected="an end, or a new connection", actual="neither")


@ending_clean.mutant()
class TakesAnEndForAFailure(ControlOnce):
    def ended(self) -> None:
        raise Finished(End.FAILED, "the stream ended")


@requirement("ending-cut", Level.MUST, INCOMPLETE, ends_by("ends-in-a-chunk", cut))
def ending_cut(play: Play) -> None:
    """A stream that is cut in the middle of a chunk is no success: it is reported, or a reason to come back."""
    expect_no_success(play, "a cut in the middle of a chunk")


class NotesTheLastBytes(ControlOnce):
    """What mutants need that tell where in the stream it broke."""

    last = b""

    def received(self, data: bytes) -> None:
        self.last = data
        super().received(data)


@ending_cut.mutant()
class TakesACutChunkForTheEnd(NotesTheLastBytes):
    def broken(self, error: str) -> None:
        super().broken("" if "chunk" in error and not self.last.endswith(b"\n\n") else error)


@requirement("ending-between-chunks", Level.MUST, INCOMPLETE, ends_by("ends-between-chunks", closed))
def ending_between_chunks(play: Play) -> None:
    """A connection that ends between two chunks, without the last one, is no success."""
    expect_no_success(play, "an end without the last chunk")


@ending_between_chunks.mutant()
class TakesACloseForTheEnd(NotesTheLastBytes):
    def broken(self, error: str) -> None:
        super().broken("" if "chunk" in error and self.last.endswith(b"\n\n") else error)


@requirement(
    "ending-short",
    Level.MUST,
    INCOMPLETE,
    ends_by("ends-short", closed, EVENT_STREAM, ("Content-Length", "100000")),
)
def ending_short(play: Play) -> None:
    """Content that is shorter than its Content-Length is no success."""
    expect_no_success(play, "content shorter than its Content-Length")


@ending_short.mutant()
class IgnoresTheLength(ControlOnce):
    def broken(self, error: str) -> None:
        super().broken("" if "received" in error else error)


@requirement(
    "ending-reset",
    Level.MUST,
    Anchor("RFC 9293, section 3.10.7.4", "https://www.rfc-editor.org/rfc/rfc9293#section-3.10.7.4"),
    ends_by("ends-by-reset", reset),
)
def ending_reset(play: Play) -> None:
    """A connection that is reset is no success."""
    expect_no_success(play, "a reset")


@ending_reset.mutant()
class TakesAResetForTheEnd(ControlOnce):
    def broken(self, error: str) -> None:
        super().broken("" if "Reset" in error else error)
