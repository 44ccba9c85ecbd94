"""conformance/openapi.yaml as something to hold requests and answers against.

It reads and compares; it sends nothing. A finding is a sentence; no finding means that the document allows the answer.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from email.message import Message
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, cast

import yaml
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend
from referencing import Registry
from referencing.jsonschema import DRAFT202012, SchemaRegistry

from streamspec_client.event_stream_lines import LineKind, lines_of
from streamspec_client.trace import Ending

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamspec.contract import JSON
    from streamspec_client.trace import Response

    # An object of the document. Its members are taken for objects; a string or a list is cast where it is read.
    Node: TypeAlias = dict[str, "Node"]

FILE = Path(__file__).parents[1] / "openapi.yaml"
METHODS = ("get", "head", "post")

_URI = "urn:streamspec:openapi"


def _content_schema(
    validator: Draft202012Validator, wanted: Node, value: object, schema: Node
) -> Iterator[ValidationError]:
    """Asserts `contentSchema`, which JSON Schema leaves to applications."""
    if cast("str", schema.get("contentMediaType")) != "application/json" or not isinstance(value, str):
        return
    try:
        content = json.loads(value)
    except ValueError as error:
        yield ValidationError(f"{value!r} is not JSON: {error}")
    else:
        yield from validator.descend(content, wanted, schema_path="contentSchema")


_Validator: type[Draft202012Validator] = extend(  # type: ignore[no-untyped-call]  # the stubs leave it untyped
    Draft202012Validator, {"contentSchema": _content_schema}
)


@dataclass(frozen=True)
class Document:
    """The document, with its references resolvable."""

    root: Node

    @classmethod
    def read(cls) -> Document:
        """Reads conformance/openapi.yaml."""
        return cls(yaml.safe_load(FILE.read_text(encoding="utf-8")))

    @cached_property
    def _registry(self) -> SchemaRegistry:
        registry: SchemaRegistry = Registry().with_resource(_URI, DRAFT202012.create_resource(self.root))
        return registry

    def operations(self) -> Iterator[tuple[str, str, Node]]:
        """Method in lower case, path template and operation."""
        for path, item in self.root["paths"].items():
            for method in METHODS:
                if method in item:
                    yield method, path, item[method]

    def template(self, path: str) -> str | None:
        """The path template that a path, with or without a query, is of."""
        path = path.partition("?")[0]
        for template in self.root["paths"]:
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
                return template
        return None

    def operation(self, method: str, path: str) -> Node | None:
        """The operation of a request."""
        return self.root["paths"].get(self.template(path) or "", {}).get(method.lower())

    def resolved(self, node: Node) -> Node:
        """What a node refers to, or itself."""
        reference = cast("str", node.get("$ref", ""))
        return self.at(reference) if reference else node

    def at(self, reference: str) -> Node:
        """What stands where `#/components/…` points to."""
        found = self.root
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
        return found

    def errors(self, schema: Node, value: object) -> list[str]:
        """Why a value does not hold to a schema of the document."""
        # Beside `$ref`, which resolves the references inside the schema against the document.
        wrapped = {"$id": f"{_URI}:schema", **cast("dict[str, JSON]", _absolute(schema))}
        validator = _Validator(wrapped, registry=self._registry)
        return [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(value)]

    def script_errors(self, path: str, value: object) -> list[str]:
        """Why the content of a POST does not hold to its schema."""
        operation = self.operation("post", path)
        assert operation, f"nothing is posted to {path}"
        return self.errors(operation["requestBody"]["content"]["application/json"]["schema"], value)

    def query(self, path: str) -> dict[str, Node]:
        """The schemas of the query parameters of a GET, by name."""
        operation = self.operation("get", path)
        assert operation, f"there is no GET {path}"
        parameters = [self.resolved(parameter) for parameter in cast("list[Node]", operation["parameters"])]
        return {
            cast("str", parameter["name"]): self.resolved(parameter["schema"])
            for parameter in parameters
            if cast("str", parameter["in"]) == "query"
        }

    def findings(self, method: str, path: str, response: Response) -> list[str]:
        """What in an answer the document does not describe."""
        operation = self.operation(method, path)
        status = str(response.status)
        if operation is None:
            everywhere = {"404": "NotFound", "405": "MethodNotAllowed"}
            if status not in everywhere:
                return [f"{status} for {method} {path}, which is not described"]
            definition = self.root["components"]["responses"][everywhere[status]]
        elif status not in operation["responses"]:
            return [f"{status} is not described for {method} {path}; {', '.join(operation['responses'])} are"]
        else:
            definition = self.resolved(operation["responses"][status])
        return [*self._field_findings(definition, response), *self._content_findings(definition, method, response)]

    def _field_findings(self, definition: Node, response: Response) -> Iterator[str]:
        for name, reference in definition.get("headers", {}).items():
            header = self.resolved(reference)
            text = response.value(name)
            if text is None:
                if header.get("required"):
                    yield f"{name} is missing"
                continue
            value = int(text) if cast("str", header["schema"].get("type")) == "integer" and text.isdigit() else text
            yield from (f"{name}: {error}" for error in self.errors(header["schema"], value))

    def _content_findings(self, definition: Node, method: str, response: Response) -> Iterator[str]:
        described = definition.get("content", {})
        given = response.value("content-type")
        if not described or method == "HEAD":
            if response.body:
                yield f"{len(response.body)} bytes of content, where there is none"
            if not described:
                return
        media = next((media for key, media in described.items() if _is_media_type(given, key)), None)
        if media is None:
            yield f"Content-Type {given!r} is not {' or '.join(described)}"
        elif method != "HEAD":
            for value in _values(media, response):
                schema = media.get("itemSchema") or media["schema"]
                yield from (f"{value!r:.80}: {error}" for error in self.errors(schema, value))


def _absolute(schema: object) -> object:
    if isinstance(schema, dict):
        return {
            key: f"{_URI}{value}" if key == "$ref" and str(value).startswith("#") else _absolute(value)
            for key, value in schema.items()
        }
    return [_absolute(member) for member in schema] if isinstance(schema, list) else schema


def _is_media_type(given: str | None, wanted: str) -> bool:
    """The same type, and the parameters that are wanted; of an event stream, no charset but UTF-8."""
    parsed = []
    for text in (given or "none/none", wanted):
        message = Message()
        message["Content-Type"] = text
        parsed.append((message.get_content_type(), {k: v.lower() for k, v in message.get_params([])[1:]}))
    (given_type, given_parameters), (wanted_type, wanted_parameters) = parsed
    return (
        given_type == wanted_type
        and wanted_parameters.items() <= given_parameters.items()
        and given_parameters.get("charset", "utf-8") == "utf-8"
    )


def _values(media: Node, response: Response) -> Iterator[JSON]:
    """What the schema of a media type is about: the JSON value, each line of a text, each event of an event stream."""
    if "schema" in media:
        yield json.loads(response.body)
    elif "text/event-stream" in (response.value("content-type") or ""):
        yield from events_of(response.body)
    else:
        lines = response.body.decode("utf-8", "replace").split("\n")
        yield from lines[:-1] if response.ending is Ending.COMPLETE and not lines[-1] else lines


def events_of(stream: bytes) -> Iterator[dict[str, JSON]]:
    """The events of a stream as objects, as OpenAPI 3.2 has them validated; what a client ignores is left out."""
    event: dict[str, JSON] = {}
    for line in lines_of(stream):
        value = line.value.decode("utf-8", "replace")
        match line.kind:
            case LineKind.DATA:
                event["data"] = f"{event['data']}\n{value}" if "data" in event else value
            case LineKind.EVENT | LineKind.ID:
                event[line.kind.value] = value
            case LineKind.RETRY:
                event["retry"] = int(value)
            case LineKind.DISPATCH | LineKind.NO_DATA | LineKind.BLANK:
                if event:
                    yield event
                event = {}
