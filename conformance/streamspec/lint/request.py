"""What is asked for, in the way that curl is told: method, fields, body, cookies, credentials.

No socket, and no file but the one that `@` names.
"""

from __future__ import annotations

import base64
import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from streamspec import __version__
from streamspec.lint.address import Address
from streamspec.mistake import Mistake

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable, Sequence
    from typing import Self

USER_AGENT = f"streamspec/{__version__}"
FORM = "application/x-www-form-urlencoded"

# token, and field-content without the obsolete line folding (RFC 9110, sections 5.1 and 5.5)
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_NOT_IN_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")

_OF_ONE_ORIGIN = {"authorization", "cookie", "host"}
"""Fields that are not sent on when a redirect leads to another origin, as curl does."""


class BadRequest(Mistake):
    """An option that makes no request: mend the command."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request, as often as it is sent."""

    address: Address
    method: str
    fields: tuple[tuple[str, str], ...]
    body: bytes | None
    trust: ssl.SSLContext | None = None
    """What certificates to trust; only with https."""
    version: str = "1.1"

    @classmethod
    def of(
        cls,
        url: str,
        *,
        method: str | None = None,
        lines: Sequence[str] = (),
        body: bytes | None = None,
        is_form: bool = False,
        cookie: str | None = None,
        user: str | None = None,
        trust: ssl.SSLContext | None = None,
    ) -> Self:
        """The request that curl's options stand for. Raises BadAddress and BadRequest."""
        address = Address.of(url)
        method = method or ("GET" if body is None else "POST")
        if not _NAME.fullmatch(method):
            raise BadRequest(f"-X {method!r}: a method is one word, such as POST")
        fields = {"user-agent": ("User-Agent", USER_AGENT), "accept": ("Accept", "*/*")}
        if is_form:
            fields["content-type"] = ("Content-Type", FORM)
        if cookie is not None:
            fields["cookie"] = ("Cookie", _cookies(cookie))
        if user or address.userinfo:
            fields["authorization"] = ("Authorization", _basic(user or address.userinfo))
        given = [_field(line) for line in lines]
        kept = [field for name, field in fields.items() if name not in {name.lower() for name, _ in given}]
        return cls(
            address, method, (*kept, *((name, value) for name, value in given if value is not None)), body, trust
        )

    def value(self, name: str) -> str | None:
        """The value of that field, None without it."""
        values = [value for key, value in self.fields if key.lower() == name.lower()]
        return ", ".join(values) if values else None

    def with_field(self, name: str, value: str) -> Request:
        """The same with that field in the place of one of that name."""
        kept = [field for field in self.fields if field[0].lower() != name.lower()]
        return replace(self, fields=(*kept, (name, value)))

    def with_version(self, version: str) -> Request:
        """The same in that version of HTTP."""
        return replace(self, version=version)

    def at(self, address: Address) -> Request:
        """The same at another server, with the same credentials: the person who asks names both."""
        return replace(self, address=address)

    def redirected(self, status: int, address: Address) -> Request:
        """What to ask after a redirect (RFC 9110, section 15.4); another origin gets no credentials."""
        fields = self.fields
        method, body = self.method, self.body
        if (status == 303 and method != "HEAD") or (status in {301, 302} and method == "POST"):
            method, body = "GET", None
            fields = tuple(field for field in fields if not field[0].lower().startswith("content-"))
        if address.origin != self.address.origin:
            fields = tuple(field for field in fields if field[0].lower() not in _OF_ONE_ORIGIN)
        return replace(self, address=address, method=method, body=body, fields=fields)


def body_of(data: Iterable[str] | None, data_binary: Iterable[str] | None) -> bytes | None:
    """The body of every `-d` and `--data-binary`, joined by `&`; `@FILE` stands for what is in it, `@-` for stdin.

    `-d` drops line ends from files, as curl does. None without any. Raises BadRequest for what cannot be read.
    """
    parts = [_part(part, keep_line_ends=False) for part in data or ()]
    parts += [_part(part, keep_line_ends=True) for part in data_binary or ()]
    return b"&".join(parts) if parts else None


def _part(part: str, *, keep_line_ends: bool) -> bytes:
    if not part.startswith("@"):
        return part.encode(errors="surrogateescape")
    try:
        read = sys.stdin.buffer.read() if part == "@-" else Path(part[1:]).read_bytes()
    except OSError as error:
        raise BadRequest(f"{part[1:]}: cannot be read as the body: {error.strerror}") from error
    return read if keep_line_ends else read.replace(b"\r", b"").replace(b"\n", b"")


def _field(line: str) -> tuple[str, str | None]:
    """A `-H` line: `Name: value`, `Name;` for an empty value, `Name:` for none (the default one is left out)."""
    if line.endswith(";") and ":" not in line:
        name, value = line[:-1], ""
    else:
        name, colon, value = line.partition(":")
        if not colon:
            raise BadRequest(f"-H {line!r}: write `Name: value`")
    value = value.strip()
    if not _NAME.fullmatch(name):
        raise BadRequest(f"-H {line!r}: {name!r} is no field name")
    if _NOT_IN_VALUE.search(value):
        raise BadRequest(f"-H {line!r}: a field value is one line without control characters")
    return name, (None if not value and not line.endswith(";") else _as_latin1(value))


def _as_latin1(value: str) -> str:
    """Text whose Latin-1 bytes are the UTF-8 of the value: what a terminal would send."""
    return value.encode().decode("latin-1")


def _cookies(cookie: str) -> str:
    if "=" not in cookie or _NOT_IN_VALUE.search(cookie):
        raise BadRequest(f"-b {cookie!r}: write `name=value`, several separated by `; `; a cookie file is not read")
    return _as_latin1(cookie)


def _basic(user: str) -> str:
    if ":" not in user:
        raise BadRequest(f"-u {user!r}: write `name:password`")
    return "Basic " + base64.b64encode(user.encode()).decode("ascii")
