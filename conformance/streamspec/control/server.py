"""The control server: the whole contract on raw asyncio, with no framework; and the base class of every mutant.

A mutant is a subclass that overrides one small method, so each method has one responsibility, in the words of HTTP,
of event streams or of the contract. Here are the resources; what a stream does is in `delivery.py` and its bases.
"""

from __future__ import annotations

import asyncio
import platform
from importlib.metadata import version
from secrets import token_urlsafe
from typing import TYPE_CHECKING
from urllib.parse import unquote

from streamspec.contract import VERSION as CONTRACT_VERSION
from streamspec.control.checks import integer_of
from streamspec.control.ledger import Record
from streamspec.control.lifecycle import Lifecycle
from streamspec.control.message import clock_s
from streamspec.control.problem import Problem
from streamspec.control.reading import ScriptReader
from streamspec.control.stream import Stream

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from streamspec.control.connection import Connection
    from streamspec.control.http1 import Request
    from streamspec.control.script import Script

    Handler: TypeAlias = Callable[[Connection, Request], None]

CAPABILITIES = ("gate", "status", "script", "resume", "keepalive", "limits", "cors", "shutdown", "http2")
RETRY_AFTER_S = 1


class ControlServer(ScriptReader, Lifecycle):
    """Serves the contract; `start` it in a running loop, `shut_down` ends it."""

    max_body_bytes = 1_048_576

    # Requests

    def on_request(self, connection: Connection, request: Request) -> None:
        """Answers a request."""
        try:
            self.route(connection, request)
        except Problem as problem:
            self.refuse(connection, request, problem)

    def route(self, connection: Connection, request: Request) -> None:
        """Calls the handler of the path and the method. Raises Problem."""
        path = unquote(request.path)
        handlers = self.handlers(path)
        if not handlers:
            raise self.not_found(f"nothing is at {path[:80]!r}")
        allow = ", ".join([*handlers, *(["HEAD"] if "GET" in handlers else []), "OPTIONS"])
        if request.method == "OPTIONS":
            self.answer(connection, request, 204, self.preflight_fields(request, allow))
            return
        handler = handlers.get("GET" if request.method == "HEAD" else request.method)
        if handler is None:
            raise self.method_not_allowed(request, allow)
        handler(connection, request)

    def handlers(self, path: str) -> dict[str, Handler]:
        """Who answers at a path, by method; HEAD goes where GET goes."""
        found: dict[str, Handler] = {}
        match path.removeprefix("/").split("/"):
            case [""]:
                found = {"GET": self.get_description}
            case ["stream"]:
                found = {"GET": self.get_stream, "POST": self.post_stream}
            case ["sse"]:
                found = {"GET": self.get_sse, "POST": self.post_sse}
            case ["streams"]:
                found = {"GET": self.get_totals}
            case ["streams", _]:
                found = {"GET": self.get_record}
            case ["streams", _, "release"]:
                found = {"POST": self.post_release}
        return found

    def not_found(self, detail: str) -> Problem:
        """An unknown path or token."""
        return Problem(404, detail)

    def method_not_allowed(self, request: Request, allow: str) -> Problem:
        """A method that the resource does not have. RFC 9110 15.5.6: "MUST generate an Allow header field"."""
        return Problem(405, f"{request.method[:40]} is not allowed here; {allow} are", None, [("Allow", allow)])

    # Streams

    def get_stream(self, connection: Connection, request: Request) -> None:
        """The text demo."""
        self.answer_stream(connection, request, self.read_get(request, sse=False))

    def get_sse(self, connection: Connection, request: Request) -> None:
        """The event demo, resumed after Last-Event-ID."""
        script = self.read_get(request, sse=True)
        if self.is_finished(script):
            # HTML 9.2.3: a client stops reconnecting on "an HTTP 204 No Content response"
            self.answer(connection, request, 204, self.common_fields(request))
        else:
            self.answer_stream(connection, request, script)

    def is_finished(self, script: Script) -> bool:
        """Whether the client that resumes has every event."""
        return script.first > max(script.total, 1)

    def post_stream(self, connection: Connection, request: Request) -> None:
        """A scripted text stream."""
        self.answer_stream(connection, request, self.read_post(request, sse=False))

    def post_sse(self, connection: Connection, request: Request) -> None:
        """A scripted event stream."""
        self.answer_stream(connection, request, self.read_post(request, sse=True))

    def answer_stream(self, connection: Connection, request: Request, script: Script) -> None:
        """Plays a script; to HEAD, says what playing it would look like. Raises Problem where it cannot be opened."""
        token = script.token or token_urlsafe(12)
        if self.token_taken(token):
            raise Problem(409, f"a stream named {token} is known already: choose another token, or none", "token")
        if self.draining or self.limit_reached():
            raise self.unavailable()
        if self.has_content(request):
            record = self.ledger.open_record(token, clock_s() * 1000)
            self.open_stream(self.new_stream(connection, request, script, record))
        else:
            stream = self.new_stream(connection, request, script, Record(token, clock_s() * 1000))
            connection.write(self.head_bytes(stream))
            connection.response_complete(stream.keep)

    def new_stream(self, connection: Connection, request: Request, script: Script, record: Record) -> Stream:
        """A stream that has not begun."""
        chunked = not request.multiplexed and self.is_chunked(request)
        keep = (chunked or request.multiplexed) and self.stays_open(request)
        return Stream(connection, request, script, record, chunked, keep, made_token=script.token is None)

    def is_chunked(self, request: Request) -> bool:
        """RFC 9112 6.1: "A server MUST NOT send a response containing Transfer-Encoding" to HTTP/1.0."""
        return request.version >= (1, 1)

    def open_stream(self, stream: Stream) -> None:
        """Takes a slot, listens for the client's leaving and begins to play."""
        self.live.add(stream)
        stream.connection.when_left = lambda how: self.on_left(stream, how)
        loop = asyncio.get_running_loop()
        stream.age_timer = loop.call_later(self.limits.max_age_ms / 1000, self.on_max_age, stream)
        stream.task = loop.create_task(self.play(stream))

    def token_taken(self, token: str) -> bool:
        """Whether a stream of that name is known."""
        return self.ledger.find(token) is not None

    def limit_reached(self) -> bool:
        """Whether every slot is taken."""
        return len(self.live) >= self.limits.max_streams

    def unavailable(self) -> Problem:
        """The server takes no stream for now."""
        why = "the server is shutting down" if self.draining else f"{self.limits.max_streams} streams are open"
        return Problem(503, f"{why}: try again later", None, [("Retry-After", str(RETRY_AFTER_S))])

    # State

    def get_description(self, connection: Connection, request: Request) -> None:
        """What this server is and what it can do."""
        self.read_query(request.query, frozenset())
        self.answer_json(connection, request, self.description())

    def description(self) -> dict[str, object]:
        """The members of `GET /`."""
        limits = self.limits
        return {
            "contract": CONTRACT_VERSION,
            "implementation": "control",
            "framework": {"name": "asyncio", "version": platform.python_version()},
            "server": {"name": "streamspec.control", "version": version("streamspec"), "http": "streamspec.control"},
            "python": platform.python_version(),
            "capabilities": list(CAPABILITIES),
            "limits": {
                "max_streams": limits.max_streams,
                "send_timeout_ms": limits.send_timeout_ms,
                "max_age_ms": limits.max_age_ms,
                "drain_ms": limits.drain_ms,
            },
        }

    def get_totals(self, connection: Connection, request: Request) -> None:
        """Totals over all streams."""
        self.read_query(request.query, frozenset())
        self.answer_json(connection, request, self.totals())

    def totals(self) -> dict[str, object]:
        """The members of `GET /streams`."""
        return {
            "open": self.ledger.open,
            "opened": self.ledger.opened,
            "cleaned": self.ledger.cleaned,
            "reasons": dict(self.ledger.reasons),
            "draining": self.draining,
            "now_ms": round(clock_s() * 1000, 3),
        }

    def known_record(self, request: Request) -> Record:
        """The record that the path names. Raises Problem."""
        token = unquote(request.path).split("/")[2]
        record = self.ledger.find(token)
        if record is None:
            raise self.not_found(f"no stream named {token[:80]!r} is known")
        return record

    def get_record(self, connection: Connection, request: Request) -> None:
        """The state of one stream: now, or when it is closed and cleaned, or after `wait_ms`."""
        wait_ms = self.query_number(self.read_query(request.query, frozenset({"wait_ms"})), "wait_ms", 0)
        record = self.known_record(request)
        if wait_ms and not record.finished:
            self.poll(connection, request, record, wait_ms)
        else:
            self.answer_record(connection, request, record)

    def post_release(self, connection: Connection, request: Request) -> None:
        """Opens gates of one stream, closed or not."""
        record = self.known_record(request)
        body = self.read_json(request)
        self.check_known(body, frozenset({"items"}), "", "member")
        items = self.number(body, "items", "")
        if items is None:
            raise Problem(422, f"items must be {integer_of('items')}; it is missing", "items")
        record.gates.release(items)
        self.answer(connection, request, 204, self.common_fields(request))
