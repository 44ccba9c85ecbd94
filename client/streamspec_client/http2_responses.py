"""Responses of one HTTP/2 connection while they are read, each in the place of its request. No frames, and no h2."""

from __future__ import annotations

from streamspec_client.response_reader import Reading
from streamspec_client.trace import NEVER_S, Chunk, Ending, Framing, Response


class Http2Responses:
    """What is kept of each request: the stream that it was sent on, and what came there."""

    def __init__(self) -> None:
        self._streams: list[int] = []
        """By request, the stream that it was sent on; below 0, and no other's, where it was not sent."""
        self._readings: dict[int, Reading] = {}
        self._unanswered: dict[int, Reading] = {}
        """By stream that ended without a response, what is told of it instead."""
        self.heads = 0
        """Header sections read so far, interim (1xx) ones aside."""
        self.ended = 0
        """Responses that have ended, in whatever way."""

    # By number of their request, counted from 0

    @property
    def asked(self) -> int:
        """Requests so far."""
        return len(self._streams)

    def was_sent(self, number: int) -> bool:
        """Whether the server took that request at all, as far as streams go."""
        return self._streams[number] > 0

    def has_head(self, number: int) -> bool:
        """Whether the header section of the response to that request has been read."""
        return self._streams[number] in self._readings

    def has_ended(self, number: int) -> bool:
        """Whether no more of the response to that request will come."""
        return not self.is_open(number)

    def is_open(self, number: int) -> bool:
        """Whether more of the response to that request may come."""
        stream = self._streams[number]
        reading = self._readings.get(stream)
        return stream not in self._unanswered and (reading is None or reading.ending is Ending.OPEN)

    def body_size_of(self, number: int) -> int:
        """Bytes of the response to that request read so far."""
        reading = self._readings.get(self._streams[number])
        return reading.size if reading else 0

    @property
    def body_size(self) -> int:
        """Bytes of the latest request's response read so far."""
        return self.body_size_of(-1) if self._streams else 0

    @property
    def is_done(self) -> bool:
        """Whether there were requests, and nothing more comes of any."""
        return self.asked > 0 and not any(map(self.is_open, range(self.asked)))

    @property
    def is_refused(self) -> bool:
        """Whether nothing more comes of any request, and the latest has no response."""
        return self.is_done and self._streams[-1] in self._unanswered

    def responses(self) -> tuple[Response, ...]:
        """The responses so far, each in the place of its request: of status 0 where there is none, but others are.

        Those that are still to come behind the last one have no place yet.
        """
        if not self._readings:
            return ()
        found = [self._readings.get(stream) or self._unanswered.get(stream) for stream in self._streams]
        while found and found[-1] is None:
            found.pop()
        return tuple((reading or _no_response(Ending.OPEN, NEVER_S)).frozen() for reading in found)

    # What is sent and what comes, by stream

    def _sent_on(self, stream: int) -> int:
        """A request was sent on that stream; its number."""
        self._streams.append(stream)
        return self.asked - 1

    def _not_sent(self, ending: Ending, why: str) -> int:
        """A request was not sent; its number."""
        stream = -1 - self.asked
        self._unanswered[stream] = _no_response(ending, NEVER_S, why)
        return self._sent_on(stream)

    def _begin(self, stream: int, status: int, fields: tuple[tuple[str, str], ...], at_s: float) -> None:
        """A header section, no interim one."""
        self.heads += 1
        self._readings[stream] = Reading(status, "", "2", fields, at_s, Framing.FRAMES)

    def _add(self, stream: int, content: bytes, at_s: float) -> None:
        """The content of a DATA frame."""
        reading = self._readings.get(stream)
        if reading is not None and content:
            reading.size += len(content)
            reading.chunks.append(Chunk(at_s, content))

    def _end(self, stream: int, ending: Ending, at_s: float, error: str = "") -> None:
        """Nothing more comes on that stream."""
        reading = self._readings.get(stream)
        if reading is None:
            self._unanswered.setdefault(stream, _no_response(ending, at_s, error))
        elif reading.ending is Ending.OPEN:
            reading.ending, reading.ended_at_s, reading.error = ending, at_s, error
            self.ended += 1

    def _break_off(self, error: str, at_s: float) -> None:
        """Nothing more comes of anything, since what came is no HTTP/2: for who still waits, that is the answer."""
        for stream in self._streams:
            if stream not in self._readings and stream not in self._unanswered:
                self._readings[stream] = Reading(0, "", "2", (), at_s, Framing.NONE)
                self.heads += 1
            self._end(stream, Ending.MALFORMED, at_s, error)

    def _is_complete(self, stream: int) -> bool:
        """Whether its END_STREAM has come."""
        reading = self._readings.get(stream)
        return reading is not None and reading.ending is Ending.COMPLETE


def _no_response(ending: Ending, at_s: float, error: str = "") -> Reading:
    """What stands where a request has no response."""
    return Reading(0, "", "2", (), NEVER_S, Framing.NONE, ending=ending, ended_at_s=at_s, error=error)
