"""Stimuli for keep-alive: event streams that have nothing to send for a while, in each way in which that happens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamspec.contract import Capability
from streamspec.exchanges.disconnect import comments
from streamspec.requirement import exchange
from streamspec_client.event_stream_lines import LineKind, lines_of
from streamspec_client.trace import Ending

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamspec.exchanges.recorder import Item, Recorder
    from streamspec_client.probe import Connection
    from streamspec_client.trace import Response

PLAIN = "plain"
"""The stream without `keepalive_ms`: where it is refused too, nothing is learnt from a refusal."""

CLOCK = "clock"
"""The stream whose comments tell for how long nothing was read of the large events."""

BEFORE, AFTER = "before", "after"
"""The data of the first and of the last event of a script."""

KEEPALIVE_MS = 50
"""Of the streams whose silence is timed: far above what a busy machine delays a comment by."""

WATCHED_MS = 3 * KEEPALIVE_MS
"""How long a silence is watched: more than the longest that is allowed, so that a comment must come in it."""

LARGE_EVENT_BYTES, LARGE_EVENTS = 1_048_576, 6
"""6 MiB: kernels hide 3.4 to 4.1 MB on loopback, so the server has to wait in the middle of an event."""

STALL_KEEPALIVE_MS, STALL_COMMENTS = 10, 5
"""Keep-alive comments of another stream during which nothing is read of the large events."""

COMPLETES, FAILS = "complete", "fail"
"""The streams that are kept alive until they end, by how they end."""

END_KEEPALIVE_MS, CLEANUP_MS = 20, 100
"""Time for several comments while the producer cleans up behind the last event."""

DEMO_SILENCE_MS = 150
"""Time for several comments before the last event, where there is no gate to wait for one."""


def _plain(recorder: Recorder) -> None:
    recorder.get("/sse?count=1&interval_ms=0", name=PLAIN).wait_complete(1, recorder.prompt_s)


def _was_watched(response: Response) -> bool:
    """Whether a comment came late enough to show that silence is broken again and again; or none will come."""
    ends = [line.offset + len(line.raw) for line in lines_of(response.body) if line.kind is LineKind.COMMENT]
    watched = bool(ends) and response.arrival_s(ends[-1]) - response.head_at_s >= WATCHED_MS / 1000
    return watched or response.ending is not Ending.OPEN


def _watch(recorder: Recorder, stream: Connection) -> bool:
    return stream.wait_for(_was_watched, recorder.prompt_s)


@exchange(Capability.KEEPALIVE, timed=True)
def silent_events(recorder: Recorder) -> None:
    """Event streams that fall silent behind their first event: the next is due in a minute, gated, or never comes.

    One after the other: of bytes that had to wait for being read, only the last have their own time.
    """
    _plain(recorder)
    query = f"count=2&interval_ms=60000&keepalive_ms={KEEPALIVE_MS}"
    if not _watch(recorder, recorder.get(f"/sse?{query}", name="due")):
        return
    scripts: dict[str, tuple[Item, ...]] = {}
    if Capability.SCRIPT in recorder.target.capabilities:
        scripts["hanging"] = ({"data": BEFORE},)
    if scripts and Capability.GATE in recorder.target.capabilities:
        scripts["gated"] = ({"data": BEFORE}, {"data": AFTER, "gate": True})
    for name, items in scripts.items():
        token = recorder.token()
        if not _watch(
            recorder, recorder.post("/sse", items, token=token, name=name, end="hang", keepalive_ms=KEEPALIVE_MS)
        ):
            return


@exchange(Capability.KEEPALIVE, timed=True)
def silent_before_first_event(recorder: Recorder) -> None:
    """Event streams whose first event is due in a minute, and, where there are gates, is gated."""
    _plain(recorder)
    query = f"count=1&first_delay_ms=60000&keepalive_ms={KEEPALIVE_MS}"
    if not _watch(recorder, recorder.get(f"/sse?{query}", name="due")):
        return
    if {Capability.SCRIPT, Capability.GATE} <= recorder.target.capabilities:
        items: list[Item] = [{"data": BEFORE, "gate": True}]
        _watch(recorder, recorder.post("/sse", items, token=recorder.token(), name="gated", keepalive_ms=KEEPALIVE_MS))


@exchange(Capability.KEEPALIVE, Capability.SCRIPT)
def stalled_in_large_events(recorder: Recorder) -> None:
    """Events of 1 MiB that nobody reads for several keep-alive times, which another stream tells; then all is read."""
    _plain(recorder)
    items: list[Item] = [{"data": BEFORE}, *[{"size": LARGE_EVENT_BYTES}] * LARGE_EVENTS, {"data": AFTER}]
    token = recorder.token()
    stream = recorder.post("/sse", items, token=token, end="hang", keepalive_ms=STALL_KEEPALIVE_MS)
    if not stream.wait_head(recorder.prompt_s):
        return
    query = f"count=2&interval_ms=60000&keepalive_ms={STALL_KEEPALIVE_MS}"
    clock = recorder.get(f"/sse?{query}", name=CLOCK)
    if not clock.wait_for(lambda made: comments(made) >= STALL_COMMENTS or _is_over(made), recorder.prompt_s):
        return
    if stream.wait_body(LARGE_EVENTS * LARGE_EVENT_BYTES, recorder.prompt_s):
        stream.wait_for(_ends_with_comment, recorder.prompt_s)


def _is_over(response: Response) -> bool:
    return response.ending is not Ending.OPEN


def _ends_with_comment(response: Response) -> bool:
    """Whether a comment came behind the last event; or nothing more will come."""
    tail = response.body[-1000:]
    last = tail.rpartition(AFTER.encode())
    return _is_over(response) or (bool(last[1]) and any(line.startswith(b":") for line in last[2].splitlines()))


def _wait_all(recorder: Recorder, streams: Sequence[Connection]) -> None:
    """Wait for the end of each stream; once one has not come in time, look only at what is there."""
    within_s = recorder.prompt_s
    for stream in streams:
        if not stream.wait_complete(1, within_s) and not stream.closed:
            within_s = 0.0


@exchange(Capability.KEEPALIVE)
def kept_alive_to_the_end(recorder: Recorder) -> None:
    """Event streams kept alive at a gate, which then complete and fail with a clean-up that awaits; else the demo."""
    _plain(recorder)
    if not {Capability.SCRIPT, Capability.GATE} <= recorder.target.capabilities:
        query = f"count=2&interval_ms={DEMO_SILENCE_MS}&keepalive_ms={END_KEEPALIVE_MS}"
        recorder.get(f"/sse?{query}", name=COMPLETES).wait_complete(1, recorder.prompt_s)
        return
    items: list[Item] = [{"data": BEFORE}, {"data": AFTER, "gate": True}]
    tokens = {name: recorder.token() for name in (COMPLETES, FAILS)}
    streams = [
        recorder.post(
            "/sse", items, token=token, name=name, end=name, keepalive_ms=END_KEEPALIVE_MS, cleanup_ms=CLEANUP_MS
        )
        for name, token in tokens.items()
    ]
    within_s = recorder.prompt_s
    for stream, token in zip(streams, tokens.values(), strict=True):
        if not stream.wait_for(_had_comment_behind_event, within_s):
            within_s = 0.0
        recorder.release(token)
    _wait_all(recorder, streams)


def _had_comment_behind_event(response: Response) -> bool:
    return _is_over(response) or any(
        line.startswith(b":") for line in response.body.partition(BEFORE.encode())[2].splitlines()
    )
