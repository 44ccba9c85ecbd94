"""Chunks: text is delivered when it is produced, exactly as it is produced."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from streamspec.chunked import read_chunked
from streamspec.contract import (
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
    streamed,
)
from streamspec.requirement import NotObserved, requirement
from streamspec_client.trace import Closing, Ending, Framing

if TYPE_CHECKING:
    from streamspec_client.trace import Trace

MUST, SHOULD = Level.MUST, Level.SHOULD

# Interim responses may come first (RFC 9110, section 15.2): 100 (Continue), or 103 (Early Hints).
_HEADS = re.compile(rb"(?:HTTP/1\.1 1\d\d .*?\r\n\r\n)*.*?\r\n\r\n", re.DOTALL)


@requirement("chunks-coding", MUST, rfc(9112, "7.1"), chunks.completed_then_reused)
def chunks_coding(trace: Trace) -> None:
    """To HTTP/1.1 the body is valid chunked coding, ended by the last chunk when the stream completes."""
    response = streamed(trace)
    expect(response.tokens("transfer-encoding") == ["chunked"], "chunked", response.value("transfer-encoding"))
    data = b"".join(segment.data for segment in trace.conversation("stream").received)
    heads = _HEADS.match(data)
    head_end = heads.end() if heads else len(data)
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
        holds = isinstance(item, Text) and item.payload_size() <= 16_384 and not stream.script.demo
        if holds:
            await self.flush(stream)
        self.put(stream, self.encode_item(stream, item))
        if not holds:
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
