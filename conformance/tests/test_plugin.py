"""The pytest plugin in projects of other people: with what they configure, and beside the plugins they use."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from tests.fake_targets import DYING_SERVER, fake_server, write_implementation
from tests.sample_results import REPORT_FILES

import impls
from streamspec.rejudging import differences, judged_again
from streamspec.report.results import decode
from streamspec.requirement import REGISTRY, all_requirements

pytest_plugins = ("pytester",)

CONTROL = [sys.executable, "-m", "streamspec.control", "--port", "0"]
CAPABLE = 'capabilities = ["gate", "status", "script", "resume", "keepalive", "limits", "cors", "shutdown"]'
THREE_LINES = """
def test_conformance(streamspec_requirement):
    streamspec_requirement.check()
"""
ASYNCIO_INI = "asyncio_default_fixture_loop_scope = function"
all_requirements()


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """Someone's project: three lines, warnings as errors, and a conforming implementation in `good`."""
    pytester.makepyfile(test_mine=THREE_LINES)
    pytester.makeini("[pytest]\nfilterwarnings = error\naddopts = --strict-markers --strict-config -p no:asyncio")
    implementation(pytester.mkdir("good"))
    return pytester


def implementation(folder: Path, *arguments: str, more: str = CAPABLE) -> Path:
    return write_implementation(folder, *CONTROL, *arguments, name=folder.name, more=more)


def mutant(project: pytest.Pytester, breaks: str, more: str = CAPABLE) -> str:
    """A target that breaks one requirement, by its first mutant."""
    return str(implementation(project.mkdir("bad"), "--mutant", REGISTRY[breaks].mutants[0].path, more=more))


def run(project: pytest.Pytester, *arguments: str, apart: bool = False) -> pytest.RunResult:
    """Pytest as a person runs it: in a process of its own where `apart`, or where there are workers."""
    if apart or "-n" in arguments:
        return project.runpytest_subprocess(*arguments, timeout=120)
    return project.runpytest_inprocess(*arguments)


def text(result: pytest.RunResult) -> str:
    return result.stdout.str()


# Verdicts


def test_one_test_per_requirement_named_by_its_id(project: pytest.Pytester) -> None:
    result = run(project, "--streamspec-target=good/impl.toml", "--streamspec-select=head", "-v")
    heads = [name for name in REGISTRY if name.startswith("head-")]
    result.assert_outcomes(passed=len(heads))
    for name in heads:
        assert f"test_mine.py::test_conformance[{name}] PASSED" in text(result)
    assert result.ret == pytest.ExitCode.OK


def test_a_violation_fails_with_its_evidence_and_no_traceback(project: pytest.Pytester) -> None:
    result = run(project, "--streamspec-target", mutant(project, "head-no-store"), "--streamspec-select=head-no-store")
    result.assert_outcomes(failed=1)
    result.stdout.re_match_lines(
        [
            r"FAIL head-no-store: Cache-Control holds .*",
            r"  source    RFC 9111, section 5\.2\.2: https://www\.rfc-editor\.org/.*",
            r"  expected  Cache-Control.*",
            r"  actual    .*",
            r"  again     streamspec check bad/impl\.toml --select head-no-store",
            r"  by hand   streamspec serve bad/impl\.toml",
            r"            curl -N .*",
        ],
        consecutive=True,
    )
    assert not re.search(r"Traceback|^>|\.py:\d+:", text(result), re.MULTILINE)


def test_a_should_passes_and_shows(project: pytest.Pytester) -> None:
    target = mutant(project, "head-nosniff")
    arguments = ["--streamspec-target", target, "--streamspec-select=head-nosniff,head-status"]
    result = run(project, *arguments)
    assert result.ret == pytest.ExitCode.OK
    assert re.search(r"1 passed, 1 warned in ", text(result))
    assert re.search(r"= streamspec: SHOULDs that do not hold =+\n+head-nosniff: expected .*; got ", text(result))
    assert "head-nosniff] WARN" in text(run(project, *arguments, "-v"))
    strict = run(project, *arguments, "--streamspec-strict")
    strict.assert_outcomes(passed=1, failed=1)


def test_a_deviation_is_an_expected_failure(project: pytest.Pytester) -> None:
    row = '[[deviations]]\nrequirement = "head-no-store"\nreason = "it cannot"\nlink = "https://x.example/1"'
    target = mutant(project, "head-no-store", f"{CAPABLE}\n{row}")
    result = run(project, "--streamspec-target", target, "--streamspec-select=head-no-store", "-rx")
    result.assert_outcomes(xfailed=1)
    assert "it cannot (https://x.example/1)" in text(result)


