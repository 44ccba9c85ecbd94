"""Events as fields, for whoever frames them: a library, or an f-string as in most tutorials.

What cannot be written is not refused here. A script's failure raises, and its silences have no keep-alive: both are for
the library, or for nobody.
"""

import json
from collections.abc import AsyncGenerator, AsyncIterable, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import TypedDict, cast

from pydantic import ValidationInfo, field_validator

from impls.scripted.request import parse_body, parse_query, read_json_body, read_script
from impls.scripted.script import Item, Kind, Script
from impls.scripted.script_models import EventItem, EventScript
from impls.scripted.streams import Stream
from impls.variants.producer import items_of


class EventFields(TypedDict, total=False):
    """The fields that an event has."""

    comment: str
    event: str
    id: str
    retry: int
    data: str


async def read_event_script(
    method: str, query: bytes | str, fields: Mapping[str, str], body: AsyncIterable[bytes]
) -> Script:
    """The script a request for events asks for, each item's body its fields as JSON; raises what `read_script` does."""
    if method == "POST":
        parse_query(query, ())
        script = parse_body(_EventScript, await read_json_body(fields, body)).script()
        items = script.items
    else:
        script = await read_script(Kind.EVENTS, method, query, fields, body)
        items = (item._replace(body=_as_fields(item.body)) for item in script.items)
    # To the player that is text: it adds neither keep-alive nor an event that says what failed.
    return replace(script, kind=Kind.TEXT, items=items, ending=_as_fields(script.ending))


async def events_of(stream: Stream) -> AsyncGenerator[EventFields, None]:
    """The stream's events, ended by whoever iterates."""
    async with aclosing(items_of(stream)) as items:
        async for data in items:
            yield cast("EventFields", json.loads(data))


async def framed_by_hand(stream: Stream) -> AsyncGenerator[bytes, None]:
    """The stream's events as tutorials write them: a line per field, whatever the values hold."""
    async with aclosing(events_of(stream)) as events:
        async for event in events:
            lines = "".join(f"{'' if name == 'comment' else name}: {value}\n" for name, value in event.items())
            yield f"{lines}\n".encode()


class _EventItem(EventItem):
    @field_validator("event", "id")
    @classmethod
    def _writable(cls, value: str, _info: ValidationInfo) -> str:
        return value

    def encoded(self) -> Item:
        present = self.model_dump(include=set(EventFields.__annotations__), exclude_none=True)
        if self.size is not None:
            present["data"] = "x" * self.size
        return Item(self.gate, self.after_ms, json.dumps(present).encode(), len(present.get("data", "").encode()))


class _EventScript(EventScript):
    items: list[_EventItem]  # type: ignore[assignment]  # a list of a subclass is no subtype, were anybody to append


def _as_fields(event: bytes) -> bytes:
    """The JSON of an event that was written by us, with one line for each field."""
    return json.dumps(dict(line.split(": ", 1) for line in event.decode().splitlines() if line)).encode()
