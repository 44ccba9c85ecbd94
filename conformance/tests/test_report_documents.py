"""results.json, JUnit XML and Markdown as other programs read them."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest
from jsonschema import Draft202012Validator, ValidationError
from tests.sample_results import ABSENT, BAD, GOOD, KNOWN, PASSED, UNCLEAR, WARNED, results

from streamspec import report
from streamspec.report.junit import junit
from streamspec.report.markdown import markdown
from streamspec.report.results import (
    ExitCode,
    TargetResults,
    UnreadableResults,
    decode,
    encode,
    exit_code,
    json_schema,
)

PUBLISHED_SCHEMA = Path(report.__path__[0]) / "results.schema.json"
WHOLE = results(GOOD, BAD, ABSENT)

# results.json and its schema


def test_the_published_schema_is_that_of_the_model() -> None:
    published = json.loads(PUBLISHED_SCHEMA.read_text("utf-8"))
    assert published == json_schema(), f"write json.dumps(json_schema(), indent=1) to {PUBLISHED_SCHEMA}"


def test_results_are_valid_and_read_back_the_same() -> None:
    Draft202012Validator.check_schema(json_schema())
    Draft202012Validator(json_schema()).validate(json.loads(encode(WHOLE)))
    assert decode(encode(WHOLE), "here") == WHOLE


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"complete": False}, "broke off"),
        ({"complete": None}, "no results of streamspec"),
        ({"format": "streamspec-results/2"}, "no results of streamspec"),
        ({"targets": [{"name": "x"}]}, "no results of streamspec"),
    ],
)
def test_readers_and_schema_refuse_what_is_not_whole(change: dict[str, object], said: str) -> None:
    value = {**json.loads(encode(WHOLE)), **change}
    with pytest.raises(ValidationError):
        Draft202012Validator(json_schema()).validate(value)
    with pytest.raises(UnreadableResults, match=f"^here: .*{said}"):
        decode(json.dumps(value).encode(), "here")


def test_a_missing_mark_of_wholeness_is_refused() -> None:
    value = json.loads(encode(WHOLE))
    del value["complete"]
    with pytest.raises(ValidationError):
        Draft202012Validator(json_schema()).validate(value)
    with pytest.raises(UnreadableResults, match="broke off"):
        decode(json.dumps(value).encode(), "here")


@pytest.mark.parametrize("size", [0, 1, 100, len(encode(WHOLE)) - 3])
def test_results_that_were_cut_short_are_refused(size: int) -> None:
    with pytest.raises(UnreadableResults, match="cut short"):
        decode(encode(WHOLE)[:size], "here")


@pytest.mark.parametrize(
    ("targets", "strict", "code"),
    [
        ([GOOD], False, ExitCode.CONFORMANT),
        ([GOOD, BAD], False, ExitCode.VIOLATION),
        ([BAD, ABSENT], False, ExitCode.VIOLATION),
        ([GOOD, ABSENT], False, ExitCode.INCONCLUSIVE),
        ([replace(GOOD, verdicts=[PASSED, UNCLEAR])], False, ExitCode.INCONCLUSIVE),
        ([replace(GOOD, verdicts=[PASSED, WARNED])], False, ExitCode.CONFORMANT),
        ([replace(GOOD, verdicts=[PASSED, WARNED])], True, ExitCode.VIOLATION),
    ],
)
def test_the_exit_code_tells_the_worst(targets: list[TargetResults], code: ExitCode, *, strict: bool) -> None:
    assert exit_code(targets, strict=strict) is code


# JUnit

# What Jenkins' schema of JUnit XML (jenkins-junit.xsd of its xUnit plugin) allows, as far as it is used here.
CHILDREN = {
    "testsuites": {"testsuite"},
    "testsuite": {"properties", "testcase", "system-out", "system-err"},
    "properties": {"property"},
    "property": set(),
    "testcase": {"skipped", "error", "failure", "system-out", "system-err"},
    "skipped": set(),
    "error": set(),
    "failure": set(),
    "system-out": set(),
}
ATTRIBUTES = {
    "testsuites": {"name", "time", "tests", "failures", "disabled", "errors"},
    "testsuite": {"name", "tests", "failures", "errors", "time", "skipped", "timestamp", "hostname", "id", "package"},
    "properties": set(),
    "property": {"name", "value"},
    "testcase": {"name", "time", "classname", "group"},
    "skipped": {"type", "message"},
    "error": {"type", "message"},
    "failure": {"type", "message"},
    "system-out": set(),
}


def parsed(*targets: TargetResults, strict: bool = False) -> ET.Element:
    return ET.fromstring(junit(results(*targets), KNOWN, strict=strict))  # noqa: S314 - our own


def test_junit_has_the_shape_that_jenkins_reads() -> None:
    for element in parsed(GOOD, BAD, ABSENT).iter():
        assert {child.tag for child in element} <= CHILDREN[element.tag]
        assert set(element.attrib) <= ATTRIBUTES[element.tag]
    for suite in parsed(GOOD, BAD, ABSENT):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.attrib["timestamp"])
        assert {"name", "tests", "failures", "errors", "skipped", "time"} <= set(suite.attrib)
        assert all(re.fullmatch(r"\d+(\.\d+)?", case.attrib["time"]) for case in suite.iter("testcase"))


def test_junit_counts_what_it_holds() -> None:
    suites = {suite.attrib["name"]: suite for suite in parsed(GOOD, BAD, ABSENT)}
    counts = {
        name: tuple(int(suite.attrib[key]) for key in ("tests", "failures", "errors", "skipped"))
        for name, suite in suites.items()
    }
    assert counts == {
        "streamspec.good": (2, 0, 0, 0),
        "streamspec.bad": (7, 1, 2, 2),
        "streamspec.absent": (1, 0, 1, 0),
    }
    assert suites["streamspec.absent"][1][0].attrib["message"] == ABSENT.error


def test_junit_is_never_green_for_what_is_not() -> None:
    tags = {case.attrib["name"]: [child.tag for child in case] for case in parsed(BAD).iter("testcase")}
    assert tags == {
        "head-status": [],
        "head-no-store": ["failure"],
        "head-no-transform": ["skipped"],
        "head-nosniff": ["system-out"],
        "chunks-no-drift": ["error"],
        "chunks-pacing": ["error"],
        "framing-id": ["skipped"],
    }
    strict = {case.attrib["name"]: [child.tag for child in case] for case in parsed(BAD, strict=True).iter("testcase")}
    assert strict == {**tags, "head-nosniff": ["failure"]}


def test_junit_carries_the_evidence() -> None:
    failure = parsed(BAD).find(".//failure")
    assert failure is not None
    assert failure.text
    assert "actual: Cache-Control: \\x1b[31m<public>\\x00 & ]]>" in failure.text
    assert "again: streamspec check 'path/to my/impl.toml' --select head-no-store" in failure.text


# Markdown


def test_the_summary_is_a_matrix_with_evidence() -> None:
    text = markdown(WHOLE, KNOWN, strict=False)
    assert "| requirement | good | bad | absent |\n|---|---|---|---|\n" in text
    assert "| `head-status` | pass | pass | **inconcl.** |\n" in text
    assert "| `head-no-store` |" in text
    assert "- **absent** inconclusive: nothing observed: http://h: cannot connect; start the server\n" in text
    assert "actual    Cache-Control: \\x1b[31m<public>\\x00 & ]]>" in text
    assert "the framework overwrites it" in text


def test_no_text_escapes_its_place_in_the_summary() -> None:
    evil = replace(BAD, name="a|b`c", error="x\n# heading", verdicts=[replace(BAD.verdicts[1], actual="```\n# x")])
    text = markdown(results(evil), KNOWN, strict=False)
    assert "| requirement | a\\|b\\`c |" in text
    assert not re.search(r"^# (?!streamspec$)", text, re.MULTILINE)
    assert text.count("\n```") == 2
    fences = re.findall(r"^`{3,}", text, re.MULTILINE)
    assert len(fences) == 2


def test_findings_are_plain_values_between_processes() -> None:
    for target in WHOLE.targets:
        assert msgspec.convert(json.loads(json.dumps(msgspec.to_builtins(target))), TargetResults) == target
