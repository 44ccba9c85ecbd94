"""The GitHub Action: its steps run here as they do there, on a real server, and say in the summary what was found."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from streamspec.cli import app
from streamspec.implementation import control_implementation
from streamspec.target import running

FOLDER = Path(__file__).parents[2] / ".github" / "actions" / "streamspec"
ACTION = yaml.safe_load((FOLDER / "action.yml").read_text("utf-8"))
EXAMPLE = yaml.safe_load((FOLDER / "example.yml").read_text("utf-8"))
STEPS = ACTION["runs"]["steps"]


def check_step(folder: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
    """Run the step that checks, with these inputs, in that folder."""
    (step,) = [step for step in STEPS if step.get("id") == "check"]
    given = {name: str(made.get("default", "")) for name, made in ACTION["inputs"].items()} | inputs
    env = {
        name: re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda match: given[match[1]], value)
        for name, value in step["env"].items()
    }
    bin_folder = folder / "temp" / "streamspec" / "bin"
    bin_folder.mkdir(parents=True)
    program = bin_folder / "streamspec"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m streamspec "$@"\n')
    program.chmod(0o755)
    env |= {"RUNNER_TEMP": str(folder / "temp")}
    env |= {name: str(folder / name) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    return subprocess.run(command, cwd=folder, env=os.environ | env, capture_output=True, text=True, check=False)


def test_a_server_that_holds_passes_and_the_summary_says_so(tmp_path: Path) -> None:
    with running(control_implementation()) as target:
        done = check_step(tmp_path, targets=target.url, select="head-status,head-no-store")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "GITHUB_OUTPUT").read_text() == "exit-code=0\n"
    assert "| `head-no-store` | pass |" in (tmp_path / "GITHUB_STEP_SUMMARY").read_text()
    assert (tmp_path / "streamspec-report" / "index.html").exists()


def test_strict_and_skip_reach_the_command_and_a_violation_fails_the_step(tmp_path: Path) -> None:
    with running(control_implementation("head-nosniff/lets-browsers-sniff")) as target:
        done = check_step(tmp_path, targets=target.url, select="head", skip="head-method", strict="true", report="r")
    assert done.returncode == 1, done.stderr
    assert (tmp_path / "GITHUB_OUTPUT").read_text() == "exit-code=1\n"
    summary = (tmp_path / "GITHUB_STEP_SUMMARY").read_text()
    assert "does not conform" in summary
    assert "head-method-head" not in summary
    assert (tmp_path / "r" / "results.json").exists()


def test_a_target_that_is_none_is_said_and_leaves_no_summary(tmp_path: Path) -> None:
    done = check_step(tmp_path, targets="nowhere/impl.toml")
    assert done.returncode == 2
    assert "nowhere/impl.toml" in done.stderr
    assert not (tmp_path / "GITHUB_STEP_SUMMARY").exists()


def test_every_input_is_used_and_none_is_made_up() -> None:
    used = set(re.findall(r"inputs\.([\w-]+)", (FOLDER / "action.yml").read_text("utf-8")))
    assert used == set(ACTION["inputs"])


@pytest.mark.parametrize("job", EXAMPLE["jobs"])
def test_the_example_gives_inputs_that_there_are(job: str) -> None:
    for step in EXAMPLE["jobs"][job]["steps"]:
        if "streamspec" in step.get("uses", ""):
            assert set(step["with"]) <= set(ACTION["inputs"])
            assert "targets" in step["with"]


def test_no_input_is_pasted_into_a_shell() -> None:
    """An expression in a script is code to whoever sets it; in the environment it is a value."""
    assert not [step for step in STEPS if "${{" in step.get("run", "")]


def test_the_command_of_the_example_exists() -> None:
    commands = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    assert {"compare", "report"} <= commands
