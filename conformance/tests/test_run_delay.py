"""What others keep a process from: read from /proc, and judged on traces written by hand."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.fake_targets import fake_server, write_implementation
from tests.test_rejudging import again, requirement
from tests.traces import trace

from streamspec.implementation import read_implementation
from streamspec.process import Process
from streamspec.recording import Recording
from streamspec.report.results import Verdict
from streamspec.requirement import Exchange, Late, exchange
from streamspec.run_delay import ThreadTimes, process_times, starved
from streamspec.runner import Check
from streamspec.target import running
from streamspec.verdicts import ATTEMPTS, MAX_ATTEMPTS, Judging, Subject
from streamspec.verdicts import starved as explained

if TYPE_CHECKING:
    from pathlib import Path

    from streamspec.exchanges.recorder import Recorder
    from streamspec_client.trace import Trace

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells it")

SECOND = 1_000_000_000

# Reading


def write_thread(proc: Path, pid: int, tid: int, schedstat: str, children: str | None = "") -> None:
    folder = proc / str(pid) / "task" / str(tid)
    folder.mkdir(parents=True)
    (folder / "schedstat").write_text(schedstat, "ascii")
    if children is not None:
        (folder / "children").write_text(children, "ascii")


def test_every_thread_and_every_child_is_read(tmp_path: Path) -> None:
    write_thread(tmp_path, 7, 7, "10 20 3\n", "9 ")
    write_thread(tmp_path, 7, 8, "30 40 5\n")
    write_thread(tmp_path, 9, 9, "50 60 7\n")
    assert process_times(7, tmp_path) == {7: (10, 20), 8: (30, 40), 9: (50, 60)}


def test_a_kernel_that_names_no_children_tells_of_the_threads(tmp_path: Path) -> None:
    write_thread(tmp_path, 7, 7, "10 20 3\n", children=None)
    assert process_times(7, tmp_path) == {7: (10, 20)}


@pytest.mark.parametrize("schedstat", ["", "10\n", "ten twenty 3\n"])
def test_what_cannot_be_read_is_nothing(tmp_path: Path, schedstat: str) -> None:
    write_thread(tmp_path, 7, 7, schedstat)
    assert process_times(7, tmp_path) == {}
    assert process_times(8, tmp_path) == {}


@on_linux
def test_this_process_has_run() -> None:
    assert process_times(os.getpid())[os.getpid()].ran_ns > 0


@on_linux
def test_a_process_whose_end_was_awaited_tells_its_times(tmp_path: Path) -> None:
    with Process([sys.executable, "-c", "sum(range(10**6))"], cwd=tmp_path, env={}, name="short") as process:
        assert process.wait_exit(30)
        assert process.times()[process.pid].ran_ns > 0


# Reckoning


def test_what_a_thread_waited_for_is_the_others_fault() -> None:
    before = {1: ThreadTimes(5 * SECOND, SECOND)}
    assert starved(before, {1: ThreadTimes(6 * SECOND, 4 * SECOND)}) == (3.0, 1.0)


def test_a_thread_that_began_meanwhile_counts_from_its_beginning() -> None:
    assert starved({}, {1: ThreadTimes(SECOND, 2 * SECOND)}) == (2.0, 1.0)


def test_of_several_threads_the_one_that_waited_longest_counts() -> None:
    now = {1: ThreadTimes(SECOND // 10, 5 * SECOND), 2: ThreadTimes(SECOND // 2, SECOND)}
    assert starved({}, now) == (4.5, 0.1)


@pytest.mark.parametrize("processors", [1, 2, 8])
@pytest.mark.parametrize("threads", [1, 2, 9, 40])
def test_a_process_that_keeps_its_own_threads_waiting_is_not_starved(threads: int, processors: int) -> None:
    """If it has the machine for itself, then more busy threads than processors are nobody's fault but its own."""
    busy = min(threads, processors)
    each = ThreadTimes(busy * SECOND // threads, (threads - busy) * SECOND // threads)
    assert starved({}, dict.fromkeys(range(threads), each))[0] == 0


def test_a_process_that_is_gone_was_not_starved_as_far_as_anybody_knows() -> None:
    assert starved({1: ThreadTimes(5, 5)}, {}) == (0, 0)


# Judging


@pytest.mark.parametrize(
    ("starved_s", "ran_s", "by_s", "explains"),
    [
        pytest.param(0.9, 0.1, 0.5, True, id="waited-all-the-time-it-did-not-run"),
        pytest.param(0.2, 0.7, 0.1, True, id="ran-nearly-always-and-waited-for-the-rest"),
        pytest.param(0.9, 0.1, 0.95, False, id="late-by-more-than-it-waited"),
        pytest.param(0.2, 0.1, 0.15, False, id="slept-more-than-it-waited"),
        pytest.param(0.01, 0.98, 0.5, False, id="slow-by-its-own-doing"),
        pytest.param(0.0, 0.0, 0.001, False, id="nobody-told"),
        pytest.param(0.6, 0.1, 0.0, False, id="never-came-in-too-short-a-time"),
        pytest.param(0.04, 0.95, 0.0, False, id="never-came-and-spun"),
        pytest.param(0.0, 0.0, 0.0, False, id="never-came-and-nobody-told"),
    ],
)
def test_what_explains_lateness(starved_s: float, ran_s: float, by_s: float, explains: bool) -> None:
    made = replace(trace(), starved_s=starved_s, ran_s=ran_s)
    told = explained(Late(expected="soon", actual="late", by_s=by_s), made)
    assert told == (f"its process waited {starved_s * 1000:.0f} ms of 1000 ms for a processor" if explains else "")


@pytest.mark.parametrize(
    ("starved_s", "explains"),
    [
        pytest.param(4.5, True, id="waited-most-of-the-time"),
        pytest.param(2.4, False, id="would-have-had-the-time"),
        pytest.param(3.0, False, id="a-small-part-of-it"),
    ],
)
def test_what_explains_that_something_never_came(starved_s: float, explains: bool) -> None:
    made = replace(trace(), duration_s=5.5 if starved_s < 3 else 10.0, starved_s=starved_s)
    assert bool(explained(Late(expected="an answer", actual="none"), made)) is explains


class ByHand:
    """Attempts written by hand; the control server is never late."""

    ended = None

    def __init__(self, *starved_s: float) -> None:
        self.asked_of_control: list[int] = []
        self._attempts = [Recording(replace(trace(), target="slow", starved_s=each)) for each in starved_s]

    def attempt(self, _exchange: Exchange, number: int) -> Recording:
        return self._attempts[number]

    def may_show_dying(self, _recording: Recording) -> bool:
        return False

    def control(self, _exchange: Exchange, number: int) -> Recording:
        self.asked_of_control.append(number)
        return Recording(trace())


def late(made: Trace) -> None:
    if made.target == "slow":
        raise Late(expected="soon", actual="late", by_s=0.2)


SUBJECT = Subject("", managed=True, capabilities=frozenset(), describe={}, deviations=(), source="")


def test_a_server_that_was_starved_in_every_attempt_is_not_blamed() -> None:
    observed = ByHand(*[0.9] * MAX_ATTEMPTS)
    found = Judging(SUBJECT, observed).finding(requirement(late))
    assert (found.verdict, found.attempts) == (Verdict.INCONCLUSIVE, MAX_ATTEMPTS)
    waited = "its process waited 900 ms of 1000 ms for a processor"
    assert found.message == f"{waited}, so this machine cannot tell: expected soon; got late"
    assert observed.asked_of_control == []


def test_only_attempts_in_which_it_was_starved_do_not_count() -> None:
    observed = ByHand(0.9, 0.0, 0.9, 0.1, 0.0)
    found = Judging(SUBJECT, observed).finding(requirement(late))
    assert (found.verdict, found.attempts) == (Verdict.FAIL, 2 + ATTEMPTS)
    assert observed.asked_of_control == [1, 3, 4]


# From end to end


@exchange()
def glance(recorder: Recorder) -> None:
    """One request."""
    recorder.get("/glance").wait_complete(1, recorder.prompt_s)


def late_of_fake(made: Trace) -> None:
    if made.target == "fake":
        raise Late(expected="soon", actual="late", by_s=0.001)


@on_linux
@pytest.mark.parametrize(
    ("starved_s", "verdict", "of_control"),
    [
        pytest.param([9.0] * MAX_ATTEMPTS, Verdict.INCONCLUSIVE, [], id="starved"),
        pytest.param([0.0, 9.0, 0.0, 0.0], Verdict.FAIL, [True, False, True, True], id="starved-once"),
    ],
)
def test_what_was_starved_is_judged_alike_from_a_file(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    starved_s: list[float],
    verdict: Verdict,
    of_control: list[bool],
) -> None:
    """A launched server that is late, beside a control server by URL, which tells no times."""
    told = iter(starved_s)
    monkeypatch.setattr(
        "streamspec.exchanges.recorder.starved", lambda before, _after: (next(told), 0.0) if before else (0.0, 0.0)
    )
    known = [replace(requirement(late_of_fake), exchange=glance)]
    with (
        fake_server() as control,
        running(read_implementation(write_implementation(tmp_path))) as target,
        Check(target, 0.2, control=lambda: control.url) as check,
    ):
        found = check.run(known, "spec")
    assert found.verdicts[0].verdict is verdict
    kept = found.recordings["glance"]
    assert [made.trace.starved_s for made in kept.attempts if made.trace] == starved_s
    assert [made.trace is not None for made in kept.control] == of_control
    assert again(found, known).verdicts == found.verdicts


@on_linux
def test_a_launched_server_tells_what_it_ran_and_a_url_does_not(tmp_path: Path) -> None:
    known = [replace(requirement(lambda _: None), exchange=glance)]
    with running(read_implementation(write_implementation(tmp_path))) as target:
        with Check(target, 0.2) as check:
            check.run(known, "spec")
            assert check.traces["glance"].ran_s > 0
        with running(target.url) as seen, Check(seen, 0.2) as check:
            check.run(known, "spec")
            assert (check.traces["glance"].ran_s, check.traces["glance"].starved_s) == (0.0, 0.0)
