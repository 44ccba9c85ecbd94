"""Coming back: when, and with what left behind."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from streamspec.clients.adapter_lines import Order
from streamspec.clients.contract import BACK_S, EARLY_S, Claim
from streamspec.clients.control import ControlClient
from streamspec.clients.exchanges import SOON, answers, comes_back, conclude
from streamspec.clients.judging import asked, asked_again, expect_data
from streamspec.clients.requirement import exchange, requirement
from streamspec.contract import Level, html, rfc
from streamspec.judging import expect, expect_in_time

if TYPE_CHECKING:
    from streamspec.clients.play import Play
    from streamspec.clients.playing import Playing

TIME = html("concept-event-stream-reconnection-time")
INTERPRETING = html("event-stream-interpretation")
AWAY_S = 1.0
"""How long to look for a POST that should not be sent again, where the client does not tell that it has ended."""

WAIT_MS = 1500


@requirement(
    "return-retry",
    Level.MUST,
    TIME,
    answers("back-after-retry", *comes_back("", b"retry: %d\n\ndata: a\n\n" % WAIT_MS).scripts * 3),
    Claim.RECONNECTS,
)
def return_retry(play: Play) -> None:
    """After `retry: 1500` the client does not come back before 1.5 s are over."""
    for reading in play.readings:
        again, end = asked_again(reading), reading.mark("ending 1")
        waited_s = again.at_s - end.at_s if end else 0.0
        expect(waited_s >= WAIT_MS / 1000 - EARLY_S, f"a wait of {WAIT_MS / 1000:g} s", f"{waited_s:.3f} s")


@return_retry.mutant()
class DoesNotWait(ControlClient):
    def wait_s(self) -> float:
        return 0.0


@requirement("return-retry-short", Level.SHOULD, TIME, comes_back("back-soon", SOON + b"data: a\n\n"), Claim.RECONNECTS)
def return_retry_short(play: Play) -> None:
    """After `retry: 100` the client comes back within 2 s: it does not wait for its own reconnection time."""
    again, end = asked_again(play.reading), play.reading.mark("ending 1")
    waited_s = again.at_s - end.at_s if end else 0.0
    expect_in_time(waited_s <= 2.0, "a wait of 0.1 s, or some more", f"{waited_s:.3f} s")


@return_retry_short.mutant()
class WaitsForTheDefault(ControlClient):
    def wait_s(self) -> float:
        return max(super().wait_s(), 2.2)


BAD_RETRIES = b"retry: 60000x\nretry: -1\nretry: 6e4\nretry: 60000.5\nretry: +60000\nretry: 60_000\nretry:\n\n"


@requirement(
    "return-retry-digits",
    Level.MUST,
    INTERPRETING,
    comes_back("back-after-bad-retry", SOON + BAD_RETRIES + "retry: ٦٠٠٠٠\n\ndata: a\n\n".encode()),
    Claim.RECONNECTS,
)
def return_retry_digits(play: Play) -> None:
    """A retry that is not ASCII digits alone is ignored: the one before it stays."""
    asked_again(play.reading)
    expect_data(play, "a")


@return_retry_digits.mutant()
class ReadsRetryLikeInt(ControlClient):
    def process_retry(self, value: str) -> None:
        with contextlib.suppress(ValueError):
            self.retry_ms = max(int(value), 100)


@exchange()
async def partial(playing: Playing) -> None:
    """A stream that ends within an event, and one that begins with the next event."""
    exchanged = await playing.request()
    if exchanged is None:
        return
    await exchanged.head()
    await exchanged.chunk(SOON + b"data: a\n\nevent: x\ndata: half\nda")
    await playing.events(1)
    await exchanged.finish()
    if again := await playing.request(BACK_S):
        await again.head()
        await again.chunk(b"data: b\n\n")
        await conclude(playing, again)


@requirement("return-partial", Level.MUST, INTERPRETING, partial, Claim.RECONNECTS)
def return_partial(play: Play) -> None:
    """What was left of a connection's last event is not put before the first one of the next connection."""
    asked_again(play.reading)
    expect_data(play, "a", "b")


@return_partial.mutant({"decoding-unfinished": "it keeps what a clean end left, too"})
class KeepsWhatWasLeft(ControlClient):
    def begin(self) -> None:
        left = getattr(self, "data", [])
        super().begin()
        self.data = left


@requirement(
    "return-bom",
    Level.MUST,
    html("parsing-an-event-stream"),
    comes_back("back-with-bom", SOON + b"data: a\n\n", b"\xef\xbb\xbfdata: b\n\n" + SOON),
    Claim.RECONNECTS,
)
def return_bom(play: Play) -> None:
    """A byte order mark is ignored at the start of every connection's stream, not of the first alone."""
    asked_again(play.reading)
    expect_data(play, "a", "b")


@return_bom.mutant()
class KnowsOneStartOnly(ControlClient):
    def without_bom(self, text: str) -> str:
        return super().without_bom(text) if self.retry_ms is None else text


@exchange(order=Order("", method="POST", content="once"))
async def post_breaks(playing: Playing) -> None:
    """A POST whose stream is cut before there is an ID."""
    exchanged = await playing.request()
    if exchanged is None:
        return
    await exchanged.head()
    await exchanged.chunk(SOON + b"data: a\n\n")
    await playing.events(1)
    await exchanged.cut()
    if not await playing.end(AWAY_S):
        await playing.stays_away(AWAY_S)


@requirement("return-post", Level.SHOULD, rfc(9110, "9.2.2"), post_breaks, Claim.RECONNECTS, Claim.METHODS)
def return_post(play: Play) -> None:
    """A POST is not sent again by itself where no ID says from where to go on."""
    asked(play.reading)
    expect(len(play.reading.requests) == 1, "no other POST", f"{len(play.reading.requests) - 1} more")


@return_post.mutant()
class RepeatsAnything(ControlClient):
    def come_back(self, error: str) -> None:
        self.method, method = "GET", self.method
        try:
            super().come_back(error)
        finally:
            self.method = method
