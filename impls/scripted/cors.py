"""Which pages of another origin may read a stream (Fetch, section 3.3, "CORS protocol").

An allow-list: the origin is echoed where it is on the list. A framework with CORS of its own takes the constants from
here, any other the fields.
"""

from collections.abc import Collection

METHODS = ("GET", "HEAD", "POST")
REQUEST_FIELDS = ("Content-Type", "Last-Event-ID")
EXPOSED_FIELDS = ("Stream-Token", "Retry-After")


def is_preflight(method: str, requested_method: str | None) -> bool:
    """Whether a request asks for permission: OPTIONS with Access-Control-Request-Method."""
    return method == "OPTIONS" and requested_method is not None


def response_fields(origin: str | None, allowed: Collection[str]) -> list[tuple[str, str]]:
    """Fields of every response, errors too. Vary is there for every origin: a cache must not mix them up."""
    fields = [("Vary", "Origin")]
    if origin in allowed and origin is not None:
        fields += [
            ("Access-Control-Allow-Origin", origin),
            ("Access-Control-Expose-Headers", ", ".join(EXPOSED_FIELDS)),
        ]
    return fields


def preflight_fields(origin: str | None, allowed: Collection[str]) -> list[tuple[str, str]]:
    """Fields of the 204 that answers a preflight."""
    if origin is None or origin not in allowed:
        return [("Vary", "Origin")]
    return [
        ("Vary", "Origin"),
        ("Access-Control-Allow-Origin", origin),
        ("Access-Control-Allow-Methods", ", ".join(METHODS)),
        ("Access-Control-Allow-Headers", ", ".join(REQUEST_FIELDS)),
        ("Access-Control-Max-Age", "600"),
    ]
