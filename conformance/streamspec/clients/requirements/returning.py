"""Coming back, and with which ID."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamspec.clients.contract import Claim
from streamspec.clients.control import ControlClient, Finished
from streamspec.clients.exchanges import SOON, answers, comes_back, conclude_anew
from streamspec.clients.judging import asked, asked_again, expect_data
from streamspec.clients.play import End
from streamspec.clients.requirement import requirement
from streamspec.contract import Level, html
from streamspec.judging import expect

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from streamspec.clients.play import Play
    from streamspec.clients.playing import Playing
    from streamspec.clients.requirement import ClientExchange
    from streamspec.clients.server import Exchanged

AGAIN = html("reestablish-the-connection")
INTERPRETING = html("event-stream-interpretation")


def breaks_by(name: str, end: Callable[[Exchanged], Awaitable[None]]) -> ClientExchange:
    """An event, and when it was told, that end; then the sentinel on a new connection."""

    async def script(playing: Playing) -> None:
        exchanged = await playing.request()
        if exchanged is None:
            return
        await exchanged.head()
        await exchanged.chunk(SOON + b"data: a\n\n")
        await playing.events(1)
        await end(exchanged)
        await conclude_anew(playing)

    return answers(name, script)


async def _cut(exchanged: Exchanged) -> None:
    await exchanged.cut()


async def _reset(exchanged: Exchanged) -> None:
    exchanged.reset()


async def _finished(exchanged: Exchanged) -> None:
    await exchanged.finish()


@requirement("return-after-end", Level.MUST, AGAIN, breaks_by("back-after-end", _finished), Claim.RECONNECTS)
def return_after_end(play: Play) -> None:
    """After a stream that ended the client comes back."""
    asked_again(play.reading)
    expect_data(play, "a")


@return_after_end.mutant(
    dict.fromkeys(
        (
            "answer-204",
            "return-id",
            "return-id-utf8",
            "return-id-unfinished",
            "return-id-no-data",
            "return-id-empty",
            "return-id-kept",
            "return-retry",
            "return-retry-short",
            "return-retry-digits",
            "return-partial",
            "return-bom",
        ),
        "it is shown on the connection after a stream that ended",
    )
)
class StopsAtTheFirstEnd(ControlClient):
    def ended(self) -> None:
        raise Finished(End.COMPLETE)


@requirement("return-after-cut", Level.MUST, AGAIN, breaks_by("back-after-cut", _cut), Claim.RECONNECTS)
def return_after_cut(play: Play) -> None:
    """After a stream that was cut in the middle of a chunk the client comes back."""
    asked_again(play.reading)
    expect_data(play, "a")


@return_after_cut.mutant()
class GivesUpAfterACut(ControlClient):
    def broken(self, error: str) -> None:
        if "chunk" in error:
            raise Finished(End.FAILED, error)
        super().broken(error)


@requirement("return-after-reset", Level.MUST, AGAIN, breaks_by("back-after-reset", _reset), Claim.RECONNECTS)
def return_after_reset(play: Play) -> None:
    """After a connection that was reset the client comes back."""
    asked_again(play.reading)
    expect_data(play, "a")


@return_after_reset.mutant()
class GivesUpAfterAReset(ControlClient):
    def broken(self, error: str) -> None:
        if "Reset" in error:
            raise Finished(End.FAILED, error)
        super().broken(error)


def expect_last_event_id(play: Play, expected: bytes) -> None:
    """Raise Violation unless the second request carries that ID; an empty one stands for no field."""
    asked(play.reading)
    found = asked_again(play.reading).values("last-event-id")
    expect(found == ([expected] if expected else []), f"Last-Event-ID: {expected!r}" if expected else "none", found)


ID_FIELD = html("the-last-event-id-header")
IDS = b"id: 1\ndata: a\n\n"


@requirement("return-id", Level.MUST, ID_FIELD, comes_back("back-with-id", SOON + IDS), Claim.RECONNECTS)
def return_id(play: Play) -> None:
    """A client that comes back sends the last event ID in Last-Event-ID."""
    expect_last_event_id(play, b"1")


@return_id.mutant(
    {
        "return-id-utf8": "it sends no ID at all",
        "return-id-unfinished": "it sends no ID at all",
        "return-id-no-data": "it sends no ID at all",
        "return-id-kept": "it sends no ID at all",
    }
)
class SendsNoId(ControlClient):
    def last_event_id_field(self) -> bytes:
        return b""


@requirement(
    "return-id-utf8",
    Level.MUST,
    ID_FIELD,
    comes_back("back-with-utf8", SOON + "id: grün ✓ 1\ndata: a\n\n".encode()),
    Claim.RECONNECTS,
)
def return_id_utf8(play: Play) -> None:
    """An ID beyond ASCII is sent as UTF-8."""
    expect_last_event_id(play, "grün ✓ 1".encode())


@return_id_utf8.mutant()
class SendsLatin1(ControlClient):
    def last_event_id_field(self) -> bytes:
        return self.last_event_id.encode("latin-1", "replace")


@requirement(
    "return-id-unfinished",
    Level.MUST,
    INTERPRETING,
    comes_back("back-after-unfinished", SOON + IDS + b"id: 2\ndata: b\n"),
    Claim.RECONNECTS,
)
def return_id_unfinished(play: Play) -> None:
    """The ID of an event that was dropped as unfinished is not sent: that event would be lost."""
    expect_last_event_id(play, b"1")


@return_id_unfinished.mutant()
class CommitsIdsAtOnce(ControlClient):
    def process_id(self, value: str) -> None:
        super().process_id(value)
        if value and self.retry_ms:
            self.last_event_id = self.id_buffer


@requirement(
    "return-id-no-data",
    Level.MUST,
    html("dispatchMessage"),
    comes_back("back-after-id-alone", SOON + IDS + b"id: 2\n\n"),
    Claim.RECONNECTS,
)
def return_id_no_data(play: Play) -> None:
    """The ID of an event without data is sent, too: a blank line commits it."""
    expect_last_event_id(play, b"2")


@requirement(
    "return-id-empty",
    Level.MUST,
    ID_FIELD,
    comes_back("back-without-id", SOON + IDS + b"id\ndata: b\n\n"),
    Claim.RECONNECTS,
)
def return_id_empty(play: Play) -> None:
    """An empty ID takes the place of the one before, and is not sent."""
    expect_last_event_id(play, b"")


@requirement(
    "return-id-kept",
    Level.MUST,
    ID_FIELD,
    comes_back("back-twice", SOON + IDS, SOON + b": nothing new\n\n"),
    Claim.RECONNECTS,
)
def return_id_kept(play: Play) -> None:
    """A connection that brings no ID does not make the client forget the one it has."""
    asked(play.reading)
    found = asked_again(play.reading, 3).values("last-event-id")
    expect(found == [b"1"], "Last-Event-ID: b'1' on the third connection", found)


@return_id_kept.mutant()
class ForgetsTheIdOfBefore(ControlClient):
    def begin(self) -> None:
        super().begin()
        self.id_buffer = ""
