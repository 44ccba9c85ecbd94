"""Every check of `lint` against a server that breaks it, and against one that does not."""

from __future__ import annotations

import io
import json
import re
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from rich.console import Console
from tests.raw_endpoints import FIELDS, LAST_CHUNK, STEP_S, Answer, Endpoint, Stream, buffered, chunk

from streamspec.contract import Level
from streamspec.lint import run
from streamspec.lint.checks import all_checks
from streamspec.lint.checks.contract import unknown
from streamspec.lint.look import Limits
from streamspec.lint.request import Request
from streamspec.report.results import ExitCode, Verdict
from streamspec.requirement import all_requirements

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from streamspec.lint.verdicts import Linted, LintResults

LIMITS = Limits(max_events=40, max_time_s=5.0, max_silence_s=1.0)
TEXT = {"Content-Type": "text/plain; charset=utf-8"}
JSON_LINES = {"Content-Type": "application/x-ndjson"}
TEXT_ITEMS = (b"one\n", b"two\n", b"three\n", b"four\n")
JSON_ITEMS = (b'{"n": 1}\n', b'{"n": 2}\n', b'{"n": 3}\n', b'{"done": true}\n')
EVENTS = Stream().items


def results_of(
    play: Callable[[Answer], None],
    *,
    limits: Limits = LIMITS,
    lines: tuple[str, ...] = (),
    body: bytes | None = None,
    follow: bool = False,
    once: bool | None = None,
) -> LintResults:
    with Endpoint(play) as endpoint:
        request = Request.of(endpoint.url, lines=lines, body=body)
        console = Console(file=io.StringIO())
        return run.lint(request, limits, console, direct=None, follow=follow, once=once)


def linted(
    play: Callable[[Answer], None],
    *,
    limits: Limits = LIMITS,
    lines: tuple[str, ...] = (),
    body: bytes | None = None,
    follow: bool = False,
    once: bool | None = None,
) -> Linted:
    (target,) = results_of(play, limits=limits, lines=lines, body=body, follow=follow, once=once).targets
    return target


def side_by_side(plays: Mapping[str, Callable[[Answer], None]]) -> dict[str, Linted]:
    """What is found at each: they mostly wait, so they wait together."""
    with ThreadPoolExecutor(len(plays)) as pool:
        return dict(zip(plays, pool.map(linted, plays.values()), strict=True))


def by_verdict(target: Linted, *verdicts: Verdict) -> dict[str, str]:
    return {finding.id: finding.message for finding in target.verdicts if finding.verdict in verdicts}


def failures(target: Linted) -> dict[str, str]:
    return by_verdict(target, Verdict.FAIL, Verdict.WARN)


def not_found(answer: Answer) -> None:
    answer.whole("text/html", b"<h1>Not Found</h1>", "404 Not Found")


def document(answer: Answer) -> None:
    answer.whole("application/json", b'{"answer": 42}')


def cut_short(answer: Answer) -> None:
    Stream(last=b"")(answer)


def twice_a_line_of_json(answer: Answer) -> None:
    Stream(items=JSON_ITEMS, fields={"Content-Type": "application/json"})(answer)


MANY = (*(b"data: %d\n\n" % n for n in range(19)), b"event: done\ndata: 19\n\n")
"""So many that nobody makes them in one moment."""

FEW = (*(b"data: %d\n\n" % n for n in range(5)), b"event: done\ndata: 5\n\n")


def let_go(items: tuple[bytes, ...], *, wait_s: float, pings: int = 0) -> Callable[[Answer], None]:
    """A play that says nothing, or so many comments, for so long, and then all of it in one chunk, as a buffer does."""

    def play(answer: Answer) -> None:
        is_chunked = answer.asked.version == "1.1"
        framed = chunk if is_chunked else bytes
        answer.head({**FIELDS, **({"Transfer-Encoding": "chunked"} if is_chunked else {})})
        for _ in range(pings):
            answer.wait(wait_s / (pings + 1))
            answer.send(framed(b": alive\n\n"))
        answer.wait(wait_s / (pings + 1))
        answer.send(framed(b"".join(items)) + (LAST_CHUNK if is_chunked else b""))

    return play


