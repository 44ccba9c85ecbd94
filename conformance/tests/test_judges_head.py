"""The head requirements on hand-written traces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests import traces

from streamspec.requirement import Late, NotObserved, Violation
from streamspec.requirements import head
from streamspec_client.trace import Closing, Ending, Mark

if TYPE_CHECKING:
    from streamspec.requirement import Requirement
    from streamspec_client.trace import Trace

RELEASED = [Mark(0.15, "released-text"), Mark(0.15, "released-events")]
ON_FIELDS = [
    head.head_text_media_type,
    head.head_sse_media_type,
    head.head_no_content_length,
    head.head_no_store,
    head.head_no_transform,
    head.head_accel_buffering,
    head.head_nosniff,
    head.head_no_connection_fields,
]


def both(*, text: dict[str, str] | None = None, events: dict[str, str] | None = None, status: int = 200) -> Trace:
    return traces.trace(
        traces.conversation(
            traces.response(b"first\n", fields=traces.TEXT_FIELDS | (text or {}), status=status), name="text"
        ),
        traces.conversation(
            traces.response(b"data\n\n", fields=traces.EVENT_FIELDS | (events or {}), status=status), name="events"
        ),
        marks=RELEASED,
    )


@pytest.mark.parametrize("requirement", [*ON_FIELDS, head.head_status, head.head_before_first_item], ids=lambda r: r.id)
def test_a_sound_head_passes(requirement: Requirement) -> None:
    assert requirement.judge(both()) is None


@pytest.mark.parametrize("requirement", ON_FIELDS, ids=lambda r: r.id)
def test_an_error_status_is_not_observed_where_the_fields_are_judged(requirement: Requirement) -> None:
    with pytest.raises(NotObserved, match="head-status"):
        requirement.judge(both(status=500))


def test_an_error_status_is_a_violation_of_head_status() -> None:
    with pytest.raises(Violation, match="500"):
        head.head_status.judge(both(status=500))


@pytest.mark.parametrize(
    ("requirement", "fields"),
    [
        (head.head_text_media_type, {"Content-Type": "text/plain"}),
        (head.head_text_media_type, {"Content-Type": "text/plain; charset=iso-8859-1"}),
        (head.head_text_media_type, {"Content-Type": "text/html; charset=utf-8"}),
        (head.head_no_content_length, {"Content-Length": "6"}),
        (head.head_no_store, {"Cache-Control": "no-transform"}),
        (head.head_no_store, {"Cache-Control": "max-age=60, no-transform"}),
        (head.head_no_transform, {"Cache-Control": "no-store"}),
        (head.head_accel_buffering, {"X-Accel-Buffering": "yes"}),
        (head.head_nosniff, {"X-Content-Type-Options": "none"}),
        (head.head_no_connection_fields, {"Connection": "keep-alive"}),
        (head.head_no_connection_fields, {"Keep-Alive": "timeout=5"}),
    ],
    ids=lambda value: getattr(value, "id", None),
)
def test_a_wrong_field_is_a_violation(requirement: Requirement, fields: dict[str, str]) -> None:
    with pytest.raises(Violation):
        requirement.judge(both(text=fields))


@pytest.mark.parametrize(
    ("requirement", "text", "events"),
    [
        (head.head_text_media_type, {"Content-Type": 'Text/Plain;charset="UTF-8"'}, {}),
        (head.head_sse_media_type, {}, {"Content-Type": "text/event-stream; charset=UTF-8"}),
        (head.head_no_store, {"Cache-Control": "No-Cache"}, {}),
        (head.head_no_connection_fields, {"Connection": "close"}, {}),
        (head.head_no_transform, {"Cache-Control": "private, no-cache,no-transform"}, {}),
    ],
    ids=lambda value: getattr(value, "id", None),
)
def test_another_way_to_say_it_passes(requirement: Requirement, text: dict[str, str], events: dict[str, str]) -> None:
    assert requirement.judge(both(text=text, events=events)) is None


@pytest.mark.parametrize("media_type", ["text/plain", "text/event-stream; charset=latin1", "application/json"])
def test_a_wrong_event_stream_type_is_a_violation(media_type: str) -> None:
    with pytest.raises(Violation):
        head.head_sse_media_type.judge(both(events={"Content-Type": media_type}))


def test_a_head_after_the_release_is_late() -> None:
    late = traces.response(b"x", head_at_s=0.5, fields=traces.TEXT_FIELDS)
    held_back = traces.trace(traces.conversation(late, name="text"), both().conversations[1], marks=RELEASED)
    with pytest.raises(Late):
        head.head_before_first_item.judge(held_back)


def test_no_response_at_all_is_late() -> None:
    silent = traces.trace(traces.conversation(name="text", closing=Closing.OPEN), both().conversations[1])
    with pytest.raises(Late, match="an HTTP response"):
        head.head_status.judge(silent)


def test_what_is_not_http_is_a_violation() -> None:
    garbage = traces.response(status=0, ending=Ending.MALFORMED, error="illegal status line", fields={})
    with pytest.raises(Violation, match="illegal status line"):
        head.head_status.judge(traces.trace(traces.conversation(garbage, name="text"), both().conversations[1]))


def heads(
    *, head_fields: dict[str, str] | None = None, status: int = 200, known: int = 404, trailing: bytes = b""
) -> Trace:
    conversations = []
    for name in ("text", "events"):
        asked = traces.response(status=status, fields=traces.TEXT_FIELDS | (head_fields or {}))
        following = traces.response(b"{}", fields={})
        conversations += [
            traces.conversation(asked, following, name=f"head-{name}", trailing=trailing),
            traces.conversation(traces.response(b"x"), name=f"get-{name}"),
        ]
    states = [traces.answer(f"state-{name}", status=known) for name in ("text", "events")]
    return traces.trace(*conversations, answers=states)


def test_head_with_the_gets_fields_passes() -> None:
    assert head.head_method_head.judge(heads(head_fields={"Date": "now", "Stream-Token": "t"})) is None


def test_head_may_be_refused_with_allow() -> None:
    assert head.head_method_head.judge(heads(status=405, head_fields={"Allow": "GET, POST"})) is None


@pytest.mark.parametrize(
    "broken",
    [
        heads(head_fields={"Content-Type": "text/html"}),
        heads(head_fields={"X-More": "1"}),
        heads(known=200),
        heads(trailing=b"6\r\nfirst\n"),
        heads(status=405),
    ],
    ids=["another type", "a field more", "a stream known", "content", "405 without Allow"],
)
def test_head_that_is_no_head_is_a_violation(broken: Trace) -> None:
    with pytest.raises(Violation):
        head.head_method_head.judge(broken)


def methods(status: int, fields: dict[str, str]) -> Trace:
    return traces.trace(traces.conversation(traces.response(status=status, fields=fields), name="PUT-text"))


def test_405_with_allow_passes() -> None:
    assert head.head_method_unknown.judge(methods(405, {"Allow": "GET, HEAD, POST"})) is None


@pytest.mark.parametrize(
    ("status", "fields"), [(405, {}), (405, {"Allow": "GET"}), (200, {}), (501, {"Allow": "GET, POST"})]
)
def test_another_answer_to_an_unknown_method_is_a_violation(status: int, fields: dict[str, str]) -> None:
    with pytest.raises(Violation):
        head.head_method_unknown.judge(methods(status, fields))
