"""What a client does next: after each status, each ending, each `retry` and `id`, by both policies."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamspec_client.event import Event, EventTooLarge
from streamspec_client.reconnection import (
    BrowserPolicy,
    ConnectionEnd,
    Outcome,
    Policy,
    Reconnect,
    Reconnection,
    RobustPolicy,
    Stop,
)

STREAM = [("Content-Type", "text/event-stream")]
POLICIES = [pytest.param(BrowserPolicy(), id="browser"), pytest.param(RobustPolicy(), id="robust")]


def is_done(event: Event) -> bool:
    return event.type == "done"


def reconnection(
    policy: Policy | None = None, *, method: str = "GET", repeat: bool = False, chance: float = 0.0, start_id: str = ""
) -> Reconnection:
    return Reconnection(
        policy, method=method, repeat=repeat, last_event_id=start_id, is_terminal=is_done, chance=lambda: chance
    )


def after(body: bytes, how: ConnectionEnd, state: Reconnection) -> Reconnect | Stop:
    """What the state decides after an answer of this body, ended so."""
    assert state.responded(200, STREAM) is None
    state.received(body)
    return state.ended(how)


# --- both policies


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("how", ConnectionEnd)
def test_every_end_without_a_terminal_event_is_followed_by_a_request(policy: Policy, how: ConnectionEnd) -> None:
    assert isinstance(after(b"data: a\n\n", how, reconnection(policy)), Reconnect)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("how", ConnectionEnd)
def test_the_terminal_event_makes_it_complete_however_the_connection_ends(policy: Policy, how: ConnectionEnd) -> None:
    assert after(b"event: done\ndata\n\n", how, reconnection(policy)) == Stop(
        Outcome.COMPLETE, "the terminal event was received"
    )


@pytest.mark.parametrize("policy", POLICIES)
def test_nothing_comes_after_the_terminal_event(policy: Policy) -> None:
    state = reconnection(policy)
    state.responded(200, STREAM)
    assert [event.data for event in state.received(b"data: a\n\nevent: done\ndata: b\n\ndata: c\n\n")] == ["a", "b"]
    assert state.is_complete
    assert state.received(b"data: d\n\n") == []


@pytest.mark.parametrize("policy", POLICIES)
def test_204_says_that_there_is_no_more(policy: Policy) -> None:
    decision = reconnection(policy).responded(204, [])
    assert isinstance(decision, Stop)
    assert (decision.outcome, decision.status) == (Outcome.COMPLETE, 204)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("status", [201, 206, 301, 400, 401, 403, 404, 405, 409, 410, 500, 501])
def test_other_statuses_end_it(policy: Policy, status: int) -> None:
    assert reconnection(policy).responded(status, STREAM) == Stop(Outcome.REFUSED, f"status {status}", status)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("content_type", ["text/plain", "text/event-streams", "application/json", ""])
def test_another_type_ends_it(policy: Policy, content_type: str) -> None:
    decision = reconnection(policy).responded(200, [("content-type", content_type)])
    assert isinstance(decision, Stop)
    assert decision.outcome is Outcome.REFUSED
    assert content_type in decision.reason


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("more", ["", ";charset=UTF-8", ' ; charset="utf-8"', "; x=y"])
def test_the_type_is_read_as_media_types_are(policy: Policy, more: str) -> None:
    assert reconnection(policy).responded(200, [("CONTENT-TYPE", "Text/Event-Stream" + more)]) is None


@pytest.mark.parametrize("policy", POLICIES)
def test_the_request_carries_the_id_of_the_last_blank_line(policy: Policy) -> None:
    state = reconnection(policy)
    assert state.request_fields() == [("Accept", "text/event-stream"), ("Cache-Control", "no-cache")]
    after("id: 7é\ndata: a\n\nid: 8\ndata: lost\n".encode(), ConnectionEnd.BROKEN, state)
    assert state.request_fields()[2:] == [("Last-Event-ID", "7é")]
    state.responded(200, STREAM)
    assert state.received(b"data: b\n\n") == [Event("message", "b", "7é")]
    state.received(b"id\n\n")
    assert len(state.request_fields()) == 2


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("event_id", [b"a\x01b", b"\x7f", b"\t ", b"x" * 5000, b"\xc3\xa9" * 2049])
def test_an_id_that_no_field_can_carry_is_not_sent(policy: Policy, event_id: bytes) -> None:
    state = reconnection(policy)
    after(b"id: " + event_id + b"\ndata: a\n\n", ConnectionEnd.BROKEN, state)
    assert state.last_event_id == event_id.decode()
    assert state.last_event_id_field is None
    assert len(state.request_fields()) == 2


def test_spaces_around_an_id_are_those_that_a_field_loses() -> None:
    state = reconnection()
    after(b"id:  a b \ndata: a\n\n", ConnectionEnd.BROKEN, state)
    assert (state.last_event_id, state.last_event_id_field) == (" a b ", "a b")


@pytest.mark.parametrize("start_id", ["a\nb", "a\0", "\ud800"])
def test_a_start_id_that_cannot_be_sent_is_the_callers_error(start_id: str) -> None:
    with pytest.raises(ValueError, match="no header field can carry"):
        reconnection(start_id=start_id)


def test_a_start_id_is_sent_first() -> None:
    assert ("Last-Event-ID", "41") in reconnection(start_id="41").request_fields()


@pytest.mark.parametrize("policy", POLICIES)
def test_an_event_too_large_is_told_at_the_end_at_the_latest(policy: Policy) -> None:
    state = Reconnection(policy, max_event_bytes=10)
    state.responded(200, STREAM)
    assert state.received(b"data: a\n\ndata: far too long") == [Event("message", "a", "")]
    with pytest.raises(EventTooLarge):
        state.ended(ConnectionEnd.CLEAN)


# --- what EventSource does


def test_browser_comes_back_after_three_seconds_each_time() -> None:
    state = reconnection(BrowserPolicy(), chance=0.9)
    assert [state.ended(ConnectionEnd.NOT_CONNECTED) for _ in range(100)] == [Reconnect(3.0, "not connected")] * 100


@pytest.mark.parametrize(("retry", "after_s"), [(b"0", 0.0), (b"1500", 1.5), (b"9" * 30, 2147483.647), (b"x", 3.0)])
def test_browser_takes_the_retry_of_the_stream(retry: bytes, after_s: float) -> None:
    decision = after(b"retry: " + retry + b"\n", ConnectionEnd.CLEAN, reconnection(BrowserPolicy()))
    assert decision == Reconnect(after_s, "ended")


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_browser_ends_at_every_error(status: int) -> None:
    decision = reconnection(BrowserPolicy()).responded(status, [("Retry-After", "1")])
    assert decision == Stop(Outcome.REFUSED, f"status {status}", status)


def test_browser_refuses_another_charset_which_robust_reads() -> None:
    fields = [("Content-Type", "text/event-stream; charset=iso-8859-1")]
    assert isinstance(reconnection(BrowserPolicy()).responded(200, fields), Stop)
    assert reconnection(RobustPolicy()).responded(200, fields) is None


def test_browser_sends_get_only() -> None:
    with pytest.raises(ValueError, match="BrowserPolicy sends GET only, not POST: use RobustPolicy"):
        reconnection(BrowserPolicy(), method="post")


# --- robust


@pytest.mark.parametrize("chance", [0.0, 0.5, 0.999])
def test_robust_doubles_the_longest_wait_up_to_the_cap(chance: float) -> None:
    state = reconnection(RobustPolicy(max_fruitless=None), chance=chance)
    waits = [state.ended(ConnectionEnd.NOT_CONNECTED) for _ in range(9)]
    longest_s = [2, 4, 8, 16, 32, 60, 60, 60, 60]
    assert waits == [Reconnect(1 + (longest - 1) * chance, "not connected") for longest in longest_s]


def test_robust_backs_off_from_the_start_again_after_an_event() -> None:
    state = reconnection(chance=0.999)
    for _ in range(5):
        slow = state.ended(ConnectionEnd.NOT_CONNECTED)
    assert isinstance(slow, Reconnect)
    assert slow.after_s > 30
    after(b": a comment is no progress\n\n", ConnectionEnd.BROKEN, state)
    quick = after(b"data: a\n\n", ConnectionEnd.BROKEN, state)
    assert isinstance(quick, Reconnect)
    assert 1.9 < quick.after_s < 2


def test_robust_gives_up_after_ten_connections_without_an_event() -> None:
    state = reconnection()
    after(b"data: a\n\n", ConnectionEnd.BROKEN, state)
    decisions = [after(b": no event\n\n", ConnectionEnd.CLEAN, state) for _ in range(10)]
    assert all(isinstance(decision, Reconnect) for decision in decisions[:9])
    assert decisions[9] == Stop(Outcome.INCOMPLETE, "ended; connections without an event: 10")


@pytest.mark.parametrize(("retry", "after_s"), [(b"0", 0.1), (b"2500", 2.5), (b"86400000", 60.0), (b"9" * 400, 60.0)])
def test_robust_clamps_retry(retry: bytes, after_s: float) -> None:
    decision = after(b"retry: " + retry + b"\n\n", ConnectionEnd.CLEAN, reconnection())
    assert decision == Reconnect(after_s, "ended")


def test_retry_outlives_the_connection_it_came_on() -> None:
    state = reconnection()
    after(b"retry: 5000\ndata: a\n\n", ConnectionEnd.BROKEN, state)
    assert after(b"data: b\n\n", ConnectionEnd.BROKEN, state) == Reconnect(5.0, "broken")


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_robust_asks_again_after_a_status_that_passes(status: int) -> None:
    assert reconnection().responded(status, []) == Reconnect(1.0, f"status {status}")


@pytest.mark.parametrize(
    ("retry_after", "after_s"),
    [
        ("7", 7.0),
        ("0", 1.0),
        ("100000", 300.0),
        ("9" * 400, 300.0),
        ("Sun, 22 Nov 2026 12:00:30 GMT", 30.0),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 1.0),
        ("soon", 1.0),
        ("-5", 1.0),
        ("1.5", 1.0),
        ("", 1.0),
        ("Wed, 21 Oct 99999999999999999999 07:28:00 GMT", 1.0),
    ],
)
def test_robust_waits_for_retry_after_and_never_less_than_the_reconnection_time(
    retry_after: str, after_s: float
) -> None:
    fields = [("retry-after", retry_after), ("date", "Sun, 22 Nov 2026 12:00:00 GMT")]
    assert reconnection().responded(503, fields) == Reconnect(after_s, "status 503")


def test_a_date_is_nothing_without_the_date_of_the_answer() -> None:
    fields = [("Retry-After", "Sun, 22 Nov 2026 12:00:30 GMT")]
    assert reconnection().responded(503, fields) == Reconnect(1.0, "status 503")


def test_retry_after_makes_another_error_one_that_passes() -> None:
    assert reconnection().responded(403, [("Retry-After", "2")]) == Reconnect(2.0, "status 403")
    assert isinstance(reconnection().responded(302, [("Retry-After", "2")]), Stop)


def test_after_ten_refusals_the_last_status_is_the_outcome() -> None:
    state = reconnection()
    decisions = [state.responded(503, []) for _ in range(10)]
    assert decisions[-1] == Stop(Outcome.REFUSED, "status 503; connections without an event: 10", 503)


@pytest.mark.parametrize("how", [ConnectionEnd.CLEAN, ConnectionEnd.BROKEN, ConnectionEnd.IDLE])
def test_a_post_without_an_id_is_not_sent_again(how: ConnectionEnd) -> None:
    decision = after(b"data: a\n\n", how, reconnection(method="POST"))
    assert decision == Stop(Outcome.INCOMPLETE, f"{how.value}; POST is sent again only with an event ID")


def test_a_refused_post_is_not_sent_again() -> None:
    decision = reconnection(method="POST").responded(503, [("Retry-After", "1")])
    assert decision == Stop(Outcome.REFUSED, "status 503; POST is sent again only with an event ID", 503)


def test_a_post_is_sent_again_with_an_id_by_wish_or_if_it_never_left() -> None:
    assert isinstance(after(b"id: 1\ndata: a\n\n", ConnectionEnd.BROKEN, reconnection(method="POST")), Reconnect)
    assert isinstance(after(b"", ConnectionEnd.BROKEN, reconnection(method="POST", repeat=True)), Reconnect)
    assert isinstance(reconnection(method="POST").ended(ConnectionEnd.NOT_CONNECTED), Reconnect)


def test_a_post_whose_id_no_field_can_carry_is_not_sent_again() -> None:
    assert isinstance(after(b"id: \x01\ndata: a\n\n", ConnectionEnd.BROKEN, reconnection(method="POST")), Stop)


@pytest.mark.parametrize("method", ["GET", "put", "DELETE"])
def test_idempotent_methods_are_sent_again(method: str) -> None:
    assert isinstance(after(b"", ConnectionEnd.BROKEN, reconnection(method=method)), Reconnect)


# --- over many connections


def numbered(first: int, last: int) -> bytes:
    """What a server that can resume sends: events `first` to `last`, then the terminal one."""
    events = b"".join(b"id: %d\ndata: %d\n\n" % (number, number) for number in range(first, last + 1))
    return events + b"event: done\ndata\n\n"


@given(seed=st.integers(0, 2**32))
def test_each_event_comes_once_and_in_order_wherever_connections_are_cut(seed: int) -> None:
    random = Random(seed)  # noqa: S311 - cuts that a seed repeats, not secrets
    last = random.randrange(1, 200)
    state = Reconnection(RobustPolicy(max_fruitless=None), is_terminal=is_done)
    read: list[str] = []
    decision: Reconnect | Stop = Reconnect(0, "first")
    while isinstance(decision, Reconnect):
        body = numbered(int(state.last_event_id_field or 0) + 1, last)
        assert state.responded(200, STREAM) is None
        cut = random.randrange(len(body) + len(body) // 4 + 1)
        start = 0
        while start < min(cut, len(body)) and not state.is_complete:
            end = min(cut, start + random.randrange(1, 400))
            read += [event.data for event in state.received(body[start:end]) if event.type != "done"]
            start = end
        decision = state.ended(random.choice([ConnectionEnd.BROKEN, ConnectionEnd.CLEAN, ConnectionEnd.IDLE]))
    assert read == [str(number) for number in range(1, last + 1)]
    assert decision.outcome is Outcome.COMPLETE


@given(
    policy=st.sampled_from([BrowserPolicy(), RobustPolicy()]),
    happenings=st.lists(
        st.tuples(st.integers(100, 599), st.text(max_size=40), st.binary(max_size=60), st.sampled_from(ConnectionEnd)),
        max_size=12,
    ),
    chance=st.floats(0, 1, exclude_max=True),
)
def test_nothing_that_a_server_sends_raises_or_stops_the_clock(
    policy: Policy, happenings: list[tuple[int, str, bytes, ConnectionEnd]], chance: float
) -> None:
    state = reconnection(policy, chance=chance)
    for status, text, body, how in happenings:
        decision = state.responded(status, [("Retry-After", text), ("Date", text), ("Content-Type", text)])
        if decision is None or status % 2:
            state.responded(200, STREAM)
            state.received(b"retry: " + body + b"\nid: " + body + b"\ndata\n\n")
            decision = state.ended(how)
        if isinstance(decision, Reconnect):
            assert 0 <= decision.after_s <= 2147483.647
        for _, value in state.request_fields():
            assert value.encode().strip(b" \t") == value.encode()
