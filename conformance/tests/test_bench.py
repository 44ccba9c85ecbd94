"""The decoder benchmark measures what is installed and names the rest."""

from __future__ import annotations

import json
import shutil
from io import StringIO
from typing import TYPE_CHECKING

import pytest
from rich.console import Console
from typer.testing import CliRunner

from streamspec import bench, cli
from streamspec.bench_peers import PythonDecoder, Stream, installed_decoders

if TYPE_CHECKING:
    from pathlib import Path

EVENTSOURCE_PARSER = """
exports.createParser = ({ onEvent }) => ({ feed(text) { for (const c of text) if (c === "!") onEvent({}); } });
"""


def a_node_package(node_modules: Path, name: str, main: str, source: str) -> None:
    file = node_modules / name / main
    file.parent.mkdir(parents=True)
    file.write_text(source)
    (node_modules / name / "package.json").write_text('{"version": "1.2.3"}')


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> bench.DecoderTable:
    return bench.decoder_table(rounds=2, node_modules=tmp_path_factory.mktemp("node_modules"))


def test_ours_finds_every_event_of_every_column(table: bench.DecoderTable) -> None:
    assert len(table.columns) == 12
    assert [cell.events_found == cell.events_sent > 0 for cell in table.rows["streamspec"]] == [True] * 12
    assert {cell.times_ours for cell in table.rows["streamspec"]} == {1.0}


def test_packages_that_are_not_there_are_named(table: bench.DecoderTable) -> None:
    assert "undici (not installed)" in table.missing
    assert "eventsource-parser (not installed)" in table.missing


def test_the_console_shows_each_decoder_in_each_of_three_tables(table: bench.DecoderTable) -> None:
    shown = StringIO()
    bench.print_decoder_table(table, Console(file=shown, width=160))
    assert shown.getvalue().count("streamspec ") == 3
    assert "undici (not installed)" in shown.getvalue()
    assert "*" not in shown.getvalue().replace("* finds another number of events", "")


def test_json_holds_the_same_numbers(table: bench.DecoderTable) -> None:
    read = json.loads(table.to_json())
    assert read["columns"] == list(table.columns)
    assert read["rows"]["streamspec"][0]["mb_per_s"] == table.rows["streamspec"][0].mb_per_s


def test_a_node_decoder_that_miscounts_is_named_and_left_out(tmp_path: Path) -> None:
    a_node_package(tmp_path, "eventsource-parser", "dist/index.cjs", EVENTSOURCE_PARSER)
    with installed_decoders(tmp_path) as (decoders, missing):
        assert not [decoder for decoder in decoders if decoder.name.startswith("eventsource-parser")]
    expected = "finds 0 events where there are 3" if shutil.which("node") else "not installed"
    assert f"eventsource-parser ({expected})" in missing


def test_a_node_decoder_is_asked_over_its_pipes(tmp_path: Path) -> None:
    if not shutil.which("node"):
        pytest.skip("needs node on PATH")
    a_node_package(tmp_path, "eventsource-parser", "dist/index.cjs", EVENTSOURCE_PARSER.replace('"!"', '"x"'))
    with installed_decoders(tmp_path) as (decoders, _):
        (peer,) = (decoder for decoder in decoders if decoder.name == "eventsource-parser 1.2.3")
        stream = Stream(b"data: \xc3\xa9x\n\n", events=1000, piece_bytes=7)
        assert peer.count(stream) == 1000
        assert peer.cpu_s(stream) > 0


def test_a_decoder_of_another_count_is_marked() -> None:
    decoders = [PythonDecoder("all", lambda pieces: [*pieces]), PythonDecoder("none", lambda pieces: [*pieces][:0])]
    cells = bench.measured(decoders, Stream(b"data: x\n\n", events=4, piece_bytes=9), rounds=2)
    assert [(cell.events_found, cell.events_sent) for cell in cells] == [(4, 4), (0, 4)]


def test_the_command_prints_the_table_as_json() -> None:
    printed = CliRunner().invoke(cli.app, ["bench", "decoder", "--json", "--rounds", "2"])
    assert printed.exit_code == 0
    table = json.loads(printed.stdout)
    assert table["rounds"] == 2
    assert all(len(cells) == len(table["columns"]) for cells in table["rows"].values())