def only_live_in(version: str) -> Callable[[Answer], None]:
    def play(answer: Answer) -> None:
        live = answer.asked.version == version
        (Stream(items=MANY) if live else let_go(MANY, wait_s=20 * STEP_S))(answer)

    return play


BREAKS: dict[str, Callable[[Answer], None]] = {
    "head-status": not_found,
    "head-text-media-type": Stream(items=TEXT_ITEMS, fields={"Content-Type": "text/plain"}),
    "head-sse-media-type": Stream(fields={"Content-Type": "text/event-stream; charset=latin-1"}),
    "head-no-content-length": buffered(EVENTS, 0.0),
    "head-no-store": Stream(without=("Cache-Control",)),
    "head-no-transform": Stream(fields={"Cache-Control": "no-store"}),
    "head-accel-buffering": Stream(without=("X-Accel-Buffering",)),
    "head-nosniff": Stream(without=("X-Content-Type-Options",)),
    "chunks-coding": Stream(last=b"0 \r\n\r\n"),
    "framing-no-bom": Stream(items=(b"\xef\xbb\xbf", *EVENTS)),
    "framing-known-fields": Stream(items=(b"seq: 1\ndata: a\n\n", *EVENTS)),
    "framing-event-terminated": Stream(items=(*EVENTS, b"data: lost\n")),
    "framing-whole-events": Stream(items=(*EVENTS[:-1], b"data: ", b"half\n\n", EVENTS[-1])),
    "lint-media-type": twice_a_line_of_json,
    "lint-utf8": Stream(items=(b"data: \xff\n\n", *EVENTS)),
    "lint-field-values": Stream(items=(b"retry: 2.5\n", *EVENTS)),
    "lint-event-data": Stream(items=(b"event: ping\n\n", *EVENTS)),
    "lint-json-lines": Stream(items=(*JSON_ITEMS, b"{'n': 5}\n"), fields=JSON_LINES),
    "lint-stream": document,
    "lint-incremental": let_go(MANY, wait_s=0.7),
    "lint-incremental-encoded": Stream(codes=True, flushes=False),
    "lint-incremental-http10": only_live_in("1.1"),
    "lint-head-early": Stream(wait_head_s=0.6),
    "lint-coding": Stream(fields={"Content-Encoding": "gzip"}),
    "lint-delimited": Stream(chunks=False),
    "lint-http10-coding": Stream(chunks_to_http10=True),
    "lint-ending": cut_short,
    "lint-terminal": Stream(items=EVENTS[:-1]),
    "lint-keepalive": Stream(items=(EVENTS[0], EVENTS[-1]), step_s=1.2),
    "lint-resume": Stream(resumes=False),
}
"""A server for each check that breaks it."""

ALSO_BREAKS = {
    "head-no-content-length": {
        "lint-incremental": "all of it is there before it is sent",
        "lint-resume": "it is always the whole",
    },
    "head-no-store": {"head-no-transform": "the same field says it"},
    "lint-ending": {"chunks-coding": "the last chunk is missing"},
}
"""What else that server breaks by the same defect, each with the reason."""


def test_every_check_has_a_server_that_breaks_it() -> None:
    assert set(BREAKS) == {made.id for made in all_checks()}


@pytest.fixture(scope="module")
def broken() -> dict[str, Linted]:
    return side_by_side(BREAKS)


@pytest.mark.parametrize("id_", BREAKS)
def test_a_check_fails_on_the_server_that_breaks_it_and_no_other_does(id_: str, broken: dict[str, Linted]) -> None:
    assert set(failures(broken[id_])) == {id_, *ALSO_BREAKS.get(id_, {})}


