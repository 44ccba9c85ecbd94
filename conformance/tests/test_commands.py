"""What the commands that run requirements have in common: how they end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from streamspec import cli
from streamspec.report import files

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "command",
    [("check", "starlette", "--select=head-status"), ("clients", "streamspec-httpx", "--select=decoding-bom")],
)
def test_findings_are_shown_where_the_report_cannot_be_written(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(*_: object, **__: object) -> None:
        raise files.ReportError("the disk is full")

    monkeypatch.setattr(files, "write", write)
    ended = CliRunner().invoke(cli.app, [*command, f"--report={tmp_path}"])
    assert "conforms: " in ended.stdout
    assert "the disk is full" in ended.stderr
    assert ended.exit_code == 2
