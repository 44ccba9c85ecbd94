"""The page: one file that needs nothing else, says everything without a script, and stays small."""

from __future__ import annotations

import re
import time
from base64 import b64decode
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from zlib import decompress

import msgspec
from tests.http2_talks import Request, http2_talk, two_items
from tests.sample_recording import CODE, recorded
from tests.sample_results import ABSENT, FAILED, GOOD, KNOWN, PASSED, results

from streamspec.contract import Level
from streamspec.report.html import page
from streamspec.report.html.frames import MOST_FRAMES, told, within
from streamspec.report.html.sources import comparison
from streamspec.report.kept import KeptExchange, KeptRecording, keep
from streamspec.report.results import Finding, TargetResults, Verdict
from streamspec_client.trace import Chunk, Closing, Conversation, Ending, Framing, Response, Segment, Trace

if TYPE_CHECKING:
    from h2.connection import H2Connection

    from streamspec.requirement import Requirement

WHOLE = results(GOOD, recorded(), ABSENT)
MOST_BYTES = 5_000_000
MOST_S = 20.0
"""For twelve targets; it takes 1.3 s on two busy cores."""


class Outline(HTMLParser):
    """The tags that are open, every attribute that names a place, the text outside of scripts and styles."""

    VOID = frozenset({"meta", "link", "input", "path", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.places: list[str] = []
        self.ids: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)
        named = dict(attrs)
        self.places += [value for name in ("src", "href") if (value := named.get(name))]
        self.ids += [value for value in [named.get("id")] if value]

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "script" not in self.open and "style" not in self.open:
            self.text += data


def outline(text: str) -> Outline:
    made = Outline()
    made.feed(text)
    made.close()
    assert made.open == []
    return made


class Answered(msgspec.Struct):
    """A response, as the page's script reads it."""

    chunks: list[tuple[float, int, int]]


class Talk(msgspec.Struct):
    """A conversation."""

    token: str
    curl: str
    items: list[tuple[float, float]]
    sent: list[list[object]]
    received: list[list[object]]
    responses: list[Answered]


class Attempt(msgspec.Struct):
    """A recording."""

    talks: list[Talk] = []
    unobserved: str = ""


class Evidence(msgspec.Struct):
    """What is packed for a target."""

    exchanges: dict[str, dict[str, list[Attempt]]]


def evidence(text: str, target: int) -> Evidence:
    """What is packed for a target."""
    packed = re.search(rf'id="packed-{target}">([^<]*)<', text)
    assert packed
    return msgspec.json.decode(decompress(b64decode(packed[1])), type=Evidence)


def test_the_page_needs_no_other_file_and_no_network() -> None:
    text = page(WHOLE, KNOWN, strict=False)
    places = outline(text).places
    assert places
    assert all(place.startswith(("#", "data:")) for place in places)
    assert "default-src 'none'" in text
    assert "@import" not in text
    assert "url(" not in text


def test_matrix_totals_and_what_does_not_hold_are_there_without_a_script() -> None:
    made = outline(page(WHOLE, KNOWN, strict=False))
    for words in (
        "1 of 3 targets conform, 1 with deviations",
        "1 pass, 1 FAIL, 1 warn, 1 deviates, 2 inconcl., 1 n/a",
        "http://h: cannot connect; start the server",
        "Cache-Control holds no-store",
        "Cache-Control: \\x1b[31m<public>\\x00 & ]]>",
        "streamspec check 'path/to my/impl.toml' --select head-no-store",
        "the framework overwrites it",
        "capability not declared: script",
        "What one must know.",
    ):
        assert words in made.text
    assert "bad/head-no-store" in made.ids
    assert len(made.ids) == len(set(made.ids))


def test_strict_is_told() -> None:
    warned = replace(GOOD, verdicts=[PASSED, replace(FAILED, verdict=Verdict.WARN)])
    assert "good conforms" in page(results(warned), KNOWN, strict=False)
    assert "good does not conform" in page(results(warned), KNOWN, strict=True)


def test_no_text_becomes_markup() -> None:
    evil = "</script><img src=x onerror=alert(1)>"
    target = replace(
        recorded(), name=evil, spec=evil, error=evil, describe={"framework": {"name": evil}}, code={"server.py": evil}
    )
    text = page(results(target), KNOWN, strict=False, notes=[evil])
    assert "<img" not in text
    assert evil in outline(text).text


def test_a_link_that_is_a_script_is_no_link() -> None:
    deviation = replace(FAILED, verdict=Verdict.DEVIATION, reason="x", link="javascript:alert(1)")
    made = outline(page(results(replace(GOOD, verdicts=[deviation])), KNOWN, strict=False))
    assert not [place for place in made.places if "javascript" in place]


def test_targets_of_one_name_have_addresses_of_their_own() -> None:
    made = outline(
        page(
            results(replace(GOOD, name="Ä B"), replace(GOOD, name="a b!"), replace(GOOD, name="b")), KNOWN, strict=False
        )
    )
    slugs = {place.partition("/")[0] for place in made.places if place.endswith("/head-status")}
    assert slugs == {"#b", "#a-b", "#b-2"}


def test_a_requirement_that_another_run_left_out_is_no_verdict() -> None:
    text = page(results(replace(GOOD, verdicts=[PASSED]), recorded()), KNOWN, strict=False)
    row = re.search(r'<tr data-id="framing-id".*?</tr>', text, re.DOTALL)
    assert row
    assert "not run" in row[0]


def test_a_requirement_of_another_version_is_shown_without_its_sentence() -> None:
    strange = Finding("head-from-the-future", Level.MUST, Verdict.PASS, "")
    assert "head-from-the-future" in outline(page(results(replace(GOOD, verdicts=[strange])), KNOWN, strict=False)).text


def test_the_evidence_has_the_wire_and_the_production() -> None:
    gone, last = evidence(page(WHOLE, KNOWN, strict=False), 1).exchanges["lock-step"]["attempts"]
    assert (gone.unobserved, gone.talks) == ("the server was gone", [])
    (talk,) = last.talks
    assert (talk.token, talk.curl) == ("abc", "curl -N 'http://127.0.0.1:8000/stream?count=3'")
    produced = [at_s for at_s, _ in talk.items]
    assert [round(at_s - produced[0], 3) for at_s in produced] == [0.0, 0.1, 0.2]
    assert [at_s for _, at_s in talk.items] == [0.311, 0.311, 0.311]
    raw = "".join(str(part) for _, _, _, part in talk.received)
    chunks = [raw[start : start + size].encode("latin-1") for _, start, size in talk.responses[0].chunks]
    assert chunks == [b"one\n", b"two\n", "drei\u00a0\u2028\n".encode()]


def test_over_http2_the_evidence_tells_the_frames() -> None:
    talk = http2_talk([Request("/stream?token=abc")], two_items)
    kept = KeptExchange([KeptRecording(keep(Trace("x", "t", "2026-01-01T00:00:00Z", 1.0, (talk,), (), ())))])
    text = page(results(replace(GOOD, recordings={"x": kept})), KNOWN, strict=False)
    (shown,) = evidence(text, 0).exchanges["x"]["attempts"][0].talks
    assert (shown.token, shown.curl) == ("abc", "curl -N --http2-prior-knowledge http://127.0.0.1:8000/stream")
    assert [frame[0] for frame in told_of(shown.sent[0])] == ["preface", "SETTINGS", "HEADERS stream 1, END_STREAM"]
    assert told_of(shown.sent[0])[2][1] == [
        ":method: GET", ":scheme: http", ":authority: h:1", ":path: /stream?token=abc",
    ]  # fmt: skip
    assert [frame[0] for frame in told_of(shown.sent[1])] == ["SETTINGS ACK"]
    frames = told_of(shown.received[0])
    assert [frame[0] for frame in frames] == [
        "SETTINGS", "SETTINGS ACK", "HEADERS stream 1", "DATA stream 1, 4 bytes, 3 of padding",
        "DATA stream 1, 4 bytes, END_STREAM", "GOAWAY, last stream 1, NO_ERROR",
    ]  # fmt: skip
    assert frames[2][1] == [":status: 200", "content-type: text/plain"]
    assert frames[5][1] == ["bye"]
    raw = str(shown.received[0][3])
    chunks = [(start, start + size) for _, start, size in shown.responses[0].chunks]
    assert [raw[start:end] for start, end in chunks] == ["one\n", "two\n"]
    assert [tuple(frame[2:]) for frame in frames if len(frame) > 2] == chunks


def told_of(row: list[object]) -> list[list[object]]:
    """The frames that the row of a segment tells."""
    return msgspec.convert(row[4], list[list[object]])


def test_a_frame_that_a_segment_cuts_is_told_in_both() -> None:
    talk = http2_talk([Request()], two_items)
    data = talk.received[0].data
    found = told(data, len(data))
    inside = data.index(b"two\n") + 1
    assert within(found, inside - 10, inside) == [["DATA stream 1, 4 bytes, END_STREAM", [], inside - 1, inside]]
    assert within(found, inside, inside + 3) == [["… DATA stream 1, 4 bytes, END_STREAM", [], inside, inside + 3]]


def test_frames_beyond_what_a_person_reads_are_counted() -> None:
    def answer(server: H2Connection) -> None:
        server.send_headers(1, [(":status", "200")])
        for _ in range(100):
            server.send_data(1, b"x")

    data = http2_talk([Request()], answer).received[0].data
    rows = within(told(data, len(data)), 0, len(data))
    assert isinstance(rows, list)
    assert rows[MOST_FRAMES:] == [[f"… {103 - MOST_FRAMES} more frames", []]]


def test_every_kind_of_frame_has_words() -> None:
    settings = b"\0\0\0\4\0\0\0\0\0"
    odd = [
        b"\0\0\4\3\0\0\0\0\1\0\0\0\x08", b"\0\0\4\3\0\0\0\0\1\0\0\1\0", b"\0\0\4\x08\0\0\0\0\0\0\0\x40\0",
        b"\0\0\x08\6\1\0\0\0\0pingpong", b"\0\0\x0c\4\0\0\0\0\0\0\3\0\0\0\1\x12\x34\0\0\0\5", b"\0\0\1\x42\0\0\0\0\7?",
        b"\0\0\1\0\0\0\0\0\1x", b"\0\0\0\x09\4\0\0\0\1",
    ]  # fmt: skip
    data = settings + b"".join(odd)
    assert [(frame.label, frame.lines) for frame in told(data, len(data))[1:]] == [
        ("RST_STREAM stream 1, CANCEL", ()),
        ("RST_STREAM stream 1, error 256", ()),
        ("WINDOW_UPDATE, 16,384 more bytes", ()),
        ("PING ACK", ()),
        ("SETTINGS", ("MAX_CONCURRENT_STREAMS 1, 4660 5",)),
        ("a frame of type 66 stream 7", ()),
        ("DATA stream 1, 1 byte", ()),
        ("CONTINUATION stream 1", ()),
    ]


def test_what_does_not_begin_as_http2_is_shown_as_it_came() -> None:
    assert told(b"HTTP/1.1 400 Bad Request\r\n\r\n", 28) == []


def test_servers_stand_side_by_side_by_outline() -> None:
    other = replace(recorded("other"), code={"server.py": CODE.replace("app =", "routes = []\napp =")})
    again = replace(recorded("again"), code=recorded().code)
    found = comparison([recorded(), other, again])
    assert [source.targets for source in found.sources] == [["bad", "again"], ["other"]]
    assert found.names == ["what one must know", "imports", "text_stream", "routes", "app"]
    piece = found.sources[0].pieces["text_stream"]
    assert piece.first_line == 10  # its comment's
    assert "&lt;script&gt;" in piece.html
    assert found.sources[0].pieces["what one must know"].html.endswith("1. It holds everything back, to the end.")


def test_a_page_of_a_hundred_requirements_and_twelve_targets_is_small() -> None:
    known = {name: _requirement(name) for name in (f"head-number-{number}" for number in range(100))}
    targets = [_busy_target(f"target-{number}", list(known)) for number in range(12)]
    began_s = time.monotonic()
    text = page(results(*targets), known, strict=False)
    assert time.monotonic() - began_s < MOST_S
    assert len(text.encode()) < MOST_BYTES


def _requirement(name: str) -> Requirement:
    return replace(KNOWN["head-status"], id=name, sentence="A sentence of the usual length, as requirements have.")


def _busy_target(name: str, ids: list[str]) -> TargetResults:
    """Every requirement with an exchange of its own, of one connection and content that hardly compresses."""
    findings = [Finding(each, Level.MUST, Verdict.PASS, "", exchange=each, attempts=1) for each in ids]
    exchanges = {each: KeptExchange([KeptRecording(keep(_busy_trace(f"{name} {each}")))]) for each in ids}
    return TargetResults(name, name, "http://h", {}, 8.0, findings, recordings=exchanges)


def _busy_trace(seed: str) -> Trace:
    items = [sha256(f"{seed} {number}".encode()).hexdigest()[:20].encode() for number in range(60)]
    times = [0.1 + int(item, 16) / 16**20 for item in items]
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    timed = list(zip(times, items, strict=True))
    received = (Segment(0.1, head), *(Segment(at_s, b"14\r\n%b\r\n" % item) for at_s, item in timed))
    chunks = tuple(Chunk(at_s, item) for at_s, item in timed)
    response = Response(200, "OK", "1.1", (), 0.1, Framing.CHUNKED, chunks, Ending.COMPLETE, 2.0)
    asked = (Segment(0.0, b"GET / HTTP/1.1\r\n\r\n"),)
    talk = Conversation("talk", 0.0, asked, received, (response,), Closing.OPEN, 1e9, b"")
    return Trace("x", "t", "2026-01-01T00:00:00Z", 1.0, (talk,), (), ())
