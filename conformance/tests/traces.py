"""Hand-written traces: what a judge sees, without a server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from streamspec_client.trace import (
    NEVER_S,
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
    from collections.abc import Mapping, Sequence

    from streamspec.contract import JSON

TEXT_FIELDS: dict[str, str] = {
    "Content-Type": "text/plain; charset=utf-8",
    "Cache-Control": "no-store, no-transform",
    "X-Accel-Buffering": "no",
    "X-Content-Type-Options": "nosniff",
    "Transfer-Encoding": "chunked",
}
EVENT_FIELDS = {**TEXT_FIELDS, "Content-Type": "text/event-stream"}


def response(
    *chunks: bytes | tuple[float, bytes],
    status: int = 200,
    fields: Mapping[str, str] | None = None,
    head_at_s: float = 0.1,
    framing: Framing = Framing.CHUNKED,
    ending: Ending = Ending.COMPLETE,
    error: str = "",
) -> Response:
    """A response; a chunk without a time came at 0.2 s."""
    timed = [chunk if isinstance(chunk, tuple) else (0.2, chunk) for chunk in chunks]
    return Response(
        status=status,
        reason="",
        http_version="1.1",
        fields=tuple((TEXT_FIELDS if fields is None else fields).items()),
        head_at_s=head_at_s,
        framing=framing,
        chunks=tuple(Chunk(at_s, data) for at_s, data in timed),
        ending=ending,
        ended_at_s=timed[-1][0] if timed else head_at_s,
        error=error,
    )


def conversation(
    *responses: Response,
    name: str = "stream",
    raw: bytes = b"",
    closing: Closing = Closing.OPEN,
    trailing: bytes = b"",
    left_at_s: float = NEVER_S,
    sent_at_s: float = 0.0,
) -> Conversation:
    """A connection on which those responses were read; `raw` is what came over the wire."""
    return Conversation(
        name=name,
        opened_at_s=0.0,
        sent=(Segment(sent_at_s, b"GET / HTTP/1.1\r\n\r\n"),),
        received=(Segment(0.1, raw),) if raw else (),
        responses=responses,
        closing=closing,
        closed_at_s=NEVER_S if closing is Closing.OPEN else 1.0,
        trailing=trailing,
        left_at_s=left_at_s,
    )


def answer(name: str, value: JSON = None, *, status: int = 200, asked_at_s: float = 0.3, at_s: float = 0.302) -> Answer:
    """An answer to a control request."""
    return Answer(name, "GET", f"/{name}", asked_at_s, at_s, status, (), json.dumps(value).encode())


def trace(
    *conversations: Conversation, answers: Sequence[Answer] = (), marks: Sequence[Mark] = (), log: str = ""
) -> Trace:
    """An exchange of those."""
    return Trace(
        "by-hand", "by hand", "2026-01-01T00:00:00.000Z", 1.0, conversations, tuple(answers), tuple(marks), log
    )
