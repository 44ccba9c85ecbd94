"""Stimuli for CORS: the same requests from a page of a listed origin, from one of another, and from no page."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from streamspec.contract import Capability
from streamspec.exchanges.asked import TOKEN, Asked, Fault
from streamspec.exchanges.bad_requests import EMPTY, RELEASE, requests
from streamspec.exchanges.input import ask_all, declared
from streamspec.requirement import exchange

if TYPE_CHECKING:
    from streamspec.exchanges.recorder import Recorder

LISTED = "http://localhost:3000"
"""What STREAMSPEC_CORS_ORIGINS lists by default."""

OTHER = "https://other.example"

UNLISTED = (OTHER, "null", f"{LISTED}.other.example", f"{LISTED}0", "http://other-localhost:3000")
"""Another origin, that of a sandboxed page, and those that a comparison by beginning, end or pattern lets through."""


def from_origin(asked: Asked, origin: str | None) -> Asked:
    """The request as a page of that origin sends it; None: no page does."""
    return asked if origin is None else replace(asked, fields=(("Origin", origin), *asked.fields))


def _ok(method: str, path: str, body: bytes | None = None) -> Asked:
    return Asked(Fault.NONE, 204 if path == RELEASE else 200, method, path, (), body)


STREAMS = (
    _ok("GET", "/stream?count=1&interval_ms=0"),
    _ok("GET", "/sse?count=1&interval_ms=0"),
    _ok("POST", "/stream", EMPTY),
    _ok("POST", "/sse", EMPTY),
)
ANSWERS = (
    *STREAMS,
    _ok("GET", "/"),
    _ok("GET", "/streams"),
    _ok("GET", f"/streams/{TOKEN}"),
    _ok("POST", RELEASE, b'{"items": 1}'),
)
TOO_LARGE = requests([Fault.TOO_LARGE])[0]
ERRORS = (
    *(requests([fault])[0] for fault in (Fault.PATH, Fault.METHOD, Fault.RANGE, Fault.CONFLICT, Fault.JSON)),
    *(requests([fault])[0] for fault in (Fault.TYPE, Fault.MEDIA_TYPE)),
    Asked(Fault.NONE, 404, "GET", f"/streams/no-{TOKEN}"),
    Asked(Fault.NONE, 500, "POST", "/stream", (), b'{"items": [], "fail_before_start": true}'),
)


def _preflight(path: str, method: str, field: str) -> Asked:
    # As a browser writes it: the names of fields in lower case.
    asks = (("Access-Control-Request-Method", method), ("Access-Control-Request-Headers", field))
    return Asked(Fault.NONE, 204, "OPTIONS", path, fields=asks)


PREFLIGHTS = (
    _preflight("/stream", "POST", "content-type"),
    _preflight("/sse", "POST", "content-type"),
    _preflight("/sse", "GET", "last-event-id"),
    _preflight(RELEASE, "POST", "content-type"),
)
"""For a POST of JSON, and for a reconnection by script: neither is a simple request."""


@exchange(Capability.CORS)
def cross_origin(recorder: Recorder) -> None:
    """Streams, other answers, errors and preflights, from pages of several origins and from none."""
    token = recorder.token()
    recorder.get(f"/stream?count=0&token={token}", name="known").wait_complete(1, recorder.prompt_s)
    wanted = [from_origin(asked, origin) for asked in (*ANSWERS, *ERRORS) for origin in (LISTED, OTHER, None)]
    wanted.append(from_origin(TOO_LARGE, LISTED))
    wanted += [from_origin(asked, origin) for asked in PREFLIGHTS for origin in (LISTED, OTHER)]
    wanted += [from_origin(STREAMS[0], origin) for origin in UNLISTED[1:]]
    ask_all(recorder, [(asked, token) for asked in declared(recorder, wanted)])
