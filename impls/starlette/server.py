"""The contract with Starlette: text streams and event streams that stop when the client leaves.

What one must know of Starlette:

1. `StreamingResponse` notices a client that leaves in one of two ways, and the server's ASGI version chooses which:
   below 2.4 the generator is cancelled at once, from 2.4 on its next item finds out. `StreamOnWire` listens by itself.
2. It cancels through anyio, which cancels again at every `await` until the task ends: an `await` in the generator's
   `finally` never completes. And it does not close the generator: one that is suspended at a `yield` waits for the
   garbage collector. `deliver` cancels once, waits, and closes.
3. It answers HEAD by running the generator. An endless one then blocks the connection.
4. A response is any object that can be awaited as an ASGI application; a class of one's own costs ten lines.
5. Middleware made with `BaseHTTPMiddleware` (`@app.middleware`) buffers nothing, yet ends a stream that failed with a
   clean last chunk, and `GZipMiddleware` holds the header section back. Middleware here is plain ASGI.
6. An exception handler serves only what is raised before the header section; after it there is no second status.
   That for `Exception` runs outside of all middleware, so its 500 would lack the fields of CORS: `CORSMiddleware` is
   put around the application and not into it.
7. `Route` adds HEAD to GET, answers 405 with the methods of the first route of a path (so one route has them all), and
   redirects `/stream/` to `/stream` unless told not to.
8. Reading a body raises ClientDisconnect when the client leaves meanwhile; unhandled, it is a traceback in the log.
9. uvicorn by hand (`uvicorn --http h11 impls.starlette.server:app`) serves the same, but for SIGTERM: it waits for open
   streams for ever unless given `--timeout-graceful-shutdown`, and no application is told. `python -m` drains first.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from impls.scripted import cors
from impls.scripted.asgi import KeepsSend, respond, server_of
from impls.scripted.describe import describe
from impls.scripted.limits import Limits
from impls.scripted.problem import NoStream, internal_error, method_not_allowed, not_found
from impls.scripted.request import parse_query, read_release, read_script, read_wait_ms
from impls.scripted.script import Kind
from impls.scripted.serving import drain
from impls.scripted.streams import Stream, Streams

streams = Streams(Limits.from_environment())


async def describe_implementation(request: Request) -> Response:
    """`GET /`: what is served here."""
    parse_query(query_of(request), ())
    return JSONResponse(describe("starlette", "starlette", *server_of(request.scope), streams.limits))


async def text_stream(request: Request) -> Response:
    """`GET /stream` and `POST /stream`: chunks of text."""
    return StreamOnWire(await open_stream(Kind.TEXT, request))


async def event_stream(request: Request) -> Response:
    """`GET /sse` and `POST /sse`: events."""
    return StreamOnWire(await open_stream(Kind.EVENTS, request))


async def stream_totals(request: Request) -> Response:
    """`GET /streams`: the ledger's totals."""
    parse_query(query_of(request), ())
    return JSONResponse(streams.totals())


async def stream_state(request: Request) -> Response:
    """`GET /streams/{token}`: one stream, now or when it is over."""
    state = await streams.state(request.path_params["token"], read_wait_ms(query_of(request)))
    return JSONResponse(state)


async def release_gates(request: Request) -> Response:
    """`POST /streams/{token}/release`: lets items go."""
    gates = await read_release(query_of(request), request.headers, request.stream())
    streams.release(request.path_params["token"], gates)
    return Response(status_code=204)


async def open_stream(kind: Kind, request: Request) -> Stream:
    """The stream that the request asks for, open in the ledger."""
    script = await read_script(kind, request.method, query_of(request), request.headers, request.stream())
    return streams.open(script, request.method)


def query_of(request: Request) -> bytes:
    """The query as it came: repeated and malformed parameters are still in it."""
    query: bytes = request.scope["query_string"]
    return query


class StreamOnWire(Response):
    """A stream as a response that listens for the client's leaving while its producer plays."""

    def __init__(self, stream: Stream) -> None:
        super().__init__()
        self.raw_headers = [(name.lower().encode(), value.encode()) for name, value in stream.fields()]
        self.stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends the header section and then each item when it is produced."""
        await respond(self.stream, self.raw_headers, scope, receive, send)


async def no_stream(_request: Request, answer: Exception) -> Response:
    """The answer in place of a stream: a problem, or 204."""
    if not isinstance(answer, NoStream):
        answer = internal_error()
    return Response(answer.body(), answer.status, headers=dict(answer.fields))


async def not_routed(request: Request, error: Exception) -> Response:
    """The problem for a request that no route takes."""
    allow = (error.headers or {}).get("Allow") if isinstance(error, HTTPException) else None
    problem = not_found(request.url.path) if allow is None else method_not_allowed(request.method, allow)
    return await no_stream(request, problem)


async def left_while_sending(_request: Request, _error: Exception) -> Response:
    """An answer for nobody: the client left before its request was whole."""
    return Response(status_code=400)


@asynccontextmanager
async def lifespan(_app: Starlette) -> AsyncIterator[None]:
    """Drains the streams at shutdown, if nobody has."""
    yield
    await drain(streams)


starlette = Starlette(
    routes=[
        Route("/", describe_implementation),
        Route("/stream", text_stream, methods=["GET", "POST"]),
        Route("/sse", event_stream, methods=["GET", "POST"]),
        Route("/streams", stream_totals),
        Route("/streams/{token}", stream_state),
        Route("/streams/{token}/release", release_gates, methods=["POST"]),
    ],
    exception_handlers={
        NoStream: no_stream,
        HTTPException: not_routed,
        ClientDisconnect: left_while_sending,
        Exception: no_stream,
    },
    lifespan=lifespan,
)
starlette.router.redirect_slashes = False

app = KeepsSend(
    CORSMiddleware(
        starlette,
        allow_origins=streams.limits.cors_origins,
        allow_methods=cors.METHODS,
        allow_headers=cors.REQUEST_FIELDS,
        expose_headers=cors.EXPOSED_FIELDS,
    )
)
