"""What a stream plays: items and the script that holds them. Values only; `reading.py` makes them from requests."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

DEFAULT_KEEPALIVE_MS = 15_000


class End(StrEnum):
    """What the producer does after the last item."""

    COMPLETE = "complete"
    FAIL = "fail"
    HANG = "hang"


@dataclass(frozen=True, slots=True)
class Text:
    """One item of a text stream: some bytes, or `size` bytes of filler, made when they are needed."""

    content: bytes = b""
    size: int | None = None
    gate: bool = False
    after_ms: int = 0

    def payload(self) -> bytes:
        """The bytes of the item."""
        return self.content if self.size is None else b"x" * self.size

    def payload_size(self) -> int:
        """How many bytes it stands for."""
        return len(self.content) if self.size is None else self.size


@dataclass(frozen=True, slots=True)
class Event:
    """One item of an event stream; None is a field that is not sent."""

    event: str | None = None
    data: str | None = None
    id: str | None = None
    retry: int | None = None
    comment: str | None = None
    size: int | None = None
    gate: bool = False
    after_ms: int = 0

    def text(self) -> str | None:
        """The data, whether given or `size` characters of filler."""
        return self.data if self.size is None else "x" * self.size

    def payload_size(self) -> int:
        """How many bytes of data it stands for; its other fields do not count."""
        return len((self.data or "").encode()) if self.size is None else self.size


Item: TypeAlias = Text | Event


@dataclass(frozen=True, slots=True)
class Script:
    """Items, when they are due and how the stream ends."""

    sse: bool
    items: Callable[[], Iterable[Item]]
    """Called once per repetition, so that 100,000 items need not exist at once."""
    total: int
    """N of the terminal event: len(items) × repeat, or the count of the query."""
    repeat: int = 1
    end: End = End.COMPLETE
    first: int = 1
    """The number of the first item, above 1 where an event stream is resumed."""
    demo: bool = False
    """Whether it is that of a GET: its text ends with `done`, while a posted text is exactly its items."""
    fail_before_start: bool = False
    keepalive_ms: int = DEFAULT_KEEPALIVE_MS
    cleanup_ms: int = 0
    token: str | None = None

    def play_list(self) -> Iterator[Item]:
        """The items in order, repetitions included."""
        for _ in range(self.repeat):
            yield from self.items()
