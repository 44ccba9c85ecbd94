"""The contract with Litestar: text streams and event streams that stop when the client leaves.

What one must know of Litestar:

1. `Stream` and `ServerSentEvent` play their generator in a task group of anyio's, which cancels again at every `await`:
   one in the generator's `finally` never completes. `deliver` cancels once, waits, and closes.
2. A response is a `Response` whose `to_asgi_response` gives an ASGI application: a class of one's own costs ten lines.
3. `@get` has no HEAD: `@route` takes several methods, and then HEAD comes to the handler.
4. `/stream/` and `//stream` are `/stream` to it; `raw_path` is what was asked for.
5. Its CORS sends `Vary: Origin` only to the origins on the list, so that a cache may give the answer for another page
   to theirs. `CorsFields` is put around the application.
6. An exception handler serves only what is raised before the header section.
7. Reading the body of a client that leaves meanwhile raises an exception that is answered 500, to nobody.
"""

from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from typing import cast

from litestar import Litestar, Request, Response, route, types
from litestar.datastructures import State
from litestar.enums import HttpMethod
from litestar.exceptions import HTTPException
from litestar.response.base import ASGIResponse

from impls.scripted import cors
from impls.scripted.asgi import Application, KeepsSend, Message, RawFields, Receive, Scope, Send, respond, server_of
from impls.scripted.describe import describe
from impls.scripted.limits import Limits
from impls.scripted.problem import NoStream, internal_error, method_not_allowed, not_found
from impls.scripted.request import parse_query, read_release, read_script, read_wait_ms
from impls.scripted.script import Kind
from impls.scripted.serving import drain
from impls.scripted.streams import Stream, Streams

AnyRequest = Request[object, object, State]
READ = [HttpMethod.GET, HttpMethod.HEAD]
READ_AND_POST = [*READ, HttpMethod.POST]

streams = Streams(Limits.from_environment())


@route("/", http_method=READ, status_code=200)
async def describe_implementation(request: AnyRequest) -> dict[str, object]:
    """`GET /`: what is served here."""
    parse_query(query_of(request), ())
    return describe("litestar", "litestar", *server_of(cast("Scope", request.scope)), streams.limits)


@route("/stream", http_method=READ_AND_POST, status_code=200)
async def text_stream(request: AnyRequest) -> Response[None]:
    """`GET /stream` and `POST /stream`: chunks of text."""
    return StreamOnWire(await open_stream(Kind.TEXT, request))


@route("/sse", http_method=READ_AND_POST, status_code=200)
async def event_stream(request: AnyRequest) -> Response[None]:
    """`GET /sse` and `POST /sse`: events."""
    return StreamOnWire(await open_stream(Kind.EVENTS, request))


@route("/streams", http_method=READ, status_code=200)
async def stream_totals(request: AnyRequest) -> dict[str, object]:
    """`GET /streams`: the ledger's totals."""
    parse_query(query_of(request), ())
    return streams.totals()


@route("/streams/{token:str}", http_method=READ, status_code=200)
async def stream_state(request: AnyRequest, token: str) -> dict[str, object]:
    """`GET /streams/{token}`: one stream, now or when it is over."""
    return await streams.state(token, read_wait_ms(query_of(request)))


@route("/streams/{token:str}/release", http_method=HttpMethod.POST, status_code=204)
async def release_gates(request: AnyRequest, token: str) -> None:
    """`POST /streams/{token}/release`: lets items go."""
    gates = await read_release(query_of(request), request.headers, request.stream())
    streams.release(token, gates)


async def open_stream(kind: Kind, request: AnyRequest) -> Stream:
    """The stream that the request asks for, open in the ledger."""
    script = await read_script(kind, request.method, query_of(request), request.headers, request.stream())
    return streams.open(script, request.method)


def query_of(request: AnyRequest) -> bytes:
    """The query as it came: repeated and malformed parameters are still in it."""
    return request.scope["query_string"]


class StreamOnWire(Response[None]):
    """A stream as a response that listens for the client's leaving while its producer plays."""

    def __init__(self, stream: Stream) -> None:
        super().__init__(content=None)
        self.stream = stream

    def to_asgi_response(self, *_: object, **__: object) -> ASGIResponse:
        """The response as Litestar calls it."""
        return StreamOnAsgi(self.stream)


class StreamOnAsgi(ASGIResponse):
    """The same as an ASGI application."""

    def __init__(self, stream: Stream) -> None:
        super().__init__()
        self.stream = stream

    async def __call__(self, scope: types.Scope, receive: types.Receive, send: types.Send) -> None:
        """Sends the header section and then each item when it is produced."""
        fields = encoded(self.stream.fields())
        await respond(self.stream, fields, cast("Scope", scope), cast("Receive", receive), cast("Send", send))


def no_stream(_request: AnyRequest, answer: Exception) -> Response[bytes]:
    """The answer in place of a stream: a problem, or 204."""
    if not isinstance(answer, NoStream):
        answer = internal_error()
    return Response(answer.body(), status_code=answer.status, headers=dict(answer.fields))


def not_routed(request: AnyRequest, error: HTTPException) -> Response[bytes]:
    """The problem for a request that no route takes."""
    if error.status_code >= 500:
        return no_stream(request, error)
    allow = (error.headers or {}).get("allow")
    return no_stream(
        request, not_found(request.url.path) if allow is None else method_not_allowed(request.method, allow)
    )


class CorsFields:
    """An application with the fields of CORS on every answer."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a preflight by itself, and adds the fields to whatever else is answered."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        fields = dict(cast("RawFields", scope["headers"]))
        origin = fields[b"origin"].decode("latin-1") if b"origin" in fields else None
        if cors.is_preflight(
            str(scope["method"]), fields.get(b"access-control-request-method", b"").decode("latin-1") or None
        ):
            allowed = encoded(cors.preflight_fields(origin, streams.limits.cors_origins))
            await send({"type": "http.response.start", "status": 204, "headers": allowed})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        allowed = encoded(cors.response_fields(origin, streams.limits.cors_origins))

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*cast("RawFields", message["headers"]), *allowed]
            await send(message)

        await self._application(scope, receive, sending)


def encoded(fields: Iterable[tuple[str, str]]) -> RawFields:
    """Fields as ASGI has them."""
    return [(name.lower().encode(), value.encode()) for name, value in fields]


async def exact_path(request: AnyRequest) -> None:
    """Refuses a path that has a route only because Litestar changes it."""
    if request.scope["raw_path"].decode("latin-1") != request.scope["path"]:
        raise not_found(request.scope["raw_path"].decode("latin-1"))


@asynccontextmanager
async def lifespan(_app: Litestar) -> AsyncGenerator[None, None]:
    """Drains the streams at shutdown, if nobody has."""
    yield
    await drain(streams)


litestar = Litestar(
    route_handlers=[
        describe_implementation,
        text_stream,
        event_stream,
        stream_totals,
        stream_state,
        release_gates,
    ],
    exception_handlers={NoStream: no_stream, HTTPException: not_routed, Exception: no_stream},
    before_request=exact_path,
    lifespan=[lifespan],
    openapi_config=None,
    logging_config=None,
)

app = KeepsSend(CorsFields(cast("Application", litestar)))
