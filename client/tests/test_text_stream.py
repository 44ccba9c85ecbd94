"""Text streams against a server that answers by script: characters that are split, ends that are none, errors."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.servers import LAST_CHUNK, SOON_S, TEXT_HEAD, Answer, ScriptedServer, Then, chunk
from tests.shells import AWAITED, SHELLS, Body, Session, Shell, run, run_side_by_side

from streamspec_client.reconnection import Outcome
from streamspec_client.stream_error import Incomplete, Refused
from streamspec_client.text_stream import TextDecoder

every_shell = pytest.mark.parametrize("shell", SHELLS.values(), ids=SHELLS.keys())

# Characters of each length, halves of them, surrogates and overlong forms, and the BOM, whole and torn.
PARTS = [
    b"a",
    "ü".encode(),
    "€".encode(),
    "𝄞".encode(),
    b"\xf0\x9d",
    b"\xed\xa0\x80",
    b"\xc0\x80",
    b"\xff",
    b"\xef\xbb",
]


@given(st.lists(st.sampled_from([*PARTS, b"\xef\xbb\xbf"])), st.data())
def test_text_is_the_same_however_it_is_split(parts: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)))))
    decoder = TextDecoder()
    pieces = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    text = "".join(decoder.decode(piece) for piece in pieces) + decoder.decode(b"", final=True)
    assert text == whole.decode("utf-8", "replace").removeprefix("\ufeff")


@pytest.mark.parametrize(
    ("pieces", "texts"),
    [
        ([b"\xf0\x9d", b"\x84\x9e"], ["", "𝄞"]),
        ([b"\xef", b"\xbb", b"\xbfa"], ["", "", "a"]),
        ([b"\xef\xbb\xbf\xef\xbb\xbf"], ["\ufeff"]),
        ([b"a\xff", b"b"], ["a\ufffd", "b"]),
        ([b"\xf0\x9d", b"b"], ["", "\ufffdb"]),
    ],
    ids=["split character", "split BOM", "second BOM", "bad byte", "unfinished character"],
)
def test_text_comes_as_soon_as_its_bytes(pieces: list[bytes], texts: list[str]) -> None:
    decoder = TextDecoder()
    assert [decoder.decode(piece) for piece in pieces] == texts


def test_an_unfinished_character_at_the_end_is_replaced() -> None:
    assert TextDecoder().decode(b"\xef\xbb", final=True) == "\ufffd"


@every_shell
def test_text_comes_when_its_bytes_have_come(shell: Shell) -> None:
    async def body(session: Session) -> None:
        async with session.text(server.url) as chunks:
            assert await anext(chunks) == "a"
            assert chunks.outcome is None

    with ScriptedServer(Answer(TEXT_HEAD + chunk(b"a\xe2\x82"), Then.HOLD)) as server:
        run(shell, body)
        server.left.get(timeout=SOON_S)


@every_shell
def test_the_whole_is_what_was_sent(shell: Shell) -> None:
    async def body(session: Session) -> None:
        async with session.text(server.url, method="POST", json=[]) as chunks:
            assert "".join([text async for text in chunks]) == "€€\ufffd"
            assert chunks.outcome is Outcome.COMPLETE

    pieces = chunk(b"\xe2") + chunk(b"\x82\xac\xe2\x82") + chunk(b"\xac\xe2")
    with ScriptedServer(Answer(TEXT_HEAD + pieces + LAST_CHUNK)) as server:
        run(shell, body)
    assert server.requests[0].endswith(b"\r\n\r\n[]")


@every_shell
@pytest.mark.parametrize(
    "head",
    [TEXT_HEAD, b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"],
    ids=["no last chunk", "shorter than Content-Length"],
)
def test_a_body_cut_short_raises(shell: Shell, head: bytes) -> None:
    async def body(session: Session) -> None:
        texts = []
        async with session.text(server.url) as chunks:
            with pytest.raises(Incomplete, match="broken") as caught:
                texts.extend([text async for text in chunks])
            assert chunks.outcome is Outcome.INCOMPLETE
            assert [text async for text in chunks] == []
        assert caught.value.__cause__ is not None

    with ScriptedServer(Answer(head + (chunk(b"a") if head is TEXT_HEAD else b"a"))) as server:
        run(shell, body)


@every_shell
def test_no_connection_raises(shell: Shell) -> None:
    async def body(session: Session) -> None:
        async with session.text(server.url) as chunks:
            with pytest.raises(Incomplete, match="not connected"):
                await anext(chunks)

    with ScriptedServer() as server:
        server._thread.join(SOON_S)
        run(shell, body)


@every_shell
def test_an_error_status_raises_with_all_that_was_said(shell: Shell) -> None:
    async def body(session: Session) -> None:
        async with session.text(server.url) as chunks:
            with pytest.raises(Refused) as caught:
                await anext(chunks)
            assert chunks.outcome is Outcome.REFUSED
        assert (caught.value.status, caught.value.body) == (503, b"no")
        assert ("retry-after", "9") in [(name.lower(), value) for name, value in caught.value.fields]

    with ScriptedServer(Answer(b"HTTP/1.1 503 No\r\nRetry-After: 9\r\nContent-Length: 2\r\n\r\nno")) as server:
        run(shell, body)


def test_silence_for_longer_than_the_idle_time_out_raises() -> None:
    def body(server: ScriptedServer) -> Body:
        async def read(session: Session) -> None:
            async with session.text(server.url, idle_timeout_s=0.3) as chunks:
                assert await anext(chunks) == "a"
                with pytest.raises(Incomplete, match="idle"):
                    await anext(chunks)

        return read

    with ExitStack() as stack:
        silent = Answer(TEXT_HEAD + chunk(b"a"), Then.HOLD)
        servers = {name: stack.enter_context(ScriptedServer(silent)) for name in SHELLS}
        run_side_by_side([(name, body(server)) for name, server in servers.items()])


@pytest.mark.parametrize("shell", AWAITED.values(), ids=AWAITED.keys())
def test_a_read_that_was_cancelled_does_not_end_the_text(shell: Shell) -> None:
    """Httpx closes the connection then, and aiohttp reads on: neither may look like the end."""

    async def body(session: Session) -> None:
        async with session.text(server.url, idle_timeout_s=0.2) as chunks:
            assert await anext(chunks) == "a"
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(chunks), 0.05)
            with pytest.raises(Incomplete):
                await anext(chunks)

    with ScriptedServer(Answer(TEXT_HEAD + chunk(b"a"), Then.HOLD)) as server:
        run(shell, body)


@every_shell
def test_it_is_read_once_and_in_its_block(shell: Shell) -> None:
    async def body(session: Session) -> None:
        chunks = session.text(server.url)
        with pytest.raises(RuntimeError, match="inside its own block"):
            await anext(chunks)
        async with chunks:
            assert await anext(chunks) == "a"
        with pytest.raises(RuntimeError, match="read once"):
            await chunks.__aenter__()

    with ScriptedServer(Answer(TEXT_HEAD + chunk(b"a"), Then.HOLD)) as server:
        run(shell, body)
