"""Event sources against a server that answers by script: what is sent, ends them, is raised, is closed."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from contextlib import ExitStack

import httpx
import httpx2
import pytest
from tests.servers import LAST_CHUNK, SOON_S, STREAM_HEAD, Answer, ScriptedServer, Then, chunk
from tests.shells import AWAITED, SHELLS, Body, Session, Shell, run, run_side_by_side

import streamspec_client.httpx
import streamspec_client.httpx2
import streamspec_client.transport
from streamspec_client.event import EventTooLarge
from streamspec_client.reconnection import Outcome, RobustPolicy
from streamspec_client.stream_error import Incomplete, Refused
from streamspec_client.transport import ERROR_BODY_BYTES, first_bytes

ONE = chunk(b"id: 1\ndata: a\n\n")
DONE = chunk(b"event: done\ndata:\n\n")
COMPLETE = STREAM_HEAD + ONE + DONE + LAST_CHUNK

every_shell = pytest.mark.parametrize("shell", SHELLS.values(), ids=SHELLS.keys())


@every_shell
def test_events_come_until_the_terminal_one(shell: Shell) -> None:
    async def body(session: Session) -> None:
        async with session.events(server.url) as events:
            assert [event.data async for event in events] == ["a", ""]
            assert (events.outcome, events.last_event_id) == (Outcome.COMPLETE, "1")

    with ScriptedServer(Answer(COMPLETE)) as server:
        run(shell, body)


@every_shell
def test_an_event_is_handed_over_when_it_has_come(shell: Shell) -> None:
    async def body(session: Session) -> None:
        async with session.events(server.url) as events:
            assert (await anext(events)).data == "a"
            assert events.outcome is None

    with ScriptedServer(Answer(STREAM_HEAD + ONE, Then.HOLD)) as server:
        run(shell, body)
        server.left.get(timeout=SOON_S)


@every_shell
def test_method_fields_and_body_are_sent(shell: Shell) -> None:
    async def body(session: Session) -> None:
        async with session.events(
            server.url + "/path", method="post", headers={"X-Key": "kü"}, json={"q": 1}, last_event_id="7ü"
        ) as events:
            async for _ in events:
                pass

    with ScriptedServer(Answer(COMPLETE)) as server:
        run(shell, body)
    head, _, content = server.requests[0].partition(b"\r\n\r\n")
    assert json.loads(content) == {"q": 1}
    line, *fields = head.split(b"\r\n")
    assert line == b"POST /path HTTP/1.1"
    sent = {name.lower(): value.strip() for name, _, value in (field.partition(b":") for field in fields)}
    assert sent[b"x-key"] == "kü".encode()
    assert sent[b"last-event-id"] == "7ü".encode()
    assert sent[b"accept"] == b"text/event-stream"
    assert sent[b"accept-encoding"] == b"identity"
    assert sent[b"content-type"] == b"application/json"


@every_shell
def test_fields_of_the_caller_replace_those_of_the_shell(shell: Shell) -> None:
    async def body(session: Session) -> None:
        async with session.events(server.url, headers=[("accept", "text/event-stream, */*")]) as events:
            async for _ in events:
                pass

    with ScriptedServer(Answer(COMPLETE)) as server:
        run(shell, body)
    assert server.requests[0].lower().count(b"\r\naccept:") == 1
    assert b"text/event-stream, */*" in server.requests[0]


@every_shell
@pytest.mark.parametrize("then", [Then.CLOSE, Then.RESET], ids=["fin", "rst"])
def test_a_break_is_followed_by_a_request_from_the_last_event(shell: Shell, then: Then) -> None:
    async def body(session: Session) -> None:
        async with session.events(server.url) as events:
            assert [event.data async for event in events] == ["a", "a", ""]

    # An event of its own read: a reset may take along what was not read yet.
    broken = Answer(STREAM_HEAD + chunk("id: ü\ndata: a\n\ndata: b".encode()), Then.CLOSE)
    never_begun = Answer(b"", then)
    with ScriptedServer(broken, never_begun, Answer(COMPLETE)) as server:
        run(shell, body)
    assert [b"last-event-id: \xc3\xbc" in request.lower() for request in server.requests] == [False, True, True]


@every_shell
def test_busy_servers_are_asked_again(shell: Shell) -> None:
    async def body(session: Session) -> None:
        async with session.events(server.url) as events:
            assert len([event async for event in events]) == 2

    busy = Answer(b"HTTP/1.1 503 No\r\nRetry-After: 0\r\nContent-Length: 2\r\n\r\nno")
    with ScriptedServer(busy, Answer(COMPLETE)) as server:
        run(shell, body)


@every_shell
def test_a_redirect_is_followed_with_its_body(shell: Shell) -> None:
    async def body(session: Session) -> None:
        async with session.events(server.url, method="POST", content="x") as events:
            assert len([event async for event in events]) == 2

    redirect = Answer(b"HTTP/1.1 307 There\r\nLocation: /there\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    with ScriptedServer(redirect, Answer(COMPLETE)) as server:
        run(shell, body)
    assert server.requests[1].startswith(b"POST /there ")
    assert server.requests[1].endswith(b"\r\n\r\nx")


@every_shell
def test_204_is_the_end(shell: Shell) -> None:
    async def body(session: Session) -> None:
        async with session.events(server.url) as events:
            assert [event async for event in events] == []
            assert events.outcome is Outcome.COMPLETE

    with ScriptedServer(Answer(b"HTTP/1.1 204 No Content\r\n\r\n")) as server:
        run(shell, body)


@every_shell
def test_an_error_status_raises_with_all_that_was_said(shell: Shell) -> None:
    async def body(session: Session) -> None:
        async with session.events(server.url) as events:
            with pytest.raises(Refused) as caught:
                await anext(events)
            assert events.outcome is Outcome.REFUSED
        refused = caught.value
        assert (refused.status, refused.body) == (422, b'{"detail": "no"}')
        assert ("x-why", "because") in [(name.lower(), value) for name, value in refused.fields]
        assert str(refused) == 'the server refused the stream: status 422: {"detail": "no"}'

    said = b'HTTP/1.1 422 No\r\nX-Why: because\r\nContent-Length: 16\r\n\r\n{"detail": "no"}'
    with ScriptedServer(Answer(said)) as server:
        run(shell, body)


def test_the_body_of_an_error_is_not_read_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streamspec_client.transport, "ERROR_BODY_WITHIN_S", 0.3)

    def body(server: ScriptedServer) -> Body:
        async def read(session: Session) -> None:
            async with session.events(server.url) as events:
                with pytest.raises(Refused, match="of type text/html") as caught:
                    await anext(events)
            assert caught.value.body == b"<p>"

        return read

    endless = Answer(STREAM_HEAD.replace(b"event-stream", b"html") + chunk(b"<p>"), Then.HOLD)
    with ExitStack() as stack:
        servers = {name: stack.enter_context(ScriptedServer(endless)) for name in SHELLS}
        run_side_by_side([(name, body(server)) for name, server in servers.items()])


class Endless:
    """A response whose body has always more."""

    def __init__(self) -> None:
        self.status = 500
        self.fields: list[tuple[str, str]] = []

    def read(self) -> bytes:
        return b"x" * 1000

    def within(self, idle_timeout_s: float | None) -> None:
        pass

    def close(self) -> None:
        pass


def test_the_first_bytes_of_an_error_are_few() -> None:
    assert first_bytes(Endless()) == b"x" * ERROR_BODY_BYTES


def test_the_first_bytes_of_an_error_are_soon_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streamspec_client.transport, "ERROR_BODY_WITHIN_S", 0.0)
    assert first_bytes(Endless()) == b""


@every_shell
def test_an_end_without_the_terminal_event_raises(shell: Shell) -> None:
    async def body(session: Session) -> None:
        async with session.events(server.url, method="POST", content=b"") as events:
            assert (await anext(events)).data == "b"
            with pytest.raises(Incomplete, match="ended; POST is sent again only with an event ID"):
                await anext(events)
            assert events.outcome is Outcome.INCOMPLETE
            assert [event async for event in events] == []

    with ScriptedServer(Answer(STREAM_HEAD + chunk(b"data: b\n\n") + LAST_CHUNK)) as server:
        run(shell, body)


@every_shell
def test_a_post_that_broke_is_sent_again_with_an_event_id(shell: Shell) -> None:
    async def body(session: Session) -> None:
        async with session.events(server.url, method="POST", content=b"q") as events:
            assert [event.data async for event in events] == ["a", "a", ""]

    with ScriptedServer(Answer(STREAM_HEAD + ONE), Answer(COMPLETE)) as server:
        run(shell, body)
    assert [request.endswith(b"\r\n\r\nq") for request in server.requests] == [True, True]


@every_shell
def test_giving_up_tells_the_last_error(shell: Shell) -> None:
    async def body(session: Session) -> None:
        policy = RobustPolicy(reconnection_time_s=0.01, min_delay_s=0.01, max_delay_s=0.01, max_fruitless=2)
        async with session.events(server.url, policy=policy) as events:
            assert (await anext(events)).data == "a"
            with pytest.raises(Incomplete, match="not connected; connections without an event: 2") as caught:
                await anext(events)
        assert caught.value.last_event_id == "1"
        assert caught.value.__cause__ is not None

    with ScriptedServer(Answer(STREAM_HEAD + ONE)) as server:
        run(shell, body)


@every_shell
def test_a_mistake_of_the_caller_is_not_repeated(shell: Shell) -> None:
    async def body(session: Session) -> None:
        async with session.events("nothing://127.0.0.1/") as events:
            with pytest.raises(Exception, match="nothing") as caught:
                await anext(events)
        assert not isinstance(caught.value, Incomplete)

    run(shell, body)


@every_shell
def test_too_large_an_event_closes_the_connection(shell: Shell) -> None:
    async def body(session: Session) -> None:
        async with session.events(server.url, max_event_bytes=10) as events:
            await anext(events)

    with ScriptedServer(Answer(STREAM_HEAD + chunk(b"data: " + b"x" * 100), Then.HOLD)) as server:
        with pytest.raises(EventTooLarge):
            run(shell, body)
        server.left.get(timeout=SOON_S)


@every_shell
def test_last_event_id_is_that_of_the_events_handed_over(shell: Shell) -> None:
    async def body(session: Session) -> None:
        async with session.events(server.url, last_event_id="5") as events:
            assert events.last_event_id == "5"
            await anext(events)
            assert events.last_event_id == "1"

    several = chunk(b"id: 1\ndata: a\n\nid: 2\ndata: a\n\nid: 3\ndata: a\n\n")
    with ScriptedServer(Answer(STREAM_HEAD + several, Then.HOLD)) as server:
        run(shell, body)


@every_shell
def test_it_is_read_once_and_in_its_block(shell: Shell) -> None:
    async def body(session: Session) -> None:
        events = session.events(server.url)
        with pytest.raises(RuntimeError, match="inside its own block"):
            await anext(events)
        async with events:
            assert (await anext(events)).data == "a"
        with pytest.raises(RuntimeError, match="read once"):
            await events.__aenter__()

    with ScriptedServer(Answer(STREAM_HEAD + ONE, Then.HOLD)) as server:
        run(shell, body)


@pytest.mark.parametrize("shell", AWAITED.values(), ids=AWAITED.keys())
def test_a_read_that_was_cancelled_loses_nothing(shell: Shell) -> None:
    async def body(session: Session) -> None:
        async with session.events(server.url) as events:
            assert (await anext(events)).data == "a"
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(events), 0.05)
            # httpx has closed the connection, and a new one is made; aiohttp reads on.
            assert events.outcome is None

    with ScriptedServer(Answer(STREAM_HEAD + ONE, Then.HOLD)) as server:
        run(shell, body)
        server.left.get(timeout=SOON_S)


def test_connect_first_byte_and_idle_have_each_their_own_time() -> None:
    """Each is short while the other is long, and the stream as a whole takes longer than either."""

    def body(server: ScriptedServer, **times: float | None) -> Body:
        async def read(session: Session) -> None:
            policy = RobustPolicy(0.01, min_delay_s=0.01, max_delay_s=0.01, idle_timeout_s=times.pop("idle_timeout_s"))
            async with session.events(server.url, policy=policy, **times) as events:
                assert [event.data async for event in events] == ["a", ""]

        return read

    late_body = Answer(STREAM_HEAD, wait_s=0.8, late=ONE + DONE + LAST_CHUNK)
    late_head = Answer(b"", wait_s=0.8, late=COMPLETE)
    never = Answer(b"", Then.HOLD)
    silent = Answer(STREAM_HEAD, Then.HOLD)
    long_while_short_passes: list[tuple[list[Answer], dict[str, float | None]]] = [
        ([late_body], {"first_byte_timeout_s": 0.5, "idle_timeout_s": SOON_S}),
        ([late_head], {"first_byte_timeout_s": SOON_S, "idle_timeout_s": 0.5}),
    ]
    short_ends_it: list[tuple[list[Answer], dict[str, float | None]]] = [
        ([never, Answer(COMPLETE)], {"first_byte_timeout_s": 0.5, "idle_timeout_s": None}),
        ([silent, Answer(COMPLETE)], {"first_byte_timeout_s": None, "idle_timeout_s": 0.5}),
    ]
    for cases in (long_while_short_passes, short_ends_it):
        with ExitStack() as stack:
            played = [
                (name, stack.enter_context(ScriptedServer(*answers)), len(answers), times)
                for answers, times in cases
                for name in SHELLS
            ]
            run_side_by_side([(name, body(server, **times)) for name, server, _, times in played])
        assert all(len(server.requests) == connections for _, server, connections, _ in played)


def test_a_blocking_one_may_stand_in_a_bare_for() -> None:
    with ScriptedServer(Answer(STREAM_HEAD + ONE, Then.HOLD)) as server, httpx.Client() as client:
        for event in streamspec_client.httpx.EventSource(client, server.url):
            assert event.data == "a"
            break
        server.left.get(timeout=SOON_S)
    with ScriptedServer(Answer(STREAM_HEAD + ONE, Then.HOLD)) as server, httpx2.Client() as client2:
        for event in streamspec_client.httpx2.EventSource(client2, server.url):
            assert event.data == "a"
            break
        server.left.get(timeout=SOON_S)


def test_what_contradicts_itself_is_refused() -> None:
    with httpx.Client() as client:
        with pytest.raises(ValueError, match="not both"):
            streamspec_client.httpx.EventSource(client, "http://h/", content=b"x", json=1)
        with pytest.raises(ValueError, match="give last_event_id"):
            streamspec_client.httpx.EventSource(client, "http://h/", headers={"last-event-id": "1"})


def test_the_package_needs_no_http_library() -> None:
    program = (
        "import sys\n"
        "for name in ('httpx', 'httpx2', 'aiohttp', 'anyio', 'h11'): sys.modules[name] = None\n"
        "import streamspec_client, streamspec_client.event_source, streamspec_client.text_stream\n"
        "import streamspec_client.event_stream, streamspec_client.transport_httpx\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=SOON_S)
