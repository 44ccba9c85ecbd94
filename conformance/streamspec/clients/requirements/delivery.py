"""When events are handed over, however the bytes arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamspec.clients.adapter_lines import Order
from streamspec.clients.contract import LONG_LINE_BUDGET_S, LONG_LINE_BYTES, LONG_LINE_PIECE_BYTES
from streamspec.clients.control import ControlClient
from streamspec.clients.exchanges import OVER, answers, conclude, stream_of
from streamspec.clients.judging import asked, expect_data, expect_in_order, expect_told, told
from streamspec.clients.requirement import ClientExchange, exchange, requirement
from streamspec.contract import Level, html
from streamspec.requirement import Late, NotObserved, Violation

if TYPE_CHECKING:
    from streamspec.clients.control_decoder import Dispatched
    from streamspec.clients.play import Play
    from streamspec.clients.playing import Playing
    from streamspec.requirement import Figures

INTERPRETING = html("event-stream-interpretation")
DISPATCH = html("dispatchMessage")


def one_by_one(name: str, *events: bytes) -> ClientExchange:
    """Events, each of which is sent when the one before was told."""

    async def script(playing: Playing) -> None:
        exchanged = await playing.request()
        if exchanged is None:
            return
        await exchanged.head()
        for number, event in enumerate(events, 1):
            await exchanged.chunk(event)
            if not await playing.events(number):
                break
        await conclude(playing, exchanged)

    return ClientExchange(name, (script,), Order(""), alone=False)


@requirement(
    "delivery-at-once",
    Level.MUST,
    DISPATCH,
    one_by_one("at-once", b"data: 1\n\n", b"data: 2\n\n", b"data: 3\r\n\r\n", b"data: 4\n\n"),
)
def delivery_at_once(play: Play) -> None:
    """An event is handed over when the line feed that ends it arrives, not with later bytes."""
    expect_in_order(play, [f"events {number}" for number in (1, 2, 3, 4)], "each event before the next one is sent")


@delivery_at_once.mutant({"delivery-cr": "it holds every last event back"})
class HoldsTheLastEventBack(ControlClient):
    def feed(self, data: bytes) -> list[Dispatched]:
        done = [*getattr(self, "held", []), *super().feed(data)]
        self.held = done[-1:]
        return done[:-1]


@requirement("delivery-cr", Level.SHOULD, INTERPRETING, one_by_one("cr-at-once", b"data: 1\r\r", b"data: 2\r\n\r"))
def delivery_cr(play: Play) -> None:
    """An event is handed over when the CR that ends it arrives: whether an LF follows does not matter."""
    expect_in_order(play, ["events 1", "events 2"], "each event before the next one is sent")


@delivery_cr.mutant()
class WaitsForTheLf(ControlClient):
    def split(self, text: str) -> list[str]:
        text = getattr(self, "held_cr", "") + text
        self.held_cr = "\r" if text.endswith("\r") else ""
        return super().split(text.removesuffix("\r"))


RICH = (
    "\ufeff: c\r\nevent: x\r\ndata: a\r\ndata: é\r\n\r\ndata: b\rdata: c\r\rid: 1\ndata:€\n\n\r\ndata: 😀\r\n\r\n"
).encode()


IN_ONE_PIECE = stream_of("in-one-piece", RICH).scripts
BYTE_BY_BYTE = stream_of("byte-by-byte", RICH, piece_bytes=1).scripts


@requirement("delivery-any-split", Level.MUST, INTERPRETING, answers("any-split", *IN_ONE_PIECE, *BYTE_BY_BYTE))
def delivery_any_split(play: Play) -> None:
    """Where the chunks end does not matter: a stream byte by byte gives the same events as in one piece."""
    whole, split = play.readings
    asked(whole)
    asked(split)
    expected = [event.data for event in told(whole)]
    if not expected:
        raise NotObserved("in one piece the stream gives no event: see the area decoding")
    expect_told(split, [event.data for event in told(split)], expected, "the data")


@delivery_any_split.mutant()
class ForgetsThatACrWasLast(ControlClient):
    def split(self, text: str) -> list[str]:
        self.is_after_cr = False
        return super().split(text)


MANY = 500


@requirement(
    "delivery-many",
    Level.MUST,
    DISPATCH,
    stream_of("many", b"".join(b"data: %d\n\n" % number for number in range(MANY))),
)
def delivery_many(play: Play) -> None:
    """Hundreds of events in one chunk all arrive, once, in order."""
    expect_data(play, *map(str, range(MANY)))


@delivery_many.mutant()
class KeepsTheNewest(ControlClient):
    def feed(self, data: bytes) -> list[Dispatched]:
        return super().feed(data)[-100:]


@exchange(alone=True)
async def long_line(playing: Playing) -> None:
    """A line of 1 MB in chunks of 64 bytes."""
    exchanged = await playing.request()
    if exchanged is None:
        return
    await exchanged.head()
    playing.mark("begun")
    line = b"data: " + b"x" * LONG_LINE_BYTES + b"\n\n"
    await exchanged.chunks(line, LONG_LINE_PIECE_BYTES)
    await exchanged.chunk(OVER)
    await playing.events(1, LONG_LINE_BUDGET_S)
    await exchanged.finish()


@requirement("delivery-long-line", Level.SHOULD, INTERPRETING, long_line)
def delivery_long_line(play: Play) -> Figures:
    """A line of 1 MB in small chunks arrives whole, in a time that grows with its length and not with its square."""
    asked(play.reading)
    begun, mark = play.reading.mark("begun"), play.reading.mark("events 1")
    size = f"an event of {LONG_LINE_BYTES} characters"
    if not play.reading.events or begun is None or mark is None:
        ended = play.reading.ended
        if ended is not None:
            raise Violation(expected=size, actual=f"the reading ended {ended.how}: {ended.error}".rstrip(": "))
        raise Late(expected=f"{size} within {LONG_LINE_BUDGET_S:g} s", actual="none by then")
    event = play.reading.events[0]
    if len(event.data) != LONG_LINE_BYTES:
        raise Violation(expected=size, actual=f"one of {len(event.data)} characters")
    return {"time_ms": (event.at_s - begun.at_s) * 1000}


@delivery_long_line.mutant()
class RefusesLongLines(ControlClient):
    def split(self, text: str) -> list[str]:
        if len(self.partial_line) > 4096:
            raise OverflowError
        return super().split(text)
