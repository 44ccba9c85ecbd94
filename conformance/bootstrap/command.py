"""Which program a command line stands for, and the step from this process to that program."""

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from bootstrap.page import make_page
from bootstrap.preparation import ENDINGS, environment_of_tools, make_tox, run_step, started, tox_run
from bootstrap.workspace import ROOT, CannotPrepareError, fingerprint, is_ready, mark_ready, say, take_lock, work_folder

NOT_PREPARED = 3  # the suite's own code for "nothing could be observed"

HELP = """\
usage: python3 conformance COMMAND [ARGUMENT ...]

  compare   FastAPI, Starlette, aiohttp and Quart side by side, requirement by requirement
  check     one server in detail: a name under impls/, an impl.toml, or a URL
  lint      any URL that streams, without the contract
  clients   clients of event streams, instead of servers
  list, explain, serve, judge, report
            and the other commands of `streamspec`; `python3 conformance COMMAND --help` tells more
  demo      the four in a browser: a page on http://localhost:3000 on which one sees them stream, and stop
  test      everything that has to hold here, as CI runs it: the environments of tox.ini, or some of them,
            `test -e lint,types`; what follows -- goes to their commands, `test -e quart -- -k head`

  page [FOLDER [SCRIPT ...]]
            what `demo` begins with, for tox: the page of client/web, by scripts of its package.json, in that folder

What it needs is made in .tox (where the checkout is read-only: in the user's cache folder; or where STREAMSPEC_WORK_DIR
says) by uv if that is installed, else by Python's own venv and pip. Delete that folder to start anew.

Exit code: the command's own (0 conformant, 1 violation, 2 usage, 3 nothing could be observed); 3 too where the
environment cannot be made, 130 after Ctrl-C.
"""


def main(arguments: Sequence[str]) -> int:
    """Prepares what the command needs and becomes the command; returns an exit code only where that fails."""
    if not arguments or arguments[0] in {"-h", "--help"}:
        print(HELP, end="", file=sys.stdout if arguments else sys.stderr)
        return 0 if arguments else 2
    for ending in ENDINGS:
        if signal.getsignal(ending) is not signal.SIG_IGN:
            signal.signal(ending, signal.default_int_handler)
    try:
        folder = work_folder(os.environ)
        if arguments[0] == "test":
            return run_tests(folder, arguments[1:])
        if arguments[0] == "page":
            there = Path(arguments[1]).absolute() if len(arguments) > 1 else folder
            print(make_page(there, arguments[2:] or ["build"]))
            return 0
        if arguments[0] == "demo" and not any(argument.startswith(("--help", "--page")) for argument in arguments):
            arguments = [*arguments, "--page", str(make_page(folder))]
            os.chdir(ROOT)  # the four are looked for from there
        become_streamspec(folder, arguments)
    except CannotPrepareError as error:
        say(str(error))
    except OSError as error:
        say(f"{error.strerror or error}: {error.filename or ROOT}")
    return NOT_PREPARED


def run_tests(folder: Path, arguments: Sequence[str]) -> int:
    """Runs the environments of tox.ini; the lock is held, so that a second run waits. Returns tox's exit code."""
    take_lock(folder)
    make_tox(folder)
    # Not in place of this process: tox, told to end by anything but SIGINT, leaves what it started behind.
    with started(tox_run(folder, arguments), environment_of_tools(folder), silent=False) as tox:
        return tox.wait()


def become_streamspec(folder: Path, arguments: Sequence[str]) -> NoReturn:
    """Runs `streamspec` with all four frameworks in place of this process, in the caller's folder."""
    environment = folder / "compare"
    mark = fingerprint((ROOT / "pyproject.toml").read_text(), (ROOT / "tox.ini").read_text())
    if not is_ready(environment, mark):
        lock = take_lock(folder)
        if not is_ready(environment, mark):
            make_tox(folder)
            say(f"preparing {environment} with the four frameworks, this once …")
            run_step(tox_run(folder, ["--notest", "-e", "compare"]), environment_of_tools(folder))
            mark_ready(environment, mark)
        os.close(lock)
    python = environment / "bin" / "python"
    environ = {name: value for name, value in os.environ.items() if name not in {"PYTHONHOME", "PYTHONPATH"}}
    environ["VIRTUAL_ENV"] = str(environment)
    environ["PATH"] = os.pathsep.join([str(python.parent), environ.get("PATH", os.defpath)])
    # -P, because the caller's folder may hold one that is named like a framework, as impls/ does.
    command = [str(python), "-P", "-m", "streamspec", *arguments]
    os.execve(command[0], command, environ)  # noqa: S606 - a shell would only be in the way