SOUND: dict[str, Callable[[Answer], None]] = {
    "events": Stream(),
    "events, compressed": Stream(codes=True),
    "events, CRLF": Stream(items=tuple(item.replace(b"\n", b"\r\n") for item in EVENTS)),
    "events, no ids": Stream(items=(b"data: 1\n\n", b": alive\n\n", b"data: 2\n\n", b"data: [DONE]\n\n")),
    "endless events": Stream(is_endless=True),
    "text": Stream(items=TEXT_ITEMS, fields=TEXT),
    "text without line ends": Stream(items=(b"one ", b"tw", b"o ", b"three"), fields=TEXT),
    "JSON lines": Stream(items=JSON_ITEMS, fields=JSON_LINES),
    "JSON texts with separators": Stream(
        items=tuple(b"\x1e" + item for item in JSON_ITEMS), fields={"Content-Type": "application/json-seq"}
    ),
    "JSON texts of several lines": Stream(
        items=tuple(b"\x1e" + item.replace(b" ", b"\n ") for item in JSON_ITEMS),
        fields={"Content-Type": "application/json-seq"},
    ),
    "JSON Lines without the last line feed": Stream(
        items=(*JSON_ITEMS, b'{"n": 4}'), fields={"Content-Type": "application/jsonl"}
    ),
    "a model's last words, with a reason": Stream(
        items=(
            *(b'data: {"candidates": [{"content": "%d"}]}\n\n' % n for n in range(4)),
            b'data: {"candidates": [{"content": "4", "finishReason": "STOP"}]}\n\n',
        )
    ),
    "a page that is streamed": Stream(
        items=(b"<p>one", b"<p>two", b"<p>three"), fields={"Content-Type": "text/html; charset=utf-8"}
    ),
    "one JSON array, streamed": Stream(items=(b"[1", b",2", b",3]"), fields={"Content-Type": "application/json"}),
}


@pytest.fixture(scope="module")
def sound() -> dict[str, Linted]:
    return side_by_side(SOUND)


@pytest.mark.parametrize("name", SOUND)
def test_nothing_fails_on_a_sound_stream(name: str, sound: dict[str, Linted]) -> None:
    target = sound[name]
    assert by_verdict(target, Verdict.FAIL, Verdict.WARN, Verdict.INCONCLUSIVE) == {}
    assert target.count(Verdict.PASS) > 10


def test_what_needs_the_contract_is_unknown_and_never_judged() -> None:
    judged = {made.id for made in all_checks()}
    told = {made.id for made in unknown()}
    assert not judged & told
    assert {made.id for made in all_requirements()} == told | {id_ for id_ in judged if not id_.startswith("lint-")}
    assert "disconnect-fin-idle" in told


def test_ids_of_the_contract_have_its_words() -> None:
    contract = {made.id: made for made in all_requirements()}
    for made in all_checks():
        assert made.sentence.endswith(".")
        if made.id in contract:
            same = contract[made.id]
            assert (made.sentence, made.anchor) == (same.sentence, same.anchor)
            # What HTTP leaves to whoever serves is advice here.
            asked_only_there = made.id in {"head-text-media-type", "head-no-store"}
            assert (same.level, made.level) == (Level.MUST, Level.SHOULD) or (
                made.level is same.level and not asked_only_there
            )


# Buffering


def test_a_burst_tells_who_may_have_held_it_back() -> None:
    play = buffered(EVENTS, 0.7, Server="nginx/1.22.1", Via="1.1 varnish")
    told = failures(linted(play, once=True))["lint-incremental"]
    assert "6 events within 0.0 ms, 0.7 s after the request" in told
    assert "nginx: `proxy_buffering off`" in told
    assert "Varnish" in told
    assert "Content-Length says that all of it was there" in told


def test_a_body_that_was_ready_at_once_is_inconclusive() -> None:
    target = linted(Stream(step_s=0), once=True)
    assert (
        "ready at once, or held back, nobody can tell" in by_verdict(target, Verdict.INCONCLUSIVE)["lint-incremental"]
    )


def test_what_came_at_once_behind_an_event_is_inconclusive() -> None:
    rest = b"".join(b"data: %d\n\n" % n for n in range(20))
    target = linted(Stream(items=(b"data: first\n\n", rest), step_s=0.6), once=True)
    told = by_verdict(target, Verdict.INCONCLUSIVE)["lint-incremental"]
    assert "the last 20 of 21 events came at one moment, 0." in told


def test_comments_that_come_while_all_events_wait_show_nothing_live() -> None:
    target = linted(let_go(MANY, wait_s=0.9, pings=3), once=True)
    told = failures(target)["lint-incremental"]
    assert re.search(r"20 events within \d\.\d ms, \d\.\d s after the request and behind 3 comments", told)
    (look,) = target.looks
    assert (look.pieces, look.moments, look.comments) == (20, 1, 3)


