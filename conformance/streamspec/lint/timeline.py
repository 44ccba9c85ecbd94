"""A look as one line: when the header section and each piece came; on a terminal it grows while they come.

Time goes from left to right: blank before the header section, a rule while nothing comes, bars for pieces.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rich.live import Live
from rich.text import Text

from streamspec.lint.content import counted
from streamspec.lint.verdicts import Seen, seen
from streamspec.report.wording import printable
from streamspec_client.trace import Closing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self

    from rich.console import Console

    from streamspec.lint.look import Look

WIDTH = 40
REDRAW_HZ = 10
NAME_WIDTH = 8

_BARS = ("▁", "▃", "▅", "▇", "█")
_PLAIN_BARS = (".", ":", "|", "#", "#")


def lines(looks: Sequence[Seen], *, is_unicode: bool) -> list[Text]:
    """The looks, one line each, all to one scale."""
    longest_ms = max((look.duration_ms for look in looks), default=0.0)
    return [_line(look, longest_ms, is_unicode=is_unicode) for look in looks]


def _line(look: Seen, longest_ms: float, *, is_unicode: bool) -> Text:
    axis = _axis(look, max(longest_ms, 1.0), is_unicode=is_unicode)
    left, right = ("│", "│") if is_unicode else ("[", "]")
    return Text.assemble(f"  {look.name:<{NAME_WIDTH}} {left}", (axis, "cyan"), f"{right} {told(look)}")


def _axis(look: Seen, longest_ms: float, *, is_unicode: bool) -> str:
    """The line of WIDTH characters; the highest bar is where most pieces came at once."""
    bars, rule = (_BARS, "─") if is_unicode else (_PLAIN_BARS, "-")

    def place(at_ms: float) -> int:
        return min(WIDTH - 1, int(at_ms / longest_ms * WIDTH))

    counts = [0] * WIDTH
    for at_ms in look.arrivals_ms:
        counts[place(at_ms)] += 1
    axis = [" "] * WIDTH
    if look.head_ms is not None:
        for number in range(place(look.head_ms), place(look.duration_ms) + 1):
            axis[number] = rule
    most = max(counts)
    for number, count in enumerate(counts):
        if count:
            axis[number] = bars[-1] if count == most else bars[count * (len(bars) - 1) // most]
    return "".join(axis)


def told(look: Seen) -> str:
    """A look in a few words: `20 events at 20 moments in 5.7 s, complete`."""
    if look.status is None:
        closed = "" if look.ended == Closing.OPEN else ", then the server closed the connection"
        return f"no HTTP answer in {look.duration_ms / 1000:.1f} s{closed}"
    if look.status != 200:
        return f"{look.status} after {look.duration_ms:.0f} ms"
    coding = next((f", {value}" for name, value in look.fields if name.lower() == "content-encoding"), "")
    pieces = counted(look.pieces, look.noun) + printable(coding)
    if look.pieces:
        pieces += f" at {counted(look.moments, 'moments')}"
    if look.comments:
        pieces += f" and {counted(look.comments, 'comments')}"
    return f"{pieces} in {look.duration_ms / 1000:.1f} s, {look.why_left or look.ended}"


class Timeline:
    """Shows looks while they go on: lines that grow on a terminal, else one line for each that is over."""

    def __init__(self, console: Console, title: str) -> None:
        self._console = console
        self._title = title
        self._over: list[Seen] = []
        self._live = (
            Live(console=console, refresh_per_second=REDRAW_HZ, transient=True) if console.is_terminal else None
        )

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._live:
            self._live.stop()

    def begin(self, name: str) -> None:
        """A request is about to be sent."""
        self._draw([Seen(name, None, [], 0, "", 0, None, [], "open", "", 0.0)])

    def glance(self, look: Look, now_s: float) -> None:
        """This is what has come so far."""
        if self._live:
            passed_ms = (now_s - look.asked_at_s) * 1000
            self._draw([replace(seen(look), duration_ms=passed_ms)])

    def end(self, look: Look) -> None:
        """That was all of it."""
        self._over.append(seen(look))
        self._draw([])
        if not self._live:
            (line,) = lines(self._over[-1:], is_unicode=is_unicode(self._console))
            title = [f"{self._title}\n"] if len(self._over) == 1 else []
            self._console.print(Text.assemble(*title, line), soft_wrap=True)

    def _draw(self, current: list[Seen]) -> None:
        if self._live:
            shown = lines([*self._over, *current], is_unicode=is_unicode(self._console))
            self._live.update(Text("\n").join([Text(self._title, "bold"), *shown]))


def is_unicode(console: Console) -> bool:
    """Whether bars and rules can be printed there."""
    return console.encoding.lower().startswith("utf")
