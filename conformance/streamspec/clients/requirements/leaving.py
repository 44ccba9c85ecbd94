"""What happens when whoever reads has had enough."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamspec.clients.adapter_lines import Order
from streamspec.clients.contract import Claim
from streamspec.clients.control import Again, ControlClient
from streamspec.clients.exchanges import SOON
from streamspec.clients.judging import asked
from streamspec.clients.play import End
from streamspec.clients.requirement import exchange, requirement
from streamspec.contract import Level, html
from streamspec.judging import expect
from streamspec.requirement import Late, NotObserved

if TYPE_CHECKING:
    from streamspec.clients.play import Play
    from streamspec.clients.playing import Playing

CLOSE = html("dom-eventsource-close")
AWAY_S = 0.6
"""How long to look for a client that left; it was told by `retry` to come back after 0.1 s, should it ever."""


@exchange(order=Order("", leave_after=1))
async def leaving(playing: Playing) -> None:
    """A stream that is left after its first event, while the server is silent."""
    exchanged = await playing.request()
    if exchanged is None:
        return
    await exchanged.head()
    await exchanged.chunk(SOON + b"data: a\n\ndata: b\n\n")
    if await playing.events(1):
        await playing.left(exchanged)
    await playing.stays_away(AWAY_S)
    exchanged.close()


@requirement("leaving-closes", Level.MUST, CLOSE, leaving)
def leaving_closes(play: Play) -> None:
    """Leaving ends the connection at once, while the server is silent: not at the next event."""
    asked(play.reading)
    left = play.reading.mark("left")
    if left is None:
        raise NotObserved("the client told no event: see delivery-at-once")
    if not left.held:
        raise Late(expected="the end of the connection", actual="a connection that is still open")


@leaving_closes.mutant()
class ReadsOnInTheBackground(ControlClient):
    def leave(self) -> None:
        self.tell_end(End.LEFT)


@requirement("leaving-stays-away", Level.MUST, CLOSE, leaving, Claim.RECONNECTS)
def leaving_stays_away(play: Play) -> None:
    """Who has left does not come back."""
    asked(play.reading)
    expect(len(play.reading.requests) == 1, "no other request", f"{len(play.reading.requests) - 1} more")


@leaving_stays_away.mutant()
class ComesBackAfterLeaving(ControlClient):
    def leave(self) -> None:
        raise Again
