"""A request → a script, or the problem that says why not. Servers hand over what they read; nothing is streamed yet.

The query comes raw, so that repeated and unknown parameters are seen; the body comes in pieces, so that a long one
is refused before it is read.
"""

import json
import re
from collections.abc import AsyncIterable, Collection, Iterator, Mapping
from typing import NoReturn, TypeVar
from urllib.parse import parse_qsl

from pydantic import BaseModel, ValidationError

from impls.scripted.event_stream import encode_event
from impls.scripted.problem import Finished, Problem, shown
from impls.scripted.script import RANGES, TOKEN_PATTERN, Item, Kind, Script
from impls.scripted.script_models import EventScript, Release, TextScript, terminal_event

MAX_BODY_BYTES = 1_048_576
MAX_QUERY_BYTES = 8_192
DEFAULT_COUNT = 20
DEFAULT_INTERVAL_MS = 300

_SCRIPT_BODIES: Mapping[Kind, type[TextScript] | type[EventScript]] = {
    Kind.TEXT: TextScript,
    Kind.EVENTS: EventScript,
}
_QUERY_OF_SCRIPT: Mapping[Kind, tuple[str, ...]] = {
    Kind.TEXT: ("count", "interval_ms", "first_delay_ms", "token"),
    Kind.EVENTS: ("count", "interval_ms", "first_delay_ms", "keepalive_ms", "token"),
}
# No number that is allowed anywhere has more digits; a limit also keeps int() from being fed thousands of them.
_DECIMAL = re.compile("[0-9]{1,10}")
_EVENT_ID = re.compile("[1-9][0-9]{0,9}")

_Body = TypeVar("_Body", bound=BaseModel)


async def read_script(
    kind: Kind, method: str, query: bytes | str, fields: Mapping[str, str], body: AsyncIterable[bytes]
) -> Script:
    """The script a request asks for; raises Problem, or Finished where a resumed stream has nothing left.

    `fields` are the request's header fields, looked up without regard to case.
    """
    if method == "POST":
        parse_query(query, ())
        model = parse_body(_SCRIPT_BODIES[kind], await read_json_body(fields, body))
        return model.script()
    values = parse_query(query, _QUERY_OF_SCRIPT[kind])
    if kind is Kind.TEXT:
        return _text_script(values)
    return _event_script(values, fields.get("last-event-id", ""))


async def read_release(query: bytes | str, fields: Mapping[str, str], body: AsyncIterable[bytes]) -> int:
    """How many gates `POST /streams/{token}/release` opens; raises Problem."""
    parse_query(query, ())
    return parse_body(Release, await read_json_body(fields, body)).items


def read_wait_ms(query: bytes | str) -> int:
    """How long `GET /streams/{token}` waits for the end of the stream; raises Problem."""
    return _number(parse_query(query, ("wait_ms",)), "wait_ms", 0)


def parse_query(query: bytes | str, allowed: Collection[str]) -> dict[str, str]:
    """The query's parameters, each allowed and given once; raises Problem."""
    text = query.decode("latin-1") if isinstance(query, bytes) else query
    if len(text) > MAX_QUERY_BYTES:
        raise Problem(422, f"The query is longer than {MAX_QUERY_BYTES} bytes.", "query")
    values: dict[str, str] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        if name not in allowed:
            known = ", ".join(allowed) or "none"
            raise Problem(
                422, f"{shown(name)} is no query parameter of this resource; allowed: {known}.", name or "query"
            )
        if name in values:
            raise Problem(422, f"{name} is given more than once; give it once.", name)
        values[name] = value
    return values


async def read_json_body(fields: Mapping[str, str], body: AsyncIterable[bytes]) -> bytes:
    """A body of JSON, at most 1 MiB of it; raises Problem."""
    media_type = fields.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        given = shown(media_type) if media_type else "none"
        raise Problem(415, f"Content-Type must be application/json, not {given}.", "Content-Type")
    length = fields.get("content-length", "")
    if _DECIMAL.fullmatch(length) and int(length) > MAX_BODY_BYTES:
        raise _too_large()
    received = bytearray()
    async for piece in body:
        received += piece
        if len(received) > MAX_BODY_BYTES:
            raise _too_large()
    return bytes(received)


