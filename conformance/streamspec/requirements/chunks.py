"""Chunks: text is delivered when it is produced, exactly as it is produced."""

from __future__ import annotations

import asyncio
from statistics import median
from typing import TYPE_CHECKING

from streamspec.chunked import read_chunked
from streamspec.contract import (
    DEMO_COUNT,
    DEMO_INTERVAL_MS,
    DRIFT_BUDGET_MS,
    FIRST_BYTE_BUDGET_MS,
    LATENESS_BUDGET_MS,
    Level,
    contract,
    rfc,
)
from streamspec.control import ControlServer, Fields, Item, Request, Stream, Text
from streamspec.exchanges import chunks
from streamspec.judging import (
    comparable_fields,
    completed,
    expect,
    expect_body,
    expect_in_time,
    expect_lock_step,
    numbers,
    server_clock_offset_s,
    state,
    streamed,
)
from streamspec.requirement import Figures, NotObserved, requirement
from streamspec_client.trace import NEVER_S, Closing, Ending, Framing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamspec_client.trace import Trace

MUST, SHOULD = Level.MUST, Level.SHOULD


@requirement("chunks-coding", MUST, rfc(9112, "7.1"), chunks.completed_then_reused)
def chunks_coding(trace: Trace) -> None:
    """To HTTP/1.1 the body is valid chunked coding, ended by the last chunk when the stream completes."""
    response = streamed(trace)
    expect(response.tokens("transfer-encoding") == ["chunked"], "chunked", response.value("transfer-encoding"))
    data = b"".join(segment.data for segment in trace.conversation("stream").received)
    head_end = data.index(b"\r\n\r\n") + 4
    body = read_chunked(data, head_end)
    expect(not body.error, body.error, repr(data[body.end : body.end + 24]), offset=body.end - head_end)
    behind = data[body.end : body.end + 24]
    expect(behind.startswith(b"HTTP/1.1 ") or not behind, "nothing behind the last chunk", repr(behind))


@chunks_coding.mutant()
class PadsChunkSizes(ControlServer):
    def encode_chunk(self, content: bytes) -> bytes:
        return super().encode_chunk(content).replace(b"\r\n", b"  \r\n", 1)


@chunks_coding.mutant(
    also_breaks={
        "chunks-reuse": "what stands behind the message is read as the next status line",
        "chunks-first-byte": "the same",
    }
)
class WritesBytesBehindTheLastChunk(ControlServer):
    def last_chunk(self) -> bytes:
        return super().last_chunk() + b"\r\n"


@requirement("chunks-causal", MUST, contract("Gates"), chunks.lock_step)
def chunks_causal(trace: Trace) -> None:
    """Item n is received before item n+1 is released."""
    expect_lock_step(trace, streamed(trace), chunks.LOCK_STEP_SIZES)


@chunks_causal.mutant(
    also_breaks={
        "chunks-causal-encoded": "it holds back whatever the client accepts",
        "chunks-causal-tiny": "and whatever the size",
        "chunks-one-per-item": "the lock-step ends at the item that does not come",
    }
)
class HoldsBackOneItem(ControlServer):
    async def send_item(self, stream: Stream, item: Item) -> None:
        if isinstance(item, Text):
            self.write_unsent(stream)
        self.put(stream, self.encode_item(stream, item))
        if not isinstance(item, Text):
            await self.flush(stream)


@requirement("chunks-causal-encoded", MUST, rfc(9110, "12.5.3"), chunks.lock_step_encoded)
def chunks_causal_encoded(trace: Trace) -> None:
    """Item n is received before item n+1 is released, to a client that accepts every content coding a browser does."""
    response = streamed(trace)
    try:
        response = response.decoded()
    except ValueError:
        missed = trace.marks_named("missed")
        expect_in_time(not missed, "some bytes for each released item", "none in time")
        return
    expect_lock_step(trace, response, chunks.LOCK_STEP_SIZES)


@chunks_causal_encoded.mutant()
class BuffersForBrowsers(ControlServer):
    async def flush(self, stream: Stream) -> None:
        if "gzip" not in stream.request.options("accept-encoding") or stream.ending:
            await super().flush(stream)


