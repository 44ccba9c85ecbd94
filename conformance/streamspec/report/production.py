"""When a server produced what a conversation brought: its ledger beside the wire, on the trace's clock.

For people, not for verdicts: what cannot be told is left out.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streamspec.dispatches import dispatched
from streamspec.report.asked import first_request
from streamspec_client.http2_frames import PREFACE
from streamspec_client.trace import NEVER_S

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from streamspec.contract import JSON
    from streamspec_client.trace import Answer, Conversation, Response, Trace

_TOKEN = re.compile(rb'[?&]token=([\w.~-]+)|"token": ?"([\w.~-]+)"')


@dataclass(frozen=True, slots=True)
class Production:
    """What the ledger says of a conversation's stream, in seconds of the trace."""

    items: list[tuple[float, float | None]]
    """When each item was produced, and when its last byte was there, if that can be told."""
    closed_s: float | None
    """When the server had done with the stream."""


def production(trace: Trace, only: Container[str] | None = None) -> dict[str, Production]:
    """What the ledger says, by the name of the conversation; of all of them, or of some."""
    states = {path: value for answer in trace.answers for path, value in [_state(answer)] if value}
    offset_s = _clock_offset_s(trace)
    if offset_s is None:
        return {}
    found = {}
    for talk in trace.conversations:
        if only is not None and talk.name not in only:
            continue
        state = states.get(f"/streams/{token_of(talk)}")
        if state is not None and (made := _produced(talk, state, offset_s)) is not None:
            found[talk.name] = made
    return found


def _state(answer: Answer) -> tuple[str, Mapping[str, JSON] | None]:
    path = answer.path.partition("?")[0]
    with suppress(ValueError):
        value = json.loads(answer.body)
        if isinstance(value, dict) and isinstance(value.get("produced_ms"), list):
            return path, value
    return path, None


def _clock_offset_s(trace: Trace) -> float | None:
    """What to add to the server's clock to get the trace's; None where no answer tells the server's time.

    Of an answer that was waited for (`wait_ms`) the time is that of its end, of others the middle of the round trip.
    """
    offsets = []
    for answer in trace.answers:
        with suppress(ValueError):
            value = json.loads(answer.body)
            now_ms = value.get("now_ms") if isinstance(value, dict) else None
            if isinstance(now_ms, int | float):
                waited = "wait_ms=" in answer.path
                middle_s = answer.at_s if waited else (answer.asked_at_s + answer.at_s) / 2
                offsets.append((waited, answer.at_s - answer.asked_at_s, middle_s - now_ms / 1000))
    return min(offsets)[2] if offsets else None


def token_of(talk: Conversation) -> str | None:
    """The name that the conversation's stream was given when it was asked for."""
    if talk.sent and talk.sent[0].data.startswith(PREFACE):  # the path is compressed, and the content in frames
        asked = first_request(b"".join(segment.data for segment in talk.sent))
        said = asked.target.encode("latin-1") + b"\n" + asked.body if asked else b""
    else:
        said = b"".join(segment.data for segment in talk.sent[:2])
    match = _TOKEN.search(said)
    return (match[1] or match[2]).decode("ascii") if match else None


def _produced(talk: Conversation, state: Mapping[str, JSON], offset_s: float) -> Production | None:
    times = state["produced_ms"]
    if not isinstance(times, list) or not all(isinstance(at_ms, int | float) for at_ms in times):
        return None
    produced_s = [float(at_ms) / 1000 + offset_s for at_ms in times if isinstance(at_ms, int | float)]
    closed_ms = state.get("closed_ms")
    closed_s = closed_ms / 1000 + offset_s if isinstance(closed_ms, int | float) else None
    arrived_s = arrivals_s(talk.response, len(produced_s)) if talk.response else []
    padded = [*arrived_s, *[None] * (len(produced_s) - len(arrived_s))]
    pairs = list(zip(produced_s, padded, strict=True))
    # Nothing arrives before it is produced: where it seems so, that is the error of the clocks' offset.
    early_s = min([0.0, *(there_s - made_s for made_s, there_s in pairs if there_s is not None)])
    return Production(
        [(made_s + early_s, there_s) for made_s, there_s in pairs], None if closed_s is None else closed_s + early_s
    )


def arrivals_s(response: Response, count: int) -> list[float | None]:
    """When each of so many items was there; empty where the items cannot be told apart.

    An item is an event, a line of text, or a chunk, whichever there are as many of (`done` is one more).
    """
    events = "text/event-stream" in (response.value("content-type") or "")
    body = response.body
    ends = [made.end for made in dispatched(body)] if events else [match.end() for match in re.finditer(rb"\n", body)]
    if len(ends) in {count, count + 1}:
        times = [response.arrival_s(end) for end in ends[:count]]
    elif len(response.chunks) in {count, count + 1}:
        times = [chunk.at_s for chunk in response.chunks[:count]]
    else:
        return []
    return [at_s if at_s < NEVER_S else None for at_s in times]
