"""What a body is by its media type, and when each piece of it arrived. Values in, values out: nothing is judged here.

A piece is an event, a line or a chunk: the least that a reader of that media type can use. A comment is none: it may
come while the events behind it are held back.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from email.message import Message
from enum import StrEnum
from itertools import accumulate
from typing import TYPE_CHECKING

from streamspec.dispatches import dispatched
from streamspec_client.event_stream_lines import LineKind, lines_of
from streamspec_client.trace import NEVER_S, Ending

if TYPE_CHECKING:
    from streamspec_client.trace import Response

JSON_LINES_TYPES = frozenset(
    f"application/{name}"
    for name in (
        "x-ndjson", "ndjson", "jsonl", "x-jsonl", "jsonlines", "x-jsonlines", "json-lines", "json-seq",
        "x-json-stream", "stream+json",
    )
)  # fmt: skip
RECORD_SEPARATOR = b"\x1e"
"""What begins each text of application/json-seq (RFC 7464)."""

MOMENT_S = 0.010
"""What arrives within this time is one moment: what one write, or one full buffer, brings comes within 1 ms on loopback
and within a few on a network, and producers that people wait for take longer for an item."""


MOST_DECODED = 32 * 1_048_576
"""Bytes that a content coding may hold: a small body can be made to decode to any size."""


class Kind(StrEnum):
    """What the media type says that the body is."""

    EVENTS = "events"
    JSON_LINES = "JSON lines"
    TEXT = "text"
    DOCUMENT = "JSON"
    OTHER = "bytes"


CHUNKS = "chunks"
"""What pieces are called that nothing but the sender's writing cuts."""


def counted(count: int, noun: str) -> str:
    """`1 event`, `2 events`: the noun is given in the plural."""
    return f"{count} {noun.removesuffix('s') if count == 1 else noun}"


def media_type(response: Response) -> str:
    """The media type in lower case, without parameters; empty without a Content-Type."""
    return (response.value("content-type") or "").partition(";")[0].strip().lower()


def charset(response: Response) -> str:
    """The charset parameter in lower case; empty without one."""
    message = Message()
    message["Content-Type"] = response.value("content-type") or "none"
    return str(message.get_param("charset") or "").lower()


def kind_of(response: Response) -> Kind:
    """What the body is by its media type."""
    named = media_type(response)
    if named == "text/event-stream":
        return Kind.EVENTS
    if named in JSON_LINES_TYPES:
        return Kind.JSON_LINES
    if named == "text/plain":
        return Kind.TEXT
    return Kind.DOCUMENT if named == "application/json" or named.endswith("+json") else Kind.OTHER


@dataclass(frozen=True, slots=True)
class Content:
    """A body as its reader has it, content coding removed, with the times at which its pieces were there."""

    kind: Kind
    response: Response
    """Decoded where it could be."""
    coding: str
    """The content coding; empty for none."""
    undecoded: str
    """Why the coding could not be removed; empty where it could."""
    noun: str
    """What its pieces are called."""
    ends: tuple[int, ...]
    """Up to which byte of the body each piece goes."""
    pieces_s: tuple[float, ...]
    """When each piece was there, on the trace's clock."""
    comments_s: tuple[float, ...]
    """When each comment of an event stream was there."""

    @property
    def signs_s(self) -> tuple[float, ...]:
        """When anything was there, comments among it: what keeps a connection alive."""
        return tuple(sorted(self.pieces_s + self.comments_s))

    @property
    def pieces(self) -> int:
        """How many pieces there are."""
        return len(self.pieces_s)

    @property
    def moments(self) -> int:
        """At how many moments pieces arrived."""
        count, since_s = 0, -NEVER_S
        for at_s in self.pieces_s:
            if at_s - since_s > MOMENT_S:
                count, since_s = count + 1, at_s
        return count

    @property
    def pieces_at_once(self) -> float:
        """How many pieces a moment brings, on average."""
        return self.pieces / max(1, self.moments)

    @property
    def spread_s(self) -> float:
        """From the first piece to the last."""
        return self.pieces_s[-1] - self.pieces_s[0] if self.pieces_s else 0.0

    @property
    def first_s(self) -> float:
        """When the first piece was there; NEVER_S without one."""
        return self.pieces_s[0] if self.pieces_s else NEVER_S


def content_of(response: Response) -> Content:
    """The body of a response by its media type."""
    kind = kind_of(response)
    coding = ", ".join(named for named in response.tokens("content-encoding") if named != "identity")
    try:
        plain, undecoded = response.decoded(MOST_DECODED), ""
    except ValueError as error:
        plain, undecoded = response, str(error)
    noun, ends, comments = (CHUNKS, _chunk_ends(plain), []) if undecoded else _piece_ends(kind, plain)
    pieces_s, comments_s = (tuple(plain.arrival_s(end) for end in found) for found in (ends, comments))
    return Content(kind, plain, coding, undecoded, noun, tuple(ends), pieces_s, comments_s)


def _piece_ends(kind: Kind, response: Response) -> tuple[str, list[int], list[int]]:
    """What its pieces are called, up to which byte of the body each of them goes, and each comment."""
    if kind is Kind.EVENTS:
        comments = [
            line.offset + len(line.raw) + 1 for line in lines_of(response.body) if line.kind is LineKind.COMMENT
        ]
        return "events", [made.end for made in dispatched(response.body)], comments
    if kind in {Kind.JSON_LINES, Kind.TEXT}:
        ends = [end for line, end in _lines(response.body) if line.strip()]
        if len(ends) > 1 or kind is Kind.JSON_LINES:
            return "lines", ends, []
    return CHUNKS, _chunk_ends(response), []


def _lines(body: bytes) -> list[tuple[bytes, int]]:
    lines = body.split(b"\n")
    whole = lines[:-1] if not lines[-1] else lines
    ends = list(accumulate(len(line) + 1 for line in whole))
    return [(line, min(end, len(body))) for line, end in zip(whole, ends, strict=True)]


def _chunk_ends(response: Response) -> list[int]:
    return list(accumulate(len(chunk.data) for chunk in response.chunks if chunk.data))


def is_coded_whole(response: Response) -> bool:
    """Whether a body in gzip or deflate has the end of its coding; True for a body that has not ended."""
    if response.ending is not Ending.COMPLETE:
        return True
    wbits = 47 if "gzip" in response.tokens("content-encoding")[0] else 15
    decompressor = zlib.decompressobj(wbits=wbits)
    decompressor.decompress(response.body, MOST_DECODED)
    return decompressor.eof
