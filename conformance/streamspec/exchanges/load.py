"""Stimuli for load: two hundred streams at once, one more than there may be, one that always has an item ready.

`GET /streams` is asked meanwhile, each time on a connection of its own that is read together with the streams.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamspec.contract import Capability
from streamspec.exchanges.disconnect import HELLO, IDLE, KINDS, STATE_WAIT_MS, TIGHT_ITEMS, await_recovery
from streamspec.requirement import exchange
from streamspec_client.crowd import Crowd
from streamspec_client.probe import Leaving

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamspec.exchanges.recorder import Recorder
    from streamspec_client.probe import Connection

CROWD, CROWD_ITEMS, CROWD_INTERVAL_MS = 200, 20, 50
"""200 streams at 20 items a second, for one second."""

STATUS_REQUESTS = 8

MAX_STREAMS = 8

SLOTS = [f"slot-{number}" for number in range(1, MAX_STREAMS + 1)]
"""The streams that take every slot, by their conversations."""

BEYOND = {"beyond-text": "/stream", "beyond-events": "/sse"}
MADE_ROOM = ("after-leaving", "after-completing")
BEYOND_AGAIN = "beyond-again"
"""The streams that are asked for when every slot is taken; those that get a slot that was freed; one beyond those."""


def crowd_name(number: int) -> str:
    """The conversation of one stream of the crowd, counted from 0; the even ones are text."""
    return f"{'text' if number % 2 == 0 else 'events'}-{number}"


def status_name(number: int) -> str:
    """The conversation in which the totals are asked for, counted from 1."""
    return f"status-{number}"


@exchange(Capability.STATUS, alone=True)
def crowded(recorder: Recorder) -> None:
    """200 demos of both kinds at 20 items a second; meanwhile the totals are asked for again and again."""
    recorder.totals("before")
    query = f"count={CROWD_ITEMS}&interval_ms={CROWD_INTERVAL_MS}"
    tokens, streams = {}, []
    for number in range(CROWD):
        name = crowd_name(number)
        tokens[name] = recorder.token()
        streams.append(recorder.get(f"{KINDS[name.partition('-')[0]]}?{query}&token={tokens[name]}", name=name))
    crowd = Crowd(streams)
    crowd.read(lambda: all(stream.body_size for stream in streams), recorder.prompt_s)
    for number in range(1, STATUS_REQUESTS + 1):
        status = recorder.get("/streams", name=status_name(number))
        crowd.add(status)
        # An item of the first stream is the pause from one to the next.
        if not crowd.read(_answer_and_item(status, streams[0], streams[0].body_size), recorder.prompt_s):
            break
    plays_s = CROWD_ITEMS * CROWD_INTERVAL_MS / 1000
    crowd.read(lambda: all(stream.response_count for stream in streams), 2 * plays_s + recorder.prompt_s)
    wait_ms = STATE_WAIT_MS
    for name, token in tokens.items():
        state = recorder.state(token, wait_ms, f"state-{name}")
        wait_ms = wait_ms if state.get("cleaned") is True else 0
    for _ in range(5):  # the shortest of several round trips bounds the error of the clocks' offset
        recorder.totals()


def _answer_and_item(status: Connection, stream: Connection, size: int) -> Callable[[], bool]:
    return lambda: status.response_count > 0 and (stream.body_size > size or stream.response_count > 0)


@exchange(Capability.SCRIPT, Capability.STATUS, alone=True)
def tight_beside_status(recorder: Recorder) -> None:
    """A text stream whose next item is always ready; while it plays the totals are asked for again and again."""
    token = recorder.token()
    tight = recorder.post("/stream", [HELLO["text"]], token=token, repeat=TIGHT_ITEMS, name="tight")
    tight.wait_for(lambda made: b"hello" in made.body, recorder.prompt_s)
    for number in range(1, STATUS_REQUESTS + 1):
        if not recorder.get("/streams", name=status_name(number)).wait_complete(1, recorder.prompt_s):
            break
    tight.leave(Leaving.RST)
    await_recovery(recorder)


@exchange(
    Capability.SCRIPT,
    Capability.GATE,
    Capability.STATUS,
    Capability.LIMITS,
    alone=True,
    launch={"STREAMSPEC_MAX_STREAMS": str(MAX_STREAMS)},
)
def filled(recorder: Recorder) -> None:
    """Every slot taken and streams beyond asked for; then one is left, another completes, and each makes room for one.

    What takes the room is idle: at the end every slot is taken again.
    """
    tokens = {name: recorder.token() for name in SLOTS}
    first, *_, last = SLOTS
    slots = {name: recorder.get(f"/stream?{IDLE}&token={tokens[name]}", name=name) for name in SLOTS[:-1]}
    gated = [HELLO["text"], {**HELLO["text"], "gate": True}]
    slots[last] = recorder.post("/stream", gated, token=tokens[last], name=last)
    if not all(slot.wait_head(recorder.prompt_s) for slot in slots.values()):
        return
    for name, path in BEYOND.items():
        recorder.get(f"{path}?{IDLE}", name=name).wait_head(recorder.prompt_s)
    recorder.leave(slots[first], Leaving.FIN)
    recorder.state(tokens[first], STATE_WAIT_MS, "left")
    recorder.get(f"/stream?{IDLE}", name=MADE_ROOM[0]).wait_head(recorder.prompt_s)
    recorder.release(tokens[last])
    slots[last].wait_complete(1, recorder.prompt_s)
    recorder.state(tokens[last], STATE_WAIT_MS, "completed")
    recorder.get(f"/sse?{IDLE}", name=MADE_ROOM[1]).wait_head(recorder.prompt_s)
    recorder.get(f"/stream?{IDLE}", name=BEYOND_AGAIN).wait_head(recorder.prompt_s)
