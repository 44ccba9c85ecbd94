"""The contract with aiohttp: text streams and event streams that stop when the client leaves.

What one must know of aiohttp:

1. A handler is not told that its client has left unless the server is made with `handler_cancellation=True`
   (`AppRunner`, `run_app`; not from the command line, not under gunicorn). Without it an idle stream goes on for ever.
   aiohttp's own test server has it on: a test passes where the server in production does not.
2. With it the handler is cancelled, once. There is nothing else to wait for: `departed` never returns, and `deliver`
   takes the cancellation for what it is. A generator is not closed by that: one that is suspended at a `yield` is left
   to the interpreter, and its clean-up to a task that nobody waits for, unless somebody closes it (`aclosing`).
3. `StreamResponse` answers HEAD with the content too: what is written follows the header section, and the client takes
   it for the next response. HEAD has a branch of its own.
4. To HTTP/1.0 content without a length ends with the connection, yet a client that asks for keep-alive gets no end at
   all. `force_close` it.
5. `prepare` sends the header section at once; `Response(body=generator)` holds it back until the first item.
6. `write` waits for a slow client after each 64 KiB, and suspends for no other reason: a producer that always has an
   item ready starves everybody, and is never cancelled. The player suspends by itself.
7. A handler that raises after `prepare` is logged and the connection closed, without a last chunk. One that returns
   early has succeeded: `write_eof` is called for it.
8. A middleware's `except` serves only what is raised before the header section; `on_response_prepare` is the last
   place where fields can be added, and the one that sees streams as well.
9. `request.query` is decoded and `rel_url` normalised; only `raw_path` has the query as it came. What the parser
   refuses, a method that llhttp does not know too, is answered 400 as plain text before any middleware, and logged as
   an error with a traceback, which any client can have written there as often as it likes: `RefusedBytes` drops it.
   An Expect that is not ASCII is a 500: its own 417 cannot be encoded, and no handler of ours is asked.
10. `cleanup` closes the listener, waits for handlers twice `shutdown_timeout` (60 s), and then cancels them.
    `on_shutdown` comes before that wait and `cleanup_ctx` after it: streams are drained in the former.
"""

import asyncio
import logging
import socket

from aiohttp import HttpVersion11, web
from aiohttp.http import HttpProcessingError, HttpRequestParser
from aiohttp.typedefs import Handler

from impls.scripted import cors
from impls.scripted.connection import Connection
from impls.scripted.delivery import deliver
from impls.scripted.describe import describe
from impls.scripted.limits import Limits
from impls.scripted.problem import NoStream, Problem, internal_error, method_not_allowed, not_found
from impls.scripted.request import parse_query, read_release, read_script, read_wait_ms
from impls.scripted.script import Kind
from impls.scripted.serving import BACKLOG, Drained, drain
from impls.scripted.streams import Stream, Streams

# What an answer may take that was begun when the streams were already drained; aiohttp waits for it twice.
GRACE_S = 0.25

streams = Streams(Limits.from_environment())
routes = web.RouteTableDef()
logger = logging.getLogger("impls.aiohttp")


@routes.get("/")
async def describe_implementation(request: web.Request) -> web.StreamResponse:
    """`GET /`: what is served here."""
    parse_query(query_of(request), ())
    # Its parser in C is llhttp, which tells no version; without the extension it is one in Python.
    parser = "llhttp" if HttpRequestParser.__module__ == "aiohttp._http_parser" else "aiohttp"
    return web.json_response(describe("aiohttp", "aiohttp", "aiohttp", parser, streams.limits))


@routes.get("/stream")
@routes.post("/stream")
async def text_stream(request: web.Request) -> web.StreamResponse:
    """`GET /stream` and `POST /stream`: chunks of text."""
    return await StreamOnWire(await open_stream(Kind.TEXT, request), request).respond()


@routes.get("/sse")
@routes.post("/sse")
async def event_stream(request: web.Request) -> web.StreamResponse:
    """`GET /sse` and `POST /sse`: events."""
    return await StreamOnWire(await open_stream(Kind.EVENTS, request), request).respond()


@routes.get("/streams")
async def stream_totals(request: web.Request) -> web.StreamResponse:
    """`GET /streams`: the ledger's totals."""
    parse_query(query_of(request), ())
    return web.json_response(streams.totals())


@routes.get("/streams/{token}")
async def stream_state(request: web.Request) -> web.StreamResponse:
    """`GET /streams/{token}`: one stream, now or when it is over."""
    state = await streams.state(request.match_info["token"], read_wait_ms(query_of(request)))
    return web.json_response(state)


