"""Where the chunks of responses stand in the bytes that their connection received: found again, since readers drop it.

What is found is equal to the chunks, whatever the bytes are; where that cannot be, nothing is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamspec_client.http2_frames import Kind, frames
from streamspec_client.trace import Framing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamspec_client.trace import Chunk, Response


def starts(responses: Sequence[Response], received: bytes) -> list[list[int] | None]:
    """By response, where the data of each of its chunks begin; None where not all of them are to be found."""
    streams = _streams(received) if any(made.framing is Framing.FRAMES for made in responses) else {}
    found, cursor = list[list[int] | None](), 0
    for response in responses:
        if response.framing is Framing.FRAMES:
            found.append(_in_frames(response.chunks, received, streams))
            continue
        places = _behind(response, received, cursor)
        if places is not None:
            cursor = places.pop()
        found.append(places)
    return found


def _streams(received: bytes) -> dict[int, list[tuple[int, int]]]:
    """By stream, in the order of requests, from where to where each of its DATA frames has content."""
    streams: dict[int, list[tuple[int, int]]] = {}
    for frame in frames(received):
        if frame.kind == Kind.HEADERS:
            streams.setdefault(frame.stream, [])
        elif frame.kind == Kind.DATA:
            start, end = frame.content(received)
            if end > start:
                streams.setdefault(frame.stream, []).append((start, end))
    return dict(sorted(streams.items()))


def _in_frames(chunks: Sequence[Chunk], received: bytes, streams: dict[int, list[tuple[int, int]]]) -> list[int] | None:
    """The frames of the first stream that begins with these chunks, which then is taken."""
    for stream, contents in streams.items():
        if len(contents) >= len(chunks) and all(
            end - start == len(chunk.data) and received.startswith(chunk.data, start)
            for chunk, (start, end) in zip(chunks, contents, strict=False)
        ):
            del streams[stream]
            return [start for start, _ in contents[: len(chunks)]]
    return None


def _behind(response: Response, received: bytes, cursor: int) -> list[int] | None:
    """The chunks of the response that begins at the cursor, and behind them where the last ends."""
    head_end = received.find(b"\r\n\r\n", cursor)
    end = cursor if head_end < 0 else head_end + 4
    found = []
    for chunk in response.chunks:
        start = _start_of(chunk, received, end, response.framing)
        if start < 0:
            return None
        found.append(start)
        end = start + len(chunk.data)
    return [*found, end]


def _start_of(chunk: Chunk, received: bytes, cursor: int, framing: Framing) -> int:
    """Where the chunk's data begin: behind the line that tells its size, in the chunked coding; -1 if nowhere."""
    if framing is Framing.CHUNKED:
        # From the last byte of the data before on: CR LF, the size, CR LF, and then the data.
        line_end = received.find(b"\r\n", cursor + (2 if received.startswith(b"\r\n", cursor) else 0))
        if line_end >= 0 and received.startswith(chunk.data, line_end + 2):
            return line_end + 2
    return received.find(chunk.data, cursor)
