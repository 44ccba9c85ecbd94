"""The framing requirements on hand-written traces: what the standard allows passes, each defect fails its own."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from tests import traces

from streamspec.dispatches import between_events, dispatched, fenced, shown
from streamspec.exchanges import framing
from streamspec.requirement import Late, NotObserved, Violation, all_requirements
from streamspec_client.trace import Ending, Framing, Mark, Response

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from streamspec.exchanges.recorder import Item

REQUIREMENTS = [made for made in all_requirements() if made.area == "framing"]

UTF8_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Style:
    """One of the ways in which the standard lets an event be written."""

    end: str = "\n"
    space: bool = True
    """A space behind the colon, also where the value does not begin with one."""
    order: tuple[str, ...] = ("comment", "event", "id", "retry", "data")
    begin: str = ""
    """Before the first event."""
    between: str = ""
    """Behind each event."""
    comments_alone: bool = False
    """A comment has a blank line of its own."""

    def field(self, name: str, value: str) -> str:
        if not value and not self.space:
            return f"{name}{self.end}"
        space = " " if self.space or value.startswith(" ") else ""
        return f"{name}:{space}{value}{self.end}"

    def lines(self, name: str, value: str) -> str:
        return "".join(self.field(name, line) for line in re.split("\r\n|\r|\n", value))

    def event(self, item: Item) -> str:
        values = {name: str(item[name]) for name in ("event", "id", "retry") if name in item}
        text = "".join(self.field(name, values[name]) for name in self.order if name in values)
        if "size" in item or "data" in item:
            data = self.lines("data", str(item["data"]) if "data" in item else "x" * int(str(item["size"])))
            text = text + data if self.order[-1] == "data" else data + text
        if "comment" in item:
            comment = "".join(f":{line}{self.end}" for line in re.split("\r\n|\r|\n", str(item["comment"])))
            text = comment + self.end + text if self.comments_alone else comment + text
        return text + self.end + self.between

    def stream(self, items: Iterable[Item], count: int | None = None) -> bytes:
        done: Item = {"event": "done", "data": json.dumps({"count": count})}
        events = [*items, done] if count is not None else list(items)
        return (self.begin + "".join(map(self.event, events))).encode()


LF = Style()
STYLES = {
    "LF": LF,
    "CRLF": Style(end="\r\n"),
    "CR": Style(end="\r"),
    "no space behind the colon": Style(space=False),
    "data first": Style(order=("comment", "data", "retry", "id", "event")),
    "id last": Style(order=("comment", "event", "data", "retry", "id")),
    "keep-alive between events": Style(between=": keep-alive\n\n"),
    "keep-alive without a blank line": Style(between=":\n"),
    "retry at the begin": Style(begin="retry: 5000\n\n"),
    "padding at the begin": Style(begin=":" + " " * 2048 + "\n\n"),
    "several blank lines": Style(begin="\n\n", between="\n\n"),
    "comments alone": Style(comments_alone=True),
}


def demo(count: int) -> list[Item]:
    return [{"id": str(number), "data": f'{{"text":"hello","n":{number}}}'} for number in range(1, count + 1)]


@cache
def bodies(style: Style) -> dict[str, dict[str, bytes]]:
    """What a sound server of that style answers: exchange, name of the stream, body."""
    fences: tuple[list[Item], list[Item]] = ([{"data": framing.BEFORE}], [{"data": framing.AFTER}])

    def scripted(items: Sequence[Item]) -> bytes:
        return style.stream([*fences[0], *items, *fences[1]], len(items) + 2)

    comments = {f"comment-{name}": framing.comment_with_fields(end) for name, end in framing.LINE_ENDS.items()}
    return {
        "scripted-events": {
            **{name: scripted(items) for name, items in framing.ITEMS.items() if name != "surrogate"},
            framing.GET: style.stream(demo(framing.GET_COUNT), framing.GET_COUNT),
        },
        "unwritable-events": {
            framing.PLAIN: scripted(framing.ITEMS[framing.PLAIN]),
            **{name: scripted([{"comment": comment}]) for name, comment in comments.items()},
        },
        "large-event": {"stream": scripted([{"size": framing.LARGE_EVENT_BYTES}])},
        "ended-events": {
            framing.GET: style.stream(demo(framing.COUNTED_EVENTS), framing.COUNTED_EVENTS),
            "get-none": style.stream([], 0),
            "post": style.stream(framing.WHOLE_ITEMS * framing.WHOLE_REPEAT, framing.COUNTS["post"]),
            "post-none": style.stream([], 0),
        },
        "lock-step-events": {"stream": style.stream(framing.LOCK_STEP_ITEMS, len(framing.LOCK_STEP_ITEMS))},
    }


def refusal(status: int = 422) -> Response:
    return traces.response(b'{"status": 422}', status=status, fields={"Content-Type": "application/problem+json"})


def streams(style: Style = LF) -> dict[str, dict[str, Response]]:
    """The responses of a sound server: exchange, name, response."""
    made = {
        exchange: {
            name: traces.response(body, fields=traces.EVENT_FIELDS) if exchange != "lock-step-events" else locked(body)
            for name, body in named.items()
        }
        for exchange, named in bodies(style).items()
    }
    made["scripted-events"]["surrogate"] = refusal()
    made["unwritable-events"].update({name: refusal() for name in framing.UNWRITABLE})
    return made


def locked(body: bytes, late: int = 0) -> Response:
    """Each event in a chunk of its own, 0.1 s after the gate; the one of number `late` comes after the next gate."""
    ends = [0, *(made.end for made in dispatched(body)[: len(framing.LOCK_STEP_DATA)])]
    ends[-1] = len(body)
    parts = [body[start:end] for start, end in pairwise(ends)]
    return traces.response(
        *((number + 0.1 + (number == late), part) for number, part in enumerate(parts, 1)), fields=traces.EVENT_FIELDS
    )


def judged(given: Mapping[str, Mapping[str, Response]]) -> dict[str, Exception]:
    """What the requirements on those exchanges raised, by id; those that passed are left out."""
    marks = [Mark(float(number), "released", number) for number in range(1, len(framing.LOCK_STEP_DATA) + 1)]
    recorded = {
        exchange: traces.trace(*(traces.conversation(made, name=name) for name, made in named.items()), marks=marks)
        for exchange, named in given.items()
    }
    raised: dict[str, Exception] = {}
    for made in REQUIREMENTS:
        try:
            if made.exchange.name in recorded:
                made.judge(recorded[made.exchange.name])
        except (Violation, NotObserved) as error:
            raised[made.id] = error
    return raised


def broken(exchange: str, name: str, made: Response | bytes) -> dict[str, Exception]:
    """What a server fails that is sound but for one stream; the exchanges without that stream are left out."""
    body = made if isinstance(made, Response) else traces.response(made, fields=traces.EVENT_FIELDS)
    return judged({exchange: {**streams()[exchange], name: body}})


def script(*between: bytes) -> bytes:
    return b"data: before\n\n" + b"".join(between) + b'data: after\n\nevent: done\ndata: {"count": 3}\n\n'


def test_the_area_has_the_requirements_of_the_contract() -> None:
    assert len(REQUIREMENTS) == 27
    on_data = {made.id for made in REQUIREMENTS if made.id.startswith("framing-data-")}
    assert on_data == {f"framing-{name}" for name in framing.ITEMS if name.startswith("data-")} | {"framing-data-large"}


@pytest.mark.parametrize("style", STYLES.values(), ids=STYLES)
def test_every_style_that_the_standard_allows_passes(style: Style) -> None:
    assert judged(streams(style)) == {}


@pytest.mark.parametrize(
    ("name", "items", "fails"),
    [
        ("utf8", b"data: Zo\xeb\n\n", "utf8"),
        ("utf8", b"data: Zoe\n\n", "utf8"),
        ("data-lf", b"data: first\nsecond\n\nfourth\n\n", "data-lf"),
        ("data-lf", b"data: first\ndata: second\ndata: fourth\n\n", "data-lf"),
        ("data-lf", b"data: first\n\ndata: second\n\ndata:\n\ndata: fourth\n\n", "data-lf"),
        ("data-crlf", b"data: first\r\nsecond\r\n\r\nfourth\n\n", "data-crlf"),
        ("data-crlf", b"data: first\ndata:\ndata: second\ndata:\ndata:\ndata:\ndata: fourth\n\n", "data-crlf"),
        ("data-cr", b"data: first\rsecond\r\rfourth\n\n", "data-cr"),
        ("data-cr", b"data: first second  fourth\n\n", "data-cr"),
        ("data-empty", b"", "data-empty"),
        ("data-empty", b"\n\n", "data-empty"),
        ("data-empty", b"data: \n\n", "data-empty"),
        ("data-empty", b"data:  \n\ndata:\n\n", "data-empty"),
        ("data-trailing-newline", b"data: line\n\ndata: first\ndata: second\n\ndata:\n\n", "data-trailing-newline"),
        ("data-leading-space", b"data:one\n\n", "data-leading-space"),
        ("data-colon", b"data:\n\n", "data-colon"),
        ("data-separators", b"data: a\ndata: b\n\n", "data-separators"),
        ("data-nul", b"data: ab\n\n", "data-nul"),
        ("data-nul", b"data: a\xef\xbf\xbdb\n\n", "data-nul"),
        ("one-dispatch", b"data: one\n\n", "one-dispatch"),
        ("one-dispatch", b"data: one\ndata: one\n\n", "one-dispatch"),
        ("event-type", b"data: named\n\n", "event-type"),
        ("event-type", b"Event: tick\ndata: named\n\n", "event-type"),
        ("event-type", b"event: tick\n\ndata: named\n\n", "event-type"),
        ("id", b"data: with id\n\n", "id"),
        ("id", b"ID: 42\ndata: with id\n\n", "id"),
        ("id-unicode", b"id: gr\xf6\xdfe\ndata: with id\n\n", "id-unicode"),
        ("retry", b"retry: 2500.0\n\ndata: 2500\n\n", "retry-digits"),
        ("retry", b"retry: 2.5\n\ndata: 2500\n\n", "retry-digits"),
        ("retry", b"retry: +2500\n\ndata: 2500\n\n", "retry-digits"),
        ("retry", b"retry:  2500\n\ndata: 2500\n\n", "retry-digits"),
        ("retry", b"retry: " + b"9" * 5000 + b"\n\ndata: 2500\n\n", "retry-digits"),
        ("comment", b"data: with a comment\n\n", "comment"),
        ("comment", b": first\nsecond\n\nfourth\n\ndata: with a comment\n\n", "comment"),
        ("comment", b": first\n: fourth\n: second\n: first\n: second\n\ndata: with a comment\n\n", "comment"),
        ("comment", b": first\n: second\n: fourth\ndata\n\n" * 2 + b"data: with a comment\n\n", "comment"),
    ],
)
def test_an_item_written_wrongly_fails_its_requirement_alone(name: str, items: bytes, fails: str) -> None:
    raised = broken("scripted-events", name, script(items))
    assert set(raised) == {f"framing-{fails}"}
    assert type(raised[f"framing-{fails}"]) is Violation


SCRIPTS = {
    "utf8": "utf8",
    "one-dispatch": "one-dispatch",
    "event-type": "event-type",
    "id": "id",
    "id-unicode": "id-unicode",
    "retry": "retry-digits",
    "comment": "comment",
    **{name: name for name in framing.ITEMS if name.startswith("data-")},
}


@pytest.mark.parametrize(("name", "fails"), SCRIPTS.items(), ids=SCRIPTS)
def test_a_script_that_is_refused_or_cut_fails_its_requirement_alone(name: str, fails: str) -> None:
    sound = streams()["scripted-events"][name]
    for made, kind in (
        (refusal(), Violation),
        (refusal(500), Violation),
        (traces.response(sound.body[:20], ending=Ending.TRUNCATED), Violation),
        (traces.response(sound.body[:20], ending=Ending.RESET), Violation),
        (traces.response(sound.body[:20], ending=Ending.OPEN), Late),
        (traces.response(sound.body[:20], ending=Ending.MALFORMED, error="no chunk size"), NotObserved),
    ):
        raised = broken("scripted-events", name, made)
        assert {key: type(error) for key, error in raised.items()} == {f"framing-{fails}": kind}


def test_where_plain_scripts_are_refused_too_nothing_is_learnt_of_the_others() -> None:
    for exchange in ("scripted-events", "unwritable-events"):
        raised = broken(exchange, framing.PLAIN, refusal())
        judged_there = {made.id for made in REQUIREMENTS if made.exchange.name == exchange}
        assert set(raised) == judged_there
        assert {type(error) for error in raised.values()} == {NotObserved}


def test_what_ends_late_or_never_is_not_blamed_as_long_as_the_events_are_there() -> None:
    given = streams()
    for named in given.values():
        for name, made in named.items():
            if made.status == 200:
                named[name] = replace(made, ending=Ending.OPEN)
    assert judged(given) == {}


@pytest.mark.parametrize("name", [name for name in framing.ITEMS if name != "surrogate"])
def test_an_event_of_the_servers_own_fails_one_dispatch_alone(name: str) -> None:
    hello = b"event: hello\ndata: hello\n\n" + bodies(LF)["scripted-events"][name]
    assert set(broken("scripted-events", name, hello)) == {"framing-one-dispatch"} & {f"framing-{name}"}


@pytest.mark.parametrize(
    ("body", "fails"),
    [
        (LF.stream(demo(2), 2), {"one-dispatch", "id"}),
        (LF.stream(demo(4), 4), {"one-dispatch", "id"}),
        (b"".join(LF.stream([{"id": str(n), "data": f'{{"n": {n}}}'}]) for n in (1, 2, 3)), {"one-dispatch"}),
        (b"".join(LF.stream([{"data": f'{{"n": {n}, "text": "hello"}}'}]) for n in (1, 2, 3)), {"id"}),
        (b"data: hi\n\n" + LF.stream(demo(3), 3), set()),
    ],
)
def test_the_events_of_get_are_numbered(body: bytes, fails: set[str]) -> None:
    assert set(broken("scripted-events", framing.GET, body)) == {f"framing-{name}" for name in fails}


@pytest.mark.parametrize("name", framing.UNWRITABLE)
@pytest.mark.parametrize("status", [200, 500, 302])
def test_what_cannot_be_written_must_be_refused(name: str, status: int) -> None:
    fails = {"event": "no-injection-event", "id": "no-injection-id", "nul": "id-nul"}[name.partition("-")[0]]
    made = replace(refusal(status), chunks=traces.response(script(b"data: injected\ndata: x\n\n")).chunks)
    raised = broken("unwritable-events", name, made)
    assert set(raised) == {f"framing-{fails}"}
    assert str(status) in str(raised[f"framing-{fails}"])


def test_any_4xx_is_a_refusal() -> None:
    for name in framing.UNWRITABLE:
        assert broken("unwritable-events", name, refusal(400)) == {}


def test_a_lone_surrogate_must_be_refused() -> None:
    written = script(b"data: \xef\xbf\xbd\n\n")
    assert set(broken("scripted-events", "surrogate", written)) == {"framing-utf8"}


def test_a_comment_that_is_refused_is_no_injection() -> None:
    assert broken("unwritable-events", "comment-cr", refusal()) == {}


@pytest.mark.parametrize(
    "comment",
    [
        b": comment\ndata: injected\n\n",
        b": comment\rid: injected\n\n",
        b": comment\r\nevent: injected\n\n",
        b": comment\ninjected\n\n",
        b": comment\n: data: injected\n\ndata: injected\n\n",
    ],
)
def test_a_comment_whose_line_becomes_a_field_is_an_injection(comment: bytes) -> None:
    raised = broken("unwritable-events", "comment-lf", script(comment))
    assert set(raised) == {"framing-no-injection-comment"}
    assert "injected" in str(raised["framing-no-injection-comment"])


def test_a_stream_that_breaks_at_a_comment_is_no_pass() -> None:
    cut = traces.response(b"data: before\n\n", ending=Ending.TRUNCATED)
    assert set(broken("unwritable-events", "comment-lf", cut)) == {"framing-no-injection-comment"}


def large(data: bytes) -> dict[str, Exception]:
    return broken("large-event", "stream", script(data))


def test_a_large_event_is_whole() -> None:
    size = framing.LARGE_EVENT_BYTES
    assert large(b"data: " + b"x" * size + b"\n\n") == {}
    assert set(large(b"data: " + b"x" * (size - 1) + b"\n\n")) == {"framing-data-large"}
    half = b"data: " + b"x" * (size // 2) + b"\n"
    assert set(large(half + half + b"\n")) == {"framing-data-large"}
    assert set(large(half + b"\n" + half + b"\n")) == {"framing-data-large"}
    assert len(str(large(half + b"\n")["framing-data-large"])) < 1000


DONE = b'event: done\ndata: {"count":0}\n\n'


@pytest.mark.parametrize(
    ("body", "fails"),
    [
        (DONE, set()),
        (b": bye\n\n" + DONE + b": bye\n\n", set()),
        (b'data: {\ndata: "count": 0}\nevent:done\n\n', set()),
        (b"id:\n" + DONE, set()),
        (UTF8_BOM + DONE, {"no-bom"}),
        (b"sequence: 1\n" + DONE, {"known-fields"}),
        (b"Data: 1\n" + DONE, {"known-fields"}),
        (b" \n" + DONE, {"known-fields"}),
        (DONE + UTF8_BOM + b": bye\n\n", {"known-fields", "terminal-event"}),
        (DONE[:-1], {"event-terminated", "terminal-event"}),
        (DONE[:-2], {"event-terminated", "terminal-event"}),
        (DONE + b": bye", {"event-terminated"}),
        (DONE + b"data: more", {"event-terminated"}),
        (DONE + b"data: more\n\n", {"terminal-event"}),
        (DONE + b"retry: 1\n\n", {"terminal-event"}),
        (DONE + b"id: 7\n\n", {"terminal-event"}),
        (DONE + DONE, {"terminal-event"}),
        (b"", {"terminal-event"}),
        (b'data: {"count":0}\n\n', {"terminal-event"}),
        (DONE.replace(b"0", b"1"), {"terminal-event"}),
        (DONE.replace(b"0", b'"0"'), {"terminal-event"}),
        (DONE.replace(b'{"count":0}', b"[DONE]"), {"terminal-event"}),
        (b"id: 0\n" + DONE, {"terminal-event"}),
    ],
)
def test_how_a_stream_begins_and_ends(body: bytes, fails: set[str]) -> None:
    assert set(broken("ended-events", "get-none", body)) == {f"framing-{name}" for name in fails}


def test_an_id_of_the_terminal_event_is_one_that_changes_the_last_event_id() -> None:
    body = LF.stream(demo(framing.COUNTED_EVENTS))
    done = DONE.replace(b"0", b"%d" % framing.COUNTED_EVENTS)
    assert broken("ended-events", framing.GET, body + done) == {}
    for line in (b"id: 301\n", b"id\n"):
        assert set(broken("ended-events", framing.GET, body + line + done)) == {"framing-terminal-event"}


def test_a_stream_that_has_not_ended_yet_is_late() -> None:
    for body in (b"", b"data: 1\n\n", b"data: 1\n"):
        raised = broken("ended-events", "get-none", traces.response(body, ending=Ending.OPEN))
        assert raised.keys() >= {"framing-terminal-event", "framing-event-terminated"}
        assert {type(error) for error in raised.values()} == {Late}


def test_an_end_that_many_events_still_keep_from_coming_is_not_observed() -> None:
    some, every = LF.stream(demo(framing.COUNTED_EVENTS - 1)), LF.stream(demo(framing.COUNTED_EVENTS))
    for body, kind in ((some, NotObserved), (every, Late)):
        raised = broken("ended-events", framing.GET, traces.response(body, ending=Ending.OPEN))
        assert raised.keys() == {"framing-terminal-event", "framing-event-terminated"}
        assert {type(error) for error in raised.values()} == {kind}


def test_streams_without_any_content_say_nothing_of_their_syntax() -> None:
    given = streams()
    given["ended-events"] = dict.fromkeys(given["ended-events"], traces.response(fields=traces.EVENT_FIELDS))
    raised = judged(given)
    assert type(raised.pop("framing-terminal-event")) is Violation
    assert set(raised) == {f"framing-{name}" for name in ("no-bom", "known-fields", "event-terminated", "whole-events")}
    assert {type(error) for error in raised.values()} == {NotObserved}


def cut(*chunks: bytes, chunked: Framing = Framing.CHUNKED) -> dict[str, Exception]:
    return broken("ended-events", "get-none", traces.response(*chunks, framing=chunked))


EVENT = b"event: tick\r\ndata: 1\r\n\r\n"


@pytest.mark.parametrize(
    "chunks",
    [
        (EVENT + EVENT, DONE),
        (EVENT, b"", DONE),
        (b": keep-alive\n\n", EVENT + DONE),
        (b"retry: 1\n", b": x\n", b"\n", DONE),
        (EVENT[:-1], EVENT[-1:] + DONE),
    ],
)
def test_a_chunk_may_end_wherever_no_event_and_no_line_is_cut(chunks: tuple[bytes, ...]) -> None:
    assert cut(*chunks) == {}


@pytest.mark.parametrize(
    "chunks",
    [
        (EVENT[:-2], EVENT[-2:] + DONE),
        (EVENT[:4], EVENT[4:] + DONE),
        (EVENT[:13], EVENT[13:] + DONE),
        (b"data: 2\r", b"\r" + DONE),
        (b"event: done\n", DONE.removeprefix(b"event: done\n")),
        (b": keep", b"-alive\n\n" + DONE),
    ],
)
def test_a_chunk_that_ends_inside_of_an_event_or_a_line_is_a_violation(chunks: tuple[bytes, ...]) -> None:
    assert set(cut(*chunks)) == {"framing-whole-events"}


def test_where_the_body_is_not_chunked_its_chunks_are_only_reads() -> None:
    raised = cut(DONE[:5], DONE[5:], chunked=Framing.CLOSE)
    assert {key: type(error) for key, error in raised.items()} == {"framing-whole-events": NotObserved}


@pytest.mark.parametrize("style", STYLES.values(), ids=STYLES)
@pytest.mark.parametrize("late", range(1, len(framing.LOCK_STEP_DATA)))
def test_an_event_that_comes_when_the_next_is_released_is_late(style: Style, late: int) -> None:
    body = bodies(style)["lock-step-events"]["stream"]
    raised = broken("lock-step-events", "stream", locked(body, late))
    assert {key: type(error) for key, error in raised.items()} == {"framing-causal": Late}


def test_an_event_without_its_blank_line_has_not_been_dispatched() -> None:
    body = bodies(LF)["lock-step-events"]["stream"]
    sound = locked(body)
    first, second, *rest = sound.chunks
    held_back = [replace(first, data=first.data[:-1]), replace(second, data=b"\n" + second.data), *rest]
    raised = broken("lock-step-events", "stream", replace(sound, chunks=tuple(held_back)))
    assert set(raised) == {"framing-causal"}


def test_a_lock_step_event_that_never_comes_is_late() -> None:
    sound = locked(bodies(LF)["lock-step-events"]["stream"])
    raised = broken("lock-step-events", "stream", replace(sound, chunks=sound.chunks[:2], ending=Ending.OPEN))
    assert {key: type(error) for key, error in raised.items()} == {"framing-causal": Late}


def test_no_answer_is_late_and_an_error_is_not_observed() -> None:
    for made in REQUIREMENTS:
        names = streams()[made.exchange.name]
        silent = traces.trace(*(traces.conversation(name=name) for name in names))
        with pytest.raises(Late):
            made.judge(silent)
        refused = traces.trace(*(traces.conversation(refusal(503), name=name) for name in names))
        with pytest.raises(NotObserved, match="head-status"):
            made.judge(refused)


# dispatches


def test_an_event_is_dispatched_by_the_first_byte_of_its_blank_line() -> None:
    for end in ("\n", "\r\n", "\r"):
        body = Style(end=end).stream([{"data": "a"}, {"comment": "c", "retry": 5, "id": "1", "data": "b"}, {"id": "2"}])
        first, second = dispatched(body)
        assert (first.event, second.event) == (("message", "a", ""), ("message", "b", "1"))
        assert [made.retry_ms for made in (first, second)] == [None, 5]
        assert first.end == len(f"data: a{end}") + 1
        assert dispatched(body[: first.end]) == [first]
        assert dispatched(body[: first.end - 1]) == []
        assert b"".join(line.raw for line in second.lines) == b":cid: 1retry: 5data: b"


def test_between_events_are_all_offsets_at_which_nothing_is_cut() -> None:
    body = b": c\nid: 1\ndata: a\r\n\r\nretry: 1\n\ndata: b"
    assert sorted(between_events(body)) == [0, 4, 20, 21, 30, 31, 38]


def test_fences_are_found_in_order() -> None:
    made = fenced(traces.response(b"data: b\n\ndata: a\n\ndata: x\n\ndata: b\n\ndata: b\n\n"), "a", "b")
    assert [each.event.data for each in made] == ["x", "b"]
    with pytest.raises(Violation, match="'b', 'a', then complete"):
        fenced(traces.response(b"data: b\n\ndata: a\n\n"), "a", "b")


def test_long_values_are_cut_for_people() -> None:
    assert shown([]) == "none"
    assert shown(["a", b"b"]) == "'a', b'b'"
    assert len(shown(["x" * 1_000_000])) < 120
