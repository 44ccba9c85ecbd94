"""The steps that make environments: uv, or venv and pip, or tox, each run to its end or ended with all it started."""

import ast
import configparser
import contextlib
import importlib.util
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bootstrap.workspace import (
    ROOT,
    CannotPrepareError,
    cache_home,
    can_be_made,
    fingerprint,
    is_ready,
    mark_ready,
    say,
)

GROUP_GRACE_S = 20.0  # tox.ini gives a command that is interrupted three times five seconds; uv and pip go at once

ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

VENV_MISSING = """\
this Python ({python}) cannot make a virtual environment: it lacks venv or ensurepip.
On Debian and Ubuntu: apt install python3.{minor}-venv
Elsewhere: install uv, or a Python that is whole."""

NO_INDEX = """\
The package index could not be reached. Connect to the network for this first start, or name a mirror in PIP_INDEX_URL
and its certificate in PIP_CERT."""

NO_INDEX_SIGNS = (
    "name resolution",
    "Name or service not known",
    "nodename nor servname",
    "dns error",
    "Failed to establish a new connection",
    "Connection refused",
    "Network is unreachable",
    "timed out",
    "error sending request",
    "CERTIFICATE_VERIFY_FAILED",
)


def tox_python(folder: Path) -> Path:
    """The interpreter that the private tox is installed for."""
    return folder / ".bootstrap" / "bin" / "python"


def tox_run(folder: Path, arguments: Sequence[str]) -> list[str]:
    """The command line that runs environments of tox.ini."""
    # `-m tox`, because the first line of the script bin/tox may be too long for the kernel.
    tox = [str(tox_python(folder)), "-P", "-m", "tox", "run"]
    places = ["--root", str(ROOT), "--conf", str(ROOT / "tox.ini"), "--workdir", str(folder)]
    # tox-uv takes every venv that fails, for a full disk too, for a missing interpreter: that must not pass as a skip.
    return [*tox, *places, "--skip-missing-interpreters", "false", *arguments]


def make_tox(folder: Path) -> None:
    """Installs what tox.ini requires, and so tox, into a private virtual environment, unless that is done."""
    tox_ini = configparser.ConfigParser(interpolation=None)
    tox_ini.read(ROOT / "tox.ini")
    make_environment(folder / ".bootstrap", tox_ini["tox"]["requires"].split(), folder, "with tox")


def make_environment(home: Path, requirements: Sequence[str], folder: Path, what: str) -> None:
    """Makes a private virtual environment with these requirements, unless that is done."""
    mark = fingerprint(*requirements)
    if is_ready(home, mark):
        return
    ways = ways_to_install(requirements, home, home / "bin" / "python")
    say(f"preparing {home} {what}, this once …")
    for way in ways:
        shutil.rmtree(home, ignore_errors=True)
        try:
            for step in way:
                run_step(step, environment_of_tools(folder))
            break
        except CannotPrepareError:
            # A `uv` on PATH may be a launcher with nothing behind it, or be kept from the index; pip may fare better.
            if way is ways[-1]:
                raise
    mark_ready(home, mark)


def ways_to_install(requirements: Sequence[str], home: Path, python: Path) -> list[list[list[str]]]:
    """The ways to a virtual environment with these requirements that this machine has, best first, each in steps."""
    ways = []
    if uv := shutil.which("uv"):
        make = [uv, "venv", "--quiet", "--python", sys.executable, str(home)]
        ways.append([make, [uv, "pip", "install", "--quiet", "--python", str(python), *requirements]])
    if all(importlib.util.find_spec(module) for module in ("venv", "ensurepip")):
        # pip's own five retries are half a minute of silence where there is no network.
        install = [str(python), "-m", "pip", "install", "--quiet", "--retries", "1", *requirements]
        ways.append([[sys.executable, "-m", "venv", str(home)], install])
    if not ways:
        raise CannotPrepareError(VENV_MISSING.format(python=sys.executable, minor=sys.version_info[1]))
    return ways


