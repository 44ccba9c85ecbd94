"""Head: what the header section of a stream says, and when it comes."""

from __future__ import annotations

from email.message import Message
from itertools import islice
from typing import TYPE_CHECKING

from streamspec.contract import Anchor, Level, html, mime_sniffing, rfc
from streamspec.control import ControlServer, Fields, Problem, Request, Stream, replaced, without
from streamspec.exchanges import head
from streamspec.judging import answered, comparable_fields, expect, expect_in_time, streamed
from streamspec.requirement import requirement

if TYPE_CHECKING:
    from streamspec_client.trace import Response, Trace

MUST, SHOULD = Level.MUST, Level.SHOULD


def _media_type(response: Response) -> tuple[str, str]:
    """The media type and its charset parameter, both in lower case."""
    message = Message()
    message["Content-Type"] = response.value("content-type") or "none"
    return message.get_content_type(), str(message.get_param("charset") or "").lower()


def _expect_token(trace: Trace, field: str, tokens: set[str]) -> None:
    for name in head.KINDS:
        response = streamed(trace, name)
        held = f"{field}: {response.value(field)}" if response.values(field) else f"no {field}"
        expect(bool(tokens & set(response.tokens(field))), f"{field} with {' or '.join(sorted(tokens))}", held)


def _is_one_gated_item(stream: Stream) -> bool:
    """What the mutants of this module keep to, so that the other areas' streams are sound on them."""
    items = list(islice(stream.script.play_list(), 2))
    return len(items) == 1 and items[0].gate


@requirement("head-status", MUST, rfc(9110, "15.3.1"), head.gated_heads)
def head_status(trace: Trace) -> None:
    """A valid request for a stream is answered 200."""
    for name in head.KINDS:
        response = answered(trace, name)
        expect(response.status == 200, "status 200", response.status, at_s=response.head_at_s)


@head_status.mutant()
class AnswersGatedStreamsCreated(ControlServer):
    def stream_status(self, stream: Stream) -> int:
        return 201 if _is_one_gated_item(stream) else 200


@requirement("head-text-media-type", MUST, rfc(9110, "8.3"), head.gated_heads)
def head_text_media_type(trace: Trace) -> None:
    """A text stream is `text/plain` with charset utf-8."""
    response = streamed(trace, "text")
    is_text = _media_type(response) == ("text/plain", "utf-8")
    expect(is_text, "text/plain; charset=utf-8", response.value("content-type"))


@head_text_media_type.mutant()
class LeavesTheCharsetOut(ControlServer):
    def media_type(self, stream: Stream) -> str:
        return super().media_type(stream).replace("; charset=utf-8", "")


@requirement("head-sse-media-type", MUST, html("server-sent-events"), head.gated_heads)
def head_sse_media_type(trace: Trace) -> None:
    """An event stream is `text/event-stream`, with no charset or utf-8."""
    response = streamed(trace, "events")
    media_type, charset = _media_type(response)
    expect(
        media_type == "text/event-stream" and charset in {"", "utf-8"},
        "text/event-stream",
        response.value("content-type"),
    )


@head_sse_media_type.mutant()
class SendsEventsAsText(ControlServer):
    def media_type(self, stream: Stream) -> str:
        return "text/plain; charset=utf-8"


@requirement("head-no-content-length", MUST, rfc(9112, "6.2"), head.gated_heads)
def head_no_content_length(trace: Trace) -> None:
    """A stream has no Content-Length, since its length is not known when it starts."""
    for name in head.KINDS:
        response = streamed(trace, name)
        expect(not response.values("content-length"), "no Content-Length", response.value("content-length"))


@head_no_content_length.mutant()
class GuessesAContentLength(ControlServer):
    def message_fields(self, stream: Stream) -> Fields:
        length = [("Content-Length", "1000")] if stream.chunked else []
        return [*super().message_fields(stream), *length]


@requirement("head-no-store", MUST, rfc(9111, "5.2.2"), head.gated_heads)
def head_no_store(trace: Trace) -> None:
    """Cache-Control holds no-store or no-cache, so that no cache replays a stream."""
    _expect_token(trace, "Cache-Control", {"no-store", "no-cache"})


@head_no_store.mutant()
class LetsCachesStore(ControlServer):
    def stream_fields(self, stream: Stream) -> Fields:
        return replaced(super().stream_fields(stream), "cache-control", "no-transform")


@requirement("head-no-transform", SHOULD, rfc(9111, "5.2.2.6"), head.gated_heads)
def head_no_transform(trace: Trace) -> None:
    """Cache-Control holds no-transform, so that intermediaries do not compress, and so buffer, the stream."""
    _expect_token(trace, "Cache-Control", {"no-transform"})


