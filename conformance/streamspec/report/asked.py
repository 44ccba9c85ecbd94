"""The first request of a conversation, out of the bytes that were sent, over whatever HTTP: told, never judged."""

from __future__ import annotations

import re
from dataclasses import dataclass

from streamspec_client.http2_frames import PREFACE, FieldBlocks, Kind, frames


@dataclass(frozen=True, slots=True)
class Asked:
    """One request."""

    method: str
    target: str
    version: str
    """`1.0`, `1.1` or `2`."""
    fields: list[tuple[str, str]]
    """Without the pseudo-header fields of HTTP/2."""
    body: bytes


def first_request(sent: bytes) -> Asked | None:
    """The request that those bytes begin with; None where they begin with none."""
    return _over_http2(sent) if sent.startswith(PREFACE) else _over_http1(sent)


def _over_http1(sent: bytes) -> Asked | None:
    head, _, rest = sent.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    request = re.fullmatch(r"([A-Z]+) (/\S*) HTTP/(1\.[01])", lines[0])
    if not request:
        return None
    method, target, version = request.groups()
    fields = [(name, value) for name, _, value in (line.partition(": ") for line in lines[1:])]
    size = next((int(value) for name, value in fields if name.lower() == "content-length" and value.isdigit()), 0)
    return Asked(method, target, version, fields, rest[:size])


def _over_http2(sent: bytes) -> Asked | None:
    blocks, stream, lines, body = FieldBlocks(), 0, list[tuple[str, str]](), bytearray()
    for frame in frames(sent):
        if (found := blocks.take(frame, sent)) and not stream:
            stream, lines = frame.stream, found
        elif stream and (frame.kind, frame.stream) == (Kind.DATA, stream):
            start, end = frame.content(sent)
            body += sent[start:end]
    named = dict(lines)
    if not {":method", ":path"} <= named.keys():
        return None
    fields = [(name, value) for name, value in lines if not name.startswith(":")]
    return Asked(named[":method"], named[":path"], "2", fields, bytes(body))
