"""The last event ID that an event carries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamspec.clients.contract import Claim
from streamspec.clients.control import ControlClient
from streamspec.clients.exchanges import stream_of
from streamspec.clients.judging import asked, expect_ids, told
from streamspec.clients.requirement import requirement
from streamspec.contract import Level, html
from streamspec.judging import expect

if TYPE_CHECKING:
    from streamspec.clients.play import Play

INTERPRETING = html("event-stream-interpretation")
DISPATCH = html("dispatchMessage")


@requirement(
    "ids-kept",
    Level.MUST,
    DISPATCH,
    stream_of("id-kept", b"id: 1\ndata: a\n\ndata: b\n\nid: 2\ndata: c\n\n"),
    Claim.IDS,
)
def ids_kept(play: Play) -> None:
    """An ID goes with its own event and with those after it, until another one."""
    expect_ids(play, a="1", b="1", c="2")


@ids_kept.mutant()
class IdsAreOfOneEvent(ControlClient):
    def dispatch(self, type_: str, data: str) -> None:
        super().dispatch(type_, data)
        self.id_buffer = ""


@requirement(
    "ids-nul", Level.MUST, INTERPRETING, stream_of("id-nul", b"id: 1\ndata: a\n\nid: 2\0\ndata: b\n\n"), Claim.IDS
)
def ids_nul(play: Play) -> None:
    """An ID that holds NUL is ignored."""
    asked(play.reading)
    found = {event.data: event.id or "" for event in told(play.reading)}
    expect("b" in found, "an event after the ID with NUL", f"events of data {sorted(found)}")
    expect("2" not in found["b"], "no ID that was sent with NUL in it", repr(found["b"]))


@ids_nul.mutant()
class TakesNulInIds(ControlClient):
    def process_id(self, value: str) -> None:
        self.id_buffer = value


@requirement(
    "ids-empty", Level.MUST, INTERPRETING, stream_of("id-empty", b"id: 1\ndata: a\n\nid:\ndata: b\n\n"), Claim.IDS
)
def ids_empty(play: Play) -> None:
    """An empty ID takes the place of the one before."""
    expect_ids(play, a="1", b="")


@ids_empty.mutant({"return-id-empty": "it cannot forget an ID"})
class IgnoresEmptyIds(ControlClient):
    def process_id(self, value: str) -> None:
        if value:
            super().process_id(value)


@requirement("ids-no-data", Level.MUST, DISPATCH, stream_of("id-no-data", b"id: 7\n\ndata: a\n\n"), Claim.IDS)
def ids_no_data(play: Play) -> None:
    """The ID of an event without data goes with the events after it."""
    expect_ids(play, a="7")


@ids_no_data.mutant(
    {
        "return-id-no-data": "the ID was lost with its event",
    }
)
class LosesIdsWithoutData(ControlClient):
    def process_blank_line(self) -> None:
        if not self.data:
            self.id_buffer = self.last_event_id
        super().process_blank_line()
