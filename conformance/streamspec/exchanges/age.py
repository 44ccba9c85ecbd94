"""Stimuli for the age of streams: they are open for as long as any may be, and are read until they are cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamspec.contract import Capability
from streamspec.exchanges.awaited import AwaitedLimit, late_ms
from streamspec.exchanges.disconnect import HELLO, KINDS, STATE_WAIT_MS
from streamspec.requirement import exchange
from streamspec_client.crowd import Crowd

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamspec.exchanges.recorder import Recorder
    from streamspec_client.probe import Connection

MAX_AGE = AwaitedLimit("max_age_ms", 1_000)
"""Short enough to be awaited, and long enough for each stream to begin on a busy machine."""

SPACING_MS = 60
"""The first item comes so late, and with it the next stream: whatever holds the probe up for a moment holds up one."""

ACTIVE_MS, ACTIVE_ITEMS = 10, 3_000
"""30 s of items: no server comes to the end of them by itself in time."""

TEXTS = ("text-idle", "text-active")
EVENTS = ("events-idle-1", "events-idle-2", "events-idle-3", "events-active")
"""The streams of each kind, by their conversations."""


def _open(recorder: Recorder, name: str, token: str) -> Connection:
    """An idle stream waits for ever behind its first item; an active one has items all the time."""
    kind, pace, *_ = name.split("-")
    if pace == "idle":
        items = [{**HELLO[kind], "after_ms": SPACING_MS}]
        return recorder.post(KINDS[kind], items, token=token, name=name, end="hang")
    items = [{**HELLO[kind], "after_ms": ACTIVE_MS}]
    return recorder.post(KINDS[kind], items, token=token, name=name, repeat=ACTIVE_ITEMS)


@exchange(
    Capability.SCRIPT,
    Capability.STATUS,
    Capability.LIMITS,
    launch=MAX_AGE.launch,
    at_url=MAX_AGE.too_long_to_await,
)
def open_for_max_age(recorder: Recorder) -> None:
    """Streams of both kinds, idle and with items all the time, opened one after the other and read until they are cut.

    They are read together, so that the end of each is seen when it comes.
    """
    max_age_ms = MAX_AGE.in_force_ms(recorder.target)
    recorder.mark("max-age", max_age_ms)
    crowd = Crowd([])
    tokens, streams = {}, []
    for name in (*TEXTS, *EVENTS):
        tokens[name] = recorder.token()
        stream = _open(recorder, name, tokens[name])
        streams.append(stream)
        crowd.add(stream)
        crowd.read(_begun(stream), recorder.prompt_s)
    crowd.read(lambda: all(stream.response_count for stream in streams), late_ms(max_age_ms) / 1000)
    for name, token in tokens.items():
        recorder.state(token, STATE_WAIT_MS, f"state-{name}")


def _begun(stream: Connection) -> Callable[[], bool]:
    return lambda: stream.body_size > 0 or stream.response_count > 0
