"""Requirements that speak of one connection and not of the whole way, so that behind a proxy they do not apply.

Everything else a proxy can keep, and is judged behind one: also what it does itself, such as the chunked coding towards
its own client, an answer to HTTP/1.0, or a second request on a connection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

CHUNKS = (
    "chunks are of one hop: a proxy reads them and makes its own (RFC 9112, section 7.1), and no recipient may lean on "
    "where they end"
)

HOP_BY_HOP: Mapping[str, str] = {
    "head-accel-buffering": "the field is an order to the proxy, which takes it off",
    "head-no-connection-fields": (
        "Connection and Keep-Alive are of one hop (RFC 9110, section 7.6.1): a proxy removes the server's and sets its "
        "own"
    ),
    "chunks-one-per-item": CHUNKS,
    "framing-whole-events": CHUNKS,
}
"""By id, why it speaks of one connection."""
