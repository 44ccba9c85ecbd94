"""conformance/openapi.yaml is OpenAPI 3.2 with JSON Schema 2020-12; what servers answer is in test_openapi_answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from jsonschema import Draft202012Validator, SchemaError
from openapi_spec_validator import OpenAPIV32SpecValidator
from tests.openapi_cases import CASES
from tests.openapi_document import Document, events_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.openapi_document import Node

DOCUMENT = Document.read()


def schemas(node: object) -> Iterator[Node]:
    """Every schema that stands in the document."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in {"schema", "itemSchema", "contentSchema"}:
                yield value
            elif key == "schemas":
                yield from value.values()
            yield from schemas(value)
    elif isinstance(node, list):
        for member in node:
            yield from schemas(member)


def references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        yield from (str(value) for key, value in node.items() if key == "$ref")
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for member in node:
            yield from references(member)


def test_the_document_is_openapi_3_2() -> None:
    assert [str(error) for error in OpenAPIV32SpecValidator(DOCUMENT.root).iter_errors()] == []


def test_every_schema_is_json_schema_2020_12() -> None:
    found = list(schemas(DOCUMENT.root))
    assert len(found) > 50
    for schema in found:
        Draft202012Validator.check_schema(schema)
    with pytest.raises(SchemaError):
        Draft202012Validator.check_schema({"type": "integral"})


def test_every_reference_leads_somewhere_and_every_component_is_used() -> None:
    used = set(references(DOCUMENT.root))
    for reference in used:
        assert DOCUMENT.at(reference)
    there = {f"#/components/{kind}/{name}" for kind, named in DOCUMENT.root["components"].items() for name in named}
    assert there == used


def test_every_example_holds_to_its_schema() -> None:
    for _, path, operation in DOCUMENT.operations():
        if "requestBody" in operation:
            for example in operation["requestBody"]["content"]["application/json"]["examples"].values():
                assert DOCUMENT.script_errors(path, example["dataValue"]) == []


def test_every_described_answer_is_asked_for() -> None:
    described = {
        (method, path, status)
        for method, path, operation in DOCUMENT.operations()
        for status in operation["responses"]
        # 503 needs a server of its own; HEAD may be 405, but is not so here.
        if status != "503" and (method, status) != ("head", "405")
    }
    asked = {(case.method.lower(), DOCUMENT.template(case.path), str(case.status)) for case in CASES}
    assert described - asked == set()


def test_json_in_an_event_is_held_against_its_schema() -> None:
    terminal = DOCUMENT.root["components"]["schemas"]["TerminalEvent"]
    assert DOCUMENT.errors(terminal, {"event": "done", "data": '{"count": 3}'}) == []
    for data in ('{"count": "3"}', '{"count": -1}', "{}", "3 events"):
        assert DOCUMENT.errors(terminal, {"event": "done", "data": data}) != []


def test_events_are_parsed_as_openapi_has_them() -> None:
    stream = b": hidden\ndata: a\ndata:b\nid: 1\n\nretry: 7\n\n: alone\n\nevent: e\rdata\r\rdata: unfinished"
    assert list(events_of(stream)) == [{"data": "a\nb", "id": "1"}, {"retry": 7}, {"event": "e", "data": ""}]