def test_a_compressor_that_lets_only_comments_through_is_seen() -> None:
    def play(answer: Answer) -> None:
        pinged = tuple(item for event in FEW for item in (b": alive\n\n", event))
        if "accept-encoding" in answer.asked.fields:
            let_go(FEW, wait_s=12 * STEP_S, pings=6)(answer)
        else:
            Stream(items=pinged)(answer)

    target = linted(play)
    told = failures(target)
    assert set(told) == {"lint-incremental-encoded"}
    assert "6 events at 1 moment and 6 comments" in told["lint-incremental-encoded"]


def test_only_comments_are_no_sign_that_events_stream() -> None:
    target = linted(Stream(items=(b": alive\n\n",), is_endless=True), limits=Limits(10, 0.7, 10.0))
    assert failures(target) == {}
    unclear = by_verdict(target, Verdict.INCONCLUSIVE)
    assert "comments came and no event (left after --max-time 0.7)" in unclear["lint-incremental"]
    assert unclear["lint-incremental-encoded"] == unclear["lint-incremental"]


def test_a_true_buffer_is_found_and_told_once() -> None:
    target = linted(let_go(MANY, wait_s=2.0), limits=Limits(40, 5.0, 5.0))
    assert set(failures(target)) == {"lint-incremental"}
    told = failures(target)["lint-incremental"]
    assert re.search(r"20 events within \d\.\d ms, 2\.\d s after the request", told)
    assert "what is all made in that moment looks the same: to tell, ask for one that takes its time" in told


def test_an_answer_that_is_thought_over_and_then_quick_is_not_blamed() -> None:
    thinker = Stream(items=FEW, wait_first_s=1.5, step_s=0.002)
    assert failures(linted(thinker, limits=Limits(40, 5.0, 5.0))) == {}


def test_few_at_once_after_a_wait_are_inconclusive_and_what_would_tell_is_told() -> None:
    target = linted(let_go(FEW, wait_s=0.7), body=b"{}")
    assert failures(target) == {}
    told = by_verdict(target, Verdict.INCONCLUSIVE)["lint-incremental"]
    assert "made that fast after the wait, or held back, nobody can tell" in told
    for way in ("takes its time for each piece", "--direct ORIGIN", "--repeat"):
        assert way in told


def test_what_comes_at_once_where_another_look_shows_it_live_was_held_back() -> None:
    def play(answer: Answer) -> None:
        is_plain = "accept-encoding" not in answer.asked.fields
        (let_go(FEW, wait_s=6 * STEP_S) if is_plain else Stream(items=FEW))(answer)

    told = failures(linted(play))
    assert "lint-incremental-encoded" not in told
    assert "what comes when asked as a browser does: " in told["lint-incremental"]


def test_an_answer_from_a_cache_was_not_held_back() -> None:
    def play(answer: Answer) -> None:
        is_first = "accept-encoding" not in answer.asked.fields and answer.asked.version == "1.1"
        (Stream(items=FEW, step_s=2 * STEP_S) if is_first else let_go(FEW, wait_s=0.0))(answer)

    target = linted(play)
    assert failures(target) == {}
    assert "as from a cache" in by_verdict(target, Verdict.INCONCLUSIVE)["lint-incremental-encoded"]


def test_a_burst_with_which_the_stream_does_not_end_is_inconclusive() -> None:
    feed = Stream(items=(b"".join(MANY), b": alive\n\n"), wait_first_s=0.6, step_s=3.0)
    target = linted(feed, limits=Limits(40, 1.2, 10.0), once=True)
    assert failures(target) == {}
    assert "nobody can tell" in by_verdict(target, Verdict.INCONCLUSIVE)["lint-incremental"]


def test_a_page_that_is_joined_for_browsers_is_told_by_its_bytes() -> None:
    parts = tuple(b"<p>%d" % n for n in range(6))
    page = {"Content-Type": "text/html; charset=utf-8"}

    def play(answer: Answer) -> None:
        if "accept-encoding" in answer.asked.fields:
            Stream(items=(b"".join(parts),), fields=page, wait_first_s=6 * STEP_S)(answer)
        else:
            Stream(items=parts, fields=page)(answer)

    assert set(failures(linted(play))) == {"lint-incremental-encoded"}


