"""One stream while it plays: who asked, what is played, what is unsent. State only; `delivery.py` acts on it."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamspec.control.connection import Connection
    from streamspec.control.http1 import Request
    from streamspec.control.ledger import Record
    from streamspec.control.script import Script

IDLE_AFTER_S = 1.0


@dataclass(slots=True, eq=False)
class Stream:
    """A response body that is produced over time."""

    connection: Connection
    request: Request
    script: Script
    record: Record
    chunked: bool
    """Whether the body is in chunked coding; else the end of the connection ends it, or END_STREAM on HTTP/2."""
    keep: bool
    """Whether the connection serves another request after this."""
    made_token: bool
    unsent: bytearray = field(default_factory=bytearray)
    """What `flush` writes next: bytes of the message, chunk framing included."""
    task: asyncio.Task[None] | None = None
    started: bool = False
    head_sent: bool = False
    ending: bool = False
    """The items are over: only what ends the message is still sent."""
    due_s: float = 0.0
    """When the next item is due; infinite while it waits for a gate, or for ever."""
    awake_since_s: float = 0.0
    written_s: float = 0.0
    cut_s: float = 0.0
    """When the message breaks off, of a stream whose client was told to come back."""
    keepalives: int = 0
    """Keep-alive comments sent."""
    keepalive_timer: asyncio.TimerHandle | None = None
    age_timer: asyncio.TimerHandle | None = None

    @property
    def idle(self) -> bool:
        """Whether the producer waits, and for longer than a second more."""
        return self.due_s == math.inf or self.due_s - asyncio.get_running_loop().time() > IDLE_AFTER_S
