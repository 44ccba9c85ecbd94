"""What was observed: one exchange with a target, frozen.

Nothing here judges, waits or opens a socket. Every `…_at_s` is in seconds on one monotonic clock that starts with
the trace; an arrival is the kernel's receive timestamp where the platform has one. Bytes are kept as they came.
"""

from __future__ import annotations

import sys
import zlib
from bisect import bisect_left
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import accumulate

NEVER_S = 1e9
"""The time of what did not happen: finite, so that it survives JSON, and later than any trace."""


class Framing(StrEnum):
    """How the length of a message body is determined (RFC 9112, section 6.3)."""

    CHUNKED = "chunked"
    CONTENT_LENGTH = "content-length"
    CLOSE = "close-delimited"
    FRAMES = "frames"
    """DATA frames, the last of them with END_STREAM (RFC 9113, section 8.1)."""
    NONE = "no content"


class Ending(StrEnum):
    """How a response ended, as far as the probe read it."""

    COMPLETE = "complete"
    """The message is complete by its framing (RFC 9112, section 8)."""
    TRUNCATED = "truncated"
    """The peer closed (FIN) before the message was complete."""
    RESET = "reset"
    """The peer reset the connection (RST), or the stream (RST_STREAM), before the message was complete."""
    MALFORMED = "malformed"
    """The bytes are not HTTP; `Response.error` says why."""
    OPEN = "open"
    """The probe left, or stopped reading, before the message ended."""


class Closing(StrEnum):
    """How the peer's half of a connection ended, as far as the probe watched it."""

    FIN = "fin"
    RESET = "reset"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Segment:
    """Bytes that went in one direction in one system call."""

    at_s: float
    data: bytes


@dataclass(frozen=True, slots=True)
class Chunk:
    """The data of one chunk or DATA frame, else what one read gave of the body; `at_s`: arrival of its last byte."""

    at_s: float
    data: bytes


@dataclass(frozen=True)
class Response:
    """One response as read: status line, header section, body by chunks, and how it ended."""

    status: int
    reason: str
    http_version: str
    fields: tuple[tuple[str, str], ...]
    """Names as sent, values as Latin-1 text without surrounding white space."""
    head_at_s: float
    framing: Framing
    chunks: tuple[Chunk, ...]
    ending: Ending
    ended_at_s: float
    error: str = ""
    """What the HTTP parser said of malformed bytes; the code of RST_STREAM or GOAWAY where one ended it."""

    def values(self, name: str) -> list[str]:
        """The values of every field line of that name, which is compared without case."""
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def value(self, name: str) -> str | None:
        """The combined field value (RFC 9110, section 5.3), or None if the field is absent."""
        values = self.values(name)
        return ", ".join(values) if values else None

    def tokens(self, name: str) -> list[str]:
        """The members of a comma-separated list field, without parameters' case folded: lower case."""
        return [token.strip().lower() for token in (self.value(name) or "").split(",") if token.strip()]

    @cached_property
    def body(self) -> bytes:
        """The content as transferred: chunked coding removed, content coding kept."""
        return b"".join(chunk.data for chunk in self.chunks)

    @cached_property
    def _ends(self) -> list[int]:
        return list(accumulate(len(chunk.data) for chunk in self.chunks))

    def arrival_s(self, size: int) -> float:
        """When the first `size` bytes of the body were there; NEVER_S if they never were."""
        if size <= 0:
            return self.head_at_s
        index = bisect_left(self._ends, size)
        return self.chunks[index].at_s if index < len(self.chunks) else NEVER_S

    def decoded(self, most: int | None = None) -> Response:
        """The same response with a gzip or deflate content coding removed from each chunk.

        Raises ValueError for a coding that the standard library cannot remove, for corrupt data, and for more than
        `most` bytes.
        """
        codings = [coding for coding in self.tokens("content-encoding") if coding != "identity"]
        if not codings:
            return self
        if codings not in (["gzip"], ["x-gzip"], ["deflate"]):
            raise ValueError(f"content coding {', '.join(codings)} cannot be decoded here")
        decompressor = zlib.decompressobj(wbits=47 if "gzip" in codings[0] else 15)
        chunks = []
        room = sys.maxsize if most is None else most
        try:
            for chunk in self.chunks:
                data = decompressor.decompress(chunk.data, room)
                room -= len(data)
                if room <= 0:
                    raise ValueError(f"the {codings[0]} data hold more than {most} bytes")
                chunks.append(Chunk(chunk.at_s, data))
        except zlib.error as error:
            raise ValueError(f"corrupt {codings[0]} data: {error}") from error
        return Response(
            self.status, self.reason, self.http_version, self.fields, self.head_at_s, self.framing, tuple(chunks),
            self.ending, self.ended_at_s, self.error,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Conversation:
    """One connection: the raw bytes of both directions, and the responses read from them."""

    name: str
    opened_at_s: float
    sent: tuple[Segment, ...]
    received: tuple[Segment, ...]
    responses: tuple[Response, ...]
    closing: Closing
    closed_at_s: float
    """When the peer's half was seen to end; NEVER_S while open."""
    trailing: bytes
    """Bytes behind the last response that no request asked for."""
    left_at_s: float = NEVER_S
    """When the probe left (FIN, RST or half-close)."""

    @property
    def response(self) -> Response | None:
        """The first response, which most exchanges ask for alone."""
        return self.responses[0] if self.responses else None


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment the exchange names, such as `released` (value: gates opened so far)."""

    at_s: float
    name: str
    value: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """One request of the control kind (state, release, totals) and its whole answer."""

    name: str
    """What was asked for: `state`, `release`, `totals`, `describe`, or the exchange's own word."""
    method: str
    path: str
    asked_at_s: float
    at_s: float
    status: int
    fields: tuple[tuple[str, str], ...]
    body: bytes

    def value(self, name: str) -> str | None:
        """The combined field value, or None if the field is absent."""
        values = [value for key, value in self.fields if key.lower() == name.lower()]
        return ", ".join(values) if values else None


@dataclass(frozen=True, slots=True)
class Trace:
    """One recorded exchange with one target."""

    exchange: str
    target: str
    started_at: str
    """Wall-clock time, ISO 8601 in UTC: for people, never judged."""
    duration_s: float
    conversations: tuple[Conversation, ...]
    answers: tuple[Answer, ...]
    marks: tuple[Mark, ...]
    log: str = ""
    """What the server's process wrote to standard error meanwhile; empty for a bare URL."""
    starved_s: float = 0.0
    """How long others kept the server's process from running meanwhile, at least; 0 where nobody told."""
    ran_s: float = 0.0
    """How long it ran beside that: the rest of the time it slept."""

    def conversation(self, name: str) -> Conversation:
        """The conversation of that name. Raises KeyError if the exchange had none."""
        for conversation in self.conversations:
            if conversation.name == name:
                return conversation
        raise KeyError(name)

    def marks_named(self, name: str) -> list[Mark]:
        """The marks of that name in order of time."""
        return [mark for mark in self.marks if mark.name == name]

    def answers_named(self, name: str) -> list[Answer]:
        """The answers of that name in order of time."""
        return [answer for answer in self.answers if answer.name == name]
