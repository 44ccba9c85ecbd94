"""The keep-alive requirements on hand-written traces: when a comment has to come, and where it must not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests import traces

from streamspec.exchanges import keepalive as exchanges
from streamspec.requirement import Late, NotObserved, Requirement, Violation
from streamspec.requirements import keepalive
from streamspec_client.trace import Ending

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamspec_client.trace import Response, Trace

PLAIN = traces.response(b'id: 1\ndata: {"n": 1}\n\n', fields=traces.EVENT_FIELDS)
REFUSED = traces.response(b'{"status": 422}', status=422, fields={"Content-Type": "application/problem+json"})
COMMENT = b": keep-alive\n\n"
EVENT = b"data: before\n\n"
TIME_MS = exchanges.KEEPALIVE_MS

LINE_ENDS = {"LF": b"\n", "CRLF": b"\r\n", "CR": b"\r"}


def recorded(*given: Response, names: Sequence[str] = ("stream",), plain: Response = PLAIN) -> Trace:
    named = zip(given, names, strict=True)
    return traces.trace(
        traces.conversation(plain, name=exchanges.PLAIN),
        *(traces.conversation(made, name=name) for made, name in named),
    )


def events(*chunks: bytes | tuple[float, bytes], ending: Ending = Ending.COMPLETE) -> Response:
    return traces.response(*chunks, fields=traces.EVENT_FIELDS, ending=ending)


def raised(made: Requirement, given: Trace) -> type[Exception] | None:
    try:
        made.judge(given)
    except (Violation, NotObserved) as error:
        return type(error)
    return None


# While silent, before the first event: the header section comes at 0.1 s, the first event with it.


def silent(*times: float, first: bytes = EVENT, comment: bytes = COMMENT, ending: Ending = Ending.OPEN) -> Response:
    """Comments so many keep-alive times behind the first event, or behind the header section if there is none."""
    began = [(0.1, first)] if first else []
    return events(*began, *((0.1 + time * TIME_MS / 1000, comment) for time in times), ending=ending)


def judged_silent(given: Response) -> type[Exception] | None:
    return raised(keepalive.keepalive_while_silent, recorded(given))


def judged_before(given: Response) -> type[Exception] | None:
    return raised(keepalive.keepalive_before_first_event, recorded(given))


@pytest.mark.parametrize(
    "times",
    [
        (1, 2, 3),
        (2, 4),
        (1, 3, 5),
        (0.1, 0.2, 2, 3),
        (0.5, 1, 1.5, 2, 2.5, 3),
        (2.1, 4.2),  # looks once in that time, and its timer is a little late
    ],
)
def test_a_comment_at_least_every_second_keepalive_time_passes(times: Sequence[float]) -> None:
    assert judged_silent(silent(*times)) is None
    assert judged_before(silent(*times, first=b"")) is None


@pytest.mark.parametrize(
    "times",
    [
        (),
        (1,),
        (0.01, 0.02, 0.03, 0.04),
        (1, 1.5),
        (3, 4, 5),
        (1, 2, 5, 6),
        (5, 10),
    ],
)
def test_a_longer_silence_is_late(times: Sequence[float]) -> None:
    assert judged_silent(silent(*times)) is Late
    assert judged_before(silent(*times, first=b"")) is Late


def test_the_longest_silence_is_told() -> None:
    figures = keepalive.keepalive_while_silent.judge(recorded(silent(1, 2, 3.5)))
    assert figures is not None
    assert figures["longest_silence_ms"] == pytest.approx(1.5 * TIME_MS)


@pytest.mark.parametrize("comment", [b":\n", b":\n\n", b": ping - 2026-01-01\n\n", b":\r\n\r\n", b":\r", b"\n:x\n\n"])
def test_any_comment_keeps_alive(comment: bytes) -> None:
    assert judged_silent(silent(1, 2, 3, comment=comment)) is None
    assert judged_before(silent(1, 2, 3, comment=comment, first=b"")) is None


@pytest.mark.parametrize("other", [b"\n", b"event: ping\ndata:\n\n", b"retry: 3000\n\n", b": keep-alive"])
def test_nothing_but_a_whole_comment_keeps_alive(other: bytes) -> None:
    assert judged_silent(silent(1, 2, 3, comment=other)) is Late


def test_comments_ahead_of_the_first_event_do_not_count_for_the_silence_behind_it() -> None:
    assert judged_silent(silent(1, 2, 3, first=b": welcome\n\n" + EVENT)) is None
    assert judged_silent(silent(first=b": welcome\n\n" * 9 + EVENT)) is Late


def test_a_stream_that_ends_instead_of_being_silent_is_late() -> None:
    assert judged_silent(silent(ending=Ending.TRUNCATED)) is Late


def test_one_of_several_silences_is_enough() -> None:
    both = recorded(silent(1, 2, 3), silent(), names=("due", "gated"))
    assert raised(keepalive.keepalive_while_silent, both) is Late
    assert raised(keepalive.keepalive_before_first_event, both) is Late


def test_without_an_event_there_is_no_silence_behind_it() -> None:
    assert judged_silent(silent(1, 2, 3, first=b"")) is Late
    assert judged_silent(silent(1, 2, 3, first=b"", ending=Ending.TRUNCATED)) is NotObserved


# Between events


def large(*between: bytes, size: int = 40, ending: Ending = Ending.OPEN, end: bytes = b"\n") -> Response:
    """The large events, small here; what is given comes inside the second one, at its half."""
    lines = [b"data: " + b"x" * size + b"\n\n"] * exchanges.LARGE_EVENTS
    lines[1] = b"data: " + b"x" * (size // 2) + b"".join(between) + b"x" * (size // 2) + b"\n\n"
    body = EVENT + COMMENT.join(lines) + b"data: after\n\n" + COMMENT
    return events(body.replace(b"\n", end), ending=ending)


def judged_between(given: Response) -> type[Exception] | None:
    return raised(keepalive.keepalive_between_events, recorded(given))


@pytest.mark.parametrize("end", LINE_ENDS.values(), ids=LINE_ENDS)
def test_comments_between_events_pass(end: bytes) -> None:
    assert judged_between(large(end=end)) is None


@pytest.mark.parametrize("end", LINE_ENDS.values(), ids=LINE_ENDS)
@pytest.mark.parametrize(
    "inside", [COMMENT, b"\n" + COMMENT, b"\n: keep-alive\ndata: ", b"\n\n" + COMMENT, b": keep-alive\n", b":"]
)
@pytest.mark.parametrize("ending", [Ending.OPEN, Ending.COMPLETE, Ending.TRUNCATED])
def test_a_comment_inside_of_an_event_is_a_violation(inside: bytes, end: bytes, ending: Ending) -> None:
    assert judged_between(large(inside, ending=ending, end=end)) is Violation


def commented(comment: bytes) -> Response:
    """Each of the large events with that comment between its data and its end."""
    return events(EVENT + b"data: xxxx\n%b\n\n" % comment * exchanges.LARGE_EVENTS + COMMENT, ending=Ending.OPEN)


@pytest.mark.parametrize("comment", [b":", b": between", b": keep-alive, not"])
def test_a_comment_of_the_servers_own_may_stand_inside_of_an_event(comment: bytes) -> None:
    assert judged_between(commented(comment)) is None
    assert judged_between(commented(COMMENT.strip())) is Violation


@pytest.mark.parametrize(
    ("clock", "wanted"), [(EVENT + b": ping\n\n", Violation), (b"data: x\n: ping\n\n: ping\n\n", None)]
)
def test_what_breaks_silence_is_a_keep_alive_unless_events_have_it_too(
    clock: bytes, wanted: type[Exception] | None
) -> None:
    given = recorded(commented(b": ping"), events(clock), names=("stream", exchanges.CLOCK))
    assert raised(keepalive.keepalive_between_events, given) is wanted


def test_events_cut_in_two_are_a_violation_and_data_in_several_fields_is_not() -> None:
    assert judged_between(large(b"\n\n", b"data: ")) is Violation
    body = EVENT + b"data: xxxx\ndata: xxxx\n\n" * exchanges.LARGE_EVENTS + COMMENT
    assert judged_between(events(body, ending=Ending.OPEN)) is None


def test_large_events_that_are_all_cut_alike_are_no_matter_of_keepalive() -> None:
    assert judged_between(large(size=10)) is None


def test_large_events_that_do_not_come_are_late_and_those_that_never_will_are_not_observed() -> None:
    body = EVENT + b"data: xxxx\n\n" + COMMENT
    assert judged_between(events(body, ending=Ending.OPEN)) is Late
    assert judged_between(events(body, ending=Ending.TRUNCATED)) is NotObserved
    assert judged_between(events(ending=Ending.TRUNCATED)) is NotObserved
    assert judged_between(events(ending=Ending.OPEN)) is NotObserved


def test_without_any_comment_nothing_is_learnt_of_their_place() -> None:
    body = large().body.replace(COMMENT, b"")
    assert judged_between(events(body, ending=Ending.OPEN)) is NotObserved


# Not after the end, no dispatch

FIRST, LAST = b'id: 1\ndata: {"n":1}\n\n', b'id: 2\ndata: {"n":2}\n\n'
DONE = b'event: done\ndata: {"count": 2}\n\n'


def judged_end(*chunks: bytes, ending: Ending = Ending.COMPLETE) -> type[Exception] | None:
    return raised(keepalive.keepalive_not_after_end, recorded(events(*chunks, ending=ending)))


@pytest.mark.parametrize("end", LINE_ENDS.values(), ids=LINE_ENDS)
def test_a_stream_that_ends_with_its_last_event_passes(end: bytes) -> None:
    assert judged_end((FIRST + COMMENT + COMMENT + LAST + DONE).replace(b"\n", end)) is None


@pytest.mark.parametrize("end", LINE_ENDS.values(), ids=LINE_ENDS)
@pytest.mark.parametrize("ending", [Ending.COMPLETE, Ending.TRUNCATED, Ending.RESET])
def test_a_comment_behind_the_last_event_is_a_violation(end: bytes, ending: Ending) -> None:
    for last in (DONE, b"event: error\ndata: {}\n\n"):
        body = FIRST + COMMENT + LAST + last + COMMENT
        assert judged_end(body.replace(b"\n", end), ending=ending) is Violation


def test_blank_lines_behind_the_last_event_are_no_keepalive() -> None:
    assert judged_end(FIRST + COMMENT + LAST + DONE + b"\n\n") is None


def test_a_stream_that_does_not_end_is_late() -> None:
    assert judged_end(FIRST + COMMENT + LAST + DONE, ending=Ending.OPEN) is Late


def test_a_stream_that_was_not_kept_alive_says_nothing_of_the_end() -> None:
    assert judged_end(FIRST + LAST + DONE) is NotObserved
    assert judged_end() is NotObserved


def judged_dispatch(*chunks: bytes, ending: Ending = Ending.COMPLETE) -> type[Exception] | None:
    given = recorded(events(*chunks, ending=ending), names=[exchanges.COMPLETES])
    return raised(keepalive.keepalive_no_dispatch, given)


@pytest.mark.parametrize(
    "between", [COMMENT, b":\n", b":\r\n\r\n", COMMENT * 5, b": x\nretry: 3000\n\n", b": x\nid: 1\n\n", b"\n: x\n"]
)
def test_what_dispatches_nothing_passes(between: bytes) -> None:
    assert judged_dispatch(FIRST + between + LAST + DONE) is None
    assert judged_dispatch(b"data: hello\n\n" + FIRST + between + LAST + DONE) is None


@pytest.mark.parametrize(
    "between",
    [
        COMMENT + b"data\n\n",
        b"data:\n\n",
        b"event: ping\ndata: {}\n\n",
        b": x\n\nevent: ping\ndata: 1\n\n" + COMMENT,
        COMMENT + b"event: ping\n",
    ],
)
def test_an_event_more_or_another_type_of_the_next_is_a_violation(between: bytes) -> None:
    assert judged_dispatch(FIRST + between + LAST + DONE) is Violation


def test_scripted_events_are_known_by_their_data() -> None:
    body = b"data: before\n\n" + COMMENT + b"data: after\n\n"
    assert judged_dispatch(body + b"event: error\ndata: {}\n\n") is None
    assert judged_dispatch(body.replace(COMMENT, COMMENT + b"data\n\n")) is Violation


def test_without_both_events_or_any_comment_no_dispatch_is_not_observed() -> None:
    assert judged_dispatch(FIRST + COMMENT) is NotObserved
    assert judged_dispatch(FIRST + COMMENT, ending=Ending.OPEN) is Late
    assert judged_dispatch(FIRST + LAST + DONE) is NotObserved
    assert judged_dispatch(COMMENT + FIRST + LAST + DONE + COMMENT) is NotObserved


# All of them

ALL = [
    keepalive.keepalive_while_silent,
    keepalive.keepalive_before_first_event,
    keepalive.keepalive_between_events,
    keepalive.keepalive_not_after_end,
    keepalive.keepalive_no_dispatch,
]


@pytest.mark.parametrize("made", ALL, ids=lambda made: made.id)
def test_no_answer_is_late_and_a_refusal_counts_where_the_plain_stream_is_none(made: Requirement) -> None:
    name = exchanges.COMPLETES if made is keepalive.keepalive_no_dispatch else "stream"
    silence = traces.trace(traces.conversation(PLAIN, name=exchanges.PLAIN), traces.conversation(name=name))
    assert raised(made, silence) is Late
    assert raised(made, recorded(REFUSED, names=[name])) is Violation
    assert raised(made, recorded(REFUSED, names=[name], plain=REFUSED)) is NotObserved
