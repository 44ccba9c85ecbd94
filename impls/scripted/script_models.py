"""The body of a POST, as models: their JSON Schema is the published one, and what they let through can be written.

Strict: a number is not a string, null is not an absence, and a field nobody knows is refused.
"""

import binascii
import json
from base64 import b64decode
from collections.abc import Iterator, Sequence
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator
from pydantic.fields import FieldInfo

from impls.scripted.event_stream import Unwritable, encode_event, has_surrogate
from impls.scripted.script import RANGES, TOKEN_PATTERN, End, Item, Kind, Script

# A repeated item up to this size is encoded once. A longer filler is made anew each time, so that a body of 1 MiB
# (some 90,000 items) cannot make the server hold more than a few times its own size.
_KEPT_BYTES = 256


def _within(name: str) -> FieldInfo:
    field: FieldInfo = Field(ge=RANGES[name].low, le=RANGES[name].high)
    return field


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    @field_validator("*", mode="before")
    @classmethod
    def _present(cls, value: object) -> object:
        if value is None:
            raise ValueError("must not be null; leave the field out instead")
        return value

    @field_validator("*")
    @classmethod
    def _encodable(cls, value: object) -> object:
        if isinstance(value, str) and has_surrogate(value):
            raise ValueError("must not contain a lone surrogate: UTF-8 cannot encode it")
        return value


class _ScriptItem(_Strict):
    gate: bool = False
    after_ms: Annotated[int, _within("after_ms")] = 0
    size: Annotated[int, _within("size")] | None = None

    def encoded(self) -> Item:
        """The item as it is sent."""
        raise NotImplementedError


class TextItem(_ScriptItem):
    """A piece of text: given as text, as base64, or as so many bytes of filler."""

    text: str | None = None
    base64: str | None = Field(default=None, json_schema_extra={"contentEncoding": "base64"})

    @field_validator("base64")
    @classmethod
    def _decodable(cls, value: str) -> str:
        try:
            b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            raise ValueError("must be base64 (RFC 4648, section 4)") from None
        return value

    @model_validator(mode="after")
    def _one_content(self) -> "TextItem":
        if [self.text, self.base64, self.size].count(None) != 2:
            raise ValueError("must have exactly one of text, base64, size")
        return self

    def encoded(self) -> Item:
        """Its text in UTF-8, its base64 decoded, or its filler."""
        if self.text is not None:
            body = self.text.encode()
        elif self.base64 is not None:
            body = b64decode(self.base64)
        else:
            body = b"x" * (self.size or 0)
        return Item(self.gate, self.after_ms, body, len(body))


class EventItem(_ScriptItem):
    """An event: the fields it has, its data given as such or as so many bytes of filler."""

    event: str | None = None
    data: str | None = None
    id: str | None = None
    retry: Annotated[int, _within("retry")] | None = None
    comment: str | None = None

    @field_validator("event", "id")
    @classmethod
    def _writable(cls, value: str, info: ValidationInfo) -> str:
        try:
            encode_event(event=value) if info.field_name == "event" else encode_event(id=value)
        except Unwritable as error:
            raise ValueError(error.why) from None
        return value

    @model_validator(mode="after")
    def _some_field(self) -> "EventItem":
        if self.data is not None and self.size is not None:
            raise ValueError("must not have both data and size: size stands for data")
        if not self.model_fields_set & {"event", "data", "id", "retry", "comment", "size"}:
            raise ValueError("must have at least one of event, data, id, retry, comment, size")
        return self

    def encoded(self) -> Item:
        """Its fields and a blank line; only the data count as payload."""
        data = self.data if self.size is None else "x" * self.size
        body = encode_event(event=self.event, data=data, id=self.id, retry=self.retry, comment=self.comment)
        return Item(self.gate, self.after_ms, body, 0 if data is None else len(data.encode()))


class _ScriptBody(_Strict):
    kind: ClassVar[Kind]

    token: Annotated[str, Field(pattern=f"^{TOKEN_PATTERN}$")] | None = None
    repeat: Annotated[int, _within("repeat")] = 1
    # A StrEnum is not a string to strict validation of Python values; JSON has nothing but strings for it.
    end: Annotated[End, Field(strict=False)] = End.COMPLETE
    fail_before_start: bool = False
    keepalive_ms: Annotated[int, _within("keepalive_ms")] = 15_000
    cleanup_ms: Annotated[int, _within("cleanup_ms")] = 0

    def script(self) -> Script:
        """What the body asks for."""
        raise NotImplementedError

    def _script(self, items: Sequence[_ScriptItem], ending: bytes) -> Script:
        return Script(
            kind=self.kind,
            items=_repeated(items, self.repeat),
            ending=ending,
            token=self.token,
            end=self.end,
            fail_before_start=self.fail_before_start,
            keepalive_ms=self.keepalive_ms,
            cleanup_ms=self.cleanup_ms,
        )


class TextScript(_ScriptBody):
    """`POST /stream`: the body of the response is exactly the items."""

    kind = Kind.TEXT

    items: list[TextItem]

    def script(self) -> Script:
        """The items alone; nothing follows them."""
        return self._script(self.items, b"")


class EventScript(_ScriptBody):
    """`POST /sse`: one event for each item, then the terminal event with their number."""

    kind = Kind.EVENTS

    items: list[EventItem]

    def script(self) -> Script:
        """The items, and the terminal event after them."""
        return self._script(self.items, terminal_event(len(self.items) * self.repeat))


class Release(_Strict):
    """`POST /streams/{token}/release`: how many gates to open."""

    items: Annotated[int, _within("items")]


def terminal_event(count: int) -> bytes:
    """The event that says a stream is complete: an end of the body alone may be a broken connection."""
    return encode_event(event="done", data=json.dumps({"count": count}))


def _repeated(items: Sequence[_ScriptItem], repeat: int) -> Iterator[Item]:
    if not items:
        return
    kept = [item.encoded() if (item.size or 0) <= _KEPT_BYTES else None for item in items]
    for _ in range(repeat):
        for item, encoded in zip(items, kept, strict=True):
            yield encoded or item.encoded()
