"""Requirements that speak of HTTP/1.x alone, so that they do not apply to a target that is asked over HTTP/2.

Everything else holds over HTTP/2 as well: who leaves with RST resets the stream there (RST_STREAM), and the connection
lives on; who leaves with FIN closes the connection with every stream of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

FRAMES = "HTTP/2 has frames where HTTP/1.1 has chunks, and a sender may cut them as the windows allow"
STREAMS = "on HTTP/2 a connection carries many streams: a request behind another, or a half of it closed, is no trouble"

HTTP1_ONLY: Mapping[str, str] = {
    "chunks-coding": FRAMES,
    "chunks-one-per-item": FRAMES,
    "framing-whole-events": FRAMES,
    "chunks-http10": "the client speaks HTTP/2",
    "chunks-close": "HTTP/2 has no Connection field (RFC 9113, section 8.2.2)",
    "disconnect-pipelined": STREAMS,
    "disconnect-half-close": STREAMS,
}
"""By id, why it speaks of HTTP/1.x."""
