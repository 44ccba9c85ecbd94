"""Requests with one fault each. Values only; `input.py` sends them.

Where a server takes one after all, little comes of it: its items are due in a minute. Some requests have no fault: a
server that refuses whatever it is asked is not careful, and one that is too careful is not sound.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote

from streamspec.exchanges.asked import KINDS, TOKEN, Asked, Fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from streamspec.contract import JSON

MAX_BODY_BYTES = 1_048_576


# Scripts


def _item(path: str, **members: JSON) -> dict[str, JSON]:
    """An item due in a minute; one whose payload is given another way does not have the usual one."""
    payload: dict[str, JSON] = {} if members.keys() & {"size", "base64"} else {KINDS[path]: "taken after all"}
    return {"after_ms": 60_000, **payload, **members}


def _script(path: str, where: str, value: JSON) -> dict[str, JSON]:
    """A script with a value at a place in it: `repeat`, `items[0].size`."""
    member = where.removeprefix("items[0].")
    if member != where:
        return {"items": [_item(path, **{member: value})]}
    return {"items": [_item(path)], where: value}


def _posted(fault: Fault, path: str, body: JSON, *parameters: str, status: int = 422) -> Asked:
    return Asked(fault, status, "POST", path, parameters, json.dumps(body).encode())


def _got(fault: Fault, path: str, *parameters: str, status: int = 422) -> Asked:
    return Asked(fault, status, "GET", path, parameters)


RELEASE = f"/streams/{TOKEN}/release"

PLAIN = (
    *(_got(Fault.NONE, f"{path}?count=1&interval_ms=0", status=200) for path in KINDS),
    *(_posted(Fault.NONE, path, {"items": []}, status=200) for path in KINDS),
    *(_got(Fault.NONE, path, status=200) for path in ("/", "/streams", f"/streams/{TOKEN}")),
    _posted(Fault.NONE, RELEASE, {"items": 1}, status=204),
)
"""Nothing is wrong with these: where one is refused too, nothing is learnt from the other refusals there."""


# Numbers

QUERY_RANGES = (
    ("/stream", "count", 0, 100_000),
    ("/stream", "interval_ms", 0, 60_000),
    ("/stream", "first_delay_ms", 0, 60_000),
    ("/sse", "count", 0, 100_000),
    ("/sse", "keepalive_ms", 10, 3_600_000),
)
SCRIPT_RANGES = (
    ("/stream", "repeat", 1, 1_000_000),
    ("/stream", "items[0].size", 0, 67_108_864),
    ("/sse", "keepalive_ms", 10, 3_600_000),
    ("/sse", "items[0].after_ms", 0, 60_000),
    ("/sse", "items[0].retry", 0, 2_147_483_647),
)
WRAP = 2**32
"""Added to a number in the range it is one again for a server that keeps the lower 32 bits."""


def _out_of_range() -> Iterator[Asked]:
    for path, name, low, high in QUERY_RANGES:
        delay = "" if name == "first_delay_ms" else "&first_delay_ms=60000"
        for number, bound in ((low - 1, low), (high + 1, high), (low + WRAP, high)):
            yield replace(_got(Fault.RANGE, f"{path}?{name}={number}{delay}", name), bound=bound)
    for path, where, low, high in SCRIPT_RANGES:
        for number, bound in ((low - 1, low), (high + 1, high)):
            yield replace(_posted(Fault.RANGE, path, _script(path, where, number), where), bound=bound)
    # One that is too high, and taken, would hold a slot when the probe has gone.
    yield replace(_posted(Fault.RANGE, "/stream", _script("/stream", "cleanup_ms", -1), "cleanup_ms"), bound=0)
    for number, bound in ((0, 1), (1_000_001, 1_000_000)):
        yield replace(_posted(Fault.RANGE, RELEASE, {"items": number}, "items"), bound=bound)
    yield replace(_got(Fault.RANGE, f"/streams/{TOKEN}?wait_ms=60001", "wait_ms"), bound=60_000)


def _at_the_ends() -> Iterator[Asked]:
    # Something comes at once of each, so that none depends on when a header section is sent.
    for path in (
        "/stream?count=0&interval_ms=0&first_delay_ms=0",
        "/stream?count=100000&interval_ms=60000",
        "/sse?count=0&interval_ms=60000&first_delay_ms=60000",
        "/sse?count=0&keepalive_ms=10",
        "/sse?count=0&keepalive_ms=3600000",
    ):
        yield _got(Fault.RANGE, path, status=200)
    for path, member in KINDS.items():
        # The high end of cleanup_ms would hold a slot for a minute.
        low: dict[str, JSON] = {"items": [{"after_ms": 0, "size": 0}], "repeat": 1, "cleanup_ms": 0}
        yield _posted(Fault.RANGE, path, low, status=200)
        high: list[JSON] = [{member: "at once"}, {"after_ms": 60_000, "size": 67_108_864}]
        yield _posted(Fault.RANGE, path, {"items": high, "repeat": 1_000_000}, status=200)


# Types and members

NO_NUMBERS = ("", "x", "1.5", "1e3", "0x10", "1_0", "%201", "%D9%A1")
"""No number of a query, each taken for one by some language: the last is ARABIC-INDIC DIGIT ONE."""

NO_VALUES: tuple[tuple[str, str, tuple[JSON, ...]], ...] = (
    ("/stream", "repeat", ("2", 1.5, True, None, [2])),
    ("/stream", "fail_before_start", ("no", 0)),
    ("/stream", "end", ("explode", None, 1)),
    ("/stream", "token", (7, None)),
    ("/stream", "items", ({}, None, "none")),
    ("/stream", "items[0].gate", (1, "yes", None)),
    ("/stream", "items[0].text", (5, None, ["x"])),
    ("/stream", "items[0].base64", ("/wA", "*", 5)),
    ("/sse", "items[0].after_ms", ("5", 1.5)),
    ("/sse", "items[0].retry", ("3000", False)),
    ("/sse", "items[0].data", (5, {"n": 1}, None)),
    ("/sse", "items[0].comment", (["x"],)),
)
"""Values of a type, or a syntax, that the member does not have."""


def _of_wrong_type() -> Iterator[Asked]:
    for number in NO_NUMBERS:
        yield _got(Fault.TYPE, f"/stream?count={number}&first_delay_ms=60000", "count")
    yield _got(Fault.TYPE, "/sse?keepalive_ms=soon&first_delay_ms=60000", "keepalive_ms")
    for path, where, values in NO_VALUES:
        for value in values:
            yield _posted(Fault.TYPE, path, _script(path, where, value), where)
    for path in KINDS:
        yield _posted(Fault.TYPE, path, {"items": ["text"]}, "items[0]")
        yield _posted(Fault.TYPE, path, [], "body")
    yield _posted(Fault.TYPE, RELEASE, {"items": "1"}, "items")


def _unknown() -> Iterator[Asked]:
    for path in ("/stream?colour=red", "/sse?colour=red", "/?colour=red", "/streams?colour=red"):
        yield _got(Fault.UNKNOWN, path, "colour")
    yield _got(Fault.UNKNOWN, "/stream?keepalive_ms=1000&first_delay_ms=60000", "keepalive_ms")
    yield _got(Fault.UNKNOWN, "/stream?count=1&count=1&first_delay_ms=60000", "count")
    for path, other in (("/stream", "data"), ("/sse", "text")):
        for where in ("colour", "items[0].colour", f"items[0].{other}"):
            yield _posted(Fault.UNKNOWN, path, _script(path, where, "red"), where)
        yield _posted(Fault.UNKNOWN, f"{path}?count=1", {"items": [_item(path)]}, "count")
    yield _posted(Fault.UNKNOWN, RELEASE, {"items": 1, "colour": "red"}, "colour")


def _without_members() -> Iterator[Asked]:
    def of_item(path: str, item: dict[str, JSON], *members: str) -> Asked:
        where = "items[0]"
        return _posted(Fault.MEMBERS, path, {"items": [item]}, where, *(f"{where}.{name}" for name in members))

    text, event = ("text", "base64", "size"), ("event", "data", "id", "retry", "comment", "size")
    yield _posted(Fault.MEMBERS, "/stream", {}, "items")
    yield _posted(Fault.MEMBERS, "/sse", {"repeat": 2}, "items")
    yield of_item("/stream", {"after_ms": 60_000}, *text)
    yield of_item("/stream", {"after_ms": 60_000, "text": "a", "size": 1}, "text", "size")
    yield of_item("/stream", {"after_ms": 60_000, "text": "a", "base64": "YQ=="}, "text", "base64")
    yield of_item("/sse", {"after_ms": 60_000}, *event)
    yield of_item("/sse", {"after_ms": 60_000, "data": "a", "size": 1}, "data", "size")
    yield _posted(Fault.MEMBERS, RELEASE, {}, "items")


# Tokens

NO_TOKENS = ("", "x" * 65, "a b", "a.b", "a/b", "é", "a\n")
"""The last is let through by `$` in many a regular expression."""


def _no_tokens() -> Iterator[Asked]:
    for number, token in enumerate(NO_TOKENS):
        path = list(KINDS)[number % 2]
        yield _got(Fault.TOKEN, f"{path}?first_delay_ms=60000&token={quote(token, safe='')}", "token")
        yield _posted(Fault.TOKEN, path, _script(path, "token", token), "token")
    yield _got(Fault.TOKEN, f"/stream?count=0&token={TOKEN}", status=200)


# The body as a whole

NO_JSON = (
    b"",
    b'{"items": [',
    b'{"items": [],}',
    b"{'items': []}",
    b'{"items": []} {}',
    b'{"items": [], "repeat": NaN}',
    b'{"items": [{"text": "\xff"}]}',
    '{"items": []}'.encode("utf-16"),
)
EMPTY = b'{"items": []}'

NO_JSON_TYPES = (None, "text/plain", "application/x-www-form-urlencoded", "application/json-seq", "json")
JSON_TYPES = ("application/json; charset=utf-8", "Application/JSON", "application/json;charset=utf-8")


def _bodies() -> Iterator[Asked]:
    for number, body in enumerate(NO_JSON):
        yield Asked(Fault.JSON, 400, "POST", list(KINDS)[number % 2], ("body",), body)
    for number, media_type in enumerate(NO_JSON_TYPES):
        path = list(KINDS)[number % 2]
        yield Asked(Fault.MEDIA_TYPE, 415, "POST", path, ("Content-Type",), EMPTY, media_type)
    for media_type in JSON_TYPES:
        yield Asked(Fault.MEDIA_TYPE, 200, "POST", "/stream", (), EMPTY, media_type)
    large = EMPTY.ljust(MAX_BODY_BYTES + 1)
    yield Asked(Fault.TOO_LARGE, 413, "POST", "/stream", ("body",), large, words=f"with {len(large):,} bytes")


def _elsewhere() -> Iterator[Asked]:
    yield _got(Fault.CONFLICT, f"/stream?token={TOKEN}", "token", status=409)
    yield _got(Fault.PATH, "/nothing", status=404)
    yield Asked(Fault.METHOD, 405, "DELETE", "/stream")


REQUESTS: tuple[Asked, ...] = (
    *_out_of_range(),
    *_at_the_ends(),
    *_of_wrong_type(),
    *_unknown(),
    *_without_members(),
    *_no_tokens(),
    *_bodies(),
    *_elsewhere(),
)


def requests(faults: Iterable[Fault]) -> list[Asked]:
    """Those with one of the faults."""
    wanted = set(faults)
    return [asked for asked in REQUESTS if asked.fault in wanted]
