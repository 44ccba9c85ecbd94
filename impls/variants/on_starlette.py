"""The Starlette server with a variant's own streams in it."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from impls.scripted.asgi import server_of
from impls.scripted.describe import describe
from impls.scripted.request import parse_query
from impls.scripted.script import Kind
from impls.scripted.streams import Stream
from impls.starlette.server import open_stream, query_of, starlette, streams
from impls.variants.event_fields import read_event_script
from impls.variants.producer import items_of

Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]


def serve_instead(implementation: str, framework: str = "starlette", **endpoints: Endpoint) -> None:
    """Serves the endpoints, by their names in the Starlette server, in place of that server's own."""

    async def describe_implementation(request: Request) -> Response:
        parse_query(query_of(request), ())
        return JSONResponse(describe(implementation, framework, *server_of(request.scope), streams.limits))

    own = {**endpoints, "describe_implementation": describe_implementation}
    routes = [route for route in starlette.router.routes if isinstance(route, Route)]
    starlette.router.routes[:] = [
        Route(route.path, own.get(route.name, route.endpoint), methods=list(route.methods or ())) for route in routes
    ]


async def open_events(request: Request) -> Stream:
    """The stream of events, as fields, that the request asks for, open in the ledger."""
    script = await read_event_script(request.method, query_of(request), request.headers, request.stream())
    return streams.open(script, request.method)


async def text_stream(request: Request) -> Response:
    """`GET /stream` and `POST /stream` in a `StreamingResponse` that has the right header fields."""
    stream = await open_stream(Kind.TEXT, request)
    return StreamingResponse(items_of(stream), headers=dict(stream.fields()))


async def event_stream(request: Request) -> Response:
    """`GET /sse` and `POST /sse` in a `StreamingResponse` that has the right header fields."""
    stream = await open_stream(Kind.EVENTS, request)
    return StreamingResponse(items_of(stream), headers=dict(stream.fields()))