@routes.post("/streams/{token}/release")
async def release_gates(request: web.Request) -> web.StreamResponse:
    """`POST /streams/{token}/release`: lets items go."""
    gates = await read_release(query_of(request), request.headers, request.content.iter_any())
    streams.release(request.match_info["token"], gates)
    return web.Response(status=204)


async def open_stream(kind: Kind, request: web.Request) -> Stream:
    """The stream that the request asks for, open in the ledger."""
    body = request.content.iter_any()
    script = await read_script(kind, request.method, query_of(request), request.headers, body)
    return streams.open(script, request.method)


def query_of(request: web.Request) -> str:
    """The query as it came: repeated and malformed parameters are still in it."""
    return request.raw_path.partition("?")[2].partition("#")[0]


class StreamOnWire:
    """A stream as a response that is written while its producer plays, and cancelled when the client leaves."""

    def __init__(self, stream: Stream, request: web.Request) -> None:
        self.connection = None if request.transport is None else Connection(request.transport)
        self._stream = stream
        self._request = request
        self._response = web.StreamResponse(headers=stream.fields())

    async def respond(self) -> web.StreamResponse:
        """Sends the header section and then each item when it is produced."""
        if self._request.method == "HEAD":
            await self.start()
        else:
            await deliver(self._stream, self)
        return self._response

    async def start(self) -> None:
        """Puts the header section on the wire."""
        await self._response.prepare(self._request)

    async def write(self, data: bytes) -> None:
        """Writes one chunk, and waits while too much is unsent."""
        await self._response.write(data)

    async def end(self) -> None:
        """Writes the last chunk."""
        await self._response.write_eof()

    async def departed(self) -> None:
        """Never returns: who leaves is announced by the handler's cancellation."""
        await asyncio.Event().wait()

    def closes_by_reset(self) -> bool:
        """To HTTP/1.0 only a reset tells that the message is incomplete."""
        return self._request.version < HttpVersion11


@web.middleware
async def no_stream(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The answer in place of a stream: a problem, or 204."""
    if cors.is_preflight(request.method, request.headers.get("Access-Control-Request-Method")):
        return web.Response(status=204, headers=cors.preflight_fields(origin_of(request), streams.limits.cors_origins))
    try:
        return await handler(request)
    except NoStream as error:
        answer = error
    except web.HTTPException as error:
        answer = not_routed(request, error)
    except web.RequestPayloadError:
        answer = Problem(400, "The body is not what its header fields say.", "body")
    except ConnectionError:
        # An answer for nobody: the client left before it had the whole one.
        return web.Response(status=400)
    except Exception:
        logger.exception("%s %s failed", request.method, request.raw_path)
        answer = internal_error()
    return web.Response(body=answer.body(), status=answer.status, headers=answer.fields)


def not_routed(request: web.Request, error: web.HTTPException) -> Problem:
    """The problem for a request that no route takes."""
    if isinstance(error, web.HTTPMethodNotAllowed):
        return method_not_allowed(request.method, error.headers["Allow"])
    return not_found(request.path)


async def add_fields(request: web.Request, response: web.StreamResponse) -> None:
    """Adds the fields of CORS to every response, and closes after each to HTTP/1.0."""
    response.headers.update(cors.response_fields(origin_of(request), streams.limits.cors_origins))
    if request.version < HttpVersion11:
        response.force_close()
        response.headers.popall("Connection", None)


def origin_of(request: web.Request) -> str | None:
    """The origin of the page that asks, if a page does."""
    return request.headers.get("Origin")


async def drain_streams(_app: web.Application) -> None:
    """Drains the streams at shutdown, if nobody has."""
    await drain(streams)


async def serve(listener: socket.socket, drained: Drained) -> None:
    """Serves the listener until the streams are drained."""
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=GRACE_S)
    await runner.setup()
    await web.SockSite(runner, listener, backlog=BACKLOG).start()
    await drained()
    await runner.cleanup()


class RefusedBytes(logging.Filter):
    """Drops the records of requests that were none: who sent them was told."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is of anything else."""
        return record.exc_info is None or not isinstance(record.exc_info[1], HttpProcessingError)


logging.getLogger("aiohttp.server").addFilter(RefusedBytes())

app = web.Application(middlewares=[no_stream])
app.add_routes(routes)
app.on_response_prepare.append(add_fields)
app.on_shutdown.append(drain_streams)
