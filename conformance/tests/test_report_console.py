"""What is printed: told apart without colour, in 80 columns, with what is to be copied unbroken."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from rich.console import Console
from tests.sample_results import ABSENT, BAD, GOOD, KNOWN, MEASURED, PASSED, UNCLEAR

from streamspec.report.catalogue import as_json, print_explained, print_list
from streamspec.report.console import print_check, print_compare
from streamspec.report.results import TargetResults, Verdict
from streamspec.report.wording import MARKS
from streamspec.requirement import REGISTRY

WIDTHS = [80, 160]


def console(width: int = 80, *, terminal: bool = False) -> Console:
    """A console that prints into memory."""
    return Console(file=io.StringIO(), width=width, highlight=False, force_terminal=terminal)


def printed(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def check(*targets: TargetResults, width: int = 80, strict: bool = False) -> str:
    out = console(width)
    print_check(out, targets, KNOWN, strict=strict)
    return printed(out)


def compare(*targets: TargetResults, width: int = 80, strict: bool = False) -> str:
    out = console(width)
    print_compare(out, targets, KNOWN, strict=strict)
    return printed(out)


def test_no_two_verdicts_share_a_mark() -> None:
    assert set(MARKS) == set(Verdict)
    assert len(set(MARKS.values())) == len(Verdict)


def test_a_target_that_was_asked_over_http2_is_asked_so_again() -> None:
    lines = check(replace(BAD, name="bad over HTTP/2", server="granian", http2=True))
    assert "FAIL head-no-store on bad over HTTP/2\n" in lines
    assert "streamspec check 'path/to my/impl.toml' --server granian --http2 --select head-no-store\n" in lines
    assert "by hand   streamspec serve 'path/to my/impl.toml' --server granian\n" in lines


@pytest.mark.parametrize("width", WIDTHS)
def test_check_shows_each_requirement_with_its_verdict(width: int) -> None:
    lines = check(BAD, width=width).splitlines()
    for finding in BAD.verdicts:
        assert any(re.match(rf"  {re.escape(MARKS[finding.verdict])} +{finding.id}\b", line) for line in lines)


def test_check_tells_all_of_a_violation() -> None:
    lines = check(BAD)
    for told in (
        "FAIL head-no-store on bad\n",
        f"source    {KNOWN['head-no-store'].anchor.title}: {KNOWN['head-no-store'].anchor.url}\n",
        "expected  Cache-Control with no-store\n",
        "actual    Cache-Control: \\x1b[31m<public>\\x00 & ]]> (at byte 17 of the body,\n            after 0.012 s)\n",
        "again     streamspec check 'path/to my/impl.toml' --select head-no-store\n",
        "by hand   streamspec serve 'path/to my/impl.toml'\n            curl -N http://127.0.0.1:8000/stream\n",
    ):
        assert told in lines


def test_a_server_cannot_write_control_characters_to_the_terminal() -> None:
    evil = replace(BAD, name="bad", error="\x1b]0;owned\x07", describe={"python": "\x1b[2J"})
    for text in (check(evil), compare(evil, evil)):
        assert not re.search(r"[^\n -~·…⁺-￿]", text)


def test_what_is_to_be_copied_is_not_broken() -> None:
    curl = "curl -N " + "x" * 300
    finding = replace(BAD.verdicts[1], curl=curl, actual="y " * 200)
    lines = check(replace(BAD, verdicts=[finding])).splitlines()
    assert any(line.endswith(curl) for line in lines)
    assert all(len(line) <= 80 or "curl" in line or "http" in line for line in lines)


def test_check_shows_figures_and_at_width_sentences() -> None:
    assert re.search(r"pass +disconnect-fin-idle +cleanup 0\.842 ms\n", check(GOOD))
    assert re.search(r"pass +disconnect-fin-idle +A client .* cleanup 0\.842 ms\n", check(GOOD, width=160))


def test_figures_that_do_not_fit_are_left_out_whole() -> None:
    many = replace(MEASURED, measured={"cleanup_ms": 1.0, "some_other_thing_that_was_measured_bytes": 12345.0})
    assert re.search(r"disconnect-fin-idle +cleanup 1 ms\n", check(replace(GOOD, verdicts=[many])))
    assert "measured 12,345 bytes" in check(replace(GOOD, verdicts=[many]), width=120)


def test_one_reason_of_many_is_told_once() -> None:
    text = check(BAD)
    assert text.count("the control server was late too") == 1
    assert "inconcl. on bad, 2 requirements" in text
    assert "chunks-no-drift, chunks-pacing" in text


def test_one_reason_of_several_targets_is_told_once() -> None:
    lines = compare(BAD, replace(BAD, name="worse"), GOOD)
    assert "n/a on bad, worse, 1 requirement\n  because   capability not declared: script\n" in lines
    assert lines.count("capability not declared: script") == 1


def test_check_says_nothing_of_a_target_that_did_not_start() -> None:
    assert check(ABSENT) == ""


@pytest.mark.parametrize(
    ("target", "strict", "said"),
    [
        (GOOD, False, "good conforms: 2 pass, in 2.0 s\n"),
        (BAD, False, "bad does not conform: 1 pass, 1 FAIL, 1 warn, 1 deviates, 2 inconcl., 1 n/a, in 3.0 s\n"),
        (replace(GOOD, verdicts=[PASSED, UNCLEAR]), False, "good: inconclusive, 1 pass, 1 inconcl., in 2.0 s\n"),
        (replace(GOOD, verdicts=[PASSED, BAD.verdicts[3]]), False, "good conforms: 1 pass, 1 warn, in 2.0 s\n"),
        (replace(GOOD, verdicts=[PASSED, BAD.verdicts[3]]), True, "good does not conform: 1 pass, 1 warn, in 2.0 s\n"),
    ],
)
def test_it_ends_with_a_conclusion(target: TargetResults, said: str, *, strict: bool) -> None:
    assert check(target, strict=strict).endswith(said)
    assert compare(target, strict=strict).endswith(said)


def test_compare_is_a_matrix() -> None:
    lines = compare(GOOD, BAD, ABSENT).splitlines()
    assert lines[0].split() == ["good", "bad", "absent"]
    assert "  head-status          pass        pass        inconcl." in lines
    assert "  head-no-transform    inconcl.    deviates 1  inconcl." in lines
    assert max(map(len, lines[: lines.index("")])) <= 80


def test_a_deviation_tells_of_every_target_and_requirement_that_has_its_number() -> None:
    text = compare(BAD, replace(BAD, name="worse"), width=160)
    assert "  1         bad, worse, head-no-transform: the framework overwrites it\n" in text


def test_compare_numbers_deviations() -> None:
    text = compare(GOOD, BAD)
    assert re.search(r"head-no-transform .* deviates 1\n", text)
    assert "  1         bad, head-no-transform: the framework overwrites it\n" in text
    assert "https://example.org/issues/1\n" in text


def test_compare_shows_figures_side_by_side() -> None:
    faster = replace(GOOD, name="faster", verdicts=[replace(MEASURED, measured={"cleanup_ms": 0.1})])
    assert re.search(r"measured +good +faster\n  disconnect-fin-idle ms +0\.842 +0\.1\n", compare(GOOD, faster))


def test_letters_stand_for_names_that_do_not_fit() -> None:
    targets = [replace(GOOD, name=f"a-rather-long-name-{number}") for number in range(4)]
    assert compare(*targets).splitlines()[0].split() == ["A", "B", "C", "D"]
    assert "B = a-rather-long-name-1  quart 0.22.0, hypercorn 0.18.0 (h11 0.16.0), Python 3.11.7" in compare(*targets)
    assert compare(*targets, width=160).splitlines()[0].split()[0] == "a-rather-long-name-0"


def test_more_targets_than_fit_are_shown_in_bands() -> None:
    targets = [replace(GOOD, name=f"target-{number}") for number in range(6)]
    lines = compare(*targets, BAD).splitlines()
    heads = [line.split() for line in lines if re.match(r"  +A |  +[A-Z]( |$)", line)]
    assert heads == [["A", "B", "C", "D", "E"], ["F", "G"]]
    legend = next(number for number, line in enumerate(lines) if line.startswith("A = "))
    assert max(map(len, lines[:legend])) <= 80
    assert sum("FAIL" in line and line.startswith("  head-no-store") for line in lines) == 1
    assert not any(line.startswith("  head-status") for line in lines), "it holds on every target"
    assert "1 of 8 requirements hold on every target; results.json has all of" in " ".join(lines)


def test_what_did_not_start_holds_nothing() -> None:
    text = compare(*[replace(GOOD, name=f"target-{number}") for number in range(6)], ABSENT)
    assert "0 of 2 requirements hold on every target" in text


def test_colour_is_for_terminals_that_want_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    out = console(terminal=True)
    print_compare(out, [GOOD, BAD], KNOWN, strict=False)
    assert "\x1b[1;31mFAIL" in printed(out)
    monkeypatch.setenv("NO_COLOR", "1")
    plain = console(terminal=True)
    print_compare(plain, [GOOD, BAD], KNOWN, strict=False)
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", printed(plain))


@pytest.mark.parametrize("width", WIDTHS)
def test_the_list_shows_every_requirement(width: int) -> None:
    out = console(width)
    print_list(out, list(KNOWN.values()))
    text = printed(out)
    assert re.findall(r"^  ([a-z][a-z0-9-]+) ", text, re.MULTILINE) == list(KNOWN)
    assert max(map(len, text.splitlines())) <= width
    assert not re.search(r" $", text, re.MULTILINE)


def test_the_list_as_json_holds_anchors_and_mutants() -> None:
    import json  # noqa: PLC0415 - this test alone needs it

    rows = {row["id"]: row for row in json.loads(as_json(KNOWN.values()))}
    assert list(rows) == list(KNOWN)
    row = rows["head-no-store"]
    assert set(row) == {"id", "area", "level", "sentence", "anchor", "exchange", "mutants"}
    assert (row["area"], row["level"]) == ("head", "MUST")
    assert row["anchor"] == {"title": "RFC 9111, section 5.2.2", "url": KNOWN["head-no-store"].anchor.url}
    assert all(set(mutant) == {"name", "also_breaks"} for made in rows.values() for mutant in made["mutants"])


def test_an_explanation_leads_to_the_judge() -> None:
    out = console(200)
    made = REGISTRY["head-no-store"]
    print_explained(out, made, KNOWN.values())
    text = printed(out)
    assert made.sentence in text
    assert made.anchor.url in text
    assert made.exchange.sentence in text
    assert all(mutant.name in text for mutant in made.mutants)
    assert "streamspec check TARGET --select head-no-store" in text
    match = re.search(r"judge +(\S+head\.py):(\d+)$", text, re.MULTILINE)
    assert match
    with open(match[1], encoding="utf-8") as file:  # noqa: PTH123 - the path as a person would give it to an editor
        assert file.readlines()[int(match[2]) - 1].startswith("def head_no_store(")


def test_an_explanation_leads_to_the_contract_that_is_installed() -> None:
    out = console(200)
    print_explained(out, REGISTRY["http2-causal"], KNOWN.values())
    match = re.search(r"source +Contract, HTTP/2: (\S+)#http2$", printed(out), re.MULTILINE)
    assert match
    with open(match[1], encoding="utf-8") as file:  # noqa: PTH123 - likewise
        assert "\n## HTTP/2\n" in file.read()
