"""A response as lines for people: what came when, with its place between the request and the last moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from streamspec_client.trace import NEVER_S, Ending, Framing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streamspec_client.trace import Mark, Response

WIDTH = 24
FIRST_ROWS = 14
LAST_ROWS = 4
SHOWN_BYTES = 48


class _Row(NamedTuple):
    at_s: float
    sign: str
    text: str


def timeline(request: str, asked_at_s: float, response: Response | None, marks: Sequence[Mark], now_s: float) -> str:
    """The request, what came, what the test did (the marks), and the end, in order of time."""
    rows = [_Row(asked_at_s, "→", request)]
    rows += [_Row(mark.at_s, "*", mark.name) for mark in marks]
    rows += _received(response, now_s)
    rows.sort(key=lambda row: row.at_s)
    begin_s, end_s = rows[0].at_s, rows[-1].at_s
    lines = [
        f"{row.at_s - begin_s:8.3f} s  {_place(row.at_s - begin_s, end_s - begin_s)}  {row.sign} {row.text}"
        for row in rows
    ]
    if len(lines) > FIRST_ROWS + LAST_ROWS + 1:
        left_out = len(lines) - FIRST_ROWS - LAST_ROWS
        lines[FIRST_ROWS:-LAST_ROWS] = [f"{'…':>10}  {'':{WIDTH}}  {left_out} more lines"]
    return "\n".join(lines)


def _place(at_s: float, all_s: float) -> str:
    at = round((WIDTH - 1) * at_s / all_s) if all_s else 0
    return "·" * at + "█" + "·" * (WIDTH - 1 - at)


def _received(response: Response | None, now_s: float) -> Iterator[_Row]:
    if response is None:
        yield _Row(now_s, "←", "nothing has come so far")
        return
    yield _Row(response.head_at_s, "←", _head(response))
    for number, chunk in enumerate(response.chunks, 1):
        shown = repr(chunk.data[:SHOWN_BYTES])[1:] + ("…" if len(chunk.data) > SHOWN_BYTES else "")
        yield _Row(chunk.at_s, "←", f"{number}: {len(chunk.data)} bytes {shown}")
    if response.ending is not Ending.OPEN and response.ended_at_s < NEVER_S:
        yield _Row(response.ended_at_s, "←", f"the end: {response.ending}")
    else:
        yield _Row(now_s, "←", "no end so far")


def _head(response: Response) -> str:
    words = [str(response.status), response.value("content-type") or "no Content-Type"]
    if response.framing is Framing.CONTENT_LENGTH:
        words.append(f"Content-Length: {response.value('content-length')}")
    if coding := response.value("content-encoding"):
        words.append(f"Content-Encoding: {coding}")
    return ", ".join(words)
