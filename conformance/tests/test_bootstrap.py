"""What `python3 conformance …` does before a command runs, with stand-ins for uv and tox.

The real ones work in every CI run, which starts with this very bootstrap.
"""

import ast
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from bootstrap.preparation import configured_lines
from tests.framework_alone import findings
from tests.stand_in_checkout import CONFORMANCE, DEADLINE_S, Checkout, Gate


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout.at(tmp_path)


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    gate = Gate.at(tmp_path)
    yield gate
    gate.close()


def test_first_start_prepares_and_a_second_does_not(checkout: Checkout) -> None:
    first = checkout.run("compare", "--json", "a b")
    assert (first.returncode, json.loads(first.stdout)["arguments"]) == (0, ["compare", "--json", "a b"])
    assert [line.split()[:2] for line in checkout.calls()] == [["uv", "venv"], ["uv", "pip"], ["tox", "-P"]]
    assert "preparing" in first.stderr
    second = checkout.run("compare")
    assert (second.returncode, second.stderr, checkout.calls()) == (0, "", [])


def test_stdout_is_the_commands_alone(checkout: Checkout) -> None:
    lines = checkout.run("list", "--json").stdout.splitlines()
    assert len(lines) == 1
    assert json.loads(lines[0])["arguments"] == ["list", "--json"]


@pytest.mark.parametrize("code", [0, 1, 2, 3])
def test_exit_code_is_the_commands(checkout: Checkout, code: int) -> None:
    assert checkout.run("check", "quart", ANSWER=str(code)).returncode == code


def test_command_runs_in_the_callers_folder_with_the_environment_first(checkout: Checkout) -> None:
    checkout.run("list")
    elsewhere = checkout.root.parent
    environ = checkout.environ | {"PYTHONPATH": str(checkout.root), "PYTHONHOME": ""}
    command = [sys.executable, str(checkout.root / "conformance"), "list"]
    said = json.loads(subprocess.check_output(command, cwd=elsewhere, env=environ, timeout=DEADLINE_S))
    assert said["cwd"] == str(elsewhere)
    assert said["environ"]["PATH"].split(":")[0] == str(checkout.root / ".tox" / "compare" / "bin")
    assert not said["environ"].keys() & {"PYTHONPATH", "PYTHONHOME"}


@pytest.mark.parametrize("name", ["pyproject.toml", "tox.ini"])
def test_changed_configuration_prepares_anew(checkout: Checkout, name: str) -> None:
    checkout.run("list")
    checkout.calls()
    with (checkout.root / name).open("a") as file:
        file.write("\n# changed\n")
    assert checkout.run("list").returncode == 0
    assert [line.split()[0] for line in checkout.calls()] == ["tox"]


def test_half_made_environment_is_never_used(checkout: Checkout) -> None:
    failed = checkout.run("list", TOX_SAYS="hatchling fell over")
    assert (failed.returncode, failed.stdout) == (3, "")
    assert "hatchling fell over" in failed.stderr
    (checkout.root / ".tox" / "compare" / "bin").mkdir(parents=True)
    shutil.copy(checkout.environ["PLAYER"], checkout.root / ".tox" / "compare" / "bin" / "python")
    checkout.calls()
    assert checkout.run("list").returncode == 0
    assert [line.split()[0] for line in checkout.calls()] == ["tox"]


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("error sending request: dns error", "package index could not be reached"),
        ("OSError: [Errno 28] No space left on device", "disk is full"),
    ],
)
def test_known_failures_are_explained(checkout: Checkout, said: str, sentence: str) -> None:
    checkout.run("list", TOX_SAYS="once, so that tox itself is there")
    failed = checkout.run("list", TOX_SAYS=said)
    assert failed.returncode == 3
    assert sentence in failed.stderr
    assert "Traceback" not in failed.stderr


