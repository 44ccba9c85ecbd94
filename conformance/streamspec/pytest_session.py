"""What the pytest plugin does once it is needed: the named target, its check, the test of one requirement."""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from streamspec.implementation import Implementation, TargetError
from streamspec.process import ProcessError
from streamspec.pytest_marks import RECORDINGS, REPORTER, WHAT_A_TARGET_IS, is_requirement, selected_ids, worker
from streamspec.report.results import Finding, TargetResults, Verdict
from streamspec.report.wording import MARKS, evidence, printable
from streamspec.requirement import REGISTRY, UnknownSelection, all_requirements, select
from streamspec.runner import Check, check_deviations
from streamspec.target import OVER_HTTP2, Target, running
from streamspec.target_names import resolve

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager
    from types import TracebackType
    from typing import Self

    from streamspec.contract import Level
    from streamspec.requirement import Exchange, Requirement

OUTCOME = pytest.StashKey[dict[str, object]]()
"""On a test item: its finding and its target, as plain values."""


def named_requirements(config: pytest.Config) -> Sequence[Requirement]:
    """The requirements that --streamspec-select selects. Raises UsageError where it matches none."""
    try:
        return select(config.getoption("streamspec_select"))
    except UnknownSelection as error:
        raise pytest.UsageError(f"--streamspec-select: {error}") from error


def named_target(config: pytest.Config) -> Implementation | str:
    """What the option or the ini setting names. Raises UsageError where that is nothing, or no target."""
    spec = config.getoption("streamspec_target")
    if not spec and (spec := config.getini("streamspec_target")) and config.inipath:
        beside = config.inipath.parent / spec
        spec = str(beside) if beside.exists() else spec
    if not spec:
        raise pytest.UsageError(
            "tests of streaming requirements need a target: give --streamspec-target, or `streamspec_target` in the "
            f"ini file; it is {WHAT_A_TARGET_IS}"
        )
    try:
        found = resolve(spec)
        if isinstance(found, Implementation):
            check_deviations(found, [made.id for made in all_requirements()])
    except TargetError as error:
        raise pytest.UsageError(str(error)) from error
    return found


@contextmanager
def launched(target: Target | Implementation | str | pytest.UsageError, session: pytest.Session) -> Iterator[Target]:
    """The target, running, and over HTTP/2 where that is wanted of one that is not yet known.

    Where it does not start, the tests that want it fail with a sentence, not a traceback.

    The first of them is the last test of a session that has no others: each would only say the same again.
    """
    if isinstance(target, Target):
        yield target
        return
    stack, problem = ExitStack(), ""
    try:
        if isinstance(target, pytest.UsageError):
            raise TargetError(str(target))
        found = stack.enter_context(running(target, http2=session.config.getoption("streamspec_http2")))
    except (TargetError, ProcessError) as error:
        problem = str(error)
    if problem and all(map(is_requirement, session.items)):
        session.shouldfail = "streamspec: no requirement can be tested without the target"
    if problem:  # outside of `except`, or pytest would tell of both exceptions
        pytest.fail(f"INCONCLUSIVE: {problem}", pytrace=False)
    with stack:
        yield replace(found, name=found.name + OVER_HTTP2) if found.http2 else found


class SessionCheck:
    """The check of one target for a pytest session, or for one of the workers that share it."""

    def __init__(self, session: pytest.Session, target: Target) -> None:
        self._session = session
        self._spec = _shortest(target.implementation.source) if target.implementation else target.url
        self._check = Check(target, turn=_turn_among_workers)
        self._began_s = time.monotonic()
        self._recorded = bool(worker())
        """Of several workers none knows its share of the tests beforehand: each records exchange by exchange."""

    def __enter__(self) -> Self:
        self._check.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._check.__exit__(kind, error, tb)
        config = self._session.config
        if config.getoption("streamspec_report"):
            kept = msgspec.json.encode(self._check.kept())
            if (output := getattr(config, "workeroutput", None)) is not None:
                output[RECORDINGS] = kept
            elif (reporter := config.pluginmanager.get_plugin(REPORTER)) is not None:
                reporter.keep(worker(), kept)

    def finding(self, requirement: Requirement) -> tuple[Finding, TargetResults]:
        """The finding, and its target (with no findings of its own). The first call records what all tests need."""
        if not self._recorded:
            self._recorded = True
            self._check.record([REGISTRY[name] for name in selected_ids(self._session)])
        finding = self._check.finding(requirement)
        return finding, self._check.results([], self._spec, time.monotonic() - self._began_s)


@dataclass(frozen=True, slots=True)
class RequirementTest:
    """One requirement on the target under test: what the fixture `streamspec_requirement` gives."""

    _requirement: Requirement
    _check: SessionCheck
    _item: pytest.Item

    @property
    def id(self) -> str:
        """The requirement's id, such as `head-no-store`."""
        return self._requirement.id

    @property
    def level(self) -> Level:
        """MUST or SHOULD."""
        return self._requirement.level

    @property
    def sentence(self) -> str:
        """What must hold."""
        return self._requirement.sentence

    def check(self) -> None:
        """Pass if the requirement holds (or is a SHOULD, unless --streamspec-strict), else end the test as fits.

        FAIL and INCONCLUSIVE fail it with the evidence, DEVIATION is an expected failure, NOT_APPLICABLE a skip.
        """
        __tracebackhide__ = True
        finding, target = self._check.finding(self._requirement)
        self._item.stash[OUTCOME] = {
            "finding": msgspec.to_builtins(finding),
            "target": msgspec.to_builtins(target),
            "worker": worker(),
        }
        properties = {
            "verdict": finding.verdict,
            "level": finding.level,
            "anchor": self._requirement.anchor.url,
            **finding.measured,
        }
        self._item.user_properties += [(f"streamspec_{name}", str(value)) for name, value in properties.items()]
        strict = self._item.config.getoption("streamspec_strict")
        if finding.verdict is Verdict.FAIL or (strict and finding.verdict is Verdict.WARN):
            pytest.fail(self._evidence(finding, target), pytrace=False)
        if finding.verdict is Verdict.INCONCLUSIVE:
            pytest.fail(f"{finding.verdict}: {printable(finding.message)}", pytrace=False)
        if finding.verdict is Verdict.DEVIATION:
            pytest.xfail(f"{finding.reason} ({finding.link})")
        if finding.verdict is Verdict.NOT_APPLICABLE:
            pytest.skip(finding.message)

    def _evidence(self, finding: Finding, target: TargetResults) -> str:
        lines = [f"{MARKS[finding.verdict]} {finding.id}: {self.sentence}"]
        lines += [f"  {label:<9} {text}" for label, text in evidence(finding, target, REGISTRY)]
        return "\n".join(lines)


def _shortest(path: Path) -> str:
    path, here = path.absolute(), Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


@contextmanager
def _locked(path: Path, kind: int) -> Iterator[None]:
    with path.open("ab") as file:
        fcntl.flock(file, kind)
        yield


def _turn_among_workers(exchange: Exchange) -> AbstractContextManager[object]:
    """The turn of an exchange where pytest-xdist runs several workers: one that is timed, or wants to be alone, is."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    if run is None:
        return nullcontext()
    path = Path(tempfile.gettempdir()) / f"streamspec-{run}.lock"
    return _locked(path, fcntl.LOCK_EX if exchange.alone or exchange.timed else fcntl.LOCK_SH)
