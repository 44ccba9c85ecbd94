"""The chunked transfer coding, read strictly (RFC 9112, section 7.1): what tolerant parsers let pass is an error."""

from __future__ import annotations

import re
from typing import NamedTuple

# chunk          = chunk-size [ chunk-ext ] CRLF chunk-data CRLF
# chunk-size     = 1*HEXDIG
# chunk-ext      = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )
_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_QUOTED = rb'"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*"'
_CHUNK_LINE = re.compile(
    rb"([0-9A-Fa-f]+)(?:[ \t]*;[ \t]*" + _TOKEN + rb"(?:[ \t]*=[ \t]*(?:" + _TOKEN + rb"|" + _QUOTED + rb"))?)*\r\n"
)
# trailer-section = *( field-line CRLF )
_TRAILER = re.compile(rb"(?:" + _TOKEN + rb":[\t \x21-\x7e\x80-\xff]*\r\n)*\r\n")


class ChunkedBody(NamedTuple):
    """A chunked body as far as it is well-formed."""

    chunks: list[bytes]
    end: int
    """The offset behind the body, or of what is wrong."""
    error: str
    """What is wrong there; empty if the body is complete and well-formed."""


def read_chunked(data: bytes, start: int = 0) -> ChunkedBody:
    """Read a chunked body that begins at `start`. Never raises; the error says what stands where it should not."""
    chunks: list[bytes] = []
    at = start
    while True:
        line = _CHUNK_LINE.match(data, at)
        if line is None:
            return ChunkedBody(chunks, at, "a chunk-size line" if at < len(data) else "the last chunk")
        size = int(line[1], 16)
        if size == 0:
            trailer = _TRAILER.match(data, line.end())
            if trailer is None:
                return ChunkedBody(chunks, line.end(), "the trailer section, or the CRLF that ends the body")
            return ChunkedBody(chunks, trailer.end(), "")
        end = line.end() + size
        if data[end : end + 2] != b"\r\n":
            return ChunkedBody(chunks, min(end, len(data)), f"CRLF behind the {size} bytes of a chunk")
        chunks.append(data[line.end() : end])
        at = end + 2
