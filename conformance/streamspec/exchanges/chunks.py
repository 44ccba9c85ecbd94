"""Stimuli for the delivery of text: lock-step by gates, schedules, and plain scripts."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from streamspec.contract import Capability
from streamspec.exchanges.recorder import BROWSER_ACCEPT_ENCODING, base64_item
from streamspec.requirement import exchange
from streamspec_client.probe import Leaving

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamspec.exchanges.recorder import Item, Recorder
    from streamspec_client.probe import Connection
    from streamspec_client.trace import Response

LOCK_STEP_SIZES = (700, 40, 1, 16_384, 40, 2)
"""Bytes of the lock-step items: from one byte to the most that `chunks-one-per-item` speaks of. The first is more than
what compressors leave alone: 512 bytes in Caddy, 500 in Starlette's."""
TINY_COUNT = 10
UTF8_TEXT = "Zoë — 日本語 — 🙂🙃 — e\u0301 — \u2028 — \ufeff end"
LARGE_ITEM_BYTES = 4 * 1_048_576
PACED_COUNT, PACED_INTERVAL_MS = 20, 20
SCHEDULED_COUNT, SCHEDULED_INTERVAL_MS = 400, 2
"""Many short intervals: a schedule that drifts by 0.2 ms an item, the least that sleep pacing was seen to, is 80 ms off
at the end, which noise does not imitate because a sound server catches up."""
FIRST_BYTE_REQUESTS = 9
DEMO_ITEMS_AWAITED = 3


def get_body(count: int) -> bytes:
    """The body of `GET /stream?count=…` by the contract."""
    return b"".join(b"chunk %d: hello\n" % number for number in range(1, count + 1)) + b"done\n"


def _lock_step(recorder: Recorder, stream: Connection, token: str, sizes: Sequence[int]) -> None:
    """Open a gate, wait for its item, open the next; the first that does not come ends it.

    A content coding that cannot be removed here shows an item by any byte more.
    """
    if not recorder.may_go_on(stream):
        return
    size = 0
    for item in sizes:
        size += item
        before = stream.body_size
        recorder.release(token)
        if not stream.wait_for(partial(_holds, size=size, before=before), recorder.prompt_s):
            recorder.mark("missed", size)
            return
    stream.wait_complete(1, recorder.prompt_s)


def _holds(response: Response, size: int, before: int) -> bool:
    try:
        return len(response.decoded().body) >= size
    except ValueError:
        return len(response.body) > before


@exchange(Capability.SCRIPT, Capability.GATE)
def lock_step(recorder: Recorder) -> None:
    """A text stream whose items wait at gates; each gate opens when the item before has been read."""
    token = recorder.token()
    items = [{"gate": True, "size": size} for size in LOCK_STEP_SIZES]
    _lock_step(recorder, recorder.post("/stream", items, token=token), token, LOCK_STEP_SIZES)


@exchange(Capability.SCRIPT, Capability.GATE)
def lock_step_encoded(recorder: Recorder) -> None:
    """The lock-step as a browser asks for it, with its Accept-Encoding."""
    token = recorder.token()
    items = [{"gate": True, "size": size} for size in LOCK_STEP_SIZES]
    stream = recorder.post("/stream", items, token=token, fields=[("Accept-Encoding", BROWSER_ACCEPT_ENCODING)])
    _lock_step(recorder, stream, token, LOCK_STEP_SIZES)


@exchange(Capability.SCRIPT, Capability.GATE)
def lock_step_tiny(recorder: Recorder) -> None:
    """The lock-step with items of one byte."""
    token = recorder.token()
    stream = recorder.post("/stream", [{"gate": True, "text": "."}] * TINY_COUNT, token=token)
    _lock_step(recorder, stream, token, [1] * TINY_COUNT)


def _completed(recorder: Recorder, name: str, items: Sequence[Item]) -> None:
    recorder.post("/stream", items, token=recorder.token(), name=name).wait_complete(1, recorder.prompt_s)


CONTENT_ITEMS: tuple[bytes, ...] = (b"first\n", b"\r\n", b"0\r\n\r\n", b" ", b"\x00\x01\xff", b"x" * 5000, b"last")
"""Items that look like the chunked coding's own syntax among them."""


