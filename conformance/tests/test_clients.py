"""`streamspec clients`: adapters are found and driven, and told apart from their clients; ours holds everything."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from streamspec.clients.adapter_file import AdapterFileError, known_adapters, read_adapter
from streamspec.clients.adapter_lines import AdapterError, read_hello, read_told
from streamspec.clients.contract import Claim
from streamspec.clients.play import End, Ended, Event

ADAPTER = """
name = "mine"
command = ["python", "mine.py"]
install = "pip install mine"
claims = ["types"]
"""

TOLD = """
import json, sys
print(json.dumps({{"client": "mine", "version": "1", "runtime": "Python 3"}}), flush=True)
for line in sys.stdin:
    stream = json.loads(line)["stream"]
    {then}
"""


def clients(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """The command, in a folder of its own, on a terminal that is wide enough for every line."""
    command = [sys.executable, "-m", "streamspec", "clients", *arguments]
    env = {**os.environ, "COLUMNS": "200"}
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=120, check=False)


def adapter(folder: Path, program: str) -> str:
    """An adapter of that program; the path of its TOML."""
    (folder / "mine.py").write_text(program, "utf-8")
    (folder / "mine.toml").write_text(ADAPTER, "utf-8")
    return str(folder / "mine.toml")


@pytest.mark.parametrize("name", ["streamspec-httpx", "streamspec-httpx2", "streamspec-aiohttp"])
def test_our_client_holds_everything(name: str, tmp_path: Path) -> None:
    ran = clients(name, "--json", "--strict", cwd=tmp_path)
    [target] = json.loads(ran.stdout)["targets"]
    wrong = {row["id"]: row["message"] for row in target["verdicts"] if row["verdict"] != "PASS"}
    assert wrong == {}
    assert ran.returncode == 0


def test_what_is_known_are_ours_and_those_of_the_checkout(tmp_path: Path) -> None:
    assert list(known_adapters(tmp_path)) == ["streamspec-aiohttp", "streamspec-httpx", "streamspec-httpx2"]
    folder = tmp_path / "client" / "adapters"
    folder.mkdir(parents=True)
    (folder / "mine.toml").write_text(ADAPTER, "utf-8")
    assert known_adapters(tmp_path)["mine"] == folder / "mine.toml"


def test_every_adapter_of_the_checkout_can_be_read() -> None:
    for path in known_adapters(Path(__file__).parents[2]).values():
        read = read_adapter(path, path.stem)
        assert (read.cwd / read.command[-1]).is_file() or "-m" in read.command
        assert read.install


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name =", "is not TOML"),
        (ADAPTER.replace('"types"', '"teleports"'), "types, ids, status"),
        (ADAPTER.replace("claims", "clams"), "clams"),
    ],
)
def test_a_wrong_file_is_told_by_its_name_and_what_is_wrong(text: str, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(AdapterFileError, match=sentence) as caught:
        read_adapter(path, "mine")
    assert str(path) in str(caught.value)


def test_lines_of_an_adapter() -> None:
    number, told = read_told(b'{"stream": 2, "event": {"data": "a", "type": null, "id": "1"}}\n', 0.0)
    assert isinstance(told, Event)
    assert (number, told.data, told.type, told.id) == (2, "a", None, "1")
    _, told = read_told(b'{"stream": 2, "end": "failed", "error": "why"}\n', 0.0)
    assert isinstance(told, Ended)
    assert (told.how, told.error) == (End.FAILED, "why")
    assert read_told(b'{"stream": 2, "error": "why"}\n', 0.0) == (2, "why")


@pytest.mark.parametrize("line", [b"hello\n", b'{"stream": 1}\n', b'{"stream": 1, "end": "well"}\n', b"\xff\n"])
def test_a_line_that_means_nothing_is_the_adapters_fault(line: bytes) -> None:
    with pytest.raises(AdapterError, match="it printed"):
        read_told(line, 0.0)
    with pytest.raises(AdapterError, match="first line"):
        read_hello(line)


def test_a_client_that_is_not_installed_is_told_with_its_install_line(tmp_path: Path) -> None:
    path = adapter(tmp_path, 'print(\'{"missing": "No module named mine"}\')')
    ran = clients(path, cwd=tmp_path)
    assert ran.returncode == 2
    assert "mine is not installed (No module named mine): pip install mine" in ran.stderr


def test_a_command_that_is_not_there_is_a_client_that_is_not_installed(tmp_path: Path) -> None:
    path = adapter(tmp_path, "")
    Path(path).write_text(ADAPTER.replace('"python"', '"no-such-runtime"'), "utf-8")
    ran = clients(path, cwd=tmp_path)
    assert ran.returncode == 2
    assert "mine is not installed" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize(
    ("program", "sentence"),
    [
        ("raise SystemExit('no luck')", "it ended with exit status 1; its last words: no luck"),
        ("print('hello')", "its first line 'hello' does not say what it drives"),
        (TOLD.format(then="print('hello', flush=True)"), "it printed 'hello', which is no line of an adapter"),
        (TOLD.format(then="raise SystemExit('enough')"), "it ended with exit status 1; its last words: enough"),
    ],
)
def test_an_adapter_that_fails_is_inconclusive_and_no_verdict_on_the_client(
    program: str, sentence: str, tmp_path: Path
) -> None:
    ran = clients(adapter(tmp_path, program), "--select", "decoding-bom", "--slow-factor", "0.1", cwd=tmp_path)
    assert ran.returncode == 3
    assert f"INCONCLUSIVE: the adapter mine: {sentence}" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_what_is_not_claimed_is_not_applicable_and_never_green(tmp_path: Path) -> None:
    then = "print(json.dumps({'stream': stream, 'end': 'complete'}), flush=True)"
    ran = clients(adapter(tmp_path, TOLD.format(then=then)), "--select", "ids", "--json", cwd=tmp_path)
    [target] = json.loads(ran.stdout)["targets"]
    assert {row["verdict"] for row in target["verdicts"]} == {"NOT_APPLICABLE"}
    assert {row["message"] for row in target["verdicts"]} == {f"not claimed: {Claim.IDS}"}


def test_a_client_that_asks_for_nothing_fails(tmp_path: Path) -> None:
    then = "print(json.dumps({'stream': stream, 'end': 'complete'}), flush=True)"
    arguments = ("--select", "decoding-bom", "--slow-factor", "0.1")
    ran = clients(adapter(tmp_path, TOLD.format(then=then)), *arguments, cwd=tmp_path)
    assert ran.returncode == 1
    assert "a request" in ran.stdout
    assert "streamspec clients" in ran.stdout


def test_the_list_is_of_what_is_required_of_clients(tmp_path: Path) -> None:
    ran = clients("--list", "--select", "ids", cwd=tmp_path)
    assert ran.returncode == 0
    assert "ids-kept" in ran.stdout
    assert "The last event ID" in ran.stdout


def test_a_name_that_is_unknown_is_a_mistake_that_names_the_known(tmp_path: Path) -> None:
    ran = clients("nobody", cwd=tmp_path)
    assert ran.returncode == 2
    assert "no client 'nobody': give one of streamspec-aiohttp" in ran.stderr


def test_a_requirement_of_clients_is_explained(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "streamspec", "explain", "return-partial"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)
    assert "claims    reconnects" in ran.stdout
    assert "keeps-what-was-left" in ran.stdout
    assert "streamspec clients CLIENT --select return-partial" in ran.stdout
