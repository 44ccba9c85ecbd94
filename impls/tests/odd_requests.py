"""Requests that nobody would write: strategies for queries, scripts and header sections, right ones among them.

Values only; `test_fuzz.py` sends them. What a request opens, the client may leave at any time: no clean-up that is
asked for takes longer than CLEANUP_MS.
"""

import json
from typing import NamedTuple, TypeAlias
from urllib.parse import quote

from hypothesis import strategies as st

JSON: TypeAlias = "bool | int | float | str | list[JSON] | dict[str, JSON] | None"

CLEANUP_MS = 20
# Just inside and just outside of what the contract allows, and beyond what machines count with.
INTEGERS = st.sampled_from(
    (-1, 0, 1, 2, 9, 10, 64, 1_000, 60_000, 60_001, 100_000, 100_001, 1_000_000, 1_000_001, 3_600_000, 3_600_001,
     67_108_864, 67_108_865, 2**31 - 1, 2**31, 2**32, 2**53 + 1, 2**63, 2**64, 10**30)
)  # fmt: skip
WRITABLE = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=20)
# Every code point, lone surrogates too: what JSON can name and UTF-8 cannot.
TEXT = st.text(st.characters(exclude_categories=()), max_size=20) | st.sampled_from(
    ("", "a\r\nb", "a\rb", "\n", "\0", "\ufeff", "\u2028", "data: x\n\ndata: y", ": c", "x" * 5_000, "/wA=", "%", "{}")
)
LATIN_1 = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=30)


class OddRequest(NamedTuple):
    """What is sent; the fields besides Host, and Content-Length where there is a body."""

    method: str
    target: str
    fields: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None

    @property
    def may_stay_unanswered(self) -> bool:
        """Whether its header section leaves open where it ends."""
        return bool({name.lower() for name, _ in self.fields} & {"content-length", "transfer-encoding"})


# Queries

NAMES = ("count", "interval_ms", "first_delay_ms", "keepalive_ms", "token", "wait_ms", "items", "colour", "Count", "")
_numbers = INTEGERS.map(str) | st.sampled_from(
    ("+1", "-0", "1.0", "1e3", "0x10", "1_0", " 1", "007", "9" * 5_000, "٣", "²", "½", "NaN", "null", "[]", "\0", "1\n")
)
_encoded = (
    st.builds(quote, _numbers | TEXT.map(lambda text: text.encode("utf-8", "surrogatepass")))
    | LATIN_1.map(lambda text: text.replace(" ", "+"))
    | st.sampled_from(("%", "%f", "%ff", "%zz", "%00", "%u0031", "1%0d%0aX: 1", "%C0%80", "&&", "=", ";count=1", "#"))
)
_pair = st.builds("{}={}".format, st.sampled_from(NAMES) | _encoded, _encoded)
_right = st.fixed_dictionaries(
    {},
    optional={
        "count": st.integers(0, 100_000),
        "interval_ms": st.integers(0, 60_000),
        "first_delay_ms": st.integers(0, 60_000),
        "token": st.from_regex("[A-Za-z0-9_-]{1,64}", fullmatch=True),
    },
).map(lambda members: "&".join(f"{name}={value}" for name, value in members.items()))
QUERIES = _right | st.lists(_pair | _encoded, max_size=3).map("&".join) | st.builds("{}&{}".format, _right, _pair)
RESOURCES = ("/", "/stream", "/sse", "/streams", "/streams/known", "/streams/known/release")
ODD_PATHS = (
    "/stream/", "//stream", "/stream/../sse", "/./stream", "/%73tream", "/stream%00", "/streams/%2e%2e", "/streams/%2F",
    "/streams//release", "/streams/%ff", "/streams/\xe9", "/streams/a b/release", "*", "stream", "http://other/stream",
    "http://", "/stream;count=1", "/\\stream", "/" + "x" * 20_000, "/streams/" + "%41" * 3_000, "/docs",
)  # fmt: skip
PATHS = st.sampled_from(RESOURCES) | st.sampled_from(("/stream", "/sse")) | st.sampled_from(ODD_PATHS)
_METHODS = ("HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PRI", "get", "X-!#$%")
METHODS = st.just("GET") | st.sampled_from(("GET", "POST")) | st.sampled_from(_METHODS)

