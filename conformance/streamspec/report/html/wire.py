"""One conversation as the page shows it: segments with time, direction, bytes and frames, and the bounds of chunks."""

from __future__ import annotations

import zlib
from base64 import b64decode
from typing import TYPE_CHECKING

from streamspec.report.curl import curl_line
from streamspec.report.html.frames import told, within
from streamspec.report.kept import restore_bytes
from streamspec.report.production import token_of
from streamspec_client.http2_frames import PREFACE
from streamspec_client.trace import NEVER_S, Closing, Conversation, Segment

if TYPE_CHECKING:
    from streamspec.contract import JSON
    from streamspec.report.kept import KeptAnswer, KeptBytes, KeptConversation, KeptResponse, KeptSegments
    from streamspec.report.production import Production

FIRST_SEGMENTS, LAST_SEGMENTS = 40, 8
"""Of more segments than both, those between are counted and not shown."""

HEAD_BYTES = 1_200
"""Shown of a segment that begins a request or a response: a header section, whole."""

BYTES = 240
"""Shown of any other segment."""

READ_BYTES = 65_536
"""Inflated of a long run of bytes: more is content for its own sake, of which only sizes are shown."""

MOST_CHUNKS = 400
MOST_ITEMS = 400


def talk(kept: KeptConversation, production: Production | None, url: str | None) -> JSON:
    """A conversation; `url` is where a reader finds the target, None where `streamspec serve` puts it."""
    asked = _asked(kept)
    is_framed = asked.sent[0].data.startswith(PREFACE)
    return {
        "name": kept.name,
        "opened": kept.opened_at_s,
        "sent": _segments(kept.sent, is_framed=is_framed),
        "received": _segments(kept.received, is_framed=is_framed),
        "responses": [_response(made) for made in kept.responses],
        "closing": kept.closing,
        "closed": _time(kept.closed_at_s),
        "left": _time(kept.left_at_s),
        "items": [list(pair) for pair in production.items[:MOST_ITEMS]] if production else [],
        "done": production.closed_s if production else None,
        "token": token_of(asked),
        "curl": curl_line(asked, url),
    }


def answer(kept: KeptAnswer) -> JSON:
    """A request of the control kind and its answer: what was asked when, and the beginning of what came."""
    body = _read(kept.body)
    return [kept.asked_at_s, kept.at_s, kept.method, kept.path, kept.status, body[:BYTES].decode("latin-1"), len(body)]


def _asked(kept: KeptConversation) -> Conversation:
    """The conversation with what was sent, as far as a command line could say it."""
    sent = (Segment(0.0, _read(kept.sent.data)),)
    return Conversation(kept.name, 0.0, sent, (), (), Closing.OPEN, NEVER_S, b"")


def _segments(kept: KeptSegments, *, is_framed: bool) -> JSON:
    """Rows of time, offset, size, the first bytes and, over HTTP/2, the frames.

    The number of rows left out stands where they were.
    """
    data = _read(kept.data)
    frames = told(data, sum(kept.sizes)) if is_framed else []
    rows: list[JSON] = []
    offset = 0
    left_out = len(kept.sizes) - FIRST_SEGMENTS - LAST_SEGMENTS
    for place, (at_s, size) in enumerate(zip(kept.at_s, kept.sizes, strict=True)):
        if left_out > 0 and FIRST_SEGMENTS <= place < FIRST_SEGMENTS + left_out:
            if place == FIRST_SEGMENTS:
                rows.append([left_out, sum(kept.sizes[place : place + left_out])])
        else:
            part = data[offset : offset + size]
            begins_message = place == 0 or part.startswith((b"HTTP/", b"GET ", b"POST "))
            most = HEAD_BYTES if begins_message else BYTES
            row: list[JSON] = [at_s, offset, size, part[:most].decode("latin-1")]
            if frames and part:  # of what was read
                row.append(within(frames, offset, offset + size))
            rows.append(row)
        offset += size
    return rows


def _response(kept: KeptResponse) -> JSON:
    spans = kept.chunks
    inside = spans.data is None
    return {
        "status": kept.status,
        "reason": kept.reason,
        "head": kept.head_at_s,
        "framing": kept.framing,
        "ending": kept.ending,
        "ended": _time(kept.ended_at_s),
        "error": kept.error,
        "size": sum(spans.sizes),
        "count": len(spans.sizes),
        # A chunk whose bytes are not in one piece on the wire (none of HTTP/1.1) has a time and a size, and no place.
        "chunks": [
            [at_s, start if inside else -1, size]
            for at_s, start, size in zip(spans.at_s[:MOST_CHUNKS], spans.starts, spans.sizes, strict=False)
        ],
    }


def _time(at_s: float) -> float | None:
    return at_s if at_s < NEVER_S else None


def _read(kept: KeptBytes) -> bytes:
    """The bytes, or the beginning of very many."""
    if isinstance(kept, str) or kept.size <= READ_BYTES:
        return restore_bytes(kept)
    return zlib.decompressobj().decompress(b64decode(kept.deflate), READ_BYTES)