@requirement("chunks-causal-tiny", MUST, contract("Gates"), chunks.lock_step_tiny)
def chunks_causal_tiny(trace: Trace) -> None:
    """Item n is received before item n+1 is released, also where items are one byte long."""
    expect_lock_step(trace, streamed(trace), [1] * chunks.TINY_COUNT)


@chunks_causal_tiny.mutant()
class WaitsForFourBytes(ControlServer):
    async def flush(self, stream: Stream) -> None:
        if stream.ending or stream.record.bytes_produced >= 4 or not stream.record.items_produced:
            await super().flush(stream)


@requirement("chunks-content", MUST, contract("Items"), chunks.scripted_content)
def chunks_content(trace: Trace) -> None:
    """The body is exactly the items, in order."""
    expect_body(completed(trace, "content").body, b"".join(chunks.CONTENT_ITEMS))


@chunks_content.mutant()
class DropsNul(ControlServer):
    def encode_item(self, stream: Stream, item: Item) -> bytes:
        content = super().encode_item(stream, item)
        return content.replace(b"\0", b"") if isinstance(item, Text) else content


@requirement("chunks-utf8", MUST, contract("Items"), chunks.scripted_content)
def chunks_utf8(trace: Trace) -> None:
    """Multi-byte text survives, also where an item ends inside a character."""
    expect_body(completed(trace, "utf8").body, chunks.UTF8_TEXT.encode() * 3)


@chunks_utf8.mutant()
class DecodesEachItemByItself(ControlServer):
    def encode_item(self, stream: Stream, item: Item) -> bytes:
        content = super().encode_item(stream, item)
        return content.decode("utf-8", "replace").encode() if content[:1] > b"\xc0" else content


@requirement("chunks-empty-item", MUST, rfc(9112, "7.1"), chunks.scripted_content)
def chunks_empty_item(trace: Trace) -> None:
    """An empty item does not end the message: a chunk of size zero would be the last chunk."""
    expect_body(completed(trace, "empty").body, b"beforeafter")


@chunks_empty_item.mutant()
class EndsAtAnEmptyItem(ControlServer):
    def encode_chunk(self, content: bytes) -> bytes:
        return super().encode_chunk(content) or b"0\r\n\r\n"


@requirement("chunks-large-item", MUST, contract("Items"), chunks.large_item)
def chunks_large_item(trace: Trace) -> None:
    """An item of 4 MiB arrives whole."""
    expect_body(completed(trace).body, b"<" + b"x" * chunks.LARGE_ITEM_BYTES + b">")


@chunks_large_item.mutant()
class CutsItemsAtOneMebibyte(ControlServer):
    def encode_item(self, stream: Stream, item: Item) -> bytes:
        content = super().encode_item(stream, item)
        return content[: 1 << 20] if isinstance(item, Text) else content


@requirement("chunks-one-per-item", SHOULD, rfc(9112, "7.1"), chunks.lock_step)
def chunks_one_per_item(trace: Trace) -> None:
    """One released item of 1 byte to 16 KiB is one chunk."""
    response = streamed(trace)
    if response.framing is not Framing.CHUNKED:
        raise NotObserved("the body is not chunked: see chunks-coding")
    sizes = [len(chunk.data) for chunk in response.chunks]
    expect(sizes == list(chunks.LOCK_STEP_SIZES), f"chunks of {list(chunks.LOCK_STEP_SIZES)} bytes", sizes)


@chunks_one_per_item.mutant(also_breaks={"framing-whole-events": "an event is an item"})
class SplitsItemsAt512Bytes(ControlServer):
    def encode_chunk(self, content: bytes) -> bytes:
        parts = [content[at : at + 512] for at in range(0, len(content), 512)]
        return b"".join(map(super().encode_chunk, parts))


def _arrivals_s(trace: Trace, count: int) -> list[float]:
    """When each item of `GET /stream?count=…` was there, on the trace's clock."""
    response = completed(trace)
    expect_body(response.body, chunks.get_body(count))
    ends = [len(chunks.get_body(number)) - len(b"done\n") for number in range(1, count + 1)]
    return [response.arrival_s(end) for end in ends]


