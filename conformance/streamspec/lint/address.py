"""A URL as it is asked for: where to connect, the request target, the Host field. Text in, values out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urljoin, urlsplit, urlunsplit

from streamspec.mistake import Mistake

if TYPE_CHECKING:
    from typing import Self

PORTS = {"http": 80, "https": 443}

# Characters of RFC 3986 that may stand in a path and a query, and % itself: what is encoded already stays so.
_AS_THEY_ARE = "%/:?#[]@!$&'()*+,;=~"


class BadAddress(Mistake):
    """A URL that cannot be asked for: mend the command."""


@dataclass(frozen=True, slots=True)
class Address:
    """An http or https URL in its parts."""

    scheme: str
    host: str
    """Without the brackets of an IPv6 address."""
    port: int
    target: str
    """Path and query, as they stand in the request line."""
    userinfo: str = ""
    """`name:password`, decoded; empty where the URL has none."""

    @classmethod
    def of(cls, url: str) -> Self:
        """The address of a URL. Raises BadAddress that says what it should be."""
        if re.search(r"[\x00-\x20\x7f]", url):
            raise BadAddress(f"{url!r}: a URL has no spaces or control characters; write %20 for a space")
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise BadAddress(f"{url}: {error}") from error
        if parts.scheme not in PORTS or not host:
            raise BadAddress(f"{url}: give a URL that starts with http:// or https:// and names a host")
        if port == 0:
            raise BadAddress(f"{url}: nothing can be reached at port 0")
        target = quote(urlunsplit(("", "", parts.path or "/", parts.query, "")), safe=_AS_THEY_ARE)
        userinfo = parts.netloc.rpartition("@")[0]
        return cls(parts.scheme, host, port or PORTS[parts.scheme], target, unquote(userinfo))

    @property
    def origin(self) -> str:
        """Scheme, host and port, which tell whether two addresses are one server's."""
        literal = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{literal}" + ("" if self.port == PORTS[self.scheme] else f":{self.port}")

    @property
    def url(self) -> str:
        """The URL, without name and password."""
        return self.origin + self.target

    @property
    def is_tls(self) -> bool:
        """Whether TLS is spoken there."""
        return self.scheme == "https"

    def followed_to(self, location: str) -> Address:
        """Where a Location field leads from here. Raises BadAddress."""
        return Address.of(quote(urljoin(self.url, location), safe=_AS_THEY_ARE))

    def at(self, other: str) -> Address:
        """The same resource at another server: a URL without a path of its own gets this one's path and query."""
        found = Address.of(other)
        if found.target != "/":
            return found
        return Address(found.scheme, found.host, found.port, self.target, found.userinfo)