def test_a_capability_that_is_not_declared_is_a_skip(project: pytest.Pytester) -> None:
    implementation(project.mkdir("plain"), more='capabilities = ["status"]')
    result = run(project, "--streamspec-target=plain", "--streamspec-select=head-no-store", "-rs")
    result.assert_outcomes(skipped=1)
    assert "capability not declared: gate, script" in text(result)


def test_what_cannot_be_observed_is_never_green(project: pytest.Pytester) -> None:
    write_implementation(project.mkdir("dying"), more=CAPABLE, server=DYING_SERVER)
    result = run(project, "--streamspec-target=dying", "--streamspec-select=head-status,chunks-content")
    result.assert_outcomes(failed=2)
    assert len(re.findall(r"^INCONCLUSIVE: .* goodbye, cruel world$", text(result), re.MULTILINE)) == 2


SAID = r"^INCONCLUSIVE: fake: .* ended with exit status 1 .*: boom$"


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "xdist"])
def test_a_target_that_does_not_start_is_one_sentence(project: pytest.Pytester, workers: list[str]) -> None:
    write_implementation(project.mkdir("gone"), sys.executable, "-c", "import sys; sys.exit('boom')")
    result = run(project, "--streamspec-target=gone", "--streamspec-select=head", *workers)
    said = re.findall(SAID, text(result), re.MULTILINE)
    assert 1 <= len(said) <= max(1, len(workers))
    result.assert_outcomes(errors=len(said))
    assert result.ret == (pytest.ExitCode.INTERRUPTED if workers else pytest.ExitCode.TESTS_FAILED)
    assert "streamspec: no requirement can be tested without the target" in text(result)
    assert "During handling" not in text(result)
    assert "Traceback" not in text(result)


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "xdist"])
def test_other_tests_run_though_the_target_does_not_start(project: pytest.Pytester, workers: list[str]) -> None:
    write_implementation(project.mkdir("gone"), sys.executable, "-c", "import sys; sys.exit('boom')")
    project.makepyfile(test_other="def test_other():\n    pass\n")
    result = run(project, "--streamspec-target=gone", "--streamspec-select=head-status,head-no-store", *workers)
    result.assert_outcomes(errors=2, passed=1)
    assert len(re.findall(SAID, text(result), re.MULTILINE)) == 2


# Naming the target


def test_no_target_is_a_usage_error(project: pytest.Pytester) -> None:
    result = run(project)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: tests of streaming requirements need a target: give --streamspec-target, or *"]
    )
    result.assert_outcomes()


def test_no_target_among_workers_fails_each_test(project: pytest.Pytester) -> None:
    result = run(project, "-n", "1", "--streamspec-select=head-status")
    result.assert_outcomes(errors=1)
    assert "need a target: give --streamspec-target" in text(result)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--streamspec-target=nosuch"], "no target 'nosuch'"),
        (["--streamspec-target=ftp://x"], "starts with http:// or https://"),
        (
            ["--streamspec-target=good", "--streamspec-select=nope"],
            "--streamspec-select: no requirement is named 'nope'",
        ),
        (["--streamspec-target=good", "--streamspec-report=test_mine.py"], "--streamspec-report: the report cannot be"),
    ],
)
@pytest.mark.parametrize("workers", [[], ["-n", "1"]], ids=["alone", "xdist"])
def test_options_that_are_wrong_are_a_usage_error(
    project: pytest.Pytester, arguments: list[str], said: str, workers: list[str]
) -> None:
    result = run(project, *arguments, *workers)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert f"ERROR: {said}" in result.stderr.str() or said in result.stderr.str()
    assert "Traceback" not in result.stderr.str() + text(result)


def test_the_ini_file_names_the_target_relative_to_itself(project: pytest.Pytester) -> None:
    project.makeini("[pytest]\naddopts = -p no:asyncio\nstreamspec_target = good/impl.toml")
    project.mkdir("deeper").joinpath("test_deeper.py").write_text(THREE_LINES)
    result = run(project, "deeper", "--streamspec-select=head-status")
    result.assert_outcomes(passed=1)


