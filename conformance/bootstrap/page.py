"""The page of client/web, made by the scripts of its package.json from a copy of its sources.

A copy, so that the checkout may be read-only and stays as it is, whatever its owner has in node_modules there.
"""

import contextlib
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from bootstrap.node import find_or_install_node, run_npm
from bootstrap.workspace import ROOT, fingerprint, say, take_lock

SOURCES = ROOT / "client" / "web"

# The tests of the decoder read it where it lies beside the sources.
CORPUS = Path("tests", "corpus_event_stream.json")

LOCK_FILE = "package-lock.json"

# No sources: what npm, Next.js and the tests' compiler make, and the tests that look at the page from outside.
MADE = ("node_modules", ".next", ".test", "out", "next-env.d.ts", "tsconfig.tsbuildinfo")
NO_SOURCES = (*MADE, "tests", "dist")


def make_page(folder: Path, scripts: Sequence[str] = ("build",)) -> Path:
    """Runs those scripts unless they ran on the same sources before. Returns the folder that `build` exports to."""
    home = folder / "page"
    home.mkdir(parents=True, exist_ok=True)
    lock = take_lock(home)
    try:
        node = find_or_install_node(folder)
        place = home / "web"
        copy_sources(home, place)
        with once(place / "node_modules" / ".made", fingerprint(node.version, text_of(place / LOCK_FILE))) as is_due:
            if is_due:
                say(f"installing the packages of client/web in {place}, this once …")
                run_npm(node, folder, place, ["ci", "--ignore-scripts"])
        mark = fingerprint(node.version, *(f"{path}\0{text_of(path)}" for path in sorted(sources(home))))
        for script in scripts:
            with once(home / f".{script}", mark) as is_due:
                if is_due:
                    say(f"npm run {script}, in {place}, this once …")
                    run_npm(node, folder, place, ["run", script])
    finally:
        os.close(lock)
    return place / "out"


def copy_sources(home: Path, place: Path) -> None:
    """Makes the copy what the sources are, but for what has been made from it."""
    place.mkdir(exist_ok=True)
    for path in place.iterdir():
        if path.name not in MADE:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.copytree(SOURCES, place, ignore=shutil.ignore_patterns(*NO_SOURCES), dirs_exist_ok=True)
    (home / CORPUS).parent.mkdir(exist_ok=True)
    shutil.copyfile(SOURCES.parent / CORPUS, home / CORPUS)


def sources(home: Path) -> Iterator[Path]:
    """The files of the copy that scripts read."""
    yield home / CORPUS
    for path in (home / "web").iterdir():
        if path.name not in MADE:
            yield from (file for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file())


def text_of(path: Path) -> str:
    """What is in a source; one that is no text counts by what its bytes would be as text."""
    return path.read_text(encoding="utf-8", errors="surrogateescape")


@contextlib.contextmanager
def once(record: Path, mark: str) -> Iterator[bool]:
    """Whether something is due, which has not been done to its end for this mark; that it was is then recorded."""
    if record.is_file() and record.read_text() == mark:
        yield False
        return
    record.unlink(missing_ok=True)
    yield True
    record.write_text(mark)
