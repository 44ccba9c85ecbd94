"""Streams to decode, and ways to feed them: the corpus, the fragments that random streams are made of, and splits."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from tests.oracle import Outcome

from streamspec_client.event_stream import EventStreamDecoder

if TYPE_CHECKING:
    from collections.abc import Iterable
    from random import Random

CORPUS = Path(__file__).with_name("corpus_event_stream.json")


@dataclass(frozen=True, slots=True)
class Case:
    """One stream of the corpus, and what a person says that it amounts to."""

    name: str
    stream: bytes
    start_id: str
    outcome: Outcome


def cases() -> list[Case]:
    """The corpus, which decoders in other languages read as well."""
    return [
        Case(
            case["name"],
            case["stream"].encode("latin-1"),
            case["start_id"],
            Outcome(
                tuple((event["type"], event["data"], event["last_event_id"]) for event in case["events"]),
                case["last_event_id"],
                case["retry_ms"],
            ),
        )
        for case in json.loads(CORPUS.read_text())["cases"]
    ]


def decoded(pieces: Iterable[bytes], start_id: str = "") -> Outcome:
    """What our decoder makes of a stream in these pieces."""
    decoder = EventStreamDecoder(start_id)
    events = [event for piece in pieces for event in decoder.feed(piece)]
    decoder.close()
    return Outcome(tuple(events), decoder.last_event_id, decoder.retry_ms)


def in_pieces(stream: bytes, piece_bytes: int) -> list[bytes]:
    """The stream in pieces of one size."""
    return [stream[start : start + piece_bytes] for start in range(0, len(stream), piece_bytes)]


def cut_at(stream: bytes, cuts: Iterable[int]) -> list[bytes]:
    """The stream cut at these offsets, in order."""
    bounds = [0, *cuts, len(stream)]
    return [stream[start:end] for start, end in pairwise(bounds)]


# What decoders get wrong, in pieces small enough to meet each other: names whole and cut, all line ends, all spaces
# that are none, characters whole and cut, and whole events.
FRAGMENTS = (
    *(b"data", b"data:", b"data: ", b"event: ", b"event", b"id: ", b"id:", b"id", b"retry: ", b":", b": ", b"foo: "),
    *(b"\n", b"\n\n", b"\r", b"\r\n", b"\r\n\r\n", b"\n\r", b" ", b"a", b"b c", b"1", b"42", b"\0", b"\t", b"\x0b"),
    *(b"\xef\xbb\xbf", b"\xef", b"\xef\xbb", b"\xc3\xa9", b"\xc3", b"\xe2\x80\xa8", b"\xff", b"\xed\xa0\x80", b"\x85"),
    *(b"\xf0\x9f\x98\x80", b"\xf0\x9f\x98", b"\xc2\x85", b"data: x\n\n", b"data: y\r\n\r\n", b"data: m\ndata: n\n"),
    *(b"id: 7\ndata: z\n\n", b"event: e\ndata: z\n\n", b"retry: 5\n", b": ka\n\n", b"Data: "),
)

# Events of which a run is long enough to be decoded at once.
RUNS = (
    *(
        b"data: x\n\n",
        b"data:y\n\n",
        b"data: \n\n",
        b"data: x\r\n\r\n",
        b"event: e\ndata: x\n\n",
        b"data: x\nevent: e\n\n",
    ),
    *(b"id: 1\ndata: x\n\n", b"event:\nid: 2\ndata: x\n\n", b"data: x\ndata: y\n\n", b"id: 3\n\n", b"event: only\n\n"),
)


def random_stream(random: Random) -> bytes:
    """A stream of some fragments; one in four also has a run of events of one shape somewhere in it."""
    fragments = random.choices(FRAGMENTS, k=random.randrange(1, 14))
    if random.random() < 0.25:
        fragments.insert(random.randrange(len(fragments) + 1), random.choice(RUNS) * random.randrange(2, 40))
        fragments.insert(random.randrange(len(fragments) + 1), random.choice(RUNS) * random.randrange(1, 3))
    return b"".join(fragments)


def random_cuts(random: Random, stream: bytes) -> list[int]:
    """Up to eight offsets in the stream, in order."""
    return sorted(random.randrange(len(stream) + 1) for _ in range(random.randrange(9)))