def test_comments_in_a_coding_that_cannot_be_read_prove_nothing() -> None:
    def play(answer: Answer) -> None:
        if "accept-encoding" in answer.asked.fields:
            Stream(items=(b"\x1b",) * 6, fields={"Content-Encoding": "br"})(answer)
        else:
            Stream(items=(b": alive\n\n", *FEW))(answer)

    told = by_verdict(linted(play), Verdict.INCONCLUSIVE)["lint-incremental-encoded"]
    assert "comments may be all that comes live" in told


def test_a_single_event_is_inconclusive() -> None:
    target = linted(Stream(items=(b"data: [DONE]\n\n",)), once=True)
    assert "no order to see" in by_verdict(target, Verdict.INCONCLUSIVE)["lint-incremental"]


def test_clumps_for_a_browser_are_told_beside_what_is_usual() -> None:
    def play(answer: Answer) -> None:
        many = tuple(b"data: %d\n\n" % n for n in range(24))
        if "accept-encoding" not in answer.asked.fields:
            Stream(items=many, step_s=STEP_S / 3)(answer)
            return
        Stream(items=tuple(b"".join(many[at : at + 8]) for at in (0, 8, 16)), step_s=STEP_S * 3)(answer)

    told = failures(linted(play))["lint-incremental-encoded"]
    assert "24 events at 24 moments" in told
    assert "24 events at 3 moments" in told


def test_an_endless_stream_that_a_compressor_holds_back_is_noticed() -> None:
    target = linted(Stream(is_endless=True, codes=True, flushes=False), limits=Limits(10, 1.5, 10.0))
    told = failures(target)["lint-incremental-encoded"]
    assert "none of its events in 1.5 s" in told
    assert "Content-Encoding: gzip" in told


def test_a_coding_that_cannot_be_decoded_is_judged_by_its_times() -> None:
    def play(answer: Answer) -> None:
        if "br" not in answer.asked.fields.get("accept-encoding", ""):
            Stream()(answer)
            return
        Stream(items=(b"\x1b", b"the rest of it"), step_s=0.5, fields={"Content-Encoding": "br"})(answer)

    told = failures(linted(play))["lint-incremental-encoded"]
    assert "15 bytes of br at 2 moments" in told


def test_the_browsers_look_sends_what_a_browser_sends_and_http10_is_asked_too() -> None:
    with Endpoint(Stream()) as endpoint:
        run.lint(Request.of(endpoint.url), LIMITS, Console(file=io.StringIO()), direct=None, follow=False, once=False)
        asked = endpoint.asked
    assert [one.version for one in asked] == ["1.1", "1.1", "1.0", "1.1"]
    assert [one.fields.get("accept-encoding") for one in asked] == [None, "gzip, deflate, br, zstd", None, None]
    assert [one.fields.get("last-event-id") for one in asked] == [None, None, None, "3"]


def test_once_is_once() -> None:
    with Endpoint(Stream()) as endpoint:
        request = Request.of(endpoint.url)
        results = run.lint(request, LIMITS, Console(file=io.StringIO()), direct=None, follow=False, once=True)
        assert len(endpoint.asked) == 1
    (target,) = results.targets
    told = by_verdict(target, Verdict.NOT_APPLICABLE)
    assert "--once" in told["lint-incremental-encoded"]
    assert "--once" in told["lint-resume"]


@pytest.mark.parametrize(
    ("body", "once", "times"),
    [(None, None, 4), (b"{}", None, 1), (b"{}", False, 3), (b"{}", True, 1)],
    ids=["GET", "POST", "POST --repeat", "POST --once"],
)
def test_what_may_change_something_is_sent_once_unless_it_may_be_repeated(
    body: bytes | None, once: bool | None, times: int
) -> None:
    with Endpoint(Stream()) as endpoint:
        request = Request.of(endpoint.url, body=body)
        (target,) = run.lint(request, LIMITS, Console(file=io.StringIO()), direct=None, follow=False, once=once).targets
        assert len(endpoint.asked) == times
    asks_otherwise = ["lint-incremental-encoded", "lint-incremental-http10", "lint-http10-coding"]
    assert target.not_made == (asks_otherwise + ["lint-resume"] * (body is None) if times == 1 else [])
    if once is None and body:
        told = by_verdict(target, Verdict.NOT_APPLICABLE)
        assert "--repeat sends it again" in told["lint-incremental-encoded"]
        assert "a browser comes back with GET" in told["lint-resume"]