@exchange(Capability.SCRIPT)
def scripted_content(recorder: Recorder) -> None:
    """A text stream of fixed items, and one of multi-byte text whose characters are split over items."""
    _completed(recorder, "content", [base64_item(item) for item in CONTENT_ITEMS])
    text = UTF8_TEXT.encode()
    halves = [base64_item(text[at : at + 1]) for at in range(len(text))]
    _completed(recorder, "utf8", [{"text": UTF8_TEXT}, *halves, {"text": UTF8_TEXT}])
    _completed(recorder, "empty", [{"text": "before"}, {"text": ""}, {"size": 0}, {"text": "after"}, {"text": ""}])


@exchange(Capability.SCRIPT)
def large_item(recorder: Recorder) -> None:
    """One item of 4 MiB between two small ones."""
    _completed(recorder, "stream", [{"text": "<"}, {"size": LARGE_ITEM_BYTES}, {"text": ">"}])


@exchange()
def completed_then_reused(recorder: Recorder) -> None:
    """A stream that completes, then a second one on the same connection."""
    path = f"{recorder.target.prefix}/stream?count=3&interval_ms=0&token="
    stream = recorder.connect()
    for number in (1, 2):
        stream.request("GET", path + recorder.token())
        if not stream.wait_complete(number, recorder.prompt_s) or stream.closed:
            return


@exchange()
def connection_close(recorder: Recorder) -> None:
    """A stream asked for with Connection: close, until the server closes."""
    stream = recorder.get("/stream?count=3&interval_ms=0", [("Connection", "close")])
    stream.wait_closed(recorder.prompt_s)


@exchange()
def http10(recorder: Recorder) -> None:
    """A stream asked for by an HTTP/1.0 client, until the server closes."""
    stream = recorder.get("/stream?count=3&interval_ms=0", http_version="1.0")
    stream.wait_closed(recorder.prompt_s)


@exchange(Capability.STATUS, alone=True)
def paced(recorder: Recorder) -> None:
    """Items 20 ms apart, with what the server says of when it produced them."""
    token = recorder.token()
    query = f"count={PACED_COUNT}&interval_ms={PACED_INTERVAL_MS}&token={token}"
    stream = recorder.get(f"/stream?{query}")
    stream.wait_complete(1, recorder.prompt_s + PACED_COUNT * PACED_INTERVAL_MS / 1000)
    for _ in range(5):  # the shortest of several round trips bounds the error of the clocks' offset
        recorder.state(token)


@exchange(Capability.STATUS, timed=True)
def scheduled(recorder: Recorder) -> None:
    """Many items 2 ms apart, with what the server says of when it produced them."""
    token = recorder.token()
    query = f"count={SCHEDULED_COUNT}&interval_ms={SCHEDULED_INTERVAL_MS}&token={token}"
    stream = recorder.get(f"/stream?{query}")
    stream.wait_complete(1, recorder.prompt_s + SCHEDULED_COUNT * SCHEDULED_INTERVAL_MS / 1000)
    recorder.state(token)


@exchange(alone=True)
def first_bytes(recorder: Recorder) -> None:
    """A few immediate streams, one after the other on one connection, as a browser asks for them.

    On a connection in use a client delays its acknowledgements, so a server without TCP_NODELAY shows: its first item
    waits 40 ms behind the header section.
    """
    stream = recorder.connect()
    for number in range(1, FIRST_BYTE_REQUESTS + 1):
        recorder.mark("asked", number)
        stream.request("GET", f"{recorder.target.prefix}/stream?count=1&interval_ms=0")
        if not stream.wait_complete(number, recorder.prompt_s) or stream.closed:
            return


@exchange(timed=True)
def demo(recorder: Recorder) -> None:
    """The first items of a bare GET /stream, and the whole of a fast one."""
    bare = recorder.get("/stream", name="bare")
    bare.wait_body(len(get_body(DEMO_ITEMS_AWAITED)) - len(b"done\n"), recorder.prompt_s)
    bare.leave(Leaving.RST)
    recorder.get("/stream?interval_ms=5", name="fast").wait_complete(1, recorder.prompt_s)


@exchange(Capability.SCRIPT)
def posted_and_got(recorder: Recorder) -> None:
    """The same items by POST and by GET."""
    query = f"count=3&interval_ms=0&token={recorder.token()}"
    recorder.get(f"/stream?{query}", name="get").wait_complete(1, recorder.prompt_s)
    _completed(recorder, "post", [{"text": line.decode()} for line in get_body(3).splitlines(keepends=True)])
