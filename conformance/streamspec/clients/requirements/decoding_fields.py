"""Fields and events: what a line says, and what a blank line dispatches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamspec.clients.contract import Claim
from streamspec.clients.control import ControlClient
from streamspec.clients.exchanges import stream_of
from streamspec.clients.judging import expect_data, expect_types
from streamspec.clients.requirement import requirement
from streamspec.contract import Level, html

if TYPE_CHECKING:
    from streamspec.clients.play import Play

INTERPRETING = html("event-stream-interpretation")
DISPATCH = html("dispatchMessage")


@requirement(
    "decoding-comments", Level.MUST, INTERPRETING, stream_of("comments", b": a\n:data: x\ndata: b\n:\n\n:event\n\n")
)
def decoding_comments(play: Play) -> None:
    """A line that starts with a colon is ignored, before and inside events."""
    expect_data(play, "b")


@decoding_comments.mutant()
class TakesCommentsForData(ControlClient):
    def process_line(self, line: str) -> None:
        super().process_line(line.removeprefix(":") if line.startswith(":data") else line)


@requirement(
    "decoding-space", Level.MUST, INTERPRETING, stream_of("space", b"data:a\ndata:  b\ndata: \tc \ndata:\xc2\xa0d\n\n")
)
def decoding_space(play: Play) -> None:
    """One space after the colon is removed, and nothing else."""
    expect_data(play, "a\n b\n\tc \n\xa0d")


@decoding_space.mutant()
class StripsValues(ControlClient):
    def value(self, text: str) -> str:
        return text.strip(" \t")


@requirement("decoding-no-colon", Level.MUST, INTERPRETING, stream_of("no-colon", b"data\ndata: a\n\ndata\n\n"))
def decoding_no_colon(play: Play) -> None:
    """A line without a colon is a field with an empty value."""
    expect_data(play, "\na", "")


@decoding_no_colon.mutant()
class WantsAColon(ControlClient):
    def process_line(self, line: str) -> None:
        if not line or ":" in line or line != "data":
            super().process_line(line)


@requirement("decoding-colons", Level.MUST, INTERPRETING, stream_of("colons", b'data: {"a": "b:c"}:\n\n'))
def decoding_colons(play: Play) -> None:
    """A field's name ends at the first colon; the value may hold more of them."""
    expect_data(play, '{"a": "b:c"}:')


@decoding_colons.mutant(
    {
        "decoding-comments": "a comment that holds a colon becomes a field",
    }
)
class SplitsAtTheLastColon(ControlClient):
    def process_line(self, line: str) -> None:
        name, colon, value = line.rpartition(":")
        if line and colon and name:
            self.process_field(name.lstrip(":"), self.value(value))
        else:
            super().process_line(line)


@requirement(
    "decoding-names",
    Level.MUST,
    INTERPRETING,
    stream_of("names", b"Data: x\nDATA: x\n data: x\ndata : x\ndatax: x\nfoo: x\nfoo\ndata: a\n\n"),
)
def decoding_names(play: Play) -> None:
    """Field names are compared literally; a field of another name is ignored."""
    expect_data(play, "a")


@decoding_names.mutant()
class IgnoresCase(ControlClient):
    def process_field(self, name: str, value: str) -> None:
        super().process_field(name.lower(), value)


@decoding_names.mutant()
class StripsNames(ControlClient):
    def process_field(self, name: str, value: str) -> None:
        super().process_field(name.strip(), value)


@requirement("decoding-lines", Level.MUST, DISPATCH, stream_of("lines", b"data: a\ndata:\ndata: b\ndata:\ndata:\n\n"))
def decoding_lines(play: Play) -> None:
    """Several data lines make one event, joined by LF; empty ones count, also the last."""
    expect_data(play, "a\n\nb\n\n")


@decoding_lines.mutant()
class StripsLineFeeds(ControlClient):
    def dispatch(self, type_: str, data: str) -> None:
        super().dispatch(type_, data.rstrip("\n"))


@requirement("decoding-empty-data", Level.MUST, DISPATCH, stream_of("empty-data", b"data:\n\ndata: a\n\n"))
def decoding_empty_data(play: Play) -> None:
    """An event whose data is one empty line is dispatched, with empty data."""
    expect_data(play, "", "a")


@decoding_empty_data.mutant({"decoding-no-colon": "its second event has empty data, too"})
class DropsEmptyData(ControlClient):
    def dispatch(self, type_: str, data: str) -> None:
        if data:
            super().dispatch(type_, data)


@requirement(
    "decoding-no-data",
    Level.MUST,
    DISPATCH,
    stream_of("no-data", b"event: x\n\nid: 1\n\n\n\nretry: 100\n\nevent: x\nid: 2\n\ndata: a\n\n"),
)
def decoding_no_data(play: Play) -> None:
    """A blank line after fields other than data dispatches nothing."""
    expect_data(play, "a")


@decoding_no_data.mutant()
class DispatchesWithoutData(ControlClient):
    def process_blank_line(self) -> None:
        if self.type and self.id_buffer == "2" and not self.data:
            self.data = [""]
        super().process_blank_line()


@requirement(
    "decoding-type",
    Level.MUST,
    DISPATCH,
    stream_of("type", b"event: x\ndata: a\n\ndata: b\n\nevent: y\ndata: c\nevent: z\n\n"),
    Claim.TYPES,
)
def decoding_type(play: Play) -> None:
    """The last event field names the type of its own event alone; without one it is "message"."""
    expect_types(play, a="x", b="message", c="z")


@decoding_type.mutant()
class KeepsTheType(ControlClient):
    def dispatch(self, type_: str, data: str) -> None:
        super().dispatch(type_, data)
        self.kept = type_

    def process_blank_line(self) -> None:
        had_data = bool(self.data)
        super().process_blank_line()
        if had_data:
            self.type = self.kept


@requirement(
    "decoding-type-empty",
    Level.MUST,
    INTERPRETING,
    stream_of("type-empty", b"event: x\nevent\ndata: a\n\nevent: y\nevent:\ndata: b\n\n"),
    Claim.TYPES,
)
def decoding_type_empty(play: Play) -> None:
    """An empty event field takes the place of the one before it, so the type is "message"."""
    expect_types(play, a="message", b="message")


@decoding_type_empty.mutant()
class IgnoresEmptyTypes(ControlClient):
    def process_field(self, name: str, value: str) -> None:
        if name != "event" or value:
            super().process_field(name, value)


@requirement(
    "decoding-type-dropped",
    Level.MUST,
    DISPATCH,
    stream_of("type-dropped", b"event: x\n\ndata: a\n\n"),
    Claim.TYPES,
)
def decoding_type_dropped(play: Play) -> None:
    """The type of an event without data does not go over to the next one."""
    expect_types(play, a="message")


@decoding_type_dropped.mutant()
class TypeOutlivesNoData(ControlClient):
    def process_blank_line(self) -> None:
        kept = self.type if not self.data else ""
        super().process_blank_line()
        self.type = kept
