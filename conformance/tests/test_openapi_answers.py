"""What servers take and answer is what conformance/openapi.yaml says: the control server and every implementation."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
from tests.openapi_cases import ANY_EVENT, CASES, JSON_TYPE, Case, script
from tests.openapi_document import Document, events_of

from streamspec.implementation import control_implementation, read_implementation
from streamspec.target import running
from streamspec.target_names import implementations
from streamspec_client.http1_probe import Http1Connection
from streamspec_client.probe import Clock
from streamspec_client.trace import Ending

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.openapi_document import Node

    from streamspec.contract import JSON
    from streamspec.implementation import Implementation
    from streamspec.target import Target
    from streamspec_client.trace import Response

DOCUMENT = Document.read()
SERVERS = {
    "control": control_implementation(),
    **{name: read_implementation(path) for name, path in implementations(Path(__file__).parents[2]).items()},
}
ORIGIN = "http://localhost:3000"
ENVIRONMENT = {"STREAMSPEC_CORS_ORIGINS": ORIGIN, "STREAMSPEC_DRAIN_MS": "0"}
WITHIN_S = 10.0


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest) -> Implementation:
    return SERVERS[request.param]


@pytest.fixture(scope="module")
def target(server: Implementation) -> Iterator[Target]:
    """A running server that knows the tokens of the cases."""
    with running(server, ENVIRONMENT) as found:
        ask(found, Case("GET", "/stream?count=0&token=known", 200))
        gated = {**script({"gate": True, "text": "x"}, end="hang"), "token": "waiting"}
        with connected(found) as waiting:
            send(waiting, Case("POST", "/stream", 200, gated))
            assert waiting.wait_head(WITHIN_S)
            yield found


def connected(target: Target) -> Http1Connection:
    return Http1Connection("openapi", target.host, target.port, Clock.start())


def send(connection: Http1Connection, case: Case) -> None:
    body = case.body if isinstance(case.body, bytes) else json.dumps(case.body).encode()
    posted = case.method == "POST"
    fields = [("Origin", ORIGIN), *(case.fields or (JSON_TYPE if posted else ()))]
    connection.request(case.method, case.path, fields, body if posted else None)


def ask(target: Target, case: Case, *, whole: bool = True) -> Response:
    """The answer; of one that may be endless, only the header section."""
    with connected(target) as connection:
        send(connection, case)
        came = connection.wait_complete(1, WITHIN_S) if whole else connection.wait_head(WITHIN_S)
        assert came, f"no answer within {WITHIN_S:g} s"
        response = connection.conversation().response
        assert response is not None
        return response


@pytest.mark.parametrize("case", CASES, ids=str)
def test_answers_are_as_described(target: Target, case: Case) -> None:
    response = ask(target, case)
    assert response.status == case.status, response.body[:300]
    assert DOCUMENT.findings(case.method, case.path, response) == []
    assert response.value("Access-Control-Allow-Origin") == ORIGIN
    assert (response.ending is Ending.COMPLETE) is case.complete
    if case.parameter:
        assert json.loads(response.body)["parameter"] == case.parameter


def test_events_come_back_as_scripted(target: Target) -> None:
    *events, terminal = events_of(ask(target, Case("POST", "/sse", 200, ANY_EVENT)).body)
    assert events == [
        {"event": "note", "data": "one\ntwo\nthree\n", "id": "é", "retry": 3_000},
        {"data": ""},
        {"id": "alone"},
        {"retry": 7},
        {"event": "filler", "data": "xxx"},
    ]
    assert json.loads(str(terminal["data"])) == {"count": 6}


def test_without_a_slot_answers_are_as_described(server: Implementation) -> None:
    with running(server, {**ENVIRONMENT, "STREAMSPEC_MAX_STREAMS": "1"}) as target, connected(target) as first:
        send(first, Case("POST", "/stream", 200, script(end="hang")))
        assert first.wait_head(WITHIN_S)
        for path in ("/stream", "/sse"):
            for method, body in (("GET", None), ("HEAD", None), ("POST", script())):
                response = ask(target, Case(method, path, 503, body))
                assert response.status == 503
                assert DOCUMENT.findings(method, path, response) == []


def test_a_wrong_answer_is_found(target: Target) -> None:
    right = ask(target, Case("GET", "/sse?count=1&interval_ms=0", 200))
    assert DOCUMENT.findings("GET", "/sse", right) == []

    def without(name: str) -> Response:
        return replace(right, fields=tuple(field for field in right.fields if field[0].lower() != name))

    def saying(old: bytes, new: bytes) -> Response:
        chunks = tuple(replace(chunk, data=chunk.data.replace(old, new)) for chunk in right.chunks)
        return replace(right, chunks=chunks)

    for wrong in (
        replace(right, status=201),
        without("cache-control"),
        without("content-type"),
        saying(b"count", b"total"),
        saying(b"id: 1", b"id: 0"),
    ):
        assert DOCUMENT.findings("GET", "/sse", wrong) != []


# What is accepted

ODD: list[JSON] = [
    None, True, False, -1, 0, 1, 9, 10, 1.5, 2**31, 10**30, "", "1", "complete", "a\nb", "a\r", "a\n", "a\0b", "/wA=",
    "/wA", "a b", "é\U0001f600", "x" * 64, "x" * 65, [], {}, [{}], [1],
]  # fmt: skip


def edges(schema: Node) -> list[JSON]:
    """What is just inside and just outside of a range."""
    low, high = (cast("JSON", DOCUMENT.resolved(schema).get(name)) for name in ("minimum", "maximum"))
    return [low - 1, low, high, high + 1] if isinstance(low, int) and isinstance(high, int) else []


def odd_scripts() -> Iterator[tuple[str, str, dict[str, JSON]]]:
    """Path, path of the odd member, and a script with an odd value, or one at an edge of its range."""
    schemas = DOCUMENT.root["components"]["schemas"]
    for path, kind, content in (("/stream", "Text", "text"), ("/sse", "Event", "data")):
        members, item_members = schemas[f"{kind}Script"]["properties"], schemas[f"{kind}Item"]["properties"]
        for member in [*members, "colour"]:
            for value in [*ODD, *edges(members.get(member, {}))]:
                yield path, member, {**script({content: "x", "gate": True}), member: value}
        for member in [*item_members, "colour"]:
            item: dict[str, JSON] = {"gate": True}
            if member in {"gate", "after_ms", "colour"}:
                item[content] = "x"
            for value in [*ODD, *edges(item_members.get(member, {}))]:
                yield path, f"items[0].{member}", script({**item, member: value}, end="hang")


def test_scripts_are_accepted_exactly_where_their_schema_accepts_them(target: Target) -> None:
    wrong = []
    for path, where, body in odd_scripts():
        fits = not DOCUMENT.script_errors(path, body)
        case = Case("POST", path, 200, body)
        response = ask(target, case, whole=False)
        shown = f"{response.status} for {path} {json.dumps(body):.150}"
        if response.status not in ({200, 409, 500} if fits else {422}):
            wrong.append(f"{shown}, which {'fits' if fits else 'does not fit'} the schema")
        elif not fits:
            parameter = json.loads(ask(target, case).body)["parameter"]
            if parameter != ("items[0]" if body["items"] in ([{}], [1]) else where):
                wrong.append(f"{shown} names {parameter}")
    assert not wrong, "\n".join(wrong)


NUMBERS = ("", "-1", "+1", "1.0", "1e3", "0x10", "%201", "1_0", "%D9%A1", "007", "abc", "99999999999", "null")
TOKENS = ("", "a" * 64, "a" * 65, "a%20b", "a+b", "%C3%A9", "a%0A", "_-9", "a/b")


@pytest.mark.parametrize("path", ["/stream", "/sse", "/streams/known"])
def test_queries_are_accepted_exactly_where_their_schema_accepts_them(target: Target, path: str) -> None:
    wrong = []
    for name, schema in DOCUMENT.query(path).items():
        for text in TOKENS if name == "token" else (*NUMBERS, *map(str, edges(schema))):
            is_number = name != "token" and text.isascii() and text.isdigit() and len(text) <= 10
            fits = not DOCUMENT.errors(schema, int(text) if is_number else text)
            response = ask(target, Case("GET", f"{path}?{name}={text}", 200), whole=False)
            if response.status not in ({200, 409} if fits else {422}):
                wrong.append(f"{response.status} for {name}={text}")
    assert not wrong, "\n".join(wrong)
