"""The verdicts given again from a file are those of the run: noise, deaths, deviations and all."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.fake_targets import DYING_SERVER, fake_server, write_implementation
from tests.sample_results import GOOD, KNOWN

from streamspec.contract import Anchor, Level
from streamspec.implementation import control_implementation, read_implementation
from streamspec.rejudging import NothingKept, differences, judged_again
from streamspec.report.kept import BrokenRecording, Deflated
from streamspec.report.results import Results, TargetResults, Verdict, decode, encode
from streamspec.requirement import Late, NotObserved, Requirement, Violation, exchange
from streamspec.runner import Check
from streamspec.target import running
from streamspec.verdicts import ATTEMPTS, MAX_ATTEMPTS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from streamspec.exchanges.recorder import Recorder
    from streamspec.implementation import Implementation
    from streamspec_client.trace import Trace


def again(target: TargetResults, known: Sequence[Requirement]) -> TargetResults:
    """The target as a file gives it back, judged again."""
    results = Results("2026-11-22T10:00:00+00:00", "0.1.0", [target], complete=True)
    file = decode(encode(results), "results.json")
    assert file == results
    now = judged_again(file, {made.id: made for made in known}, "results.json")
    assert differences(file, now) == []
    return now.targets[0]


def run(target: Implementation | str, known: Sequence[Requirement], control: str) -> TargetResults:
    """A run of those requirements."""
    with running(target) as found, Check(found, 0.2, control=lambda: control) as check:
        return check.run(known, "spec")


@exchange()
def glance(recorder: Recorder) -> None:
    """One request."""
    recorder.get("/glance?token=t").wait_complete(1, recorder.prompt_s)


def requirement(judge: Callable[[Trace], None], name: str = "head-status", level: Level = Level.MUST) -> Requirement:
    return Requirement(name, level, "It holds.", Anchor("A", "https://a.example/#a"), glance, judge)


def wrong(_: Trace) -> None:
    raise Violation(expected="right", actual="wrong", at_s=0.25, offset=3)


def blind(_: Trace) -> None:
    raise NotObserved("nothing was to be seen")


def late_at(*urls: str) -> Callable[[Trace], None]:
    """A judge to whom the servers at those addresses are late: it depends on the trace alone, as judges do."""

    def judge(trace: Trace) -> None:
        if any(trace.target in url for url in urls):
            raise Late(expected="soon", actual="late")

    return judge


def test_every_verdict_comes_again() -> None:
    with fake_server() as server, fake_server() as control:
        known = [
            requirement(late_at(server.url), "head-status"),
            requirement(late_at(server.url, control.url), "head-no-store"),
            requirement(late_at(), "head-nosniff"),
            requirement(wrong, "head-no-transform", Level.SHOULD),
            requirement(blind, "head-method-head"),
            replace(requirement(blind, "framing-id"), exchange=KNOWN["framing-id"].exchange),
        ]
        found = run(server.url, known, control.url)
    said = [(made.verdict, made.attempts) for made in found.verdicts]
    assert said == [
        (Verdict.FAIL, ATTEMPTS),
        (Verdict.INCONCLUSIVE, MAX_ATTEMPTS),
        (Verdict.PASS, 1),
        (Verdict.WARN, 1),
        (Verdict.INCONCLUSIVE, 1),
        (Verdict.NOT_APPLICABLE, 0),
    ]
    kept = found.recordings["glance"]
    assert (len(kept.attempts), len(kept.control)) == (MAX_ATTEMPTS, MAX_ATTEMPTS)
    assert again(found, known).verdicts == found.verdicts


@pytest.mark.parametrize("judge", [wrong, late_at()])
def test_deviations_and_those_that_hold_come_again(tmp_path: Path, judge: Callable[[Trace], None]) -> None:
    more = '[[deviations]]\nrequirement = "head-status"\nreason = "it cannot"\nlink = "https://x.example/1"'
    known = [requirement(judge)]
    found = run(read_implementation(write_implementation(tmp_path, more=more)), known, "")
    assert found.verdicts[0].verdict is (Verdict.DEVIATION if judge is wrong else Verdict.FAIL)
    assert again(found, known).verdicts == found.verdicts


def test_what_a_dying_target_showed_is_no_violation_the_second_time_either(tmp_path: Path) -> None:
    known = [requirement(wrong), requirement(late_at(), "head-no-store")]
    found = run(read_implementation(write_implementation(tmp_path, server=DYING_SERVER)), known, "")
    assert found.error
    assert again(found, known).verdicts == found.verdicts


def test_a_mutant_that_is_late_is_found_late_again() -> None:
    """The real thing: attempts of the target beside those of the control server, and what does not apply."""
    known = [KNOWN[name] for name in ("head-status", "head-nosniff", "chunks-pacing", "chunks-no-drift")]
    mutant = control_implementation("chunks-pacing/flushes-every-100-milliseconds")
    with running(mutant) as target, Check(target) as check:
        found = check.run(known, "spec")
    verdicts = {made.id: made.verdict for made in found.verdicts}
    # On a machine too busy to tell, the control server is late as well: that comes again, too.
    assert verdicts["chunks-pacing"] in {Verdict.FAIL, Verdict.INCONCLUSIVE}
    assert found.recordings["paced"].control
    assert again(found, known).verdicts == found.verdicts


def test_results_without_recordings_are_no_evidence() -> None:
    results = Results("2026-11-22T10:00:00+00:00", "0.1.0", [GOOD], complete=True)
    with pytest.raises(NothingKept, match=r"^old\.json: keeps no recordings of good"):
        judged_again(results, KNOWN, "old.json")


def recorded(name: str = "head-status") -> tuple[Results, list[Requirement]]:
    with fake_server() as server:
        known = [requirement(late_at(), name)]
        return Results("2026-11-22T10:00:00+00:00", "0.1.0", [run(server.url, known, "")], complete=True), known


def test_a_file_that_was_changed_is_told() -> None:
    results, known = recorded()
    failed = replace(results.targets[0].verdicts[0], verdict=Verdict.FAIL)
    changed = replace(results, targets=[replace(results.targets[0], verdicts=[failed])])
    now = judged_again(changed, {made.id: made for made in known}, "x")
    told = [(one.target, one.before.verdict, one.now.verdict) for one in differences(changed, now)]
    assert told == [(results.targets[0].name, Verdict.FAIL, Verdict.PASS)]


def test_a_judge_that_wants_more_attempts_than_were_made_is_inconclusive() -> None:
    results, _ = recorded()
    with fake_server() as other:
        stricter = requirement(late_at(results.targets[0].url, other.url))
    now = judged_again(results, {"head-status": stricter}, "x")
    found = now.targets[0].verdicts[0]
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "the file holds no attempt" in found.message


def test_a_recording_that_was_changed_names_the_file() -> None:
    results, known = recorded()
    target = results.targets[0]
    kept = target.recordings["glance"]
    trace = kept.attempts[0].trace
    assert trace is not None
    broken = replace(kept, attempts=[replace(kept.attempts[0], trace=replace(trace, log=Deflated(3, "AAAA")))])
    changed = replace(results, targets=[replace(target, recordings={"glance": broken})])
    with pytest.raises(BrokenRecording, match=r"^x\.json: 127\S+, glance: deflated bytes"):
        judged_again(changed, {made.id: made for made in known}, "x.json")


def test_a_requirement_of_another_version_is_left_out() -> None:
    results, _ = recorded()
    assert judged_again(results, {}, "x").targets[0].verdicts == []