@requirement("chunks-pacing", MUST, contract("Schedule"), chunks.paced)
def chunks_pacing(trace: Trace) -> Figures:
    """Scheduled items arrive when they are produced: the median lateness stays under the budget."""
    arrivals_s = _arrivals_s(trace, chunks.PACED_COUNT)
    produced_ms = numbers(state(trace).get("produced_ms"), "produced_ms")
    expect(len(produced_ms) == len(arrivals_s), f"{len(arrivals_s)} items produced", len(produced_ms))
    offset_s = server_clock_offset_s(trace)
    late_ms = [(at_s - offset_s) * 1000 - at_ms for at_s, at_ms in zip(arrivals_s, produced_ms, strict=True)]
    median_ms = median(late_ms)
    expect_in_time(
        median_ms <= LATENESS_BUDGET_MS, f"a median lateness of {LATENESS_BUDGET_MS:g} ms", f"{median_ms:.1f} ms"
    )
    return {"lateness_median_ms": median_ms, "lateness_max_ms": max(late_ms)}


@chunks_pacing.mutant()
class FlushesEvery100Milliseconds(ControlServer):
    async def send_item(self, stream: Stream, item: Item) -> None:
        if not stream.script.demo:
            await super().send_item(stream, item)
            return
        if not stream.unsent:
            asyncio.get_running_loop().call_later(0.1, self.write_unsent, stream)
        self.put(stream, self.encode_item(stream, item))


@requirement("chunks-no-drift", SHOULD, contract("Schedule"), chunks.scheduled)
def chunks_no_drift(trace: Trace) -> Figures:
    """The schedule does not drift: item n is due n intervals after the first."""
    completed(trace)
    produced_ms = numbers(state(trace).get("produced_ms"), "produced_ms")
    expect(len(produced_ms) == chunks.SCHEDULED_COUNT, f"{chunks.SCHEDULED_COUNT} items produced", len(produced_ms))
    behind_ms = [at_ms - index * chunks.SCHEDULED_INTERVAL_MS for index, at_ms in enumerate(produced_ms)]
    tenth = len(behind_ms) // 10
    drift_ms = min(behind_ms[-tenth:]) - min(
        behind_ms[:tenth]
    )  # noise only adds, so the least lateness is the schedule's
    expect_in_time(drift_ms <= DRIFT_BUDGET_MS, f"at most {DRIFT_BUDGET_MS:g} ms behind schedule", f"{drift_ms:.1f} ms")
    return {"drift_ms": drift_ms}


@chunks_no_drift.mutant()
class CountsFromWhenTheItemBeforeWasSent(ControlServer):
    def due_at(self, previous_s: float, after_ms: int) -> float:
        return asyncio.get_running_loop().time() + after_ms / 1000


@requirement("chunks-first-byte", SHOULD, contract("Schedule"), chunks.first_bytes)
def chunks_first_byte(trace: Trace) -> Figures:
    """The first byte of a stream that has an item at once comes within the budget."""
    responses = trace.conversation("stream").responses
    expect_in_time(bool(responses), "a response", "none")
    took_ms = []
    for asked, response in zip(trace.marks_named("asked"), responses, strict=False):
        arrival_s = response.arrival_s(1)
        expect_in_time(arrival_s < NEVER_S, "a first item", "none")
        took_ms.append((arrival_s - asked.at_s) * 1000)
    median_ms = median(took_ms)
    expect_in_time(median_ms <= FIRST_BYTE_BUDGET_MS, f"{FIRST_BYTE_BUDGET_MS:g} ms", f"{median_ms:.1f} ms")
    return {"first_byte_median_ms": median_ms}


@chunks_first_byte.mutant()
class LeavesNagleOn(ControlServer):
    tcp_nodelay = False


@chunks_first_byte.mutant()
class ThinksFirst(ControlServer):
    async def before_head(self, stream: Stream) -> None:
        await asyncio.sleep(0.1)


