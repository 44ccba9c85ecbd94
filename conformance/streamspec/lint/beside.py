"""A path beside its origin: what lies between the two changed, as far as both ends of it show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamspec.lint.burst import is_held_back
from streamspec.lint.content import counted
from streamspec.lint.visit import ASKED, BROWSER, HTTP10
from streamspec_client.trace import Ending, Framing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamspec.lint.look import Look
    from streamspec.lint.visit import Visit
    from streamspec_client.trace import Response

DELAY_S = 0.1
"""What the way adds to a time before it is told: a network's round trip is less, what is held back waits longer."""

UNSEEN = "unknown: whether a client that leaves the path is noticed at the origin, which neither end shows"

_NOT_COMPARED = {
    "date",
    "age",
    "transfer-encoding",
    "content-length",
    "set-cookie",
    "etag",
    "stream-token",
    "connection",
}
"""Fields that differ from answer to answer, or that belong to one connection."""


def changes(path: Visit, origin: Visit) -> list[str]:
    """What the path changed, one sentence each; the last says what cannot be seen."""
    told: list[str] = []
    for name in (ASKED, BROWSER, HTTP10):
        if name in path.looks and name in origin.looks:
            told += [f"{name}: {change}" for change in _of_look(path.looks[name], origin.looks[name])]
    told += _of_fields(path.asked, origin.asked)
    return [*(told or ["nothing that either end shows"]), UNSEEN]


def _of_look(path: Look, origin: Look) -> Iterator[str]:
    there, here = path.response, origin.response
    if there is None or here is None:
        if there is not here:
            yield "an answer came by one way only, " + ("by the path" if there else "from the origin")
        return
    if there.status != here.status:
        yield f"status {there.status}, from the origin {here.status}"
        return
    if later := _later(there.head_at_s - path.asked_at_s, here.head_at_s - origin.asked_at_s):
        yield f"the header section comes {later} later"
    yield from _of_delivery(path, origin)
    if Ending.OPEN not in {there.ending, here.ending} and _ending(there) != _ending(here):
        yield f"it ends {_ending(there)}, at the origin {_ending(here)}"
    if there.framing != here.framing:
        yield f"the body is {there.framing}, at the origin {here.framing}"


def _of_delivery(path: Look, origin: Look) -> Iterator[str]:
    there, here = path.content, origin.content
    assert there is not None  # noqa: S101 - both have a response
    assert here is not None  # noqa: S101 - as above
    if there.coding != here.coding:
        yield f"Content-Encoding {there.coding or 'none'}, at the origin {here.coding or 'none'}"
    if not here.pieces:
        return
    if not there.pieces:
        yield f"buffered: no {there.noun} in {path.watched_s:.1f} s"
        return
    if later := _later(there.first_s - path.asked_at_s, here.first_s - origin.asked_at_s):
        yield f"the first of its {there.noun} comes {later} later"
    if is_held_back(path, origin):
        yield (
            f"buffered: {counted(there.pieces, there.noun)} at {counted(there.moments, 'moments')}, "
            f"at the origin {here.pieces} at {here.moments}"
        )


def _later(path_s: float, origin_s: float) -> str:
    return f"{path_s - origin_s:.2f} s" if path_s - origin_s >= DELAY_S else ""


def _ending(response: Response) -> str:
    closes = response.framing is Framing.CLOSE or "close" in response.tokens("connection")
    return f"{response.ending}, the connection {'closed' if closes else 'kept alive'}"


def _of_fields(path: Look, origin: Look) -> Iterator[str]:
    if path.response is None or origin.response is None:
        return
    names = {name.lower() for response in (path.response, origin.response) for name, _ in response.fields}
    for name in sorted(names - _NOT_COMPARED):
        there, here = path.response.value(name), origin.response.value(name)
        if there != here:
            yield f"{name}: {there or 'not there'}, at the origin {here or 'not there'}"
