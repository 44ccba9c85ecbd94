"""One check of a value that a client sent per method, so that a mutant can leave out exactly one.

Rule: each returns the value as it may be used, or raises the Problem that names the parameter and what is allowed.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import TYPE_CHECKING, NoReturn

from streamspec.control.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

RANGES = {
    "count": (0, 100_000),
    "interval_ms": (0, 60_000),
    "first_delay_ms": (0, 60_000),
    "after_ms": (0, 60_000),
    "wait_ms": (0, 60_000),
    "cleanup_ms": (0, 60_000),
    "keepalive_ms": (10, 3_600_000),
    "size": (0, 67_108_864),
    "repeat": (1, 1_000_000),
    "retry": (0, 2_147_483_647),
    "items": (1, 1_000_000),
}
TOKEN = re.compile("[A-Za-z0-9_-]{1,64}")


class Checks:
    """The checks that queries and bodies share; `where` is the path of the value in the body."""

    def check_known(self, names: Iterable[str], known: frozenset[str], at: str, what: str) -> None:
        """Refuses a name that the contract does not know."""
        for name in names:
            if name not in known:
                allowed = f"known here: {', '.join(sorted(known))}" if known else "none is known here"
                whole = "body" if what == "member" else "query"  # of which a name that is empty names no part
                raise Problem(422, f"unknown {what} {at}{name[:80]!s}; {allowed}", at + name[:80] or whole)

    def check_range(self, name: str, value: int, where: str) -> int:
        """Refuses a number outside the range of its name."""
        low, high = RANGES[name]
        if not low <= value <= high:
            raise Problem(422, f"{where} must be {integer_of(name)}, not {value}", where)
        return value

    def check_integer(self, name: str, value: object, where: str) -> int:
        """Refuses what is not an integer: a string of digits, a fraction, true."""
        if type(value) is not int:  # a bool is an int to isinstance
            raise Problem(422, f"{where} must be {integer_of(name)}, not {kind(value)}", where)
        return value

    def check_string(self, value: object, where: str) -> str:
        """Refuses what is not a string, and a lone surrogate, which UTF-8 has no bytes for."""
        if not isinstance(value, str):
            raise Problem(422, f"{where} must be a string, not {kind(value)}", where)
        if re.search("[\ud800-\udfff]", value):
            raise Problem(422, f"{where} must be Unicode text: a lone surrogate cannot be written as UTF-8", where)
        return value

    def check_token(self, value: object, where: str) -> str:
        """Refuses what is no token."""
        token = self.check_string(value, where)
        if not TOKEN.fullmatch(token):
            raise Problem(422, f"{where} must be 1 to 64 of A-Z a-z 0-9 _ -, not {token[:80]!r}", where)
        return token

    def unwritable_in(self, field: str) -> str:
        """The characters that a field of an event cannot hold: they would end its line, or void it."""
        # HTML 9.2.6: "If the field value does not contain U+0000 NULL, then set the last event ID buffer"
        return {"event": "\r\n", "id": "\r\n\0"}.get(field, "")

    def check_writable(self, field: str, value: str, where: str) -> None:
        """Refuses a value that the field cannot hold: it is never silently changed."""
        for character in self.unwritable_in(field):
            if character in value:
                raise Problem(422, f"{where} must not hold {character!r}: an {field} field is one line", where)

    def check_media_type(self, content_type: str | None) -> None:
        """Refuses a body that does not say it is JSON."""
        if (content_type or "").partition(";")[0].strip().lower() != "application/json":
            raise Problem(415, f"Content-Type must be application/json, not {content_type}", "Content-Type")

    def parse_json(self, body: bytes) -> object:
        """The value that a body is."""
        try:
            value: object = json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise Problem(400, f"the body is not JSON in UTF-8: {error}", "body") from error
        return value

    def decode_base64(self, text: str, where: str) -> bytes:
        """The bytes that a string in base64 stands for."""
        try:
            return base64.b64decode(text.encode("ascii", "replace"), validate=True)
        except binascii.Error as error:
            raise Problem(422, f"{where} must be base64 with its padding (RFC 4648 4): {error}", where) from error

    # Members of a JSON object

    def number(self, body: Mapping[str, object], name: str, at: str) -> int | None:
        """A number that may be absent."""
        if name not in body:
            return None
        return self.check_range(name, self.check_integer(name, body[name], at + name), at + name)

    def text(self, body: Mapping[str, object], name: str, at: str) -> str | None:
        """A string that may be absent."""
        return self.check_string(body[name], at + name) if name in body else None

    def flag(self, body: Mapping[str, object], name: str, at: str) -> bool:
        """A boolean; false where it is absent."""
        value = body.get(name, False)
        if not isinstance(value, bool):
            raise Problem(422, f"{at}{name} must be true or false, not {kind(value)}", at + name)
        return value


def integer_of(name: str) -> str:
    """What a number of that name must be, in words."""
    low, high = RANGES[name]
    return f"an integer from {low} to {high}"


def kind(value: object) -> str:
    """What a JSON value is, in JSON's words."""
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", int: "a number", float: "a number"}
    return f"{names.get(type(value), 'null')} ({json.dumps(value)[:40]})"


def _refuse_constant(name: str) -> NoReturn:
    # RFC 8259 6: "Numeric values that cannot be represented in the grammar below (such as Infinity and NaN) are not
    # permitted." Python's parser takes them unless told.
    raise ValueError(f"{name} is not JSON")
