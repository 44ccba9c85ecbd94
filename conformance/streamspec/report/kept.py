"""Traces as results.json keeps them: nothing is lost, and every byte stands there once.

What a connection received is one run of bytes with cuts in it; the chunks of its responses are spans of that run. Bytes
stand as text where they are short and UTF-8, else deflated: an exchange of 37 MB of repeated content takes 200 KB.
"""

from __future__ import annotations

import zlib
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, TypeAlias

from streamspec.mistake import Mistake
from streamspec.report.spans import starts
from streamspec_client.trace import (
    Answer,
    Chunk,
    Closing,
    Conversation,
    Ending,
    Framing,
    Mark,
    Response,
    Segment,
    Trace,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LONGEST_TEXT_BYTES = 1_024
"""Up to here a person reads it in the file; deflate saves little of a header section."""

_LEVEL = 1
"""Content is mostly one pattern repeated: level 6 takes 3 times as long and saves a tenth."""


class BrokenRecording(Mistake):
    """A recording that contradicts itself: not written by streamspec, or changed since."""


@dataclass(frozen=True, slots=True)
class Deflated:
    """Bytes that are long, or no text."""

    size: int
    deflate: str
    """zlib format (RFC 1950), base64."""


KeptBytes: TypeAlias = str | Deflated
"""A string is its UTF-8 bytes."""


@dataclass(frozen=True, slots=True)
class KeptSegments:
    """What went in one direction: its bytes, and what each system call took of them and when."""

    at_s: list[float]
    sizes: list[int]
    data: KeptBytes


@dataclass(frozen=True, slots=True)
class KeptChunks:
    """The chunks of a body: spans of what the connection received or, where `data` is there, of that."""

    at_s: list[float]
    starts: list[int]
    sizes: list[int]
    data: KeptBytes | None = None


@dataclass(frozen=True, slots=True)
class KeptResponse:
    """A Response."""

    status: int
    reason: str
    http_version: str
    fields: list[tuple[str, str]]
    head_at_s: float
    framing: Framing
    chunks: KeptChunks
    ending: Ending
    ended_at_s: float
    error: str = ""


@dataclass(frozen=True, slots=True)
class KeptConversation:
    """A Conversation."""

    name: str
    opened_at_s: float
    sent: KeptSegments
    received: KeptSegments
    responses: list[KeptResponse]
    closing: Closing
    closed_at_s: float
    trailing: KeptBytes
    left_at_s: float


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An Answer."""

    name: str
    method: str
    path: str
    asked_at_s: float
    at_s: float
    status: int
    fields: list[tuple[str, str]]
    body: KeptBytes


@dataclass(frozen=True, slots=True)
class KeptTrace:
    """A Trace. Times are in seconds since it began; 1e9 stands for never."""

    exchange: str
    target: str
    started_at: str
    duration_s: float
    conversations: list[KeptConversation]
    answers: list[KeptAnswer]
    marks: list[Mark]
    log: KeptBytes = ""
    starved_s: float = 0.0
    ran_s: float = 0.0


@dataclass(frozen=True, slots=True)
class KeptRecording:
    """One attempt at an exchange."""

    trace: KeptTrace | None = None
    unobserved: str = ""
    """Why there is no trace, in one sentence."""
    dying: bool = False
    """The target may have been dying meanwhile, so what it shows is no verdict on it."""


@dataclass(frozen=True, slots=True)
class KeptExchange:
    """The attempts at one exchange, in order; those of the control server where one was asked for."""

    attempts: list[KeptRecording] = field(default_factory=list)
    control: list[KeptRecording] = field(default_factory=list)


def keep(trace: Trace) -> KeptTrace:
    """The trace as it is kept."""
    return KeptTrace(
        trace.exchange,
        trace.target,
        trace.started_at,
        trace.duration_s,
        [_keep_conversation(talk) for talk in trace.conversations],
        [
            KeptAnswer(
                made.name, made.method, made.path, made.asked_at_s, made.at_s, made.status, list(made.fields),
                keep_bytes(made.body),
            )
            for made in trace.answers
        ],
        list(trace.marks),
        keep_bytes(trace.log.encode("utf-8", "surrogatepass")),
        trace.starved_s,
        trace.ran_s,
    )  # fmt: skip


def restore(kept: KeptTrace) -> Trace:
    """The trace that was kept, equal to it. Raises BrokenRecording."""
    return Trace(
        kept.exchange,
        kept.target,
        kept.started_at,
        kept.duration_s,
        tuple(_restore_conversation(talk) for talk in kept.conversations),
        tuple(
            Answer(
                made.name, made.method, made.path, made.asked_at_s, made.at_s, made.status, tuple(made.fields),
                restore_bytes(made.body),
            )
            for made in kept.answers
        ),
        tuple(kept.marks),
        restore_bytes(kept.log).decode("utf-8", "surrogatepass"),
        kept.starved_s,
        kept.ran_s,
    )  # fmt: skip


def keep_bytes(data: bytes) -> KeptBytes:
    """Text where it is short and UTF-8, else deflated."""
    if len(data) <= LONGEST_TEXT_BYTES:
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            pass
    return Deflated(len(data), b64encode(zlib.compress(data, _LEVEL)).decode("ascii"))


def restore_bytes(kept: KeptBytes) -> bytes:
    """The bytes that were kept. Raises BrokenRecording."""
    if isinstance(kept, str):
        return kept.encode("utf-8")
    try:
        inflater = zlib.decompressobj()
        # One byte more than there should be shows that there is more, and a file cannot fill the memory with it.
        data = inflater.decompress(b64decode(kept.deflate, validate=True), kept.size + 1)
    except (ValueError, zlib.error) as error:
        raise BrokenRecording(f"deflated bytes cannot be read: {error}") from error
    if len(data) != kept.size:
        raise BrokenRecording(f"deflated bytes are not the {kept.size} that they are said to be")
    return data


def _keep_conversation(talk: Conversation) -> KeptConversation:
    received = b"".join(segment.data for segment in talk.received)
    responses = [
        KeptResponse(
            response.status, response.reason, response.http_version, list(response.fields), response.head_at_s,
            response.framing, _keep_chunks(response, found), response.ending, response.ended_at_s, response.error,
        )
        for response, found in zip(talk.responses, starts(talk.responses, received), strict=True)
    ]  # fmt: skip
    return KeptConversation(
        talk.name, talk.opened_at_s, _keep_segments(talk.sent), _keep_segments(talk.received), responses,
        talk.closing, talk.closed_at_s, keep_bytes(talk.trailing), talk.left_at_s,
    )  # fmt: skip


def _restore_conversation(kept: KeptConversation) -> Conversation:
    received = restore_bytes(kept.received.data)
    return Conversation(
        kept.name, kept.opened_at_s,
        tuple(map(Segment, kept.sent.at_s, _cut(restore_bytes(kept.sent.data), kept.sent))),
        tuple(map(Segment, kept.received.at_s, _cut(received, kept.received))),
        tuple(
            Response(
                response.status, response.reason, response.http_version, tuple(response.fields), response.head_at_s,
                response.framing, _restore_chunks(response.chunks, received), response.ending, response.ended_at_s,
                response.error,
            )
            for response in kept.responses
        ),
        kept.closing, kept.closed_at_s, restore_bytes(kept.trailing), kept.left_at_s,
    )  # fmt: skip


def _keep_segments(segments: Sequence[Segment]) -> KeptSegments:
    return KeptSegments(
        [segment.at_s for segment in segments],
        [len(segment.data) for segment in segments],
        keep_bytes(b"".join(segment.data for segment in segments)),
    )


def _cut(data: bytes, segments: KeptSegments) -> Iterable[bytes]:
    if sum(segments.sizes) != len(data) or len(segments.sizes) != len(segments.at_s):
        raise BrokenRecording("the sizes of a connection's segments do not add up to its bytes")
    return (data[start:end] for start, end in pairwise(accumulate(segments.sizes, initial=0)))


def _keep_chunks(response: Response, found: list[int] | None) -> KeptChunks:
    at_s = [chunk.at_s for chunk in response.chunks]
    sizes = [len(chunk.data) for chunk in response.chunks]
    if found is None:
        return KeptChunks(at_s, list(accumulate(sizes, initial=0))[:-1], sizes, keep_bytes(response.body))
    return KeptChunks(at_s, found, sizes)


def _restore_chunks(kept: KeptChunks, received: bytes) -> tuple[Chunk, ...]:
    data = received if kept.data is None else restore_bytes(kept.data)
    spans = list(zip(kept.starts, kept.sizes, strict=False))
    if not len(kept.at_s) == len(kept.starts) == len(kept.sizes) or any(
        start < 0 or size < 0 or start + size > len(data) for start, size in spans
    ):
        raise BrokenRecording("the spans of a response's chunks lie outside of its bytes")
    return tuple(Chunk(at_s, data[start : start + size]) for at_s, (start, size) in zip(kept.at_s, spans, strict=True))
