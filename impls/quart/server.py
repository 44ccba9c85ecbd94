"""The contract with Quart: text streams and event streams that stop when the client leaves.

What one must know of Quart:

1. It receives what the client sends, also the message that it has left, and then cancels, once, the task that sends.
   `receive` is not for applications. An async generator as the response is cancelled at once and closed, and its
   clean-up may await. A generator that catches CancelledError and goes on keeps its task for ever: raise it again.
2. What a generator cannot say is how its stream is to end: cut at shutdown, closed because nobody reads, broken off.
   So a stream is written by `deliver`. `asgi_http_class` is where Quart has `send` at hand.
3. `RESPONSE_TIMEOUT` (60 s) cuts a healthy stream and logs nothing, unless `response.timeout = None`. It limits the
   sending by Quart, so not `deliver`.
4. The header section has gone when the generator starts: what it raises is a traceback in the server's log, and never
   a 500. Error handlers serve views: `StreamingConnection` answers by itself what failed before the header section.
5. It answers HEAD by running the generator. An endless one then blocks the connection.
6. A generator that always has an item ready starves everybody, and an endless one is never cancelled: the server must
   be killed. The player suspends by itself.
7. A generator has no `request` any more, unless it is made with `stream_with_context`.
8. It collects a body while nobody reads it, up to `MAX_CONTENT_LENGTH` (16 MiB).
9. OPTIONS is answered 200 at every route unless told not to, a 204 has a Content-Type and a Content-Length, and
   `//stream` is `/stream`.
10. A Host with a label of more than 63 characters is refused before any handler can be asked: 500, and a traceback.
    `StreamingConnection` answers it 400.
11. Hypercorn by hand (`hypercorn impls.quart.server:app`) serves the same, but for SIGTERM: it waits 3 s for open
    streams, then cancels them, and tells the application last. `python -m` drains first.
"""

import asyncio
from collections.abc import AsyncGenerator
from typing import cast

from hypercorn.typing import ASGIReceiveCallable, ASGIReceiveEvent, ASGISendCallable, HTTPScope
from quart import Quart, Request, Response, has_request_context, request, websocket
from quart.asgi import ASGIHTTPConnection
from quart.utils import encode_headers
from werkzeug.exceptions import BadHost, HTTPException, InternalServerError, MethodNotAllowed

from impls.scripted import cors
from impls.scripted.asgi import Application, KeepsSend, Message, Scope, Send, respond, server_of
from impls.scripted.describe import describe
from impls.scripted.limits import Limits
from impls.scripted.problem import NoStream, Problem, internal_error, method_not_allowed, not_found
from impls.scripted.request import parse_query, read_release, read_script, read_wait_ms
from impls.scripted.script import Kind
from impls.scripted.serving import drain
from impls.scripted.streams import Stream, Streams

streams = Streams(Limits.from_environment())
quart = Quart(__name__, static_folder=None)
quart.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
quart.url_map.merge_slashes = False


@quart.get("/")
async def describe_implementation() -> dict[str, object]:
    """`GET /`: what is served here."""
    parse_query(request.query_string, ())
    return describe("quart", "quart", *server_of(cast("Scope", request.scope)), streams.limits)


@quart.route("/stream", methods=["GET", "POST"])
async def text_stream() -> Response:
    """`GET /stream` and `POST /stream`: chunks of text."""
    return StreamOnWire(await open_stream(Kind.TEXT))


@quart.route("/sse", methods=["GET", "POST"])
async def event_stream() -> Response:
    """`GET /sse` and `POST /sse`: events."""
    return StreamOnWire(await open_stream(Kind.EVENTS))


@quart.get("/streams")
async def stream_totals() -> dict[str, object]:
    """`GET /streams`: the ledger's totals."""
    parse_query(request.query_string, ())
    return streams.totals()


@quart.get("/streams/<token>")
async def stream_state(token: str) -> dict[str, object]:
    """`GET /streams/{token}`: one stream, now or when it is over."""
    return await streams.state(token, read_wait_ms(request.query_string))


@quart.post("/streams/<token>/release")
async def release_gates(token: str) -> Response:
    """`POST /streams/{token}/release`: lets items go."""
    streams.release(token, await read_release(request.query_string, fields_of_request(), request.body))
    return Response(status=204)


async def open_stream(kind: Kind) -> Stream:
    """The stream that the request asks for, open in the ledger."""
    script = await read_script(kind, request.method, request.query_string, fields_of_request(), request.body)
    return streams.open(script, request.method)


