"""A target with what was recorded of it, written by hand: a stream that its server held back, and the code it runs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.sample_results import BAD, DESCRIBE
from tests.traces import TEXT_FIELDS, answer, trace

from streamspec.report.kept import KeptExchange, KeptRecording, keep
from streamspec_client.trace import (
    NEVER_S,
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
    from streamspec.report.results import TargetResults

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"

CODE = '''"""What one must know.

1. It holds everything back,
   to the end.
"""

import asyncio


# Where streams are asked for.
async def text_stream(request: "<script>") -> None:
    await asyncio.sleep(0)


app = object()
'''


def held_back() -> Trace:
    """Three items, produced 100 ms apart, that arrive at once."""
    items = [b"one\n", b"two\n", "drei\u00a0\u2028\n".encode()]
    received = [Segment(0.31, HEAD)]
    received += [Segment(0.311, b"%x\r\n%b\r\n" % (len(item), item)) for item in items]
    received += [Segment(0.312, b"0\r\n\r\n")]
    fields = tuple(TEXT_FIELDS.items())
    chunks = tuple(Chunk(0.311, item) for item in items)
    response = Response(200, "OK", "1.1", fields, 0.31, Framing.CHUNKED, chunks, Ending.COMPLETE, 0.312)
    asked = Segment(0.001, b"GET /stream?count=3&token=abc HTTP/1.1\r\nHost: 127.0.0.1:2\r\n\r\n")
    talk = Conversation("stream", 0.0, (asked,), tuple(received), (response,), Closing.OPEN, NEVER_S, b"")
    state = answer("state", {"token": "abc", "produced_ms": [1000, 1100, 1200], "closed_ms": 1200.5, "now_ms": 1301.0})
    made = trace(
        talk, answers=[replace(state, path="/streams/abc")], marks=[Mark(0.05, "released", 1)], log="warning\n"
    )
    return replace(made, duration_s=0.4)


def recorded(name: str = "bad") -> TargetResults:
    """BAD with a recording under each of its findings, and its code."""
    kept = KeptExchange(
        [KeptRecording(None, "the server was gone"), KeptRecording(keep(held_back()))],
        [KeptRecording(keep(held_back()))],
    )
    verdicts = [replace(finding, exchange="lock-step", attempts=2) for finding in BAD.verdicts]
    code = {"server.py": CODE.replace("text_stream", name.replace("-", "_"))} if name != "bad" else {"server.py": CODE}
    return replace(
        BAD, name=name, describe=DESCRIBE, verdicts=verdicts, recordings={"lock-step": kept}, code=code,
        capabilities=["gate"], source="my/impl.toml",
    )  # fmt: skip