def parse_body(model: type[_Body], body: bytes) -> _Body:
    """The body as a model; raises Problem: 400 for what is not JSON, 422 for what the model refuses."""
    try:
        document = json.loads(body.decode(), parse_constant=_not_a_number)
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(400, f"The body is not JSON in UTF-8: {error}.", "body") from None
    except ValueError as error:
        raise Problem(422, f"The body holds a number nobody can use: {error}.", "body") from None
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise _refusal(model, error) from None


def _refusal(model: type[BaseModel], error: ValidationError) -> Problem:
    first = error.errors(include_url=False, include_input=False)[0]
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in first["loc"]).lstrip(".")
    name = next((step for step in reversed(first["loc"]) if isinstance(step, str)), "")
    if first["type"] == "extra_forbidden":
        message = "is not a field of this object"
    elif first["type"] == "missing":
        message = "is missing"
    elif first["type"] == "value_error":
        message = str(first["ctx"]["error"])
    elif name in RANGES and not (model is not Release and name == "items"):
        message = f"must be {RANGES[name]}"
    elif first["type"] == "model_type":
        message = "must be a JSON object"
    elif name == "token":
        message = f"must match {TOKEN_PATTERN}"
    else:
        message = first["msg"].replace("Input should", "must")
    return Problem(422, f"{shown(path) if path else 'The body'} {message}.", path or "body")


def _text_script(values: Mapping[str, str]) -> Script:
    bodies = ((after_ms, b"chunk %d: hello\n" % i) for i, after_ms in _schedule(values, after=0))
    items = (Item(False, after_ms, body, len(body)) for after_ms, body in bodies)
    return Script(kind=Kind.TEXT, items=items, ending=b"done\n", token=_token(values))


def _event_script(values: Mapping[str, str], last_event_id: str) -> Script:
    count = _number(values, "count", DEFAULT_COUNT)
    received = _last_received(last_event_id, count)
    return Script(
        kind=Kind.EVENTS,
        items=(_event(i, after_ms) for i, after_ms in _schedule(values, after=received)),
        ending=terminal_event(count),
        token=_token(values),
        keepalive_ms=_number(values, "keepalive_ms", 15_000),
    )


def _event(i: int, after_ms: int) -> Item:
    data = json.dumps({"n": i, "text": "hello"})
    return Item(False, after_ms, encode_event(id=str(i), data=data), len(data))


def _schedule(values: Mapping[str, str], after: int) -> Iterator[tuple[int, int]]:
    """The number of each item after the given one, and its delay after the one before it."""
    count = _number(values, "count", DEFAULT_COUNT)
    interval_ms = _number(values, "interval_ms", DEFAULT_INTERVAL_MS)
    first_delay_ms = _number(values, "first_delay_ms", 0)
    return ((i, first_delay_ms if i == after + 1 else interval_ms) for i in range(after + 1, count + 1))


def _last_received(last_event_id: str, count: int) -> int:
    """How many events the client has: their ids are 1 to count, so no storage is needed to know."""
    if not last_event_id:
        return 0
    if not _EVENT_ID.fullmatch(last_event_id) or int(last_event_id) > count:
        detail = f"Last-Event-ID {shown(last_event_id)} is no id of this stream; its ids are 1 to {count}."
        raise Problem(422, detail, "Last-Event-ID")
    if int(last_event_id) == count:
        raise Finished
    return int(last_event_id)


def _token(values: Mapping[str, str]) -> str | None:
    token = values.get("token")
    if token is not None and not re.fullmatch(TOKEN_PATTERN, token):
        raise Problem(422, f"token must match {TOKEN_PATTERN}, not {shown(token)}.", "token")
    return token


def _number(values: Mapping[str, str], name: str, default: int) -> int:
    text = values.get(name, str(default))
    if not _DECIMAL.fullmatch(text) or int(text) not in RANGES[name]:
        raise Problem(422, f"{name} must be {RANGES[name]}, not {shown(text)}.", name)
    return int(text)


def _too_large() -> Problem:
    return Problem(413, f"The body is longer than {MAX_BODY_BYTES} bytes.", "body")


def _not_a_number(name: str) -> NoReturn:
    raise json.JSONDecodeError(f"{name} is not JSON", name, 0)
