"""Stimuli for the syntax of event streams: scripts whose items are hard to write, and such that must not be written."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from streamspec.contract import Capability
from streamspec.requirement import exchange
from streamspec_client.event_stream import EventStreamDecoder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamspec.exchanges.recorder import Item, Recorder
    from streamspec_client.probe import Connection
    from streamspec_client.trace import Response

BEFORE, AFTER = "before", "after"
"""The data of the two events around a script's items: what is judged lies between them."""

PLAIN = "plain"
"""The script of a few harmless fields: where it is refused too, nothing is learnt from a refusal."""

UTF8_TEXT = "Zoë — 日本語 — 🙂🙃 — e\u0301 — \ufeff — \ufffd — \U0010fffd end"
UNICODE_ID = "größe-日本-🙂"
LARGE_EVENT_BYTES = 1_048_576

COUNTED_EVENTS = 300
"""Of GET /sse, all due at once: some 15 KB, so that a server which sends its buffer when that is full cuts events."""

DATA: dict[str, tuple[str, ...]] = {
    "utf8": (UTF8_TEXT, "\ufeffa BOM is text here"),
    "data-lf": ("first\nsecond\n\nfourth",),
    "data-crlf": ("first\r\nsecond\r\n\r\nfourth",),
    "data-cr": ("first\rsecond\r\rfourth",),
    "data-trailing-newline": ("line\n", "first\nsecond\n", "\n"),
    "data-leading-space": (" one", "  two", " ", "\ttab", "first\n second", "trailing "),
    "data-colon": (":", ": comment", "data: data", "event: event", "id:1", "retry: 1", "name: value", "https://[::1]/"),
    "data-separators": ("a\u2028b", "a\u2029b", "a\u0085b", "a\x0bb", "a\x0cb", "a\x1cb", "a\x1db", "a\x1eb"),
    "data-nul": ("a\0b", "\0"),
}
"""Items that have data alone, by the name of their script. It parses back as given, with LF for each line end."""

GET, GET_COUNT = "get", 3
"""The stream of GET /sse beside the scripts, and its count."""

LAST_EVENT_IDS = ("42", "42", "a:b c", "", "0", "alone")
"""The last event ID at each event of the script `id`."""

RETRIES_MS = ("2500", "0", "2147483647")
"""The data of the events of the script `retry`: the reconnection time that was set before each."""

COMMENT_LINES = ("first", "second", "", "fourth")

ITEMS: dict[str, tuple[Item, ...]] = {
    PLAIN: ({"data": "one"}, {"event": "tick", "data": "two", "id": "2", "retry": 3000, "comment": "three"}),
    "one-dispatch": (
        {"data": "one"},
        {"data": "one"},
        {"comment": "no event"},
        {"retry": 3000},
        {"data": '{"n": 2}', "event": "tick"},
        {"event": "no-data"},
        {"id": "no-data"},
        {"data": "three", "id": "3", "retry": 3000, "comment": "three"},
        {"size": 100},
    ),
    "event-type": (
        {"event": "tick", "data": "named"},
        {"data": "not named"},
        {"event": "größe:x y", "data": "colon and space"},
        {"event": " tick", "data": "leading space"},
        {"event": "message", "data": "the default's name"},
    ),
    "id": (
        {"id": "42", "data": "with id"},
        {"data": "as before"},
        {"id": "a:b c", "data": "colon and space"},
        {"id": "", "data": "reset"},
        {"id": "0", "data": "zero"},
        {"id": "alone"},
        {"data": "after an id without data"},
    ),
    "id-unicode": ({"id": UNICODE_ID, "data": "with id"},),
    "retry": tuple(item for text in RETRIES_MS for item in ({"retry": int(text)}, {"data": text})),
    "comment": (
        {"comment": "\n".join(COMMENT_LINES)},
        {"comment": "\r\n".join(COMMENT_LINES), "data": "with a comment"},
    ),
    **{name: tuple({"data": text} for text in data) for name, data in DATA.items()},
    "data-empty": ({"data": ""}, {"size": 0}),
    "surrogate": ({"data": "\ud800"},),
}
"""The scripts by name. Each is a stream of its own: a server that refuses one, or breaks at it, shows the others."""

LINE_ENDS = {"lf": "\n", "cr": "\r", "crlf": "\r\n"}

UNWRITABLE: dict[str, Item] = {
    **{f"event-{name}": {"event": f"tick{end}data: injected", "data": "x"} for name, end in LINE_ENDS.items()},
    "event-last": {"event": "tick\n", "data": "x"},  # which `$` in many a regular expression lets through
    **{f"id-{name}": {"id": f"1{end}data: injected", "data": "x"} for name, end in LINE_ENDS.items()},
    "id-last": {"id": "1\n", "data": "x"},
    "nul": {"id": "1\0", "data": "x"},
}
"""Items that no event stream can hold, by the name of their script."""