def test_a_suite_that_starts_its_server_itself_gives_its_url(project: pytest.Pytester) -> None:
    project.makeconftest(
        """
        import pytest
        from streamspec.control import ControlServer, serve_in_thread

        @pytest.fixture(scope="session")
        def streamspec_target():
            with serve_in_thread(ControlServer) as url:
                yield url
        """
    )
    result = run(project, "--streamspec-select=head-status,chunks-content")
    result.assert_outcomes(passed=2)


def test_a_url_is_a_target(project: pytest.Pytester) -> None:
    with fake_server() as server:
        result = run(project, f"--streamspec-target={server.url}", "--streamspec-select=framing-data-lf", "-rs")
    result.assert_outcomes(skipped=1)
    assert "capability not declared: script" in text(result)


def test_a_target_is_asked_over_http2(project: pytest.Pytester) -> None:
    command = [sys.executable, "-m", "impls.starlette", "--port", "0", "--server", "granian"]
    checkout = f'{CAPABLE}\nenv = {{ PYTHONPATH = "{Path(impls.__path__[0]).parent}" }}'
    target = write_implementation(project.mkdir("served"), *command, name="served", more=checkout)
    arguments = ["--streamspec-target", str(target), "--streamspec-select=chunks-content,chunks-http10", "-rs"]
    result = run(project, *arguments, "--streamspec-http2", "--streamspec-report=r")
    result.assert_outcomes(passed=1, skipped=1)
    assert "asked over HTTP/2: the client speaks HTTP/2" in text(result)
    [found] = decode((project.path / "r" / "results.json").read_bytes(), "r").targets
    assert (found.name, found.http2) == ("served over HTTP/2", True)


def test_a_target_that_does_not_speak_http2_is_one_sentence(project: pytest.Pytester) -> None:
    with fake_server() as server:
        result = run(project, f"--streamspec-target={server.url}", "--streamspec-http2", "-x")
    result.assert_outcomes(errors=1)
    assert "INCONCLUSIVE: " in text(result)
    assert "GET / got no answer in HTTP/2" in text(result)


# With what else people use


def test_collecting_starts_nothing_and_needs_no_target(project: pytest.Pytester) -> None:
    result = run(project, "--collect-only", "-q", "--streamspec-select=head-status,head-no-store")
    assert text(result).splitlines()[:2] == [
        "test_mine.py::test_conformance[head-status]",
        "test_mine.py::test_conformance[head-no-store]",
    ]
    marking = "import pathlib; pathlib.Path('started').touch()"
    write_implementation(project.mkdir("noisy"), sys.executable, "-c", marking)
    run(project, "--collect-only", "--streamspec-target=noisy")
    assert not (project.path / "noisy" / "started").exists()


def test_deselected_requirements_are_not_recorded(project: pytest.Pytester) -> None:
    result = run(project, "--streamspec-target=good", "-k", "head-status", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=1, deselected=len(REGISTRY) - 1)


def test_the_marker_selects_them(project: pytest.Pytester) -> None:
    project.makepyfile(test_other="def test_other():\n    pass")
    result = run(project, "--streamspec-target=good", "--streamspec-select=head-status", "-m", "not streamspec")
    result.assert_outcomes(passed=1, deselected=1)


def test_the_first_failure_can_stop_the_run(project: pytest.Pytester) -> None:
    result = run(project, "--streamspec-target", mutant(project, "head-no-store"), "--streamspec-select=head", "-x")
    assert result.parseoutcomes()["failed"] == 1
    assert "stopping after 1 failures" in text(result)


def test_workers_share_the_requirements(project: pytest.Pytester) -> None:
    arguments = ["--streamspec-target=good", "--streamspec-select=head,chunks-pacing", "--streamspec-report=r"]
    result = run(project, *arguments, "-n", "2")
    result.assert_outcomes(passed=len([name for name in REGISTRY if name.startswith("head-")]) + 1)
    [target] = decode((project.path / "r" / "results.json").read_bytes(), "r").targets
    assert len(target.verdicts) == len([name for name in REGISTRY if name.startswith("head-")]) + 1


@pytest.mark.parametrize("mode", ["strict", "auto"])
def test_with_asyncio_plugins(project: pytest.Pytester, mode: str) -> None:
    project.makeini(f"[pytest]\nfilterwarnings = error\nasyncio_mode = {mode}\n{ASYNCIO_INI}")
    project.makepyfile(
        test_mine=THREE_LINES,
        test_theirs="""
            import pytest

            @pytest.mark.asyncio
            async def test_asyncio():
                pass

            @pytest.mark.asyncio
            async def test_requirement(streamspec_requirement):
                streamspec_requirement.check()

            @pytest.mark.anyio
            @pytest.mark.parametrize("anyio_backend", ["asyncio"])
            async def test_anyio():
                pass
        """,
    )
    result = run(project, "--streamspec-target=good", "--streamspec-select=head-status", apart=True)
    result.assert_outcomes(passed=4)