def test_missing_ensurepip_names_the_package_to_install(checkout: Checkout) -> None:
    failed = checkout.run_altered("sys.modules['ensurepip'] = None", PATH="/nowhere")
    assert failed.returncode == 3
    assert f"apt install python3.{sys.version_info[1]}-venv" in failed.stderr


def test_uv_that_fails_is_told_where_there_is_no_other_way(checkout: Checkout) -> None:
    failed = checkout.run_altered("sys.modules['ensurepip'] = None", UV_SAYS="pyenv: uv: command not found")
    assert failed.returncode == 3
    assert "pyenv: uv: command not found" in failed.stderr


def test_without_a_working_uv_venv_and_pip_do(checkout: Checkout) -> None:
    failed = checkout.run("list", UV_SAYS="pyenv: uv: command not found", PIP_INDEX_URL="http://127.0.0.1:9/simple")
    assert failed.returncode == 3
    assert "-m pip install" in failed.stderr
    assert "package index could not be reached" in failed.stderr
    assert (checkout.root / ".tox" / ".bootstrap" / "bin" / "pip").exists()


@pytest.mark.parametrize("version", [(2, 7), (3, 10)])
def test_older_python_is_told_its_age(checkout: Checkout, version: tuple[int, int]) -> None:
    failed = checkout.run_altered(f"sys.version_info = {version}")
    assert failed.returncode == 3
    assert "needs Python 3.11 or newer" in failed.stderr
    assert checkout.calls() == []


def test_entry_file_parses_on_any_python() -> None:
    tree = ast.parse((CONFORMANCE / "__main__.py").read_text(), feature_version=(3, 7))
    too_new = (ast.JoinedStr, ast.AnnAssign, ast.FunctionDef, ast.AsyncFunctionDef, ast.NamedExpr)
    assert [ast.dump(node) for node in ast.walk(tree) if isinstance(node, too_new)] == []
    assert (CONFORMANCE / "__main__.py").read_text().isascii()