queries = st.builds(
    lambda method, path, query: OddRequest(method, f"{path}?{query}".replace(" ", "%20")), METHODS, PATHS, QUERIES
)


# Scripts

_values: st.SearchStrategy[JSON] = st.recursive(
    st.none() | st.booleans() | INTEGERS | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
_SCHEDULE: dict[str, st.SearchStrategy[JSON]] = {
    "after_ms": st.sampled_from((0, 1, 5, 60_000)),
    "gate": st.booleans(),
}


def _optional(**members: st.SearchStrategy[JSON]) -> st.SearchStrategy[dict[str, JSON]]:
    return st.fixed_dictionaries({}, optional=members)


def _one_of(**members: st.SearchStrategy[JSON]) -> st.SearchStrategy[JSON]:
    """An item with that one of the members, and a schedule."""
    return st.one_of([st.fixed_dictionaries({name: kind}, optional=_SCHEDULE) for name, kind in members.items()])


_right_text = _one_of(text=WRITABLE, base64=st.sampled_from(("", "/wA=", "eHg=")), size=st.integers(0, 100_000))
_right_event: st.SearchStrategy[JSON] = st.fixed_dictionaries(
    {"data": WRITABLE},
    optional={"event": WRITABLE, "id": WRITABLE, "retry": st.integers(0, 9_999), "comment": TEXT.filter(str.isascii)},
)
_ITEM: dict[str, st.SearchStrategy[JSON]] = {
    "text": TEXT,
    "base64": TEXT,
    "data": TEXT,
    "event": TEXT,
    "id": TEXT,
    "comment": TEXT,
    "size": INTEGERS,
}
_odd_items: st.SearchStrategy[JSON] = (
    _optional(**_ITEM, **_SCHEDULE, retry=INTEGERS) | st.dictionaries(TEXT, _values, max_size=2) | _values
)


def _scripts(right: st.SearchStrategy[JSON]) -> st.SearchStrategy[JSON]:
    """Half of them right, a third with one odd member or item, the rest odd."""
    members: dict[str, st.SearchStrategy[JSON]] = {
        "repeat": st.sampled_from((1, 2, 1_000_000)),
        "end": st.sampled_from(("complete", "fail", "hang")),
        "keepalive_ms": st.sampled_from((10, 15_000)),
        "cleanup_ms": st.just(CLEANUP_MS),
        "fail_before_start": st.booleans(),
    }
    right_items = st.lists(right, max_size=4)
    sound = st.builds(lambda items, others: {"items": items, **others}, right_items, _optional(**members))
    odd = st.dictionaries(st.sampled_from((*members, "items", "token", "colour", "")) | TEXT, _values, max_size=2)
    odd_items = st.builds(lambda items, item: {"items": [*items, item]}, right_items, _odd_items)
    with_odd_member = st.builds(lambda script, member: {**script, **member}, sound, odd | odd_items)
    found: list[st.SearchStrategy[JSON]] = [sound, sound, sound, with_odd_member, with_odd_member, odd]
    return st.one_of(found)


def _bounded(script: JSON) -> JSON:
    """The script, without a clean-up that the end of the test would have to wait for."""
    if isinstance(script, dict) and isinstance(script.get("cleanup_ms"), int | float):
        return {**script, "cleanup_ms": CLEANUP_MS}
    return script


def _encoded_as(script: JSON, ascii_only: bool, indent: int | None) -> bytes:
    return json.dumps(_bounded(script), ensure_ascii=ascii_only, indent=indent).encode("utf-8", "surrogatepass")


def _torn(body: bytes, at: int, other: bytes) -> bytes:
    return body[: at % (len(body) + 1)] + other


_no_json = st.sampled_from(
    (b"[" * 100_000, b'{"items": [' + b"[" * 5_000, b"9" * 10_000, b'{"items": [], "repeat": ' + b"9" * 5_000 + b"}",
     b"-" + b"0" * 100, b'{"items": [{"size": 1e400}]}', b'{"items": [{"size": 1E2}]}', b'"' + b"\\ud800" * 100 + b'"',
     b"\xef\xbb\xbf{}", '{"items": []}'.encode("utf-16"), b"", b"null", b'{"items": [], "items": {}}', b'"\0"', b"\xff")
)  # fmt: skip


def _bodies(scripts: st.SearchStrategy[JSON]) -> st.SearchStrategy[bytes]:
    whole = st.builds(_encoded_as, scripts, st.booleans(), st.none() | st.just(1))
    torn = st.builds(_torn, whole, st.integers(0, 10_000), st.binary(max_size=5))
    return st.one_of([*([whole] * 6), torn, _values.map(json.dumps).map(str.encode), _no_json])


JSON_FIELDS = (("Content-Type", "application/json"),)

scripts = st.one_of(
    st.builds(OddRequest, st.just("POST"), st.just("/stream"), st.just(JSON_FIELDS), _bodies(_scripts(_right_text))),
    st.builds(OddRequest, st.just("POST"), st.just("/sse"), st.just(JSON_FIELDS), _bodies(_scripts(_right_event))),
    st.builds(
        OddRequest, st.just("POST"), st.just(RESOURCES[-1]), st.just(JSON_FIELDS), _bodies(_optional(items=INTEGERS))
    ),
)


# Header sections

_FIELDS = {
    "Last-Event-ID": ("1", "3", "0", "01", "9" * 20, "\xe9", "-1", "1,2", " 1 ", "\t", "\x00", "1" * 9_000),
    "Content-Type": ("", "application/json; charset=utf-16", "application/json;", ";", "application/json, x/y", "\xff"),
    "Origin": ("http://localhost:3000", "null", "", "\xff", "http://localhost:3000, http://x", "x" * 9_000),
    "Accept-Encoding": ("gzip", "br;q=1.0, *;q=0", "identity;q=0", "\x7f"),
    "Accept": ("text/event-stream", "image/png", "*/*;q=x"),
    "Access-Control-Request-Method": ("POST", "", "DELETE"),
    "Connection": ("close", "keep-alive", "upgrade", "close, upgrade, te", ","),
    "Upgrade": ("websocket", "h2c", "HTTP/2.0, websocket"),
    "Sec-WebSocket-Key": ("dGhlIHNhbXBsZSBub25jZQ==", "x"),
    "Sec-WebSocket-Version": ("13", "x"),
    "HTTP2-Settings": ("AAMAAABkAAQAAP__", "x"),
    "Expect": ("100-continue", "200-ok"),
    "Range": ("bytes=0-1", "bytes=-", "lines=1"),
    "If-None-Match": ("*", '"x"'),
    "Host": ("", "a b", "\xff", "[::1", "x" * 9_000),
    "Cookie": ("a=1; a=2", "=", "\x01", "a=" + "x" * 9_000),
    "Authorization": ("Basic x", "Bearer"),
    "X-Forwarded-For": ("1.2.3.4, \xff", "x"),
    "X-Forwarded-Proto": ("https", "\xff"),
    "Content-Length": ("x", "-1", "+1", "0, 1", "99999999999999999999", "0x1", ""),
    "Transfer-Encoding": ("chunked", "gzip", "chunked, chunked", "identity", "\x0bchunked", ""),
    "TE": ("trailers", "x"),
    "X": ("y" * 70_000, "\x00", " folded\r\n line", "\rX: 1", "\x7f"),
    "": ("no name",),
    "a b": ("a space in the name",),
}  # fmt: skip
# aiohttp answers an Expect beyond ASCII with 500 before any code of ours: it cannot encode its own 417.
_field = st.sampled_from(sorted(_FIELDS)).flatmap(
    lambda name: st.tuples(
        st.just(name), st.sampled_from(_FIELDS[name]) | (st.nothing() if name == "Expect" else LATIN_1)
    )
)
_BODIES = (
    None,
    b"",
    b'{"items": []}',
    b'{"items": [{"gate": true, "text": "x", "data": "x"}]}',
    b"5\r\nhello\r\n0\r\n\r\n",
)

header_sections = st.builds(
    lambda method, resource, fields, body: OddRequest(method, resource, tuple(fields), body),
    METHODS,
    st.sampled_from((*RESOURCES, "/sse?count=3&interval_ms=0", "/stream?count=100000&interval_ms=0")),
    st.lists(_field | st.just(JSON_FIELDS[0]), max_size=6),
    st.sampled_from(_BODIES),
)
