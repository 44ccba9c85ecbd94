"""Framing of event, id, retry and comment: each says what it was given, and none can be made to say another."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from streamspec.contract import Level, contract, html
from streamspec.control import ControlServer
from streamspec.dispatches import accepted, expect_each, expect_refused, fenced, shown
from streamspec.exchanges import framing
from streamspec.judging import answered, expect
from streamspec.requirement import requirement
from streamspec.requirements.framing import between_fences, demo_events
from streamspec_client.event_stream_lines import LineKind, lines_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamspec_client.trace import Trace

MUST = Level.MUST
INTERPRETATION = html("event-stream-interpretation")


@requirement("framing-event-type", MUST, INTERPRETATION, framing.scripted_events)
def framing_event_type(trace: Trace) -> None:
    """An event has the type that it was given, and `message` where it was given none."""
    found = between_fences(trace, "event-type")[:-1]
    wanted = [str(item.get("event", "message")) for item in framing.ITEMS["event-type"]]
    expect_each(found, [made.event.type for made in found], wanted, "the type")


@framing_event_type.mutant()
class StripsEventTypes(ControlServer):
    def encode_field(self, name: str, value: str) -> bytes:
        return super().encode_field(name, value.strip() if name == "event" else value)


def _expect_last_event_ids(trace: Trace, name: str, wanted: Sequence[str]) -> None:
    found = between_fences(trace, name)[:-1]
    expect_each(found, [made.event.last_event_id for made in found], wanted, "the last event ID")


@requirement("framing-id", MUST, INTERPRETATION, framing.scripted_events)
def framing_id(trace: Trace) -> None:
    """An id becomes the last event ID, which stays until the next one; an empty id resets it."""
    _expect_last_event_ids(trace, "id", framing.LAST_EVENT_IDS)
    demo = demo_events(trace)
    expect_each(demo, [made.event.last_event_id for made in demo], ["1", "2", "3"], "the last event ID")


@framing_id.mutant()
class LeavesOutEmptyIds(ControlServer):
    def encode_id(self, id_: str) -> bytes:
        return super().encode_id(id_) if id_ else b""


@requirement("framing-id-unicode", MUST, INTERPRETATION, framing.scripted_events)
def framing_id_unicode(trace: Trace) -> None:
    """An id beyond ASCII survives."""
    _expect_last_event_ids(trace, "id-unicode", [framing.UNICODE_ID])


@framing_id_unicode.mutant()
class WritesIdsInAscii(ControlServer):
    def encode_id(self, id_: str) -> bytes:
        return super().encode_id(id_.encode("ascii", "replace").decode())


@requirement("framing-retry-digits", MUST, INTERPRETATION, framing.scripted_events)
def framing_retry_digits(trace: Trace) -> None:
    """The reconnection time is in milliseconds and in ASCII digits only: a client ignores any other."""
    found = [made for made in between_fences(trace, "retry") if made.event.data in framing.RETRIES_MS]
    expect_each(found, [str(made.retry_ms) for made in found], framing.RETRIES_MS, "a reconnection time (ms) of")


@framing_retry_digits.mutant()
class SendsRetryInSeconds(ControlServer):
    def encode_retry(self, retry_ms: int) -> bytes:
        return self.encode_field("retry", f"{retry_ms / 1000:g}")


@framing_retry_digits.mutant()
class LeavesOutARetryOfZero(ControlServer):
    def encode_retry(self, retry_ms: int) -> bytes:
        return super().encode_retry(retry_ms) if retry_ms else b""


@requirement("framing-comment", MUST, html("parsing-an-event-stream"), framing.scripted_events)
def framing_comment(trace: Trace) -> None:
    """Each line of a comment becomes a comment line, and dispatches nothing."""
    found = between_fences(trace, "comment")
    data = [made.event.data for made in found[:-1]]
    expect(data == ["with a comment"], "one event, that which has data", shown(data))
    lines = [line for made in found for line in made.lines]
    comments = [line.value.decode("utf-8", "replace").strip() for line in lines if line.kind is LineKind.COMMENT]
    wanted = 2 * [line for line in framing.COMMENT_LINES if line]
    in_order = iter(comments)  # with others between them, such as keep-alive
    expect(all(line in in_order for line in wanted), f"the comments {shown(wanted)}", shown(comments))


@framing_comment.mutant()
class SendsTheFirstLineOfAComment(ControlServer):
    def comment_lines(self, text: str) -> list[str]:
        return super().comment_lines(text)[:1]


def _expect_all_refused(trace: Trace, names: Sequence[str], why: str) -> None:
    for name in names:
        expect_refused(trace, name, framing.PLAIN, why)


@requirement("framing-no-injection-event", MUST, contract("Items"), framing.unwritable_events)
def framing_no_injection_event(trace: Trace) -> None:
    """An event type with CR or LF is refused before a stream byte: its second line would be a field of its own."""
    names = [name for name in framing.UNWRITABLE if name.startswith("event-")]
    _expect_all_refused(trace, names, "an event type is one line")


@framing_no_injection_event.mutant()
class LooksForLineEndsInsideOfEventTypes(ControlServer):
    def check_writable(self, field: str, value: str, where: str) -> None:
        super().check_writable(field, value.removesuffix("\n") if field == "event" else value, where)


@framing_no_injection_event.mutant()
class LetsLineEndsIntoEventTypes(ControlServer):
    def unwritable_in(self, field: str) -> str:
        return "" if field == "event" else super().unwritable_in(field)


@requirement("framing-no-injection-id", MUST, contract("Items"), framing.unwritable_events)
def framing_no_injection_id(trace: Trace) -> None:
    """An id with CR or LF is refused before a stream byte: its second line would be a field of its own."""
    _expect_all_refused(trace, [name for name in framing.UNWRITABLE if name.startswith("id-")], "an id is one line")


@framing_no_injection_id.mutant()
class LetsCrIntoIds(ControlServer):
    def unwritable_in(self, field: str) -> str:
        return super().unwritable_in(field).replace("\r", "") if field == "id" else super().unwritable_in(field)


@framing_no_injection_id.mutant()
class StripsLineEndsFromIds(ControlServer):
    def unwritable_in(self, field: str) -> str:
        return "\0" if field == "id" else super().unwritable_in(field)

    def encode_id(self, id_: str) -> bytes:
        return super().encode_id(re.sub("[\r\n]", "", id_))


@requirement("framing-no-injection-comment", MUST, html("parsing-an-event-stream"), framing.unwritable_events)
def framing_no_injection_comment(trace: Trace) -> None:
    """No line of a comment becomes a field, whatever line end stands before it."""
    for name in framing.LINE_ENDS:
        if 400 <= answered(trace, f"comment-{name}").status < 500:
            continue  # refused, which `framing-comment` tells
        response = accepted(trace, f"comment-{name}", framing.PLAIN)
        lines = [line for line in lines_of(response.body) if line.kind is not LineKind.COMMENT]
        injected = [line.raw for line in lines if b"injected" in line.raw]
        expect(not injected, f"comment lines of a comment with {name.upper()}", f"the lines {shown(injected)}")
        fenced(response, framing.BEFORE, framing.AFTER)


@framing_no_injection_comment.mutant()
class SplitsCommentsAtLfOnly(ControlServer):
    def comment_lines(self, text: str) -> list[str]:
        return text.split("\n")


@requirement("framing-id-nul", MUST, INTERPRETATION, framing.unwritable_events)
def framing_id_nul(trace: Trace) -> None:
    """An id with NUL is refused before a stream byte, because a client ignores it."""
    expect_refused(trace, "nul", framing.PLAIN, "a client ignores an id with NUL")


@framing_id_nul.mutant()
class LetsNulIntoIds(ControlServer):
    def unwritable_in(self, field: str) -> str:
        return super().unwritable_in(field).replace("\0", "")