def comment_with_fields(end: str) -> str:
    """A comment whose lines after the first would each be a field."""
    return end.join(["comment", "data: injected", "id: injected", "event: injected", "injected", "", "data: injected"])


def _fenced(items: Sequence[Item]) -> list[Item]:
    return [{"data": BEFORE}, *items, {"data": AFTER}]


def _wait_all(recorder: Recorder, streams: Sequence[Connection]) -> None:
    """Wait for the end of each stream; once one has not come in time, look only at what is there."""
    within_s = recorder.prompt_s
    for stream in streams:
        if not stream.wait_complete(1, within_s) and not stream.closed:
            within_s = 0.0


@exchange(Capability.SCRIPT)
def scripted_events(recorder: Recorder) -> None:
    """Event streams side by side, each of a script of its own, and one by GET."""
    streams = [
        recorder.post("/sse", _fenced(items), token=recorder.token(), name=name) for name, items in ITEMS.items()
    ]
    streams.append(recorder.get(f"/sse?count={GET_COUNT}&interval_ms=0", name=GET))
    _wait_all(recorder, streams)


@exchange(Capability.SCRIPT)
def unwritable_events(recorder: Recorder) -> None:
    """Scripts side by side, each with one item that cannot be written, and comments that look like fields."""
    scripts = {PLAIN: ITEMS[PLAIN], **{name: (item,) for name, item in UNWRITABLE.items()}}
    for name, end in LINE_ENDS.items():
        scripts[f"comment-{name}"] = ({"comment": comment_with_fields(end)},)
    streams = [
        recorder.post("/sse", _fenced(items), token=recorder.token(), name=name) for name, items in scripts.items()
    ]
    _wait_all(recorder, streams)


@exchange(Capability.SCRIPT)
def large_event(recorder: Recorder) -> None:
    """An event of 1 MiB between two small ones."""
    stream = recorder.post("/sse", _fenced([{"size": LARGE_EVENT_BYTES}]), token=recorder.token())
    _wait_all(recorder, [stream])


WHOLE_ITEMS: tuple[Item, ...] = (
    {"data": "all", "event": "tick", "id": "1", "retry": 3000, "comment": "all fields"},
    {"comment": "alone"},
    {"data": "x" * 16_384},
)
WHOLE_REPEAT = 2

COUNTS = {GET: COUNTED_EVENTS, "get-none": 0, "post": WHOLE_REPEAT * len(WHOLE_ITEMS), "post-none": 0}
"""The count in the terminal event of each stream that is read to its end."""

WAITS = 4
"""So many times the end of the counted events is waited for while more of them come: 20 s, in which a server that needs
40 ms for each, of which the requirements of time tell, is done."""


@exchange()
def ended_events(recorder: Recorder) -> None:
    """Event streams that are read to their end: by GET, and by POST where scripts are declared."""
    streams = [recorder.get(f"/sse?count={COUNTS[name]}&interval_ms=0", name=name) for name in (GET, "get-none")]
    if Capability.SCRIPT in recorder.target.capabilities:
        token = recorder.token()
        streams.append(recorder.post("/sse", WHOLE_ITEMS, token=token, name="post", repeat=WHOLE_REPEAT))
        streams.append(recorder.post("/sse", [], token=recorder.token(), name="post-none"))
    _wait_while_content_comes(recorder, streams[0])
    _wait_all(recorder, streams[1:])


def _wait_while_content_comes(recorder: Recorder, stream: Connection) -> None:
    seen = -1
    for _ in range(WAITS):
        size = len(stream.response.body) if stream.response else 0
        if size == seen or stream.wait_complete(1, recorder.prompt_s) or stream.closed:
            return
        seen = size


LOCK_STEP_ITEMS: tuple[Item, ...] = (
    {"data": "first"},
    {"event": "tick", "id": "2", "data": "second"},
    {"data": "x" * 16_384},
    {"comment": "fourth", "data": "fourth"},
    {"data": "5"},
)
LOCK_STEP_DATA = tuple(str(item["data"]) for item in LOCK_STEP_ITEMS)


def _dispatched(response: Response, data: str) -> bool:
    return any(event.data == data for event in EventStreamDecoder().feed(response.body))


@exchange(Capability.SCRIPT, Capability.GATE)
def lock_step_events(recorder: Recorder) -> None:
    """An event stream whose items wait at gates; each gate opens when the event before has been dispatched."""
    token = recorder.token()
    stream = recorder.post("/sse", [{"gate": True, **item} for item in LOCK_STEP_ITEMS], token=token)
    if not recorder.may_go_on(stream):
        return
    for data in LOCK_STEP_DATA:
        recorder.release(token)
        if not stream.wait_for(partial(_dispatched, data=data), recorder.prompt_s):
            return
    stream.wait_complete(1, recorder.prompt_s)
