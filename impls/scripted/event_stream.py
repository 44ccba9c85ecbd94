"""Event → bytes of an event stream (HTML 9.2.5), refusing what cannot be written.

A line of an event stream ends with CR LF, LF or CR and nothing else; whatever would end a line early, or be
dropped by the client's parser, is refused here and never silently changed.
"""

import re

_SURROGATE = re.compile("[\ud800-\udfff]")

KEEP_ALIVE = b": keep-alive\n\n"


class Unwritable(ValueError):
    """A value that no event stream can carry in this field."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field} {why}")
        self.field = field
        self.why = why


def encode_event(
    *,
    event: str | None = None,
    data: str | None = None,
    id: str | None = None,  # noqa: A002 - the field's name in an event stream
    retry: int | None = None,
    comment: str | None = None,
) -> bytes:
    """One event as UTF-8, with the blank line that ends it; raises Unwritable.

    A space follows every colon, because the parser removes one: a value that begins with a space keeps it.
    """
    lines = [f": {line}" for line in _lines(comment)]
    if event is not None:
        lines.append(f"event: {_one_line('event', event)}")
    if id is not None:
        # HTML 9.2.6: an id field whose value contains U+0000 NULL is ignored.
        if "\0" in id:
            raise Unwritable("id", "must not contain NUL: a client would ignore the field")
        lines.append(f"id: {_one_line('id', id)}")
    if retry is not None:
        if retry < 0:
            raise Unwritable("retry", "must be a number of milliseconds, 0 or more")
        lines.append(f"retry: {retry}")
    lines += [f"data: {line}" for line in _lines(data)]
    try:
        return "\n".join(lines).encode() + b"\n\n"
    except UnicodeEncodeError:
        strings = {"comment": comment, "event": event, "id": id, "data": data}
        field = next(name for name, value in strings.items() if value is not None and has_surrogate(value))
        raise Unwritable(field, "must not contain a lone surrogate: UTF-8 cannot encode it") from None


def has_surrogate(text: str) -> bool:
    """Whether UTF-8 cannot encode the text; JSON can spell half of a surrogate pair, and Python then holds it."""
    return _SURROGATE.search(text) is not None


def _lines(value: str | None) -> list[str]:
    # HTML 9.2.5: end-of-line = ( cr lf / cr / lf ). str.splitlines() would also cut at U+2028, U+0085, VT and FF.
    return [] if value is None else value.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _one_line(field: str, value: str) -> str:
    if "\n" in value or "\r" in value:
        raise Unwritable(field, "must not contain CR or LF: they would end the line and begin another field")
    return value
