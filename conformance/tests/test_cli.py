"""The command line: every way to end, its one sentence and its exit code, on real processes."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING
from urllib.request import urlopen

import pytest
from tests.fake_targets import DYING_SERVER, fake_server, write_implementation
from tests.sample_results import REPORT_FILES

from streamspec.report.results import decode
from streamspec.requirement import REGISTRY, all_requirements

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DEADLINE_S = 60.0
CONTROL = [sys.executable, "-m", "streamspec.control", "--port", "0"]
CAPABLE = 'capabilities = ["gate", "status", "script", "resume", "keepalive", "limits", "cors", "shutdown"]'
all_requirements()


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own for each test, with a conforming implementation in `good`."""
    monkeypatch.chdir(tmp_path)
    for variable in ("NO_COLOR", "FORCE_COLOR", "TERM", "GITHUB_ACTIONS", "COVERAGE_PROCESS_START"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    implementation(tmp_path / "good")
    return tmp_path


def implementation(folder: Path, *command: str, name: str = "", more: str = CAPABLE) -> Path:
    folder.mkdir(exist_ok=True)
    return write_implementation(folder, *(command or CONTROL), name=name or folder.name, more=more)


def mutant(folder: Path, breaks: str, more: str = CAPABLE) -> Path:
    """An implementation that breaks one requirement, by its first mutant."""
    return implementation(folder, *CONTROL, "--mutant", REGISTRY[breaks].mutants[0].path, more=more)


def streamspec(*arguments: str, stdout: int = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    """The command, run to its end."""
    return subprocess.run(
        [sys.executable, "-m", "streamspec", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        timeout=DEADLINE_S,
        check=False,
    )


def sentence(done: subprocess.CompletedProcess[str]) -> str:
    """What was said on standard error, which must be one line."""
    assert re.fullmatch(r"streamspec: [^\n]+\n", done.stderr), done.stderr
    return done.stderr.removeprefix("streamspec: ").strip()


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


# It works


def test_check_of_a_conforming_server(workplace: Path) -> None:
    done = streamspec("check", "good", "--select", "head", "--junit", "j.xml")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^good conforms: \d+ pass, in [\d.]+ s$", done.stdout, re.MULTILINE)
    assert "\x1b" not in done.stdout
    assert files(workplace / "streamspec-report") == REPORT_FILES
    assert (workplace / "j.xml").read_text().startswith("<?xml")
    results = decode((workplace / "streamspec-report" / "results.json").read_bytes(), "r")
    assert [target.spec for target in results.targets] == ["good"]
    assert {finding.id for finding in results.targets[0].verdicts} == {name for name in REGISTRY if name[:5] == "head-"}


def test_selections_add_up_and_skips_take_away() -> None:
    done = streamspec("check", "good", "--select", "head-no,chunks-coding", "--select", "head-status", "--skip",
                      "head-no-store, head-no-transform", "--json")  # fmt: skip
    verdicts = json.loads(done.stdout)["targets"][0]["verdicts"]
    assert [row["id"] for row in verdicts] == [
        "head-status", "head-no-content-length", "head-no-connection-fields", "chunks-coding"
    ]  # fmt: skip


def test_json_is_all_that_stdout_gets(workplace: Path) -> None:
    done = streamspec("compare", "good", "good/impl.toml", "--select", "head-status", "--json")
    assert done.returncode == 0
    results = decode(done.stdout.encode(), "stdout")
    assert [target.name for target in results.targets] == ["good", "good#2"]
    assert done.stdout == (workplace / "streamspec-report" / "results.json").read_text()


def test_a_violation_exits_1_and_shows_its_evidence(workplace: Path) -> None:
    mutant(workplace / "bad", "head-no-store")
    done = streamspec("check", "bad", "--select", "head-no-store,head-status", "--report", "r")
    assert (done.returncode, done.stderr) == (1, "")
    for told in (
        r"^FAIL head-no-store on bad$",
        r"^  source    RFC 9111, section 5\.2\.2: https://www\.rfc-editor\.org/",
        r"^  expected  Cache-Control",
        r"^  actual    ",
        r"^  again     streamspec check bad --select head-no-store$",
        r"^            curl -N .* http://127\.0\.0\.1:8000/(stream|sse)$",
        r"^bad does not conform: 1 pass, 1 FAIL, in ",
    ):
        assert re.search(told, done.stdout, re.MULTILINE), told


def test_a_should_is_a_violation_if_it_is_taken_strictly(workplace: Path) -> None:
    mutant(workplace / "bad", "head-nosniff")
    lenient = streamspec("check", "bad", "--select", "head-nosniff")
    strict = streamspec("check", "bad", "--select", "head-nosniff", "--strict")
    assert (lenient.returncode, strict.returncode) == (0, 1)
    assert "bad conforms: 1 warn" in lenient.stdout
    assert "bad does not conform: 1 warn" in strict.stdout


def test_an_explained_failure_is_no_violation(workplace: Path) -> None:
    row = '[[deviations]]\nrequirement = "head-no-store"\nreason = "it cannot"\nlink = "https://x.example/1"'
    mutant(workplace / "bad", "head-no-store", more=f"{CAPABLE}\n{row}")
    done = streamspec("check", "bad", "--select", "head-no-store")
    assert done.returncode == 0
    assert "bad conforms: 1 deviates" in done.stdout


def test_compare_shows_targets_side_by_side(workplace: Path) -> None:
    mutant(workplace / "bad", "head-no-store")
    implementation(workplace / "gone", sys.executable, "-c", "import sys; sys.exit('no port')")
    done = streamspec("compare", "good", "bad", "gone", "--select", "head-no-store,head-status")
    assert done.returncode == 1
    assert re.search(r"^ +good +bad +gone$", done.stdout, re.MULTILINE)
    assert re.search(r"^  head-status +pass +pass +inconcl\.$", done.stdout, re.MULTILINE)
    assert re.search(r"^  head-no-store +pass +FAIL +inconcl\.$", done.stdout, re.MULTILINE)
    assert done.stderr.splitlines()[-1].endswith(
        "ended with exit status 1 before it announced its URL; its last words: no port"
    )


def test_compare_takes_the_implementations_under_impls(workplace: Path) -> None:
    (workplace / "impls").mkdir()
    for name in ("one", "two"):
        implementation(workplace / "impls" / name)
    (workplace / "impls" / "foreign").mkdir()
    implementation(workplace / "impls" / "foreign" / "another_language")
    done = streamspec("compare", "--select", "head-status")
    assert done.returncode == 0
    assert done.stdout.split()[:2] == ["one", "two"]
    with_foreign = streamspec("compare", "--foreign", "--select", "head-status")
    assert with_foreign.stdout.split()[:3] == ["one", "two", "another_language"]


def test_list_and_explain() -> None:
    listed = streamspec("list", "--select", "head")
    assert listed.returncode == 0
    assert re.search(r"^  head-no-store +MUST +Cache-Control", listed.stdout, re.MULTILINE)
    rows = json.loads(streamspec("list", "--json").stdout)
    assert {row["id"] for row in rows} == set(REGISTRY)
    assert "head-no-store" in streamspec("explain", "head-no-store").stdout


def test_version_and_help() -> None:
    assert re.fullmatch(r"streamspec \S+\n", streamspec("--version").stdout)
    shown = streamspec("--help").stdout
    assert all(
        re.search(rf"^  {name} ", shown, re.MULTILINE) for name in ("check", "compare", "list", "explain", "serve")
    )


# The command is wrong: 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["check", "nosuch"], "no target 'nosuch': give "),
        (["check", "ftp://127.0.0.1"], "ftp://127.0.0.1: give a base URL that starts with http://"),
        (["check", "good", "--select", "hea"], "no requirement is named 'hea' or starts with it; the areas are head, "),
        (["compare", "good", "--skip", "nope"], "no requirement is named 'nope'"),
        (["check", "good", "--select", "head", "--skip", "head"], "leaves no requirement"),
        (["explain", "head-no"], "do you mean head-no-content-length or "),
        (["explain", "nope"], "`streamspec list` shows every id"),
        (["serve", "http://127.0.0.1:1"], "a URL is served already"),
        (["check", "good", "--report", "good/impl.toml"], "good/impl.toml/results.json: (File exists|Not a directory)"),
        (["check", "good", "--junit", "good"], "good: is a folder"),
    ],
)
def test_a_command_that_is_wrong_exits_2_and_leaves_reports_alone(
    workplace: Path, arguments: list[str], said: str
) -> None:
    (workplace / "streamspec-report").mkdir()
    (workplace / "streamspec-report" / "notes.txt").write_text("mine")
    done = streamspec(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.search(said, sentence(done))
    assert "notes.txt" in files(workplace / "streamspec-report")


@pytest.mark.parametrize("arguments", [["chek"], ["check"], ["check", "good", "--colour"], ["check", "a", "b"]])
def test_usage_that_is_wrong_exits_2(arguments: list[str]) -> None:
    done = streamspec(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.search(r"^Error: ", done.stderr, re.MULTILINE)
    assert "Traceback" not in done.stderr


def test_a_deviation_that_names_no_requirement_exits_2(workplace: Path) -> None:
    row = '[[deviations]]\nrequirement = "head-stauts"\nreason = "r"\nlink = "https://x.example/1"'
    implementation(workplace / "typo", more=f"{CAPABLE}\n{row}")
    done = streamspec("check", "typo", "--select", "head")
    assert (done.returncode, done.stdout) == (2, "")
    assert re.search(r"typo/impl\.toml: the deviation 'head-stauts' names no requirement", sentence(done))


def test_a_deviation_that_no_longer_fails_exits_1(workplace: Path) -> None:
    row = '[[deviations]]\nrequirement = "head-status"\nreason = "r"\nlink = "https://x.example/1"'
    implementation(workplace / "mended", more=f"{CAPABLE}\n{row}")
    done = streamspec("check", "mended", "--select", "head-status")
    assert (done.returncode, done.stderr) == (1, "")
    assert re.search(r"found +it holds, but mended/impl\.toml lists it as a deviation: remove", done.stdout)


# Nothing can be observed: 3


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import sys; sys.exit('boom')", "ended with exit status 1 before it announced its URL; its last words: boom"),
        ("import time; time.sleep(60)", r"announced no URL within 0\.5 s"),
        ("print('http://127.0.0.1:9', flush=True); import time; time.sleep(60)", "Connection refused"),
    ],
)
def test_a_server_that_does_not_start_exits_3(workplace: Path, code: str, said: str) -> None:
    implementation(workplace / "gone", sys.executable, "-c", code, more="ready_within_s = 0.5")
    done = streamspec("check", "gone")
    assert (done.returncode, done.stdout) == (3, "")
    assert re.search(f"^INCONCLUSIVE: .*{said}", sentence(done))


def test_a_url_where_nothing_listens_exits_3(workplace: Path) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        done = streamspec("check", f"http://127.0.0.1:{bound.getsockname()[1]}")
    assert (done.returncode, done.stdout) == (3, "")
    assert "Connection refused; start the server, or name an impl.toml" in sentence(done)
    [target] = decode((workplace / "streamspec-report" / "results.json").read_bytes(), "r").targets
    assert (target.verdicts, target.managed) == ([], False)
    assert target.error is not None


def test_what_is_no_implementation_is_one_inconclusive() -> None:
    with fake_server(b"<h1>It works!</h1>") as server:
        done = streamspec("check", server.url)
    assert (done.returncode, done.stdout) == (3, "")
    assert re.search("INCONCLUSIVE: .* an implementation of the contract answers GET / with JSON", sentence(done))


def test_a_target_that_dies_during_the_run_exits_3(workplace: Path) -> None:
    (workplace / "dying").mkdir()
    write_implementation(workplace / "dying", more=CAPABLE, server=DYING_SERVER)
    done = streamspec("check", "dying", "--select", "head,chunks-causal")
    assert done.returncode == 3
    said = "the server ended with exit status 7 during the run; its last words: goodbye, cruel world"
    assert sentence(done).endswith(said)
    assert re.search(r"^  inconcl\.  chunks-causal$", done.stdout, re.MULTILINE)
    assert "FAIL" not in done.stdout


# Interrupted


@pytest.fixture
def slow(workplace: Path) -> Path:
    """An implementation that announces itself, leaves its process id in `pid`, and never answers."""
    code = (
        "import os, pathlib, socket, time; server = socket.create_server(('127.0.0.1', 0));"
        "print(f'http://127.0.0.1:{server.getsockname()[1]}', flush=True);"
        "pathlib.Path('pid.new').write_text(str(os.getpid())); os.replace('pid.new', 'pid'); time.sleep(600)"
    )
    return implementation(workplace / "slow", sys.executable, "-c", code)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)], ids=["int", "term", "hup"]
)
def test_a_signal_stops_the_children_and_leaves_no_report(
    workplace: Path, slow: Path, number: signal.Signals, code: int
) -> None:
    report = workplace / "streamspec-report"
    report.mkdir()
    (report / "results.json").write_text("older")
    with subprocess.Popen(
        [sys.executable, "-m", "streamspec", "compare", "slow", "good"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as command:
        pid = int(awaited(slow.parent / "pid"))
        command.send_signal(number)
        out, err = command.communicate(timeout=DEADLINE_S)
    assert (command.returncode, out) == (code, b"")
    assert err == b"streamspec: interrupted: no report was written\n"
    assert files(report) == []
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def awaited(path: Path) -> str:
    """The content of a file as soon as it is there."""
    deadline_s = time.monotonic() + DEADLINE_S
    while not path.exists():
        assert time.monotonic() < deadline_s, f"{path} did not appear"
        time.sleep(0.01)  # the file system has no gate
    return path.read_text()


# Where the output goes


def test_a_full_standard_output_is_told() -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device
        done = streamspec("list", stdout=full.fileno())
    assert done.returncode == 2
    assert sentence(done) == "standard output cannot be written: No space left on device"


def test_findings_are_shown_although_the_report_cannot_be_written(workplace: Path) -> None:
    (workplace / "full.xml").symlink_to("/dev/full")
    done = streamspec("check", "good", "--select", "head-status", "--junit", "full.xml")
    assert done.returncode == 2
    assert "good conforms: 1 pass" in done.stdout
    assert "full.xml: No space left on device" in sentence(done)
    assert "results.json" not in files(workplace / "streamspec-report")


def test_a_reader_that_has_seen_enough_is_no_violation() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = streamspec("list", stdout=writing)
    os.close(writing)
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, "")


def test_a_terminal_without_unicode_gets_question_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    done = streamspec("list", "--select", "head")
    assert done.returncode == 0
    assert done.stdout.startswith("head ? The header section\n")


# Serving


@pytest.fixture
def served(workplace: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`streamspec serve good` on a free port, and its base URL."""
    assert workplace
    with subprocess.Popen(
        [sys.executable, "-m", "streamspec", "serve", "good", "--port", "0"], stdout=subprocess.PIPE, text=True
    ) as command:
        assert command.stdout is not None
        yield command, command.stdout.readline().strip()
        command.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_streams_until_it_is_stopped(served: tuple[subprocess.Popen[str], str], number: signal.Signals) -> None:
    command, url = served
    with urlopen(f"{url}/stream?count=2&interval_ms=1", timeout=DEADLINE_S) as response:  # noqa: S310 - our own server
        assert response.read() == b"chunk 1: hello\nchunk 2: hello\ndone\n"
    command.send_signal(number)
    assert command.wait(DEADLINE_S) in {0, -number, 130}


def test_serve_on_a_port_in_use_exits_2() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = streamspec("serve", "good", "--port", str(port))
    assert (done.returncode, done.stdout) == (2, "")
    assert sentence(done).startswith(f"cannot listen on 127.0.0.1 port {port}: Address already in use")