def test_a_post_that_is_redirected_to_a_get_is_looked_at_in_every_way() -> None:
    def play(answer: Answer) -> None:
        if answer.asked.method == "POST":
            answer.head({"Location": "/there", "Content-Length": "0"}, "303 See Other")
        else:
            Stream()(answer)

    with Endpoint(play) as endpoint:
        request = Request.of(endpoint.url, body=b"{}")
        run.lint(request, LIMITS, Console(file=io.StringIO()), direct=None, follow=True, once=None)
        assert [one.method for one in endpoint.asked] == ["POST", "GET", "GET", "GET", "GET"]


def test_who_sends_chunks_to_http10_is_told_how_to_mend_it() -> None:
    told = failures(linted(Stream(chunks_to_http10=True, fields={"Server": "uvicorn"})))
    assert "`uvicorn --http h11`" in told["lint-http10-coding"]


# Coming back


@pytest.mark.parametrize(
    ("play", "told"),
    [
        (Stream(resumes=False), "the stream from its begin to Last-Event-ID '3'"),
        (
            lambda answer: Stream(
                items=EVENTS[2:] if "last-event-id" in answer.asked.fields else EVENTS, resumes=False
            )(answer),
            "once more to Last-Event-ID '3'",
        ),
        (
            lambda answer: Stream(
                items=EVENTS[4:] if "last-event-id" in answer.asked.fields else EVENTS, resumes=False
            )(answer),
            "events are missing",
        ),
        (
            lambda answer: not_found(answer) if "last-event-id" in answer.asked.fields else Stream()(answer),
            "status 404 to Last-Event-ID '3'",
        ),
    ],
    ids=["begins again", "repeats", "leaves out", "refuses"],
)
def test_what_comes_after_an_id_is_the_next_event(play: Callable[[Answer], None], told: str) -> None:
    assert told in failures(linted(play))["lint-resume"]


def test_events_that_were_not_there_the_first_time_prove_nothing() -> None:
    def play(answer: Answer) -> None:
        later = 100 if "last-event-id" in answer.asked.fields else 0
        items = tuple(b"id: %d\ndata: news\n\n" % (later + n) for n in range(1, 5))
        Stream(items=(*items, EVENTS[-1]), resumes=False)(answer)

    assert "only the server knows" in by_verdict(linted(play), Verdict.NOT_APPLICABLE)["lint-resume"]


# Kinds of endpoint


def language_model(answer: Answer) -> None:
    """POST, then tokens as chat completions come, and [DONE]."""
    wants_stream = json.loads(answer.asked.body).get("stream")
    if not wants_stream:
        answer.whole("application/json", b'{"choices": []}')
        return
    tokens = [b'data: {"choices": [{"delta": {"content": "%d"}}]}\n\n' % n for n in range(5)]
    play = Stream(items=(*tokens, b"data: [DONE]\n\n"), without=("Cache-Control", "X-Content-Type-Options"))
    play(answer)


def test_a_language_model_streams_with_post() -> None:
    target = linted(language_model, body=b'{"stream": true}', once=True)
    assert set(failures(target)) == {"head-no-transform", "head-nosniff"}
    assert "no cache stores an answer to POST" in by_verdict(target, Verdict.NOT_APPLICABLE)["head-no-store"]
    assert "lint-terminal" in by_verdict(target, Verdict.PASS)


def test_a_language_model_that_is_not_asked_to_stream_does_not() -> None:
    target = linted(language_model, body=b"{}")
    told = failures(target)
    assert set(told) == {"lint-stream"}
    assert "if it streams when it is asked to, ask it to" in told["lint-stream"]
    assert "'\"stream\": true' in its body" in told["lint-stream"]


MCP_ACCEPT = ("Accept: application/json, text/event-stream", "Content-Type: application/json")