def run_step(command: Sequence[str], environ: Mapping[str, str], place: Path = ROOT) -> None:
    """Runs one step in that folder to its end, in silence unless it fails."""
    with started(command, {**environ, "NO_COLOR": "1"}, silent=True, place=place) as process:
        said, _ = process.communicate()
    if process.returncode != 0:
        raise CannotPrepareError(f"this failed:\n{shlex.join(command)}\n\n{said.strip()}\n\n{reading_of(said)}")


@contextlib.contextmanager
def started(
    command: Sequence[str], environ: Mapping[str, str], *, silent: bool, place: Path = ROOT
) -> Iterator[subprocess.Popen[str]]:
    """A running command, which ends with all that it started where this process is told to end first."""
    process = None
    try:
        with endings_deferred() as endings:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL if silent else None,
                stdout=subprocess.PIPE if silent else None,
                stderr=subprocess.STDOUT if silent else None,
                env=environ,
                cwd=place,
                text=True,
                errors="replace",
                close_fds=False,  # the lock of the folder goes along
                start_new_session=True,  # one group to end, and the terminal's Ctrl-C comes here alone
            )
        if endings:
            raise KeyboardInterrupt
        yield process
    except OSError as error:
        raise CannotPrepareError(f"{command[0]} cannot be run: {error.strerror}.") from error
    except KeyboardInterrupt:
        if process is not None:
            end_group(process)
        raise


@contextlib.contextmanager
def endings_deferred() -> Iterator[list[int]]:
    """Collects the signals that would end this process, so that none comes between a start and its being known."""
    came: list[int] = []
    handlers = {ending: signal.getsignal(ending) for ending in ENDINGS}
    for ending, handler in handlers.items():
        if handler is not signal.SIG_IGN:
            signal.signal(ending, lambda number, _frame: came.append(number))
    try:
        yield came
    finally:
        for ending, handler in handlers.items():
            signal.signal(ending, handler)


def end_group(process: subprocess.Popen[str]) -> None:
    """Ends a command and what it started: all are interrupted, as by Ctrl-C, and after a grace killed."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGINT)
        try:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(GROUP_GRACE_S)
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def reading_of(said: str) -> str:
    """What a failed step's output means to the person in front of it, and what to do."""
    if "No space left on device" in said:
        return "The disk is full. Make room, or name a folder elsewhere in STREAMSPEC_WORK_DIR."
    if any(sign in said for sign in NO_INDEX_SIGNS):
        return NO_INDEX
    return "The tool says above what is wrong; mend that and start again."


def environment_of_tools(folder: Path) -> dict[str, str]:
    """The variables for uv, pip and tox: the caller's, less what diverts them, and pip's package index told to uv."""
    diverting = {"PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_REQUIRE_VIRTUALENV", "PYTHONHOME", "PYTHONPATH"}
    environ = {name: value for name, value in os.environ.items() if name not in diverting}
    configured = pip_configuration(folder, environ)
    if "index-url" in configured and not environ.keys() & {"UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_NO_INDEX"}:
        environ["UV_DEFAULT_INDEX"] = configured["index-url"]
    if "cert" in configured:
        environ.setdefault("SSL_CERT_FILE", configured["cert"])
    if "UV_CACHE_DIR" not in environ and not can_be_made(cache_home(environ) / "uv"):
        environ["UV_CACHE_DIR"] = str(folder / "uv-cache")
    return environ


def pip_configuration(folder: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """What pip is configured with, by name, from its files and variables; empty where there is no pip to ask."""
    for python in (sys.executable, str(tox_python(folder))):
        try:
            listing = subprocess.run(
                [python, "-m", "pip", "config", "list"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                env=environ,
                cwd=ROOT,
                check=True,
            )
        except (OSError, subprocess.CalledProcessError):
            continue
        return dict(configured_lines(listing.stdout))
    return {}


def configured_lines(listing: str) -> Iterator[tuple[str, str]]:
    """Name and value of each line `section.name='value'` of `pip config list`, the one that pip obeys last."""
    sections = ("global", "install", ":env:")
    lines = [line.partition("=") for line in listing.splitlines()]
    for wanted in sections:
        for key, _, value in lines:
            section, _, name = key.rpartition(".")
            if section == wanted:
                with contextlib.suppress(ValueError, SyntaxError):
                    yield name, str(ast.literal_eval(value))
