"""When events are handed over, however the bytes arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamspec.clients.contract import LONG_LINE_BYTES, LONGER_LINE_BUDGET_S, LONGER_LINE_BYTES, PROMPT_S
from streamspec.clients.control import ControlClient
from streamspec.clients.exchanges import answers, stream_of
from streamspec.clients.judging import asked, expect_data, expect_in_order, expect_told, told
from streamspec.clients.requirement import READ, ClientExchange, requirement
from streamspec.clients.server import EVENT_STREAM
from streamspec.contract import Level, html, rfc
from streamspec.requirement import Late, NotObserved

if TYPE_CHECKING:
    from streamspec.clients.control_decoder import Dispatched
    from streamspec.clients.play import Play
    from streamspec.clients.playing import Playing
    from streamspec.requirement import Figures

INTERPRETING = html("event-stream-interpretation")
DISPATCH = html("dispatchMessage")


def one_by_one(name: str, *events: bytes, is_chunked: bool = True) -> ClientExchange:
    """Events, each of which is sent when the one before was told."""

    async def script(playing: Playing) -> None:
        exchanged = await playing.request()
        if exchanged is None:
            return
        await exchanged.head(200, *(() if is_chunked else (EVENT_STREAM,)))
        for number, event in enumerate(events, 1):
            await (exchanged.chunk if is_chunked else exchanged.write)(event)
            if not await playing.events(number):
                break
        exchanged.close()

    return ClientExchange(name, (script,), READ, alone=False)


@requirement(
    "delivery-at-once",
    Level.MUST,
    DISPATCH,
    one_by_one("at-once", b"data: 1\n\n", b"data: 2\n\n", b"data: 3\r\n\r\n", b"data: 4\n\n"),
)
def delivery_at_once(play: Play) -> None:
    """An event is handed over when the line feed that ends it arrives, not with later bytes."""
    expect_in_order(play, [f"events {number}" for number in (1, 2, 3, 4)], "each event before the next one is sent")


@delivery_at_once.mutant(
    {
        "delivery-cr": "it holds every last event back",
        "delivery-unchunked": "it holds every last event back",
    }
)
class HoldsTheLastEventBack(ControlClient):
    def feed(self, data: bytes) -> list[Dispatched]:
        done = [*getattr(self, "held", []), *super().feed(data)]
        self.held = done[-1:]
        return done[:-1]


@requirement(
    "delivery-unchunked",
    Level.MUST,
    rfc(9112, "6.3"),
    one_by_one("at-once-unchunked", b"data: 1\n\n", b"data: 2\n\n", is_chunked=False),
)
def delivery_unchunked(play: Play) -> None:
    """Events are handed over at once, too, where the content is not chunked and ends with the connection."""
    expect_in_order(play, ["events 1", "events 2"], "each event before the next one is sent")


@delivery_unchunked.mutant()
class ReadsBlocks(ControlClient):
    def answered(self, status: int, headers: dict[str, str]) -> bool:
        self.block_bytes = 0 if "transfer-encoding" in headers or "content-length" in headers else 512
        self.block = b""
        return super().answered(status, headers)

    def received(self, data: bytes) -> None:
        self.block += data
        if len(self.block) >= self.block_bytes:
            data, self.block = self.block, b""
            super().received(data)


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


def line_of(name: str, size: int, within_s: float) -> ClientExchange:
    """One event of one line of so many bytes, in chunks of 1 KiB; whoever has not told it by then is reset."""

    async def script(playing: Playing) -> None:
        exchanged = await playing.request()
        if exchanged is None:
            return
        await exchanged.head()
        playing.mark("begun")
        await exchanged.chunks_within(b"data: " + b"x" * size + b"\n\n", 1024, within_s * playing.slow_factor)
        await playing.events(1, within_s)
        exchanged.reset()

    return ClientExchange(name, (script,), READ, alone=True)


@requirement("delivery-long-line", Level.SHOULD, INTERPRETING, line_of("long-line", LONG_LINE_BYTES, PROMPT_S))
def delivery_long_line(play: Play) -> None:
    """A line of 1 MB arrives whole."""
    asked(play.reading)
    found = [len(event.data) for event in play.reading.events[:1]]
    expect_told(play.reading, [str(size) for size in found], [str(LONG_LINE_BYTES)], "data of the length")


@delivery_long_line.mutant()
class RefusesLongLines(ControlClient):
    def split(self, text: str) -> list[str]:
        if sum(map(len, self.partial_line)) > 500_000:
            raise OverflowError("the line is too long")
        return super().split(text)


@requirement(
    "delivery-linear", Level.SHOULD, INTERPRETING, line_of("longer-line", LONGER_LINE_BYTES, LONGER_LINE_BUDGET_S)
)
def delivery_linear(play: Play) -> Figures:
    """A line of 4 MB arrives, or is refused, within 4 s: the time grows with its length, not with its square."""
    asked(play.reading)
    begun = play.reading.mark("begun")
    answer = play.reading.events[0] if play.reading.events else play.reading.ended
    if answer is None or begun is None:
        raise Late(expected=f"an event of {LONGER_LINE_BYTES} bytes within {LONGER_LINE_BUDGET_S:g} s", actual="none")
    return {"time_ms": (answer.at_s - begun.at_s) * 1000}


@delivery_linear.mutant()
class LosesAVeryLongLine(ControlClient):
    def process_line(self, line: str) -> None:
        if len(line) < LONGER_LINE_BYTES:
            super().process_line(line)