def test_warnings_as_errors_break_nothing(project: pytest.Pytester) -> None:
    target = mutant(project, "head-nosniff")
    result = run(project, f"--streamspec-target={target}", "--streamspec-select=head", "-W", "error")
    assert result.ret == pytest.ExitCode.OK
    assert "1 warned" in text(result)


def test_the_module_of_the_package_runs_it_all(project: pytest.Pytester) -> None:
    (project.path / "test_mine.py").unlink()
    arguments = [
        "--pyargs",
        "streamspec.test_conformance",
        "--streamspec-target=good",
        "--streamspec-select=head-status",
    ]
    run(project, *arguments).assert_outcomes(passed=1)


def test_a_project_without_such_tests_notices_nothing(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_mine="""
            import sys

            def test_what_is_imported():
                ours = {name for name in sys.modules if name.partition(".")[0].startswith("streamspec")}
                assert ours <= {"streamspec", "streamspec.pytest_plugin", "streamspec.pytest_marks"}
                assert "msgspec" not in sys.modules
        """
    )
    result = run(project, apart=True)
    result.assert_outcomes(passed=1)


def test_fixtures_and_marker_are_documented(project: pytest.Pytester) -> None:
    assert re.search(r"streamspec_target \[session scope\]", text(run(project, "--fixtures")))
    assert re.search(r"^streamspec_requirement -- ", text(run(project, "--fixtures")), re.MULTILINE)
    assert "@pytest.mark.streamspec(id): a requirement" in text(run(project, "--markers"))
    assert re.search(r"--streamspec-target=TARGET", text(run(project, "--help")))


# Reports


def test_junit_properties_tell_level_anchor_and_figures(project: pytest.Pytester) -> None:
    run(project, "--streamspec-target=good", "--streamspec-select=disconnect-fin-idle", "--junit-xml=j.xml")
    root = ET.parse(project.path / "j.xml").getroot()  # noqa: S314 - our own
    properties = {row.attrib["name"]: row.attrib["value"] for row in root.iter("property")}
    assert properties["streamspec_verdict"] == "PASS"
    assert properties["streamspec_level"] == "MUST"
    assert properties["streamspec_anchor"].startswith("https://www.rfc-editor.org/")
    assert float(properties["streamspec_cleanup_ms"]) >= 0


def test_the_report_is_that_of_the_command(project: pytest.Pytester) -> None:
    target = mutant(project, "head-no-store")
    arguments = [
        "--streamspec-target",
        target,
        "--streamspec-select=head-no-store,head-status",
        "--streamspec-report=r",
    ]
    result = run(project, *arguments)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["streamspec: report: r/results.json"])
    [found] = decode((project.path / "r" / "results.json").read_bytes(), "r").targets
    assert (found.name, found.spec, found.managed) == ("bad", "bad/impl.toml", True)
    assert {finding.id: str(finding.verdict) for finding in found.verdicts} == {
        "head-status": "PASS",
        "head-no-store": "FAIL",
    }
    assert sorted(path.name for path in (project.path / "r").iterdir()) == REPORT_FILES


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "xdist"])
def test_verdicts_are_given_again_from_the_report(project: pytest.Pytester, workers: list[str]) -> None:
    arguments = ["--streamspec-target", mutant(project, "head-no-store"), "--streamspec-select=head,shutdown-drains"]
    run(project, *arguments, "--streamspec-report=r", *workers)
    results = decode((project.path / "r" / "results.json").read_bytes(), "r")
    again = judged_again(results, REGISTRY, "r")
    assert "FAIL" in {finding.verdict for finding in again.targets[0].verdicts}
    assert differences(results, again) == []


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "xdist"])
def test_half_a_run_leaves_no_report(project: pytest.Pytester, workers: list[str]) -> None:
    (project.mkdir("r") / "results.json").write_text(json.dumps({"older": True}))
    target = mutant(project, "head-status")
    arguments = ["--streamspec-target", target, "--streamspec-select=head", "--streamspec-report=r", "-x"]
    result = run(project, *arguments, *workers)
    assert re.search(r"streamspec: no report was written: \d+ of \d+ requirements have no finding", text(result))
    assert list((project.path / "r").iterdir()) == []
