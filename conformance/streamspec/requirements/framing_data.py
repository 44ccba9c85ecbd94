"""Framing of data: text of any kind is dispatched as it was given, each line end as one LF."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from streamspec.contract import Level, html
from streamspec.control import ControlServer
from streamspec.dispatches import expect_each, fenced
from streamspec.exchanges import framing
from streamspec.judging import streamed
from streamspec.requirement import requirement
from streamspec.requirements.framing import expect_data

if TYPE_CHECKING:
    from streamspec_client.trace import Trace

MUST = Level.MUST
GRAMMAR = html("parsing-an-event-stream")
INTERPRETATION = html("event-stream-interpretation")


def _expect_as_given(trace: Trace, name: str) -> None:
    expect_data(trace, name, [re.sub("\r\n|\r", "\n", text) for text in framing.DATA[name]])


@requirement("framing-data-lf", MUST, INTERPRETATION, framing.scripted_events)
def framing_data_lf(trace: Trace) -> None:
    """Data of several lines, an empty one among them, is one event with the same lines."""
    _expect_as_given(trace, "data-lf")


@framing_data_lf.mutant(
    also_breaks={
        "framing-data-trailing-newline": "its last LF is written into a field too",
        "framing-data-leading-space": "an indented second line is no field",
    }
)
class WritesLfIntoFields(ControlServer):
    def data_lines(self, text: str) -> list[str]:
        return re.split("\r\n|\r", text)


@framing_data_lf.mutant()
class LeavesOutEmptyLines(ControlServer):
    def data_lines(self, text: str) -> list[str]:
        return super().data_lines(re.sub("\n\n+", "\n", text))


@requirement("framing-data-crlf", MUST, GRAMMAR, framing.scripted_events)
def framing_data_crlf(trace: Trace) -> None:
    """CRLF in data is one line end, which parses back as LF."""
    _expect_as_given(trace, "data-crlf")


@framing_data_crlf.mutant()
class TakesCrlfForTwoLineEnds(ControlServer):
    def data_lines(self, text: str) -> list[str]:
        return re.split("[\r\n]", text)


@requirement("framing-data-cr", MUST, GRAMMAR, framing.scripted_events)
def framing_data_cr(trace: Trace) -> None:
    """CR in data is a line end, which parses back as LF."""
    _expect_as_given(trace, "data-cr")


@framing_data_cr.mutant()
class WritesCrIntoFields(ControlServer):
    def data_lines(self, text: str) -> list[str]:
        return re.split("\r?\n", text)


@requirement("framing-data-empty", MUST, INTERPRETATION, framing.scripted_events)
def framing_data_empty(trace: Trace) -> None:
    """Empty data is dispatched: it takes a data field without a value."""
    expect_data(trace, "data-empty", ["", ""])


@framing_data_empty.mutant()
class LeavesOutEmptyData(ControlServer):
    def encode_data(self, text: str) -> bytes:
        return super().encode_data(text) if text else b""


@requirement("framing-data-trailing-newline", MUST, INTERPRETATION, framing.scripted_events)
def framing_data_trailing_newline(trace: Trace) -> None:
    """A line end at the end of data survives: it takes a data field more."""
    _expect_as_given(trace, "data-trailing-newline")


@framing_data_trailing_newline.mutant()
class StripsTheLastLineEnd(ControlServer):
    def data_lines(self, text: str) -> list[str]:
        return super().data_lines(text.removesuffix("\n"))


@requirement("framing-data-leading-space", MUST, INTERPRETATION, framing.scripted_events)
def framing_data_leading_space(trace: Trace) -> None:
    """White space around a line of data survives, although a client removes one space behind the colon."""
    _expect_as_given(trace, "data-leading-space")


@framing_data_leading_space.mutant()
class SendsNoSpaceBehindTheColon(ControlServer):
    def encode_data(self, text: str) -> bytes:
        return b"".join(f"data:{line}\n".encode() for line in self.data_lines(text))


@requirement("framing-data-colon", MUST, GRAMMAR, framing.scripted_events)
def framing_data_colon(trace: Trace) -> None:
    """Data that looks like a comment or a field is data."""
    _expect_as_given(trace, "data-colon")


@framing_data_colon.mutant()
class TakesDataForFields(ControlServer):
    def encode_data(self, text: str) -> bytes:
        return text.encode() + b"\n" if re.match("data:|event:|id:|retry:", text) else super().encode_data(text)


@requirement("framing-data-separators", MUST, GRAMMAR, framing.scripted_events)
def framing_data_separators(trace: Trace) -> None:
    """U+2028, U+2029, U+0085, VT, FF and the like are no line ends and survive."""
    _expect_as_given(trace, "data-separators")


@framing_data_separators.mutant()
class SplitsAtUnicodeLineEnds(ControlServer):
    def data_lines(self, text: str) -> list[str]:
        return re.split("\r\n|[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]", text)


@requirement("framing-data-nul", MUST, GRAMMAR, framing.scripted_events)
def framing_data_nul(trace: Trace) -> None:
    """NUL in data survives: only an id cannot hold it."""
    _expect_as_given(trace, "data-nul")


@framing_data_nul.mutant()
class StripsNul(ControlServer):
    def encode_data(self, text: str) -> bytes:
        return super().encode_data(text.replace("\0", ""))


@requirement("framing-data-large", MUST, INTERPRETATION, framing.large_event)
def framing_data_large(trace: Trace) -> None:
    """Data of 1 MiB is one event."""
    found = fenced(streamed(trace), framing.BEFORE, framing.AFTER)[:-1]
    expect_each(found, [made.event.data for made in found], ["x" * framing.LARGE_EVENT_BYTES], "the data")


@framing_data_large.mutant()
class CutsDataAt512Kibibytes(ControlServer):
    def encode_data(self, text: str) -> bytes:
        return super().encode_data(text[: 512 * 1024])