def test_bootstrap_needs_the_standard_library_alone() -> None:
    imported = set()
    for file in [CONFORMANCE / "__main__.py", *(CONFORMANCE / "bootstrap").glob("*.py")]:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                imported |= {name.name.partition(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add((node.module or "").partition(".")[0])
    assert imported - sys.stdlib_module_names == {"bootstrap"}


def test_help_and_no_command(checkout: Checkout) -> None:
    asked, empty = checkout.run("--help"), checkout.run()
    assert (asked.returncode, asked.stderr) == (0, "")
    assert (empty.returncode, empty.stdout) == (2, "")
    assert "usage: python3 conformance COMMAND" in asked.stdout
    assert asked.stdout == empty.stderr


def test_tests_are_toxs_to_run(checkout: Checkout) -> None:
    run = checkout.run("test", "-e", "lint", "--", "-k", "x")
    assert (run.returncode, run.stdout) == (0, "said by tox\n")
    asked = checkout.calls()[-1]
    assert asked.endswith("--skip-missing-interpreters false -e lint -- -k x")
    assert checkout.run("test", TOX_SAYS="a test failed").returncode == 1


def test_second_start_waits_for_the_first(checkout: Checkout, gate: Gate) -> None:
    first = checkout.start("list", GATE=gate.path)
    gate.wait_until_reached()
    second = checkout.start("list")
    assert second.stderr is not None
    assert "waiting for another run" in second.stderr.readline()
    gate.open()
    for process in (first, second):
        process.communicate(timeout=DEADLINE_S)
        assert process.returncode == 0
    assert [line.split()[0] for line in checkout.calls()] == ["uv", "uv", "tox"]


def test_start_waits_for_what_a_killed_one_left_running(checkout: Checkout, gate: Gate) -> None:
    first = checkout.start("list", GATE=gate.path)
    gate.wait_until_reached()
    first.kill()
    second = checkout.start("list")
    assert second.stderr is not None
    assert "waiting for another run" in second.stderr.readline()
    gate.open()
    for process in (first, second):
        process.communicate(timeout=DEADLINE_S)
    assert second.returncode == 0
    assert [line.split()[0] for line in checkout.calls()] == ["uv", "uv", "tox", "tox"]


def test_command_holds_up_no_other_start(checkout: Checkout) -> None:
    assert json.loads(checkout.run("list").stdout)["lock"] == "free"


@pytest.mark.parametrize("command", ["list", "test"])
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted_start_ends_what_it_started(
    checkout: Checkout, gate: Gate, command: str, ending: signal.Signals
) -> None:
    process = checkout.start(command, GATE=gate.path)
    gate.wait_until_reached()
    process.send_signal(ending)
    _, stderr = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 130
    assert "Traceback" not in stderr
    assert gate.is_deserted()


INTERRUPTED_WHILE_IT_STARTS_TOX = """
import os, signal, subprocess
begin = subprocess.Popen._execute_child
def begin_and_be_interrupted(self, command, *rest):
    begin(self, command, *rest)
    if "tox" in command:
        open(os.environ["GATE"] + ".reached").readline()
        os.kill(os.getpid(), signal.SIGINT)
subprocess.Popen._execute_child = begin_and_be_interrupted
"""


def test_no_moment_of_a_start_leaves_what_it_started(checkout: Checkout, gate: Gate) -> None:
    run = checkout.run_altered(f"exec({INTERRUPTED_WHILE_IT_STARTS_TOX!r})", GATE=gate.path)
    assert run.returncode == 130
    assert gate.is_deserted()


def test_work_folder_is_the_users_cache_where_the_checkout_has_none(checkout: Checkout) -> None:
    (checkout.root / ".tox").write_text("a file where the folder would be")
    place = checkout.root.parent / "home" / ".cache" / "streamspec"
    failed = checkout.run("list", TOX_SAYS="far enough")
    assert "far enough" in failed.stderr
    assert [folder.name.rpartition("-")[0] for folder in place.iterdir()] == ["check out"]


def test_no_place_to_write_is_said(checkout: Checkout) -> None:
    failed = checkout.run("list", STREAMSPEC_WORK_DIR="/dev/null/work")
    assert failed.returncode == 3
    assert "cannot write to /dev/null/work" in failed.stderr


def test_index_of_pip_is_told_to_uv(checkout: Checkout) -> None:
    mirror = "http://127.0.0.1:9/simple"
    # Where the interpreter of this test has no pip, the stand-in answers for the private one.
    checkout.run("test", PIP_INDEX_URL=mirror, PIP_LISTING=f":env:.index-url='{mirror}'")
    assert f"index {mirror}" in checkout.calls()
    checkout.run("test", PIP_INDEX_URL=mirror, UV_DEFAULT_INDEX="http://127.0.0.1:10/simple")
    assert "index http://127.0.0.1:10/simple" in checkout.calls()


def test_configuration_that_pip_obeys_last_wins() -> None:
    listing = """\
:env:.cert='/etc/own.pem'
global.index-url='https://mirror.example/simple'
global.cert='/etc/other.pem'
install.index-url='https://nearer.example/simple'
global.find-links=not a literal
"""
    assert dict(configured_lines(listing)) == {"cert": "/etc/own.pem", "index-url": "https://nearer.example/simple"}


@pytest.mark.parametrize(
    ("framework", "installed", "sentences"),
    [
        ("quart", {"quart", "flask", "pytest"}, []),
        ("fastapi", {"fastapi", "starlette"}, []),
        ("fastapi", {"fastapi"}, ["starlette is not installed"]),
        ("starlette", {"starlette", "fastapi"}, ["fastapi is installed beside starlette"]),
        ("aiohttp", set(), ["aiohttp is not installed"]),
    ],
)
def test_framework_stands_alone_or_the_other_one_is_named(
    framework: str, installed: set[str], sentences: list[str]
) -> None:
    assert findings(framework, installed) == sentences
