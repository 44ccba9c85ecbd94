"""The runner: what becomes of what a judge says, of noise, of a dying target, of crashes of ours."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from tests.fake_targets import FakeServer, fake_server, write_implementation

from streamspec import recording
from streamspec.contract import Anchor, Capability, Level
from streamspec.implementation import Deviation, TargetError, read_implementation
from streamspec.report.results import Verdict
from streamspec.requirement import Exchange, Late, NotObserved, Requirement, Violation, exchange
from streamspec.runner import Check, check_deviations
from streamspec.target import running
from streamspec.verdicts import ATTEMPTS, MAX_ATTEMPTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from streamspec.exchanges.recorder import Recorder
    from streamspec.report.results import Finding
    from streamspec.requirement import Figures
    from streamspec_client.trace import Trace

LATE = Late(expected="soon", actual="late", at_s=0.5)
WRONG = Violation(expected="right", actual="wrong", at_s=0.25, offset=3)
BLIND = NotObserved("nothing was to be seen")


@exchange()
def glance(recorder: Recorder) -> None:
    """One request."""
    recorder.get("/glance?token=t").wait_complete(1, recorder.prompt_s)


class Script:
    """A judge that says one thing after another, of the target and of the control server apart; then it passes."""

    def __init__(self, *said: Exception | Figures | None, of_control: tuple[Exception | None, ...] = ()) -> None:
        self.traces: list[Trace] = []
        self._said: dict[str, list[Exception | Figures | None]] = {"target": list(said), "control": list(of_control)}
        self.control_url = ""

    def __call__(self, trace: Trace) -> Figures | None:
        self.traces.append(trace)
        said = self._said["control" if trace.target in self.control_url else "target"]
        outcome = said.pop(0) if said else None
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def requirement(
    judge: Callable[[Trace], Figures | None],
    of: Exchange = glance,
    level: Level = Level.MUST,
    name: str = "head-status",
) -> Requirement:
    return Requirement(name, level, "It holds.", Anchor("A", "https://a.example/#a"), of, judge)


@contextmanager
def check(*judges: Script) -> Iterator[tuple[Check, FakeServer]]:
    """A check of a fake target by URL, beside a fake control server."""
    with fake_server() as server, fake_server() as control, running(server.url) as target:
        for judge in judges:
            judge.control_url = control.url
        with Check(target, 0.2, control=lambda: control.url) as made:
            yield made, server


def finding(judge: Script, **kind: object) -> Finding:
    level = kind.get("level", Level.MUST)
    assert isinstance(level, Level)
    with check(judge) as (made, _):
        return made.finding(requirement(judge, level=level))


# What a judge says


def test_a_judge_that_returns_is_a_pass_with_figures() -> None:
    found = finding(Script({"cleanup_ms": 0.84211}))
    assert (found.verdict, found.measured, found.attempts) == (Verdict.PASS, {"cleanup_ms": 0.842}, 1)


@pytest.mark.parametrize(("level", "verdict"), [(Level.MUST, Verdict.FAIL), (Level.SHOULD, Verdict.WARN)])
def test_a_violation_counts_at_once_with_its_evidence(level: Level, verdict: Verdict) -> None:
    found = finding(Script(WRONG), level=level)
    assert (found.verdict, found.attempts) == (verdict, 1)
    assert (found.expected, found.actual, found.at_s, found.offset) == ("right", "wrong", 0.25, 3)
    assert re.fullmatch(r"curl -N http://127\.0\.0\.1:\d+/glance", found.curl or "")


def test_what_was_not_observed_is_inconclusive() -> None:
    found = finding(Script(BLIND))
    assert (found.verdict, found.message) == (Verdict.INCONCLUSIVE, "nothing was to be seen")


def test_a_crash_of_a_judge_is_no_verdict_on_the_server() -> None:
    found = finding(Script(KeyError("oops")))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "streamspec itself failed while judging (KeyError: 'oops')" in found.message


def test_a_crash_of_an_exchange_is_no_verdict_on_the_server() -> None:
    @exchange()
    def broken(_recorder: Recorder) -> None:
        """Break."""
        raise ZeroDivisionError

    with check() as (made, _):
        found = made.finding(requirement(lambda _: None, broken))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "streamspec itself failed while recording broken" in found.message


# Noise


def test_late_in_every_attempt_fails() -> None:
    found = finding(Script(*[LATE] * ATTEMPTS))
    assert (found.verdict, found.attempts, found.actual) == (Verdict.FAIL, ATTEMPTS, "late")


@pytest.mark.parametrize("before", range(1, ATTEMPTS))
def test_in_time_in_any_attempt_passes(before: int) -> None:
    found = finding(Script(*[LATE] * before))
    assert (found.verdict, found.attempts) == (Verdict.PASS, before + 1)


def test_an_attempt_in_which_the_control_server_is_late_does_not_count() -> None:
    found = finding(Script(*[LATE] * 4, of_control=(LATE,)))
    assert (found.verdict, found.attempts) == (Verdict.FAIL, 4)


def test_late_beside_a_late_control_server_is_inconclusive() -> None:
    found = finding(Script(*[LATE] * MAX_ATTEMPTS, of_control=(LATE,) * MAX_ATTEMPTS))
    assert (found.verdict, found.attempts) == (Verdict.INCONCLUSIVE, MAX_ATTEMPTS)
    assert found.message == "the control server was late too, so this machine cannot tell: " + str(LATE)


@pytest.mark.parametrize("trouble", [BLIND, KeyError("oops")])
def test_a_control_server_that_cannot_be_judged_blames_nobody(trouble: Exception) -> None:
    found = finding(Script(*[LATE] * MAX_ATTEMPTS, of_control=(trouble,) * MAX_ATTEMPTS))
    assert (found.verdict, "the control server could not be judged" in found.message) == (Verdict.INCONCLUSIVE, True)


def test_a_control_server_that_does_not_start_blames_nobody() -> None:
    with (
        fake_server() as server,
        running(server.url) as target,
        Check(target, control=lambda: "http://[::1]:9") as made,
    ):
        found = made.finding(requirement(Script(*[LATE] * MAX_ATTEMPTS)))
    assert (found.verdict, "it did not start" in found.message) == (Verdict.INCONCLUSIVE, True)


def test_each_attempt_is_recorded_once_for_all_requirements() -> None:
    recorded: list[str] = []

    @exchange()
    def counted(recorder: Recorder) -> None:
        """Note which server it is recorded with."""
        recorded.append(recorder.target.url)

    judges = [Script(*[LATE] * 9), Script(*[LATE] * 9)]
    with check(*judges) as (made, _):
        verdicts = [made.finding(requirement(judge, counted)).verdict for judge in judges]
        assert verdicts == [Verdict.FAIL, Verdict.FAIL]
        assert recorded == [made.target.url, judges[0].control_url] * ATTEMPTS


# Applicability


def test_a_capability_that_is_not_declared_is_not_applicable() -> None:
    @exchange(Capability.RESUME, Capability.GATE)
    def resumed(_recorder: Recorder) -> None:
        """Never recorded."""
        raise AssertionError

    with check() as (made, _):
        found = made.finding(requirement(lambda _: None, resumed))
    assert (found.verdict, found.message) == (Verdict.NOT_APPLICABLE, "capability not declared: resume")


def test_a_url_has_no_process_to_look_at() -> None:
    @exchange(process=True)
    def logged(_recorder: Recorder) -> None:
        """Never recorded."""
        raise AssertionError

    with check() as (made, _):
        found = made.finding(requirement(lambda _: None, logged))
    assert (found.verdict, "impl.toml" in found.message) == (Verdict.NOT_APPLICABLE, True)


# Order


def test_exchanges_run_side_by_side_then_those_that_are_timed_then_each_that_wants_to_be_alone() -> None:
    events: list[str] = []

    def noted(name: str, kind: str) -> Requirement:
        def record(recorder: Recorder) -> None:
            """Note its beginning and its end."""
            events.append(f"+{name}")
            recorder.get("/").wait_complete(1, 1)
            events.append(f"-{name}")

        record.__name__ = name
        made = exchange(alone=kind == "alone", timed=kind == "timed")(record)
        return requirement(lambda _: None, made, name=name)

    kinds = {"a": "alone", "b": "timed", "c": "", "d": "alone", "e": "timed", "f": ""}
    with check() as (made, _):
        results = made.run([noted(name, kind) for name, kind in kinds.items()], "spec")
    assert sorted(events[:4]) == ["+c", "+f", "-c", "-f"]
    assert sorted(events[4:8]) == ["+b", "+e", "-b", "-e"]
    assert events[8:] == ["+a", "-a", "+d", "-d"]
    assert [found.id for found in results.verdicts] == list(kinds)
    assert results.spec == "spec"


# The end of a target


@exchange()
def fatal(recorder: Recorder) -> None:
    """What the server dies of."""
    recorder.get("/die").wait_complete(1, recorder.prompt_s)


def test_a_process_that_dies_is_no_violation(tmp_path: Path) -> None:
    implementation = read_implementation(write_implementation(tmp_path))
    with running(implementation) as target, Check(target, 0.2) as made:
        wanted = [requirement(Script(WRONG), fatal), requirement(Script(), glance, name="head-nosniff")]
        results = made.run(wanted[:1], "x")
        later = made.finding(wanted[1])
    assert [found.verdict for found in results.verdicts] == [Verdict.INCONCLUSIVE]
    said = "fake: the server ended with exit status 7 during the run; its last words: goodbye, cruel world"
    assert (results.error, results.verdicts[0].message, later.message) == (said, said, said)


def test_a_url_that_stops_listening_is_no_violation() -> None:
    judge = Script(WRONG)
    with check(judge) as (made, server):
        made.record([requirement(judge)])
        server.end()
        found = made.finding(requirement(judge))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert re.fullmatch(r"http://\S+: the server stopped listening during the run: Connection refused", found.message)


def test_what_was_seen_well_before_the_end_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "DYING_S", 0.0)
    judge = Script(WRONG)
    with check(judge) as (made, server):
        made.record([requirement(judge)])
        server.end()
        found = made.finding(requirement(judge))
    assert found.verdict is Verdict.FAIL


def test_a_server_that_hangs_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "HANGS_AFTER_S", 0.3)
    recorded: list[str] = []

    @exchange(alone=True)
    def stunning(recorder: Recorder) -> None:
        """Get no answer."""
        recorded.append("stunning")
        server.answering.clear()
        recorder.get("/").wait_complete(1, 0.1)

    judges = [Script(*[LATE] * 9), Script(*[LATE] * 9)]
    with check(*judges) as (made, server):
        wanted = [requirement(judges[0], stunning), requirement(judges[1], stunning), requirement(Script(), glance)]
        results = made.run([*wanted, requirement(Script(), fatal)], "x")
    assert [found.verdict for found in results.verdicts] == [Verdict.FAIL, Verdict.FAIL, Verdict.PASS, Verdict.PASS]
    assert results.error is not None
    assert "the server hangs: GET / got no answer within 0.3 s" in results.error
    assert recorded == ["stunning"] * (1 + ATTEMPTS)


# Deviations


def deviating(tmp_path: Path, name: str) -> Path:
    more = f'[[deviations]]\nrequirement = "{name}"\nreason = "it cannot"\nlink = "https://x.example/1"'
    return write_implementation(tmp_path, more=more)


@pytest.mark.parametrize("level", list(Level))
def test_a_failure_that_is_explained_is_a_deviation(tmp_path: Path, level: Level) -> None:
    with running(read_implementation(deviating(tmp_path, "head-status"))) as target, Check(target, 0.2) as made:
        found = made.finding(requirement(Script(WRONG), level=level))
    assert (found.verdict, found.reason, found.link) == (Verdict.DEVIATION, "it cannot", "https://x.example/1")
    assert found.actual == "wrong"
    assert found.curl == "curl -N http://127.0.0.1:8000/glance"


def test_a_deviation_takes_one_attempt(tmp_path: Path) -> None:
    with running(read_implementation(deviating(tmp_path, "head-status"))) as target, Check(target, 0.2) as made:
        found = made.finding(requirement(Script(LATE)))
    assert (found.verdict, found.attempts, found.actual) == (Verdict.DEVIATION, 1, "late")


def test_a_deviation_that_no_longer_fails_fails(tmp_path: Path) -> None:
    path = deviating(tmp_path, "head-status")
    with running(read_implementation(path)) as target, Check(target, 0.2) as made:
        found = made.finding(requirement(Script()))
    assert found.verdict is Verdict.FAIL
    assert found.message == f"it holds, but {path} lists it as a deviation: remove that entry"


def test_a_deviation_is_of_one_requirement(tmp_path: Path) -> None:
    with running(read_implementation(deviating(tmp_path, "head-nosniff"))) as target, Check(target, 0.2) as made:
        assert made.finding(requirement(Script(WRONG))).verdict is Verdict.FAIL


def test_a_deviation_that_names_no_requirement_is_refused(tmp_path: Path) -> None:
    implementation = read_implementation(deviating(tmp_path, "head-stauts"))
    assert implementation.deviations == (Deviation("head-stauts", "it cannot", "https://x.example/1"),)
    with pytest.raises(TargetError, match=r"impl\.toml: the deviation 'head-stauts' names no requirement"):
        check_deviations(implementation, ["head-status"])