def test_mcp_may_answer_with_a_document() -> None:
    results = results_of(document, lines=MCP_ACCEPT, body=b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}')
    (target,) = results.targets
    assert failures(target) == {}
    assert "lint-stream" in by_verdict(target, Verdict.PASS)
    assert "one JSON document" in by_verdict(target, Verdict.NOT_APPLICABLE)["lint-incremental"]
    assert run.exit_code(results, strict=True) is ExitCode.CONFORMANT


def test_mcp_may_answer_with_events_whose_last_is_the_response() -> None:
    messages = [
        *(b'{"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progress": %d}}' % n for n in range(3)),
        b'{"jsonrpc": "2.0", "id": 1, "result": {}}',
    ]
    items = tuple(b"event: message\nid: %d\ndata: %b\n\n" % (n, text) for n, text in enumerate(messages))
    target = linted(Stream(items=items), lines=MCP_ACCEPT, body=b'{"jsonrpc": "2.0", "id": 1, "method": "work"}')
    assert failures(target) == {}
    assert "lint-terminal" in by_verdict(target, Verdict.PASS)
    assert "a browser comes back with GET" in by_verdict(target, Verdict.NOT_APPLICABLE)["lint-resume"]


def test_events_under_another_media_type_are_told() -> None:
    told = failures(linted(Stream(fields={"Content-Type": "application/octet-stream"}), once=True))
    assert "text/event-stream for an event stream" in told["lint-media-type"]


def test_an_endless_stream_is_sampled() -> None:
    target = linted(Stream(is_endless=True), limits=Limits(7, 30.0, 10.0), once=True)
    (asked, *_) = target.looks
    assert asked.why_left == "left after --max-events 7"
    assert 7 <= asked.pieces < 12
    assert "the end was not waited for" in by_verdict(target, Verdict.NOT_APPLICABLE)["lint-ending"]


def test_a_server_that_floods_is_left() -> None:
    def play(answer: Answer) -> None:
        answer.head({**FIELDS, "Content-Type": "application/octet-stream", "Transfer-Encoding": "chunked"})
        while not answer.leaving.is_set():
            answer.send(chunk(bytes(65_536)))

    (look,) = linted(play, once=True, limits=Limits(100_000, 30.0, 10.0)).looks
    assert look.why_left == "left after 8 MiB"


def test_time_is_up_for_a_stream_that_says_nothing() -> None:
    target = linted(
        Stream(items=(b": begin\n\n",), step_s=9.0, wait_first_s=30.0), limits=Limits(10, 0.6, 10.0), once=True
    )
    unclear = by_verdict(target, Verdict.INCONCLUSIVE)
    assert unclear["lint-incremental"] == "the body is empty so far: left after --max-time 0.6"
    # Nothing is no proof that what would come is right.
    assert unclear["lint-utf8"] == unclear["framing-known-fields"] == "the body is empty: left after --max-time 0.6"


def test_where_nothing_came_nothing_is_compared() -> None:
    target = linted(Stream(items=(b"data: 1\n\n",), wait_first_s=30.0), limits=Limits(10, 0.4, 10.0))
    assert [look.name for look in target.looks] == ["as asked"]
    told = by_verdict(target, Verdict.NOT_APPLICABLE)["lint-incremental-encoded"]
    assert told == "nothing came when asked plainly, so there is nothing to compare with"


def test_no_answer_at_all_is_inconclusive() -> None:
    target = linted(lambda answer: answer.wait(30.0), limits=Limits(10, 0.3, 10.0))
    told = by_verdict(target, Verdict.INCONCLUSIVE)
    assert told["head-status"] == "no answer came: left after --max-time 0.3"
    assert failures(target) == {}


def test_what_is_no_http_fails() -> None:
    told = failures(linted(lambda answer: answer.send(b"SSH-2.0-OpenSSH_9.6\r\n")))
    assert "expected an HTTP response" in told["head-status"]


def test_a_small_body_that_decodes_to_any_size_ends_nothing() -> None:
    compressor = zlib.compressobj(wbits=31)
    bomb = b"".join(compressor.compress(bytes(1_048_576)) for _ in range(64)) + compressor.flush()
    target = linted(Stream(items=(bomb,), fields={"Content-Encoding": "gzip"}), once=True)
    told = by_verdict(target, Verdict.INCONCLUSIVE)
    assert "the gzip data hold more than 33554432 bytes" in told["framing-known-fields"]


