"""The files of a report: checked before the run, written after it, each as a whole or not at all."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from streamspec.mistake import Mistake
from streamspec.report.badge import badge
from streamspec.report.junit import junit
from streamspec.report.markdown import markdown
from streamspec.report.results import encode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from streamspec.report.results import Results
    from streamspec.report.wording import Described

RESULTS, PAGE, JUNIT, SUMMARY, BADGE = "results.json", "index.html", "junit.xml", "summary.md", "badge.json"

ROOM_BYTES = 16 * 1_048_576
"""What a report of four targets needs, with what was recorded: a disk that is full shows before the run."""


class ReportError(Mistake):
    """The report cannot be written there: mend the command, or make room."""


def prepare(folder: Path, junit_file: Path | None) -> None:
    """Make the folder, see that files can be written to it, and remove an older report. Raises ReportError.

    An older report goes before the run and not after it: a run that breaks off leaves none, so nothing that reads
    `results.json` afterwards, or a CI that collects JUnit files, can take the older run for this one.
    """
    replaced = [folder / name for name in (RESULTS, PAGE, JUNIT, SUMMARY, BADGE)]
    if junit_file is not None and not _is_written_into(junit_file):
        replaced.append(junit_file)
    for path in replaced:
        with _told(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir():
                raise ReportError(f"{path}: is a folder; a file of the report has to go there")
            path.unlink(missing_ok=True)
    with _told(folder):
        trial = _beside(folder / RESULTS)
        try:
            _write_through(trial, b"\0" * ROOM_BYTES)
        finally:
            trial.unlink(missing_ok=True)
    if junit_file in replaced:
        with _told(junit_file):
            trial = _beside(junit_file)
            trial.touch()
            trial.unlink()


def write(
    results: Results,
    known: Mapping[str, Described],
    folder: Path,
    junit_file: Path | None,
    *,
    strict: bool,
    notes: Sequence[str] = (),
) -> None:
    """Write every file, results.json last: where it is, the report is whole. Raises ReportError.

    `notes` stand at the head of the page.
    """
    # Template and highlighter take a tenth of a second to import, which `--help` and a run have no use for.
    from streamspec.report.html import page  # noqa: PLC0415

    xml = junit(results, known, strict=strict)
    texts = {
        folder / JUNIT: xml,
        folder / SUMMARY: markdown(results, known, strict=strict).encode(),
        folder / BADGE: badge(results.targets, strict=strict),
        folder / PAGE: page(results, known, strict=strict, notes=notes).encode(),
    }
    if junit_file is not None:
        texts[junit_file] = xml
    texts[folder / RESULTS] = encode(results)
    for path, data in texts.items():
        with _told(path):
            if path == junit_file and _is_written_into(path):
                path.write_bytes(data)
                continue
            partial = _beside(path)
            try:
                _write_through(partial, data)
                partial.replace(path)
            finally:
                partial.unlink(missing_ok=True)


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.partial")


def _is_written_into(path: Path) -> bool:
    """Whether what a person named is not ours to remove or replace: a link, a device, a pipe.

    A link first of all: `/dev/stdout` is one, and leads to a regular file where a shell redirects.
    """
    return path.is_symlink() or (path.exists() and not path.is_file() and not path.is_dir())


def _write_through(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())  # some file systems tell only then that they are full


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ReportError(
            f"the report cannot be written to {path}: {error.strerror}; make room, or name another place"
        ) from error
