"""Lines, bytes and what is dropped: how a stream becomes fields."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING

from streamspec.clients.control import ControlClient
from streamspec.clients.exchanges import SOON, comes_back, stream_of
from streamspec.clients.judging import expect_data
from streamspec.clients.requirement import requirement
from streamspec.contract import Anchor, Level, html

if TYPE_CHECKING:
    from streamspec.clients.control_decoder import Dispatched
    from streamspec.clients.play import Play

SYNTAX = html("parsing-an-event-stream")
INTERPRETING = html("event-stream-interpretation")
UTF8 = Anchor("Encoding, UTF-8 decode", "https://encoding.spec.whatwg.org/#utf-8-decode")


@requirement(
    "decoding-line-ends",
    Level.MUST,
    SYNTAX,
    stream_of("line-ends", b"data: lf\n\ndata: crlf\r\n\r\ndata: a\ndata: b\r\ndata: c\n\r\n"),
)
def decoding_line_ends(play: Play) -> None:
    """LF and CRLF each end a line, also side by side."""
    expect_data(play, "lf", "crlf", "a\nb\nc")


@decoding_line_ends.mutant({"delivery-any-split": "it knows the CR only where the LF is in the same piece"})
class KeepsTheCr(ControlClient):
    def process_line(self, line: str) -> None:
        super().process_line(line + "\r" if self.has_cr and line else line)

    def split(self, text: str) -> list[str]:
        self.has_cr = "\r\n" in text
        return super().split(text)


@requirement("decoding-cr", Level.MUST, SYNTAX, stream_of("cr", b"data: a\rdata: b\r\rdata: c\r\r"))
def decoding_cr(play: Play) -> None:
    """A CR that no LF follows ends a line."""
    expect_data(play, "a\nb", "c")


@decoding_cr.mutant(
    {
        "delivery-cr": "its events end with CR",
        "delivery-any-split": "a CRLF in two pieces ends no line",
    }
)
class TakesCrForText(ControlClient):
    def split(self, text: str) -> list[str]:
        return re.split(r"\r\n|\n", text)


@requirement(
    "decoding-separators",
    Level.MUST,
    SYNTAX,
    stream_of("separators", "data: a\u2028b\u2029c\x85d\x0be\x0cf\x1cg\x1dh\x1ei\n\n".encode()),
)
def decoding_separators(play: Play) -> None:
    """U+2028, U+2029, U+0085, VT, FF, FS, GS and RS are no line ends and survive."""
    expect_data(play, "a\u2028b\u2029c\x85d\x0be\x0cf\x1cg\x1dh\x1ei")


@decoding_separators.mutant()
class SplitsLikeStr(ControlClient):
    def split(self, text: str) -> list[str]:
        return super().split(re.sub("[\u2028\u2029\x85\x0b\x0c\x1c-\x1e]", "\n", text))


@requirement("decoding-bom", Level.MUST, SYNTAX, stream_of("bom", b"\xef\xbb\xbfdata: a\n\n"))
def decoding_bom(play: Play) -> None:
    """A byte order mark at the start of the stream is ignored."""
    expect_data(play, "a")


@decoding_bom.mutant({"return-bom": "it keeps the mark at the start of every stream"})
class KeepsTheBom(ControlClient):
    def without_bom(self, text: str) -> str:
        return text


@requirement(
    "decoding-bom-once",
    Level.MUST,
    SYNTAX,
    stream_of("bom-once", b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\n\xef\xbb\xbfdata: b\n\ndata: \xef\xbb\xbfc\n\n"),
)
def decoding_bom_once(play: Play) -> None:
    """Only one byte order mark is ignored, and only at the start: elsewhere U+FEFF is a character."""
    expect_data(play, "\ufeffc")


@decoding_bom_once.mutant()
class DropsEveryBom(ControlClient):
    def without_bom(self, text: str) -> str:
        return text.replace("\ufeff", "")


@requirement("decoding-utf8", Level.MUST, UTF8, stream_of("utf8", "data: é€😀\n\n".encode(), piece_bytes=1))
def decoding_utf8(play: Play) -> None:
    """Streams are UTF-8, also where a character is split over chunks."""
    expect_data(play, "é€😀")


@decoding_utf8.mutant(
    {
        "decoding-bad-utf8": "every byte is a character",
        "decoding-space": "a no-break space is two characters",
        "decoding-separators": "it misreads what is not ASCII",
        "decoding-bom": "a byte order mark is three characters",
        "decoding-bom-once": "a byte order mark is three characters",
        "return-bom": "a byte order mark is three characters",
        "return-id-utf8": "the ID is misread already",
    }
)
class ReadsLatin1(ControlClient):
    def make_utf8(self) -> codecs.IncrementalDecoder:
        return codecs.getincrementaldecoder("latin-1")()


@decoding_utf8.mutant({"delivery-any-split": "the stream holds characters that are split"})
class DecodesEachPieceAlone(ControlClient):
    def feed(self, data: bytes) -> list[Dispatched]:
        self.utf8.reset()
        text = data.decode("utf-8", "replace")
        return super().feed(text.encode())


@requirement(
    "decoding-bad-utf8",
    Level.MUST,
    UTF8,
    stream_of(
        "bad-utf8",
        b"data: a\xffb\n\ndata: \xe2\x82\n\ndata: \xf0\x9f\x92x\n\ndata: \xc0\xaf\n\ndata: \xed\xa0\x80\n\ndata: c\n\n",
    ),
)
def decoding_bad_utf8(play: Play) -> None:
    """Ill-formed bytes become U+FFFD, one for each maximal part of a character, and end nothing."""
    expect_data(play, "a\ufffdb", "\ufffd", "\ufffdx", "\ufffd\ufffd", "\ufffd\ufffd\ufffd", "c")


@decoding_bad_utf8.mutant()
class RaisesOnBadBytes(ControlClient):
    def make_utf8(self) -> codecs.IncrementalDecoder:
        return codecs.getincrementaldecoder("utf-8")("strict")


@decoding_bad_utf8.mutant()
class DropsBadBytes(ControlClient):
    def make_utf8(self) -> codecs.IncrementalDecoder:
        return codecs.getincrementaldecoder("utf-8")("ignore")


@requirement("decoding-nul", Level.MUST, SYNTAX, stream_of("nul", b"data: a\0b\n\0\n\n"))
def decoding_nul(play: Play) -> None:
    """NUL is a character like others in data, and a line of it is not blank."""
    expect_data(play, "a\0b")


@decoding_nul.mutant()
class StopsAtNul(ControlClient):
    def process_field(self, name: str, value: str) -> None:
        super().process_field(name, value.partition("\0")[0] if name == "data" else value)


@requirement(
    "decoding-unfinished",
    Level.MUST,
    INTERPRETING,
    comes_back("unfinished", SOON + b"data: a\n\ndata: b\nevent: x\ndata: d"),
)
def decoding_unfinished(play: Play) -> None:
    """An event that no blank line ends before the stream does is dropped."""
    expect_data(play, "a")


@decoding_unfinished.mutant(
    {"return-id-unfinished": "its ID was dispatched with it", "return-partial": "what was left was dispatched"}
)
class DispatchesAtTheEnd(ControlClient):
    def ended(self) -> None:
        if self.data:
            self.received(b"\n\n")
        super().ended()
