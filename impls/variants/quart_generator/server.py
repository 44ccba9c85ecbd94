"""Quart with its documented idiom: a view returns an async generator, and `timeout = None` lets it go on."""

from collections.abc import AsyncIterator
from typing import cast

from quart import Response, make_response, request
from quart.asgi import ASGIHTTPConnection

from impls.quart.server import app, fields_of_request, open_stream, quart, streams
from impls.scripted.asgi import Scope, server_of
from impls.scripted.describe import describe
from impls.scripted.request import parse_query
from impls.scripted.script import Kind
from impls.variants.event_fields import framed_by_hand, read_event_script
from impls.variants.producer import items_of, token_field

__all__ = ["app", "streams"]


async def text_stream() -> Response:
    """`GET /stream` and `POST /stream`: chunks of text."""
    stream = await open_stream(Kind.TEXT)
    return await endless(items_of(stream), {"Content-Type": "text/plain; charset=utf-8", **token_field(stream)})


async def event_stream() -> Response:
    """`GET /sse` and `POST /sse`: events."""
    script = await read_event_script(request.method, request.query_string, fields_of_request(), request.body)
    stream = streams.open(script, request.method)
    fields = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache", "Transfer-Encoding": "chunked"}
    return await endless(framed_by_hand(stream), fields | token_field(stream))


async def endless(body: AsyncIterator[bytes], fields: dict[str, str]) -> Response:
    """A response that Quart does not cut after RESPONSE_TIMEOUT."""
    response = await make_response(body, fields)
    assert isinstance(response, Response)  # noqa: S101 - and not werkzeug's, which a view of its own could return
    response.timeout = None
    return response


async def describe_implementation() -> dict[str, object]:
    """`GET /`: what is served here."""
    parse_query(request.query_string, ())
    return describe("quart-generator", "quart", *server_of(cast("Scope", request.scope)), streams.limits)


for view in (describe_implementation, text_stream, event_stream):
    quart.view_functions[view.__name__] = view
quart.asgi_http_class = ASGIHTTPConnection