@requirement("chunks-http10", MUST, rfc(9112, "6.1"), chunks.http10)
def chunks_http10(trace: Trace) -> None:
    """To HTTP/1.0 the body has no Transfer-Encoding and ends when the connection closes."""
    response = streamed(trace)
    expect(not response.values("transfer-encoding"), "no Transfer-Encoding", response.value("transfer-encoding"))
    expect_in_time(trace.conversation("stream").closing is not Closing.OPEN, "a close that ends the body", "none")
    expect_body(completed(trace).body, chunks.get_body(3))


@chunks_http10.mutant()
class SendsChunksToEveryone(ControlServer):
    def is_chunked(self, request: Request) -> bool:
        return True


@requirement("chunks-reuse", MUST, rfc(9112, "9.3"), chunks.completed_then_reused)
def chunks_reuse(trace: Trace) -> None:
    """After a completed stream the connection serves the next request."""
    completed(trace)
    responses = trace.conversation("stream").responses
    expect(len(responses) == 2, "an answer to the second request", trace.conversation("stream").closing)
    second = responses[1].error or responses[1].status
    expect(200 <= responses[1].status < 300, "a stream to the second request", second)
    expect(responses[1].ending is Ending.COMPLETE, "the second body complete", responses[1].ending)
    expect_body(responses[1].body, chunks.get_body(3))


@chunks_reuse.mutant()
class ClosesAfterEachResponse(ControlServer):
    def keep_connection(self, request: Request) -> bool:
        return False


@requirement("chunks-close", MUST, rfc(9112, "9.6"), chunks.connection_close)
def chunks_close(trace: Trace) -> None:
    """Connection: close is honoured: after the complete stream the server closes."""
    completed(trace)
    expect_in_time(trace.conversation("stream").closing is Closing.FIN, "the connection closed", "still open")


@chunks_close.mutant()
class KeepsEveryConnection(ControlServer):
    def keep_connection(self, request: Request) -> bool:
        return request.version >= (1, 1)


@requirement("chunks-default-demo", MUST, contract("Resources"), chunks.demo)
def chunks_default_demo(trace: Trace) -> None:
    """GET /stream without parameters is the demo: 20 chunks, 0.3 s apart, then done."""
    expect_body(completed(trace, "fast").body, chunks.get_body(DEMO_COUNT))
    bare = streamed(trace, "bare")
    ends = [len(chunks.get_body(number)) - len(b"done\n") for number in range(1, chunks.DEMO_ITEMS_AWAITED + 1)]
    expect_in_time(bare.arrival_s(ends[-1]) < NEVER_S, f"{len(ends)} chunks", f"{len(bare.body)} bytes")
    expect_body(bare.body[: ends[-1]], chunks.get_body(len(ends))[: ends[-1]])
    took_ms = (bare.arrival_s(ends[-1]) - bare.arrival_s(ends[0])) * 1000
    wanted_ms = DEMO_INTERVAL_MS * (len(ends) - 1)
    on_time = abs(took_ms - wanted_ms) <= DEMO_INTERVAL_MS / 3
    expect_in_time(on_time, f"chunk 3 {wanted_ms} ms after chunk 1", f"{took_ms:.0f} ms")


@chunks_default_demo.mutant()
class DefaultsToTenChunks(ControlServer):
    def query_number(self, query: Mapping[str, str], name: str, default: int) -> int:
        return super().query_number(query, name, 10 if name == "count" else default)


@requirement("chunks-post-equals-get", MUST, contract("Resources"), chunks.posted_and_got)
def chunks_post_equals_get(trace: Trace) -> None:
    """The same items by POST and by GET give the same body and the same fields."""
    get, post = completed(trace, "get"), completed(trace, "post")
    expect_body(post.body, get.body)
    expect(comparable_fields(post) == comparable_fields(get), str(comparable_fields(get)), comparable_fields(post))


@chunks_post_equals_get.mutant()
class MarksPostedStreams(ControlServer):
    def stream_fields(self, stream: Stream) -> Fields:
        posted = [("X-Script", "posted")] if stream.request.method == "POST" else []
        return [*super().stream_fields(stream), *posted]
