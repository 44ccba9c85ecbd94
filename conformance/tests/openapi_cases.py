"""Requests to every resource, right and wrong, and what the contract has them answered with.

The tokens `known` (a stream that has completed) and `waiting` (one at a gate) are expected to be there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamspec.contract import JSON

MAX_BODY = 1_048_576

JSON_TYPE = (("Content-Type", "application/json"),)


@dataclass(frozen=True)
class Case:
    """A request, and what the contract has it answered with."""

    method: str
    path: str
    status: int
    body: JSON | bytes = None
    fields: tuple[tuple[str, str], ...] = ()
    parameter: str | None = None
    complete: bool = True

    def __str__(self) -> str:
        """Names the test."""
        return f"{self.status} {self.method} {self.path} {self.parameter or ''}".strip()


def script(*items: JSON, **members: JSON) -> dict[str, JSON]:
    """A script of those items."""
    return {"items": list(items), **members}


def padded(size: int) -> bytes:
    """An empty script of that many bytes."""
    return b'{"items": []' + b" " * (size - 13) + b"}"


ANY_EVENT = script(
    {"event": "note", "data": "one\r\ntwo\rthree\n", "id": "é", "retry": 3_000, "comment": "a\nb"},
    {"data": "", "comment": "\u2028 is no line end"},
    {"id": "alone"},
    {"retry": 7},
    {"comment": "nothing is dispatched"},
    {"event": "filler", "size": 3},
)

KNOWN: dict[str, JSON] = {"token": "known", "items": []}

NO_RESOURCES = ("/nothing", "/stream/", "/sse/1", "/streams/known/", "/streams/known/release/")

CASES = [
    Case("GET", "/", 200),
    Case("GET", "/?verbose=1", 422, parameter="verbose"),
    Case("GET", "/stream?count=3&interval_ms=0", 200),
    Case("GET", "/stream?count=0", 200),
    Case("GET", "/stream?count=100001", 422, parameter="count"),
    Case("GET", "/stream?count=1&count=1", 422, parameter="count"),
    Case("GET", "/stream?keepalive_ms=1000", 422, parameter="keepalive_ms"),
    Case("GET", "/stream?token=known", 409, parameter="token"),
    Case("HEAD", "/stream?count=3", 200),
    Case("HEAD", "/stream?count=x", 422),
    Case("HEAD", "/stream?token=known", 409),
    Case("POST", "/stream", 200, script({"text": "é"}, {"base64": "w6k="}, {"size": 3}, {"text": ""}, repeat=2)),
    Case("POST", "/stream", 200, script({"text": "cut"}, end="fail"), complete=False),
    Case("POST", "/stream", 200, padded(MAX_BODY)),
    Case("POST", "/stream", 400, b'{"items": [', parameter="body"),
    Case("POST", "/stream", 400, b'{"items": [], "repeat": NaN}', parameter="body"),
    Case("POST", "/stream", 400, b'{"items": [{"text": "\xff"}]}', parameter="body"),
    Case("POST", "/stream", 400, b"", parameter="body"),
    Case("POST", "/stream", 409, KNOWN, parameter="token"),
    Case("POST", "/stream", 413, padded(MAX_BODY + 1), parameter="body"),
    Case("POST", "/stream", 415, script(), (("Content-Type", "text/plain"),), "Content-Type"),
    Case("POST", "/stream", 422, [], parameter="body"),
    Case("POST", "/stream", 422, {}, parameter="items"),
    Case("POST", "/stream?count=1", 422, script(), parameter="count"),
    Case("POST", "/stream", 422, b'{"items": [{"text": "\\ud800"}]}', parameter="items[0].text"),
    Case("POST", "/stream", 422, script({"text": "a", "size": 1}), parameter="items[0]"),
    Case("POST", "/stream", 422, script({"text": "a"}, {"data": "a"}), parameter="items[1].data"),
    Case("POST", "/stream", 500, script(fail_before_start=True)),
    Case("GET", "/sse?count=3&interval_ms=0", 200),
    Case("GET", "/sse?count=3&interval_ms=0", 200, fields=(("Last-Event-ID", "2"),)),
    Case("GET", "/sse?count=3&interval_ms=0", 200, fields=(("Last-Event-ID", ""),)),
    Case("GET", "/sse?count=0", 200),
    Case("GET", "/sse?count=3", 204, fields=(("Last-Event-ID", "3"),)),
    *(
        Case("GET", "/sse?count=3", 422, fields=(("Last-Event-ID", value),), parameter="Last-Event-ID")
        for value in ("0", "4", "-1", "01", "1.0", "two", "1,2", "99999999999999999999")
    ),
    Case("GET", "/sse?count=0", 422, fields=(("Last-Event-ID", "0"),), parameter="Last-Event-ID"),
    Case("GET", "/sse?token=known", 409, parameter="token"),
    Case("HEAD", "/sse?count=3", 200),
    Case("HEAD", "/sse?count=3", 204, fields=(("Last-Event-ID", "3"),)),
    Case("HEAD", "/sse?count=x", 422),
    Case("HEAD", "/sse?token=known", 409),
    Case("POST", "/sse", 200, ANY_EVENT),
    Case("POST", "/sse", 200, script({"data": "x"}, end="fail")),
    Case("POST", "/sse", 200, script({"data": "x"}), (*JSON_TYPE, ("Last-Event-ID", "no id of a script"))),
    Case("POST", "/sse", 200, script(), (("Content-Type", "Application/JSON; charset=utf-8"),)),
    Case("POST", "/sse", 400, b"null and void", parameter="body"),
    Case("POST", "/sse", 409, KNOWN, parameter="token"),
    Case("POST", "/sse", 413, padded(MAX_BODY + 1), parameter="body"),
    Case("POST", "/sse", 415, script(), (("Accept", "*/*"),), "Content-Type"),
    Case("POST", "/sse", 422, script({"gate": True}), parameter="items[0]"),
    Case("POST", "/sse", 422, b'{"items": [{"comment": "\\udc00"}]}', parameter="items[0].comment"),
    Case("POST", "/sse", 500, script(fail_before_start=True)),
    Case("GET", "/streams", 200),
    Case("GET", "/streams?open=1", 422, parameter="open"),
    Case("GET", "/streams/known", 200),
    Case("GET", "/streams/waiting?wait_ms=1", 200),
    Case("GET", "/streams/unknown", 404),
    Case("GET", "/streams/no%20token", 404),
    Case("GET", "/streams/known?wait=1", 422, parameter="wait"),
    Case("POST", "/streams/known/release", 204, {"items": 1}),
    Case("POST", "/streams/waiting/release", 204, {"items": 1_000_000}),
    Case("POST", "/streams/known/release", 400, b"[", parameter="body"),
    Case("POST", "/streams/unknown/release", 404, {"items": 1}),
    Case("POST", "/streams/known/release", 413, padded(MAX_BODY + 1), parameter="body"),
    Case("POST", "/streams/known/release", 415, {"items": 1}, (("Accept", "*/*"),), "Content-Type"),
    Case("POST", "/streams/known/release", 422, {}, parameter="items"),
    Case("POST", "/streams/known/release?items=1", 422, {"items": 1}, parameter="items"),
    *(Case("GET", path, 404) for path in NO_RESOURCES),
    *(Case(method, path, 405) for method in ("PUT", "DELETE") for path in ("/", "/stream", "/sse", "/streams")),
    Case("POST", "/", 405, script()),
    Case("POST", "/streams/known", 405, script()),
    Case("GET", "/streams/known/release", 405),
]
