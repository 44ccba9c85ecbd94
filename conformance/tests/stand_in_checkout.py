"""A checkout that holds the bootstrap alone, with a uv and a tox that only say what they were asked."""

import errno
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from select import select
from typing import Self

CONFORMANCE = Path(__file__).resolve().parents[1]
DEADLINE_S = 30.0  # no start of a stand-in takes more than a second; a hang must end

# `uv venv … DIR` makes a python that plays tox, and in an environment made by that, streamspec.
UV = """#!/bin/sh
echo "uv $*" >> "$CALLS"
if [ -n "$UV_SAYS" ]; then echo "$UV_SAYS"; exit 2; fi
if [ "$1" = venv ]; then
    for home in "$@"; do :; done
    mkdir -p "$home/bin" && cp "$PLAYER" "$home/bin/python"
fi
"""
PLAYER = """#!/bin/sh
case "$*" in
"-m pip config list") printf '%s\\n' "$PIP_LISTING" ;;
"-P -m tox run "*)
    echo "index $UV_DEFAULT_INDEX" >> "$CALLS"
    echo "tox $*" >> "$CALLS"
    if [ -n "$GATE" ]; then echo reached > "$GATE.reached"; read -r _ < "$GATE"; fi
    if [ -n "$TOX_SAYS" ]; then echo "$TOX_SAYS"; exit 1; fi
    case "$*" in *--notest*) mkdir -p "$WORK/compare/bin" && cp "$0" "$WORK/compare/bin/python" ;; esac
    echo "said by tox" ;;
"-P -m streamspec "*) exec "$REAL_PYTHON" -c "$STREAMSPEC" "$@" ;;
*) echo "not played: $*" >&2; exit 70 ;;
esac
"""
STREAMSPEC = """
import fcntl, json, os, sys
said = {"arguments": sys.argv[4:], "cwd": os.getcwd(), "environ": dict(os.environ), "lock": "free"}
try:
    fcntl.flock(os.open(os.environ["WORK"] + "/bootstrap.lock", os.O_RDWR), fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    said["lock"] = "held"
print(json.dumps(said))
sys.exit(int(os.environ.get("ANSWER", 0)))
"""


@dataclass(frozen=True, slots=True)
class Checkout:
    """A folder with the bootstrap and the two files that it reads, and the stand-ins on PATH."""

    root: Path
    environ: dict[str, str]

    @classmethod
    def at(cls, folder: Path) -> Self:
        """Makes one in this folder."""
        root = folder / "check out"
        shutil.copytree(CONFORMANCE / "bootstrap", root / "conformance" / "bootstrap")
        shutil.copy(CONFORMANCE / "__main__.py", root / "conformance")
        (root / "tox.ini").write_text("[tox]\nrequires = tox-uv>=1\n")
        (root / "pyproject.toml").write_text("")
        tools = folder / "tools"
        tools.mkdir()
        for name, text in {"uv": UV, "player": PLAYER}.items():
            (tools / name).write_text(text)
            (tools / name).chmod(0o755)
        environ = {
            "PATH": f"{tools}:/usr/bin:/bin",
            "HOME": str(folder / "home"),
            "CALLS": str(folder / "calls"),
            "PLAYER": str(tools / "player"),
            "WORK": str(root / ".tox"),
            "REAL_PYTHON": sys.executable,
            "STREAMSPEC": STREAMSPEC,
        }
        return cls(root, environ)

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """Starts `python3 conformance ARGUMENTS` with these variables besides."""
        return subprocess.Popen(
            [sys.executable, "conformance", *arguments],
            cwd=self.root,
            env=self.environ | variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """The same, to its end."""
        process = self.start(*arguments, **variables)
        stdout, stderr = process.communicate(timeout=DEADLINE_S)
        return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)

    def run_altered(self, alteration: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Runs `conformance list` in an interpreter that a statement altered first."""
        play = "sys.argv[1:] = ['list']; runpy.run_path('conformance', run_name='__main__')"
        return subprocess.run(
            [sys.executable, "-c", f"import runpy, sys; {alteration}; {play}"],
            cwd=self.root,
            env=self.environ | variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=DEADLINE_S,
        )

    def calls(self) -> list[str]:
        """What the stand-ins were asked since the last call of this, a line each."""
        log = Path(self.environ["CALLS"])
        lines = log.read_text().splitlines() if log.exists() else []
        lines = [line for line in lines if line != "index "]
        log.unlink(missing_ok=True)
        return lines


@dataclass(frozen=True, slots=True)
class Gate:
    """A pipe that the stand-in tox says it has reached, and then waits to read from."""

    path: str
    reached: int

    @classmethod
    def at(cls, folder: Path) -> Self:
        """Makes one in this folder."""
        path = str(folder / "gate")
        os.mkfifo(path)
        os.mkfifo(path + ".reached")
        # Both ends here, so that neither side's opening waits for the other.
        return cls(path, os.open(path + ".reached", os.O_RDWR))

    def close(self) -> None:
        """Gives the descriptor back."""
        os.close(self.reached)

    def wait_until_reached(self) -> None:
        """Returns once tox stands at the gate."""
        assert select([self.reached], [], [], DEADLINE_S)[0], "tox was never started"

    def open(self) -> None:
        """Lets tox go on."""
        Path(self.path).write_text("go on\n")

    def is_deserted(self) -> bool:
        """Whether nobody waits at the gate any more."""
        try:
            os.close(os.open(self.path, os.O_WRONLY | os.O_NONBLOCK))
        except OSError as error:
            return error.errno == errno.ENXIO
        return False
