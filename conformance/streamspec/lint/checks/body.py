"""Body: the bytes are what the media type says, down to what a client would silently ignore."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from streamspec.contract import Anchor, Level, html, rfc
from streamspec.judging import expect
from streamspec.lint.checks.check import NotApplicable, check, readable, stream_of
from streamspec.lint.content import RECORD_SEPARATOR, Kind, charset, media_type
from streamspec_client.event_stream_lines import LineKind, lines_of
from streamspec_client.trace import Ending

if TYPE_CHECKING:
    from streamspec.lint.visit import Visit

MUST, SHOULD = Level.MUST, Level.SHOULD

JSON_LINES = Anchor("JSON Lines", "https://jsonlines.org/")

_LINE_FEED_OPTIONAL = {f"application/{name}" for name in ("jsonl", "x-jsonl", "jsonlines", "x-jsonlines", "json-lines")}
"""JSON Lines recommends a line feed behind the last value and does not require it, as NDJSON does."""

_EVENT_STREAM = re.compile(rb"(?:\xef\xbb\xbf)?(?:(?:event|id|retry)?:[^\r\n]*(?:\r\n|\r|\n)+)*data:")


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _are_json_lines(body: bytes) -> bool:
    lines = [line for line in body.split(b"\n")[:-1] if line.strip()]
    return len(lines) > 1 and all(line.lstrip()[:1] in b"{[" and _is_json(line) for line in lines)


@check("lint-media-type", MUST, rfc(9110, "8.3"))
def lint_media_type(visit: Visit) -> None:
    """The media type says what the bytes are, so that a client reads them as such."""
    response, content = stream_of(visit.asked)
    named = media_type(response)
    body = content.response.body
    told = f"{response.value('content-type') or 'no Content-Type'}: {body[:60]!r}"
    if content.kind is not Kind.EVENTS and not content.undecoded:
        expect(not _EVENT_STREAM.match(body), "text/event-stream for an event stream", told)
    if content.kind in {Kind.DOCUMENT, Kind.OTHER} and not content.undecoded:
        expect(not _are_json_lines(body), "application/jsonl or application/x-ndjson for JSON lines", told)
    expect("/" in named, "a media type", told)


@check("lint-utf8", MUST, html("parsing-an-event-stream"))
def lint_utf8(visit: Visit) -> None:
    """Events, JSON lines, and text that names no other charset are UTF-8."""
    response, content = readable(visit, Kind.EVENTS, Kind.JSON_LINES, Kind.TEXT)
    if content.kind is Kind.TEXT and charset(response) not in {"", "utf-8"}:
        raise NotApplicable(f"the text is in {charset(response)}: see head-text-media-type")
    body = content.response.body
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as error:
        is_cut = response.ending is not Ending.COMPLETE and error.reason == "unexpected end of data"
        expect(is_cut, "UTF-8", repr(body[max(0, error.start - 16) : error.end + 8]), offset=error.start)


@check("lint-field-values", MUST, html("event-stream-interpretation"))
def lint_field_values(visit: Visit) -> None:
    """Every retry is ASCII digits and no id holds NUL: a client ignores such a field."""
    _, content = readable(visit, Kind.EVENTS)
    for line in lines_of(content.response.body):
        wrong = line.kind in {LineKind.RETRY_NOT_DIGITS, LineKind.ID_WITH_NUL}
        expect(not wrong, "digits in retry, no NUL in id", repr(line.raw[:80]), offset=line.offset)


@check("lint-event-data", SHOULD, html("event-stream-interpretation"))
def lint_event_data(visit: Visit) -> None:
    """An event with a type has data: without any, not even empty, nothing is dispatched."""
    _, content = readable(visit, Kind.EVENTS)
    named = b""
    for line in lines_of(content.response.body):
        if line.kind is LineKind.EVENT:
            named = line.raw
        if line.kind is LineKind.NO_DATA and named:
            expect(False, "data: behind it, if only an empty one", f"{named[:80]!r} alone", offset=line.offset)
        if line.kind in {LineKind.DISPATCH, LineKind.NO_DATA}:
            named = b""


@check("lint-json-lines", MUST, JSON_LINES)
def lint_json_lines(visit: Visit) -> None:
    """Each line is one JSON value, and the last line, too, ends with a line feed."""
    response, content = readable(visit, Kind.JSON_LINES)
    if RECORD_SEPARATOR in content.response.body:
        _expect_sequence(content.response.body, is_whole=response.ending is Ending.COMPLETE)
        return
    *lines, rest = content.response.body.split(b"\n")
    offset = 0
    for line in lines:
        expect(not line.strip() or _is_json(line), "JSON", repr(line[:80]), offset=offset)
        offset += len(line) + 1
    if response.ending is not Ending.COMPLETE:
        return
    if media_type(response) in _LINE_FEED_OPTIONAL:
        expect(not rest.strip() or _is_json(rest), "JSON", repr(rest[-80:]), offset=offset)
    else:
        expect(not rest, "a line feed at the end", repr(rest[-80:]), offset=offset)


def _expect_sequence(body: bytes, *, is_whole: bool) -> None:
    """Texts that a record separator begins and a line feed ends; line feeds within one are white space (RFC 7464)."""
    first, *texts = body.split(RECORD_SEPARATOR)
    expect(not first.strip(), "a record separator before the first text", repr(first[:80]), offset=0)
    offset = len(first)
    for number, text in enumerate(texts, 1):
        if number == len(texts) and not text.endswith(b"\n"):
            expect(not is_whole, "a line feed at the end", repr(text[-80:]), offset=offset)
            return
        expect(not text.strip() or _is_json(text), "JSON", repr(text[:80]), offset=offset)
        offset += len(RECORD_SEPARATOR) + len(text)