@head_no_transform.mutant()
class LetsIntermediariesCompress(ControlServer):
    def stream_fields(self, stream: Stream) -> Fields:
        return replaced(super().stream_fields(stream), "cache-control", "no-store")


NGINX_BUFFERING = Anchor(
    "nginx, proxy_buffering", "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_buffering"
)


@requirement("head-accel-buffering", SHOULD, NGINX_BUFFERING, head.gated_heads)
def head_accel_buffering(trace: Trace) -> None:
    """X-Accel-Buffering is `no`, which turns off buffering in nginx and what follows its example."""
    _expect_token(trace, "X-Accel-Buffering", {"no"})


@head_accel_buffering.mutant()
class LetsNginxBuffer(ControlServer):
    def stream_fields(self, stream: Stream) -> Fields:
        return without(super().stream_fields(stream), "x-accel-buffering")


@requirement("head-nosniff", SHOULD, mime_sniffing("no-sniff-flag"), head.gated_heads)
def head_nosniff(trace: Trace) -> None:
    """X-Content-Type-Options is `nosniff`: a browser holds text/plain back for about 1 KB without it."""
    _expect_token(trace, "X-Content-Type-Options", {"nosniff"})


@head_nosniff.mutant()
class LetsBrowsersSniff(ControlServer):
    def stream_fields(self, stream: Stream) -> Fields:
        return without(super().stream_fields(stream), "x-content-type-options")


@requirement("head-no-connection-fields", MUST, rfc(9110, "7.6.1"), head.gated_heads)
def head_no_connection_fields(trace: Trace) -> None:
    """A stream sets no Keep-Alive field, and no Connection field but `close`."""
    for name in head.KINDS:
        response = streamed(trace, name)
        expect(not response.values("keep-alive"), "no Keep-Alive", response.value("keep-alive"))
        expect(set(response.tokens("connection")) <= {"close"}, "no Connection", response.value("connection"))


@head_no_connection_fields.mutant()
class SendsKeepAliveFields(ControlServer):
    def stream_fields(self, stream: Stream) -> Fields:
        return [*super().stream_fields(stream), ("Connection", "keep-alive"), ("Keep-Alive", "timeout=5")]


@requirement("head-before-first-item", MUST, html("server-sent-events"), head.gated_heads)
def head_before_first_item(trace: Trace) -> None:
    """The header section is on the wire before the first item is released."""
    for name in head.KINDS:
        response, released = streamed(trace, name), trace.marks_named(f"released-{name}")[0]
        late_s = response.head_at_s - released.at_s
        expect_in_time(late_s < 0, "the header section before the first item", f"{late_s:.3f} s after its release")


@head_before_first_item.mutant()
class HoldsTheHeadBackForTheFirstGate(ControlServer):
    async def send_head(self, stream: Stream) -> None:
        if not _is_one_gated_item(stream):
            await super().send_head(stream)
            return
        stream.head_sent = True
        stream.unsent += self.head_bytes(stream)
        stream.written_s = stream.record.opened_ms / 1000
        self.schedule_keepalive(stream)


@requirement("head-method-head", MUST, rfc(9110, "9.3.2"), head.head_and_get)
def head_method_head(trace: Trace) -> None:
    """HEAD is answered with the GET's fields and no content, and starts no producer; or 405 with Allow."""
    for name in head.KINDS:
        response = answered(trace, f"head-{name}")
        expect(not trace.conversation(f"head-{name}").trailing, "no content", "bytes after the header section")
        for following in trace.conversation(f"head-{name}").responses[1:]:
            expect(following.status == 200, "the next response on that connection", following.error or following.status)
        if response.status == 405:
            expect(bool(response.values("allow")), "405 with Allow", "405 without Allow")
            continue
        get = comparable_fields(streamed(trace, f"get-{name}"))
        expect(comparable_fields(response) == get, f"the GET's fields {get}", comparable_fields(response))
        known = trace.answers_named(f"state-{name}")[-1].status
        expect(known == 404, "a stream that never started (404)", f"its state was answered {known}")


@head_method_head.mutant()
class StartsTheProducerForHead(ControlServer):
    def has_content(self, request: Request) -> bool:
        return True


@requirement("head-method-unknown", MUST, rfc(9110, "15.5.6"), head.unknown_methods)
def head_method_unknown(trace: Trace) -> None:
    """Another method is answered 405, with Allow naming GET and POST."""
    for conversation in trace.conversations:
        response = answered(trace, conversation.name)
        expect(response.status == 405, f"405 to {conversation.name.partition('-')[0]}", response.status)
        expect({"get", "post"} <= set(response.tokens("allow")), "Allow with GET and POST", response.value("allow"))


@head_method_unknown.mutant()
class AnswersUnknownMethodsNotImplemented(ControlServer):
    def method_not_allowed(self, request: Request, allow: str) -> Problem:
        return Problem(501, f"{request.method} is unknown here")
