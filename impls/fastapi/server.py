"""The contract with FastAPI: text streams and event streams that stop when the client leaves.

What one must know of FastAPI:

1. A path operation that yields (`response_class=EventSourceResponse`, or a plain generator) leaves its generator to
   anyio's task group: a clean-up that awaits is cancelled again at once, one that is suspended at a `yield` waits for
   the garbage collector, and a generator that raises still ends with a clean last chunk: the client sees success.
2. `StreamingResponse` is Starlette's, with both of its ways to notice a client that leaves. `StreamOnWire` listens
   itself: a `Response` that a path operation returns is called as it is, without model or validation.
3. `@router.get` does not answer HEAD (405), and a second path operation at the same path does not complete the first's
   Allow. `api_route` with all methods does.
4. A body declared as a model is validated by FastAPI, whose 422 is no problem object and knows nothing of repeated or
   unknown query parameters. So the request is read as it came, and refused in the contract's words.
5. A dependency with `yield` is cleaned up after the response was sent: it would hold what it opened for as long as the
   stream lasts. The stream cleans up after itself.
6. `@app.middleware("http")` is Starlette's BaseHTTPMiddleware: a stream that failed gets a clean last chunk under it.
   Middleware here is plain ASGI.
7. An exception handler serves only what is raised before the header section; after it there is no second status.
   That for `Exception` runs outside of all middleware, so its 500 would lack the fields of CORS: `CORSMiddleware` is
   put around the application and not into it.
8. Reading a body raises ClientDisconnect when the client leaves meanwhile; unhandled, it is a traceback in the log.
9. uvicorn by hand (`uvicorn --http h11 impls.fastapi.server:app`) serves the same, but for SIGTERM: it waits for open
   streams for ever unless given `--timeout-graceful-shutdown`, and no application is told. `python -m` drains first.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.middleware.cors import CORSMiddleware
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
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
router = APIRouter(redirect_slashes=False)


@router.api_route("/", methods=["GET", "HEAD"])
async def describe_implementation(request: Request) -> dict[str, object]:
    """`GET /`: what is served here."""
    parse_query(query_of(request), ())
    return describe("fastapi", "fastapi", *server_of(request.scope), streams.limits)


@router.api_route("/stream", methods=["GET", "HEAD", "POST"])
async def text_stream(request: Request) -> Response:
    """`GET /stream` and `POST /stream`: chunks of text."""
    return StreamOnWire(await open_stream(Kind.TEXT, request))


@router.api_route("/sse", methods=["GET", "HEAD", "POST"])
async def event_stream(request: Request) -> Response:
    """`GET /sse` and `POST /sse`: events."""
    return StreamOnWire(await open_stream(Kind.EVENTS, request))


@router.api_route("/streams", methods=["GET", "HEAD"])
async def stream_totals(request: Request) -> dict[str, object]:
    """`GET /streams`: the ledger's totals."""
    parse_query(query_of(request), ())
    return streams.totals()


@router.api_route("/streams/{token}", methods=["GET", "HEAD"])
async def stream_state(token: str, request: Request) -> dict[str, object]:
    """`GET /streams/{token}`: one stream, now or when it is over."""
    return await streams.state(token, read_wait_ms(query_of(request)))


@router.post("/streams/{token}/release", status_code=204)
async def release_gates(token: str, request: Request) -> None:
    """`POST /streams/{token}/release`: lets items go."""
    streams.release(token, await read_release(query_of(request), request.headers, request.stream()))


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
    """Nothing that anyone reads: the client left before its request was whole."""
    return Response(status_code=400)


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    """Drains the streams at shutdown, if nobody has."""
    yield
    await drain(streams)


fastapi = FastAPI(
    # Its own description of the resources could not say what a stream's items are; conformance/openapi.yaml does.
    openapi_url=None,
    redirect_slashes=False,
    exception_handlers={
        NoStream: no_stream,
        HTTPException: not_routed,
        ClientDisconnect: left_while_sending,
        Exception: no_stream,
    },
    lifespan=lifespan,
)
fastapi.include_router(router)

app = KeepsSend(
    CORSMiddleware(
        fastapi,
        allow_origins=streams.limits.cors_origins,
        allow_methods=cors.METHODS,
        allow_headers=cors.REQUEST_FIELDS,
        expose_headers=cors.EXPOSED_FIELDS,
    )
)
