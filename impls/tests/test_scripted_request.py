"""Requests become scripts, or problems that name the parameter and the allowed range."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from http import HTTPStatus

import pytest

from impls.scripted.problem import Finished, Problem
from impls.scripted.request import MAX_BODY_BYTES, read_release, read_script, read_wait_ms
from impls.scripted.script import End, Item, Kind, Script

JSON = {"content-type": "application/json"}


async def pieces(*body: bytes) -> AsyncIterator[bytes]:
    for piece in body:
        yield piece


def got(kind: Kind, query: str = "", fields: Mapping[str, str] | None = None) -> Script:
    return asyncio.run(read_script(kind, "GET", query, fields or {}, pieces()))


def posted(kind: Kind, body: object, fields: Mapping[str, str] = JSON) -> Script:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return asyncio.run(read_script(kind, "POST", b"", fields, pieces(content[:3], content[3:])))


def refused_get(kind: Kind, query: str, fields: Mapping[str, str] | None = None) -> Problem:
    with pytest.raises(Problem) as refusal:
        got(kind, query, fields)
    return refusal.value


def refused_post(kind: Kind, body: object, fields: Mapping[str, str] = JSON) -> Problem:
    with pytest.raises(Problem) as refusal:
        posted(kind, body, fields)
    return refusal.value


def test_a_bare_get_is_the_demo() -> None:
    script = got(Kind.TEXT)
    items = list(script.items)
    assert [item.body for item in items] == [f"chunk {i}: hello\n".encode() for i in range(1, 21)]
    assert [item.after_ms for item in items] == [0] + 19 * [300]
    assert script.ending == b"done\n"


def test_the_first_item_has_a_delay_of_its_own() -> None:
    items = got(Kind.TEXT, "count=3&interval_ms=5&first_delay_ms=70").items
    assert [item.after_ms for item in items] == [70, 5, 5]


def test_events_carry_their_number_as_id() -> None:
    script = got(Kind.EVENTS, "count=2&interval_ms=0")
    first, second = script.items
    data = b'{"n": 1, "text": "hello"}'
    assert first == Item(gate=False, after_ms=0, body=b"id: 1\ndata: " + data + b"\n\n", payload_bytes=len(data))
    assert second.body.startswith(b"id: 2\n")
    assert script.ending == b'event: done\ndata: {"count": 2}\n\n'


@pytest.mark.parametrize(("last_event_id", "first"), [("", 1), ("1", 2), ("2", 3)])
def test_a_resumed_stream_continues_after_the_last_event_received(last_event_id: str, first: int) -> None:
    script = got(Kind.EVENTS, "count=3&first_delay_ms=9", {"last-event-id": last_event_id})
    items = list(script.items)
    assert items[0].body.startswith(b"id: %d\n" % first)
    assert items[0].after_ms == 9
    assert len(items) == 4 - first
    assert b'{"count": 3}' in script.ending


def test_a_finished_stream_is_not_begun_again() -> None:
    with pytest.raises(Finished) as finished:
        got(Kind.EVENTS, "count=3", {"last-event-id": "3"})
    assert finished.value.status == 204
    assert finished.value.body() == b""


@pytest.mark.parametrize("last_event_id", ["0", "4", "03", "-1", "+1", "1.0", "x", " 1", "1 ", "²", "9" * 5_000])
def test_an_id_the_stream_cannot_have_had_is_refused(last_event_id: str) -> None:
    problem = refused_get(Kind.EVENTS, "count=3", {"last-event-id": last_event_id})
    assert (problem.status, problem.parameter) == (422, "Last-Event-ID")


@pytest.mark.parametrize(
    ("query", "parameter", "says"),
    [
        ("count=100001", "count", "from 0 to 100000"),
        ("count=-1", "count", "from 0 to 100000"),
        ("count=", "count", "an integer"),
        ("count", "count", "an integer"),
        ("count=1e3", "count", "an integer"),
        ("count=%D9%A3", "count", "an integer"),
        ("count=" + 5_000 * "9", "count", "an integer"),
        ("count=1&count=1", "count", "more than once"),
        ("interval_ms=60001", "interval_ms", "from 0 to 60000"),
        ("first_delay_ms=60001", "first_delay_ms", "from 0 to 60000"),
        ("keepalive_ms=1000", "keepalive_ms", "no query parameter"),
        ("Count=1", "Count", "no query parameter"),
        ("=1", "query", "no query parameter"),
        ("token=", "token", "[A-Za-z0-9_-]{1,64}"),
        ("token=a%0A", "token", "[A-Za-z0-9_-]{1,64}"),
        ("token=" + 65 * "a", "token", "[A-Za-z0-9_-]{1,64}"),
    ],
)
def test_a_bad_query_is_refused_by_name(query: str, parameter: str, says: str) -> None:
    problem = refused_get(Kind.TEXT, query)
    assert (problem.status, problem.parameter) == (422, parameter)
    assert says in problem.detail


@pytest.mark.parametrize("keepalive_ms", [9, 3_600_001])
def test_events_have_a_keepalive_within_its_range(keepalive_ms: int) -> None:
    assert got(Kind.EVENTS, "keepalive_ms=10").keepalive_ms == 10
    assert "from 10 to 3600000" in refused_get(Kind.EVENTS, f"keepalive_ms={keepalive_ms}").detail


def test_a_script_repeats_its_items() -> None:
    body = {
        "items": [{"text": "ä"}, {"base64": "AAE="}, {"size": 300, "gate": True, "after_ms": 7}],
        "repeat": 2,
        "end": "hang",
        "token": "t-1_A",
        "cleanup_ms": 5,
    }
    script = posted(Kind.TEXT, body)
    items = list(script.items)
    assert items[:3] == [
        Item(gate=False, after_ms=0, body=b"\xc3\xa4", payload_bytes=2),
        Item(gate=False, after_ms=0, body=b"\0\1", payload_bytes=2),
        Item(gate=True, after_ms=7, body=300 * b"x", payload_bytes=300),
    ]
    assert items[3:] == items[:3]
    assert (script.end, script.token, script.cleanup_ms, script.ending) == (End.HANG, "t-1_A", 5, b"")


def test_an_empty_list_repeated_often_is_empty_at_once() -> None:
    script = posted(Kind.EVENTS, {"items": [], "repeat": 1_000_000})
    assert list(script.items) == []
    assert script.ending == b'event: done\ndata: {"count": 0}\n\n'


def test_filler_stands_for_data_beside_other_fields() -> None:
    script = posted(Kind.EVENTS, {"items": [{"size": 3, "event": "e"}, {"retry": 1}, {"data": ""}], "repeat": 2})
    assert [(item.body, item.payload_bytes) for item in script.items][:3] == [
        (b"event: e\ndata: xxx\n\n", 3),
        (b"retry: 1\n\n", 0),
        (b"data: \n\n", 0),
    ]
    assert b'{"count": 6}' in script.ending


@pytest.mark.parametrize(
    ("kind", "body", "parameter", "says"),
    [
        (Kind.TEXT, {}, "items", "missing"),
        (Kind.TEXT, [], "body", "JSON object"),
        (Kind.TEXT, {"items": [7]}, "items[0]", "JSON object"),
        (Kind.TEXT, {"items": [], "colour": 1}, "colour", "not a field"),
        (Kind.TEXT, {"items": [{"text": "a"}, {"text": "a", "x": 1}]}, "items[1].x", "not a field"),
        (Kind.TEXT, {"items": [{}]}, "items[0]", "exactly one of text, base64, size"),
        (Kind.TEXT, {"items": [{"text": "", "size": 0}]}, "items[0]", "exactly one"),
        (Kind.TEXT, {"items": [{"data": "a"}]}, "items[0].data", "not a field"),
        (Kind.TEXT, {"items": [{"text": None}]}, "items[0].text", "null"),
        (Kind.TEXT, {"items": [{"text": "\ud800"}]}, "items[0].text", "surrogate"),
        (Kind.TEXT, {"items": [{"base64": "a"}]}, "items[0].base64", "base64"),
        (Kind.TEXT, {"items": [{"base64": "YQ==\n"}]}, "items[0].base64", "base64"),
        (Kind.TEXT, {"items": [{"size": 67_108_865}]}, "items[0].size", "from 0 to 67108864"),
        (Kind.TEXT, {"items": [{"size": "1"}]}, "items[0].size", "from 0 to 67108864"),
        (Kind.TEXT, {"items": [{"size": 1.0}]}, "items[0].size", "from 0 to 67108864"),
        (Kind.TEXT, {"items": [{"text": "a", "after_ms": True}]}, "items[0].after_ms", "from 0 to 60000"),
        (Kind.TEXT, {"items": [{"text": "a", "gate": 1}]}, "items[0].gate", "boolean"),
        (Kind.TEXT, {"items": [], "repeat": 0}, "repeat", "from 1 to 1000000"),
        (Kind.TEXT, {"items": [], "end": "stop"}, "end", "'complete', 'fail' or 'hang'"),
        (Kind.TEXT, {"items": [], "token": "a b"}, "token", "[A-Za-z0-9_-]{1,64}"),
        (Kind.TEXT, {"items": [], "keepalive_ms": 9}, "keepalive_ms", "from 10 to 3600000"),
        (Kind.TEXT, {"items": [], "cleanup_ms": 60_001}, "cleanup_ms", "from 0 to 60000"),
        (Kind.EVENTS, {"items": [{"event": "a\rb"}]}, "items[0].event", "CR or LF"),
        (Kind.EVENTS, {"items": [{"id": "a\nb"}]}, "items[0].id", "CR or LF"),
        (Kind.EVENTS, {"items": [{"id": "a\0b"}]}, "items[0].id", "NUL"),
        (Kind.EVENTS, {"items": [{"comment": "\udfff"}]}, "items[0].comment", "surrogate"),
        (Kind.EVENTS, {"items": [{"gate": True}]}, "items[0]", "at least one of"),
        (Kind.EVENTS, {"items": [{"data": "a", "size": 1}]}, "items[0]", "both data and size"),
        (Kind.EVENTS, {"items": [{"retry": 2**31}]}, "items[0].retry", "from 0 to 2147483647"),
        (Kind.EVENTS, {"items": [{"text": "a"}]}, "items[0].text", "not a field"),
    ],
)
def test_a_bad_script_is_refused_by_path(kind: Kind, body: object, parameter: str, says: str) -> None:
    problem = refused_post(kind, body)
    assert (problem.status, problem.parameter) == (422, parameter)
    assert says in problem.detail


@pytest.mark.parametrize("body", [b"", b"{", b"NaN", b'{"items":[],}', b"\xff", b"\xef\xbb\xbf{}", 100_000 * b"["])
def test_what_is_not_json_is_a_400(body: bytes) -> None:
    assert refused_post(Kind.TEXT, body).status == 400


def test_a_number_of_5000_digits_is_json_and_refused() -> None:
    assert refused_post(Kind.TEXT, b'{"items":[],"repeat":' + 5_000 * b"9" + b"}").status == 422


@pytest.mark.parametrize("media_type", ["", "text/plain", "application/jsonx", "application/x-www-form-urlencoded"])
def test_another_media_type_is_a_415(media_type: str) -> None:
    problem = refused_post(Kind.TEXT, {"items": []}, {"content-type": media_type})
    assert (problem.status, problem.parameter) == (415, "Content-Type")


def test_parameters_of_the_media_type_do_not_matter() -> None:
    assert list(posted(Kind.TEXT, {"items": []}, {"content-type": "Application/JSON; charset=utf-8"}).items) == []


def test_a_body_of_one_mebibyte_passes_and_one_byte_more_does_not() -> None:
    full = b'{"items":[]' + (MAX_BODY_BYTES - 12) * b" " + b"}"
    assert len(full) == MAX_BODY_BYTES
    assert list(posted(Kind.TEXT, full).items) == []
    assert refused_post(Kind.TEXT, full + b" ").status == 413


def test_a_body_that_is_announced_too_long_is_refused_unread() -> None:
    taken = []

    async def body() -> AsyncIterator[bytes]:
        taken.append(1)
        yield b"{}"

    fields = {**JSON, "content-length": str(MAX_BODY_BYTES + 1)}
    with pytest.raises(Problem) as refusal:
        asyncio.run(read_script(Kind.TEXT, "POST", b"", fields, body()))
    assert refusal.value.status == 413
    assert taken == []


def test_a_post_takes_no_query() -> None:
    with pytest.raises(Problem) as refusal:
        asyncio.run(read_script(Kind.TEXT, "POST", b"count=1", JSON, pieces(b'{"items":[]}')))
    assert (refusal.value.status, refusal.value.parameter) == (422, "count")


def test_a_post_does_not_resume() -> None:
    script = posted(Kind.EVENTS, {"items": [{"data": "a"}]}, {**JSON, "last-event-id": "garbage"})
    assert len(list(script.items)) == 1


@pytest.mark.parametrize(
    ("body", "parameter"), [({"items": 0}, "items"), ({"items": 1_000_001}, "items"), ({}, "items")]
)
def test_a_release_opens_one_gate_at_least(body: object, parameter: str) -> None:
    assert asyncio.run(read_release(b"", JSON, pieces(b'{"items": 3}'))) == 3
    with pytest.raises(Problem) as refusal:
        asyncio.run(read_release(b"", JSON, pieces(json.dumps(body).encode())))
    assert (refusal.value.status, refusal.value.parameter) == (422, parameter)


def test_a_wait_is_optional_and_bounded() -> None:
    assert read_wait_ms(b"") == 0
    assert read_wait_ms(b"wait_ms=60000") == 60_000
    with pytest.raises(Problem):
        read_wait_ms(b"wait_ms=60001")


def test_a_problem_is_an_object_of_rfc_9457() -> None:
    problem = refused_get(Kind.TEXT, "count=x")
    assert json.loads(problem.body()) == {
        "type": "about:blank",
        "title": HTTPStatus.UNPROCESSABLE_ENTITY.phrase,
        "status": 422,
        "detail": "count must be an integer from 0 to 100000, not 'x'.",
        "parameter": "count",
    }
    assert ("Content-Type", "application/problem+json") in problem.fields
