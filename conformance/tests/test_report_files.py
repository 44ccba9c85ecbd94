"""The files of a report: whole or not there, and never an older one."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest
from tests.sample_results import BAD, GOOD, KNOWN, REPORT_FILES, results

from streamspec.report import files
from streamspec.report.results import decode

if TYPE_CHECKING:
    from pathlib import Path

WHOLE = results(GOOD, BAD)


def test_a_report_is_five_files(tmp_path: Path) -> None:
    folder, junit = tmp_path / "new" / "report", tmp_path / "other" / "j.xml"
    files.prepare(folder, junit)
    files.write(WHOLE, KNOWN, folder, junit, strict=False)
    assert sorted(path.name for path in folder.iterdir()) == REPORT_FILES
    assert decode((folder / "results.json").read_bytes(), "here") == WHOLE
    assert junit.read_bytes() == (folder / "junit.xml").read_bytes()
    assert [path.name for path in junit.parent.iterdir()] == ["j.xml"]


def test_files_are_readable_as_the_umask_says(tmp_path: Path) -> None:
    files.prepare(tmp_path, None)
    files.write(WHOLE, KNOWN, tmp_path, None, strict=False)
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE((tmp_path / "results.json").stat().st_mode) == 0o666 & ~mask


def test_an_older_report_goes_before_the_run(tmp_path: Path) -> None:
    junit = tmp_path / "j.xml"
    for name in (*REPORT_FILES, "j.xml", "notes.txt"):
        (tmp_path / name).write_text("older")
    files.prepare(tmp_path, junit)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("taken", ["", "results.json", "junit.xml"])
def test_a_place_that_is_taken_is_told_before_the_run(tmp_path: Path, taken: str) -> None:
    folder = tmp_path / "report"
    if taken:
        (folder / taken).mkdir(parents=True)
    else:
        folder.write_text("a file")
    with pytest.raises(files.ReportError, match=str(folder / taken)):
        files.prepare(folder, None)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unwritable for root")
def test_an_unwritable_folder_is_told_before_the_run(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(files.ReportError, match="Permission denied"):
        files.prepare(tmp_path, None)


def full(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_a_full_disk_is_told_before_the_run_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(files.ReportError, match="No space left on device"):
        files.prepare(tmp_path, None)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_up_during_the_run_leaves_no_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files.prepare(tmp_path, None)
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(files.ReportError, match="No space left on device"):
        files.write(WHOLE, KNOWN, tmp_path, None, strict=False)
    assert list(tmp_path.iterdir()) == []


def test_results_come_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where results.json is, the other files are: a write that fails in between leaves none that looks whole."""
    left = iter([None] * 4)

    def fifth_is_full(_: int) -> None:
        if next(left, full) is full:
            full()

    monkeypatch.setattr("os.fsync", fifth_is_full)
    with pytest.raises(files.ReportError):
        files.write(WHOLE, KNOWN, tmp_path, None, strict=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["badge.json", "index.html", "junit.xml", "summary.md"]


def test_what_a_link_leads_to_is_written_into_and_the_link_stays(tmp_path: Path) -> None:
    """`/dev/stdout` is such a link, and leads to a regular file where a shell redirects."""
    file, link, folder = tmp_path / "redirected", tmp_path / "stdout", tmp_path / "report"
    file.write_text("")
    before = file.stat().st_ino
    link.symlink_to(file)
    files.prepare(folder, link)
    files.write(WHOLE, KNOWN, folder, link, strict=False)
    assert link.readlink() == file
    assert file.stat().st_ino == before
    assert file.read_bytes() == (folder / "junit.xml").read_bytes()


def test_a_link_in_the_report_folder_goes_and_what_it_leads_to_stays(tmp_path: Path) -> None:
    file = tmp_path / "elsewhere"
    file.write_text("mine")
    (tmp_path / "results.json").symlink_to(file)
    files.prepare(tmp_path, None)
    assert [path.name for path in tmp_path.iterdir()] == ["elsewhere"]
    files.write(WHOLE, KNOWN, tmp_path, None, strict=False)
    assert file.read_text() == "mine"


def test_a_pipe_is_written_into(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        files.prepare(tmp_path / "report", pipe)
        files.write(WHOLE, KNOWN, tmp_path / "report", pipe, strict=False)
        assert os.read(reader, 5) == b"<?xml"
        assert stat.S_ISFIFO(pipe.stat().st_mode)
    finally:
        os.close(reader)


def test_a_full_device_is_told(tmp_path: Path) -> None:
    link = tmp_path / "j.xml"
    link.symlink_to("/dev/full")
    files.prepare(tmp_path / "report", link)
    with pytest.raises(files.ReportError, match=r"j\.xml: No space left on device"):
        files.write(WHOLE, KNOWN, tmp_path / "report", link, strict=False)
    assert link.is_symlink()
