"""The folder that holds environments: where it is, who may change it now, and what in it is whole."""

import fcntl
import hashlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class CannotPrepareError(Exception):
    """The environment cannot be made here; the text says what is missing and what to do."""


def say(sentence: str) -> None:
    """Tells the person something, on stderr: stdout belongs to the command that follows."""
    print(f"python3 conformance: {sentence}", file=sys.stderr, flush=True)


def work_folder(environ: Mapping[str, str]) -> Path:
    """The folder for environments, made if need be: STREAMSPEC_WORK_DIR, .tox in the checkout, or the user's cache."""
    chosen = environ.get("STREAMSPEC_WORK_DIR")
    # Checkouts of one name must not share a folder: an environment knows where its package lies.
    place = f"{ROOT.name}-{fingerprint()[:12]}"
    places = [Path(chosen).absolute()] if chosen else [ROOT / ".tox", cache_home(environ) / "streamspec" / place]
    for folder in places:
        if can_be_made(folder):
            folder.mkdir(parents=True, exist_ok=True)
            return folder
    tried = " or ".join(str(folder) for folder in places)
    raise CannotPrepareError(f"cannot write to {tried}: name a folder that you may write to in STREAMSPEC_WORK_DIR.")


def cache_home(environ: Mapping[str, str]) -> Path:
    """The user's cache folder, by the XDG base directory specification."""
    return Path(os.path.expanduser(environ.get("XDG_CACHE_HOME") or "~/.cache"))  # noqa: PTH111 - Path's raises without a home


def can_be_made(folder: Path) -> bool:
    """Whether the folder is there and writable, or could be made."""
    nearest = folder
    while not os.path.lexists(nearest):
        nearest = nearest.parent
    return folder.is_absolute() and nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)


def take_lock(folder: Path) -> int:
    """Waits until no other start changes the folder; it is held while any process has the descriptor."""
    lock = os.open(folder / "bootstrap.lock", os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(lock, 32).decode(errors="replace").strip()
        say(f"waiting for another run in {folder} (process {holder}) …")
        fcntl.flock(lock, fcntl.LOCK_EX)
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    # An installer that outlives a killed start still writes here: it has to hold the lock too.
    os.set_inheritable(lock, True)
    return lock


def fingerprint(*contents: str) -> str:
    """What an environment depends on: this checkout's place, this Python, and the contents given."""
    parts = (str(ROOT), sys.version, sys.base_prefix, *contents)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def is_ready(environment: Path, mark: str) -> bool:
    """Whether the environment was made to its end for exactly this mark, by a Python that is still there."""
    try:
        ready = (environment / "ready").read_text()
    except OSError:
        return False
    return ready == mark and os.access(environment / "bin" / "python", os.X_OK)


def mark_ready(environment: Path, mark: str) -> None:
    """The last act of making an environment."""
    (environment / "ready").write_text(mark)