def test_an_answer_without_content_is_no_stream() -> None:
    target = linted(lambda answer: answer.head({}, "204 No Content"), once=True)
    assert set(failures(target)) == {"head-status"}
    assert "204 which tells an EventSource to stop" in failures(target)["head-status"]
    assert target.count(Verdict.NOT_APPLICABLE) == len(all_checks()) - 1


@pytest.mark.parametrize(
    ("items", "media_type", "told"),
    [
        ((*JSON_ITEMS, b'{"n": 4}'), "application/x-ndjson", "a line feed at the end"),
        ((*JSON_ITEMS, b'{"n": '), "application/jsonl", "JSON; got"),
        ((b'\x1e{"n": 1}\n', b"\x1e{\n'n': 2}\n", b'\x1e{"n": 3}\n'), "application/json-seq", "at byte 10"),
        ((b'\x1e{"n": 1}\n', b'\x1e{"n": 2}'), "application/json-seq", "a line feed at the end"),
        ((b'{"n": 1}\n', b'\x1e{"n": 2}\n'), "application/json-seq", "a record separator before the first text"),
    ],
)
def test_json_lines_that_a_client_cannot_read_are_told(items: tuple[bytes, ...], media_type: str, told: str) -> None:
    target = linted(Stream(items=items, fields={"Content-Type": media_type}), once=True)
    assert told in failures(target)["lint-json-lines"]


@pytest.mark.parametrize(
    ("fields", "follow", "told"),
    [
        ({"Location": "/"}, False, "which -L follows"),
        ({"Location": "/"}, True, "after 10 redirects, no stream yet"),
        ({"Location": "ftp://there/"}, True, "which leads to 'ftp://there/'"),
        ({}, True, "without a Location"),
    ],
)
def test_a_redirect_tells_what_becomes_of_it(fields: dict[str, str], follow: bool, told: str) -> None:
    target = linted(lambda answer: answer.head(fields, "307 Elsewhere"), follow=follow, once=True)
    assert told in failures(target)["head-status"]


def test_a_body_that_ends_with_the_connection_has_no_visible_end() -> None:
    target = linted(Stream(chunks=False), once=True)
    assert "no Transfer-Encoding: the body is close-delimited" in failures(target)["lint-delimited"]
    assert "one that was cut looks the same" in by_verdict(target, Verdict.INCONCLUSIVE)["lint-ending"]


def test_half_a_chunk_at_the_moment_of_leaving_is_no_violation() -> None:
    def play(answer: Answer) -> None:
        answer.head({**FIELDS, "Transfer-Encoding": "chunked"})
        for n in range(4):
            answer.send(chunk(b"data: %d\n\n" % n))
            answer.wait()
        answer.send(b"20\r\ndata: ha")
        answer.wait(30.0)

    target = linted(play, limits=Limits(10, 0.6, 10.0), once=True)
    assert failures(target) == {}


# Redirects


def elsewhere(answer: Answer) -> None:
    if answer.asked.target == "/":
        answer.whole("text/plain", b"", "307 Temporary Redirect", Location="/there?x=1")
    else:
        Stream()(answer)


def test_a_redirect_is_shown_and_fails_where_it_is_not_followed() -> None:
    target = linted(elsewhere)
    ((_, status, location),) = target.redirects
    assert (status, location) == (307, "/there?x=1")
    assert "307" in failures(target)["head-status"]


def test_a_redirect_is_followed_when_asked_to() -> None:
    target = linted(elsewhere, follow=True, once=True)
    assert target.url.endswith("/there?x=1")
    assert failures(target) == {}


def test_redirects_without_end_end() -> None:
    target = linted(lambda answer: answer.whole("text/plain", b"", "302 Found", Location="/again"), follow=True)
    assert len(target.redirects) == 10
    assert "302" in failures(target)["head-status"]


def test_the_last_chunk_is_read_strictly() -> None:
    assert LAST_CHUNK == b"0\r\n\r\n"
    told = failures(linted(Stream(last=LAST_CHUNK + b"more"), once=True))
    assert "nothing behind the last chunk" in told["chunks-coding"]