def fields_of_request() -> dict[str, str]:
    """The request's header fields by their names in lower case: Quart's own mapping is none to a type checker."""
    return {name.lower(): value for name, value in request.headers}


class StreamOnWire(Response):
    """A stream as the answer of a view; `StreamingConnection` sends it."""

    def __init__(self, stream: Stream) -> None:
        super().__init__(headers=dict(stream.fields()))
        self.stream = stream


class StreamingConnection(ASGIHTTPConnection):
    """How Quart answers a request, with a way of its own for streams; Quart cancels it when the client has left."""

    def __init__(self, app: Quart, scope: HTTPScope) -> None:
        super().__init__(app, scope)
        self._left = asyncio.Event()
        self._receiver: asyncio.Task[None] | None = None

    async def handle_messages(
        self, request: Request, receive: ASGIReceiveCallable, *request_task: asyncio.Task[None]
    ) -> None:
        """Receives what the client sends; returns when it has left. Quart 0.23 hands over the task that it cancels."""
        self._receiver = asyncio.current_task()

        async def watched() -> ASGIReceiveEvent:
            message = await receive()
            if message["type"] == "http.disconnect":
                # Before the task is cancelled: it is to know why.
                self._left.set()
            return message

        await super().handle_messages(request, watched, *request_task)

    async def handle_request(self, request: Request, send: ASGISendCallable) -> None:
        """Sends the header section and then each item when it is produced."""
        try:
            response = await self.app.handle_request(request)
        except BadHost:
            problem = Problem(400, "Host must be a host name, whose labels have 63 characters at most.", "Host")
            response = answer_by_hand(request, problem)
        if isinstance(response, StreamOnWire):
            fields = encode_headers(response.headers)
            try:
                await respond(response.stream, fields, cast("Scope", self.scope), self.departure, cast("Send", send))
            except NoStream as error:
                response = answer_by_hand(request, error)
            else:
                if self._receiver is not None:
                    # Quart 0.23 waits for it, and granian closes a connection only when the application returns.
                    self._receiver.cancel()
                return
        await self._send_response(send, response)

    async def departure(self) -> Message:
        """What `receive` returns when the client has left; Quart itself receives the rest."""
        await self._left.wait()
        return {"type": "http.disconnect"}


def answer_by_hand(request: Request, answer: NoStream) -> Response:
    """The answer in place of a stream where Quart calls no handler: before routing, and after the view."""
    allowed = cors.response_fields(request.headers.get("Origin"), streams.limits.cors_origins)
    return Response(answer.body(), answer.status, headers=dict((*answer.fields, *allowed)))


@quart.errorhandler(NoStream)
async def no_stream(answer: NoStream) -> Response:
    """The answer in place of a stream: a problem, or 204."""
    return Response(answer.body(), answer.status, headers=dict(answer.fields))


@quart.errorhandler(HTTPException)
async def not_routed(error: HTTPException) -> Response:
    """The problem for a request that no route takes, or that failed."""
    if isinstance(error, MethodNotAllowed):
        return await no_stream(method_not_allowed(request.method, ", ".join(error.valid_methods or ())))
    if isinstance(error, InternalServerError):
        return await no_stream(internal_error())
    # A request to upgrade is none to Quart, and there is no `request` in its handlers.
    return await no_stream(not_found(request.path if has_request_context() else websocket.path))


@quart.before_request
async def answer_preflight() -> Response | None:
    """Answers a page that asks for permission."""
    if not cors.is_preflight(request.method, request.headers.get("Access-Control-Request-Method")):
        return None
    fields = cors.preflight_fields(request.headers.get("Origin"), streams.limits.cors_origins)
    return Response(status=204, headers=dict(fields))


@quart.after_request
async def add_fields(response: Response) -> Response:
    """Adds the fields of CORS to every response, and takes the description of content from one that has none."""
    response.headers.update(cors.response_fields(request.headers.get("Origin"), streams.limits.cors_origins))
    if response.status_code == 204:
        del response.headers["Content-Type"], response.headers["Content-Length"]
    return response


@quart.while_serving
async def lifespan() -> AsyncGenerator[None, None]:
    """Drains the streams at shutdown, if nobody has."""
    yield
    await drain(streams)


quart.asgi_http_class = StreamingConnection

app = KeepsSend(cast("Application", quart))
