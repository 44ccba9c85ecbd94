"""`streamspec judge` and `streamspec report` as one uses them: files in, a report, sentences and exit codes out."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import xmlschema
from tests.sample_recording import recorded
from tests.sample_results import ABSENT, BAD, GOOD, KNOWN, results
from typer.testing import CliRunner, Result

from streamspec.cli import app
from streamspec.report.badge import badge
from streamspec.report.junit import junit
from streamspec.report.merging import merged
from streamspec.report.results import TargetResults, decode, encode

XSD = xmlschema.XMLSchema(Path(__file__).with_name("junit.xsd"))


def streamspec(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def file(folder: Path, *targets: TargetResults, name: str = "results.json") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(encode(results(*targets)))
    return folder / name


def test_report_writes_every_file_of_one_run(tmp_path: Path) -> None:
    source = file(tmp_path / "run", GOOD, recorded())
    done = streamspec("report", source, "--report", tmp_path / "out", "--junit", tmp_path / "j.xml")
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[-1] == f"report: {tmp_path / 'out' / 'index.html'}"
    written = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert written == ["badge.json", "index.html", "junit.xml", "results.json", "summary.md"]
    assert (tmp_path / "out" / "results.json").read_bytes() == source.read_bytes()
    assert (tmp_path / "j.xml").exists()


def test_report_may_go_where_its_one_file_lies(tmp_path: Path) -> None:
    source = file(tmp_path, GOOD)
    before = source.read_bytes()
    assert streamspec("report", source, "--report", tmp_path).exit_code == 0
    assert source.read_bytes() == before


def test_several_runs_become_one_and_a_name_in_two_of_them_is_told(tmp_path: Path) -> None:
    sources = [file(tmp_path / "py311" / "r", GOOD, ABSENT), file(tmp_path / "py312" / "r", GOOD, BAD)]
    done = streamspec("report", *sources, "--report", tmp_path / "all")
    assert done.exit_code == 0, done.output
    assert "several files have a target named good: each says which file it is from" in done.stderr
    names = [target.name for target in decode((tmp_path / "all" / "results.json").read_bytes(), "x").targets]
    assert names == ["good (py311)", "absent", "good (py312)", "bad"]
    assert "several files have a target named good" in (tmp_path / "all" / "index.html").read_text("utf-8")


def test_one_file_twice_is_told_apart_by_number(tmp_path: Path) -> None:
    whole = results(GOOD)
    found, _ = merged([(tmp_path / "a.json", whole), (tmp_path / "a.json", whole)])
    assert [target.name for target in found.targets] == ["good (a.json)", "good (a.json)#2"]


def test_a_part_is_not_lost_to_the_whole(tmp_path: Path) -> None:
    part, other = file(tmp_path / "a", GOOD), file(tmp_path / "b", BAD)
    done = streamspec("report", part, other, "--report", tmp_path / "a")
    assert (done.exit_code, "the report of all would replace it" in done.stderr) == (2, True)
    assert decode(part.read_bytes(), "x") == results(GOOD)


@pytest.mark.parametrize("command", ["judge", "report"])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"", "no JSON, or cut short"),
        (b"{}", "no results of streamspec (streamspec-results/1)"),
        (encode(results(GOOD)).replace(b'"complete": true', b'"complete": false'), "the run that wrote it broke off"),
        (encode(results(GOOD))[:-20], "no JSON, or cut short"),
        (b"<testsuites/>", "no JSON, or cut short"),
    ],
)
def test_a_file_that_is_no_whole_run_is_a_sentence(
    tmp_path: Path, command: str, content: bytes | None, said: str
) -> None:
    path = tmp_path / "r.json"
    if content is not None:
        path.write_bytes(content)
    done = streamspec(command, path, *(["--report", tmp_path / "out"] if command == "report" else []))
    assert done.exit_code == 2
    assert done.stderr.startswith(f"streamspec: {path}: ")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_judge_says_that_there_is_nothing_to_judge(tmp_path: Path) -> None:
    done = streamspec("judge", file(tmp_path, GOOD))
    assert (done.exit_code, "keeps no recordings of good" in done.stderr) == (2, True)


def test_judge_tells_what_is_not_as_in_the_file(tmp_path: Path) -> None:
    done = streamspec("judge", file(tmp_path, recorded()))
    assert "head-no-store on bad: FAIL in the file, " in done.stdout
    assert done.stdout.endswith("findings differ: streamspec 0.1.0 wrote the file, or it was changed since\n")


def test_judge_names_what_it_leaves_out(tmp_path: Path) -> None:
    target = recorded()
    unknown = [replace(found, id="of-another-version") for found in target.verdicts]
    done = streamspec("judge", file(tmp_path, replace(target, verdicts=[*target.verdicts, *unknown])))
    assert done.stdout.endswith("left out, as no requirement has that id now: of-another-version\n")


def test_judge_says_the_same_of_nothing_to_nobody(tmp_path: Path) -> None:
    for targets in ([], [replace(recorded(), verdicts=[])]):
        done = streamspec("judge", file(tmp_path, *targets))
        assert (done.exit_code, "holds no verdicts, so there is nothing to judge again" in done.stderr) == (2, True)


def test_judge_prints_results_as_json(tmp_path: Path) -> None:
    done = streamspec("judge", "--json", file(tmp_path, recorded()))
    assert [target["name"] for target in json.loads(done.stdout)["targets"]] == ["bad"]


# Exporters, as those who read them do


@pytest.mark.parametrize("strict", [False, True])
def test_junit_is_valid_by_the_schema_that_ci_systems_use(strict: bool) -> None:
    XSD.validate(junit(results(GOOD, BAD, recorded("x"), ABSENT), KNOWN, strict=strict).decode())


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ('tests="7"', 'tests="many"'),
        ("<skipped", "<left-out"),
        (' classname="streamspec.bad.head"', ""),
        ('timestamp="2026-11-22T10:00:00"', 'timestamp="22 November"'),
    ],
)
def test_the_schema_of_junit_refuses_what_is_wrong(right: str, wrong: str) -> None:
    text = junit(results(BAD), KNOWN, strict=False).decode()
    assert right in text
    assert not XSD.is_valid(text.replace(right, wrong))


@pytest.mark.parametrize(
    ("targets", "message", "color"),
    [
        ([GOOD], "2 of 2 hold", "brightgreen"),
        ([BAD], "1 of 6 hold", "red"),
        ([ABSENT], "inconclusive", "lightgrey"),
        ([GOOD, ABSENT], "1 of 2 conform", "lightgrey"),
        ([GOOD, ABSENT, BAD], "1 of 3 conform", "red"),
    ],
)
def test_the_badge_is_what_shields_reads(targets: list[TargetResults], message: str, color: str) -> None:
    made = json.loads(badge(targets, strict=False))
    assert made == {"schemaVersion": 1, "label": "streamspec", "message": message, "color": color}
