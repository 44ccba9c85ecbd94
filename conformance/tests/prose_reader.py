"""Someone who does what the blocks of a page say, in a copy of the checkout."""

import json
import os
import re
import shutil
import subprocess
import threading
import tomllib
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Self

from bootstrap.preparation import end_group
from tests.prose import Block, shows

ROOT = Path(__file__).resolve().parents[2]
BLOCK_DEADLINE_S = 240.0  # the first `python3 conformance compare` of a copy installs four frameworks
SERVER_DEADLINE_S = 30.0
NOT_COPIED = (".git", ".tox", ".venv", "node_modules", "streamspec-report", "__pycache__", ".*_cache", ".hypothesis")
BASH = ("bash", "-euo", "pipefail", "-c")


@dataclass(slots=True)
class Reader:
    """Follows a page; leaving it ends the servers that the page started."""

    folder: Path
    printed: str = ""
    addresses: dict[str, str] = field(default_factory=dict)
    """Ports of the page, and those that its servers have got instead, each with its colon."""
    leaving: ExitStack = field(default_factory=ExitStack)

    @classmethod
    def of_a_copy(cls, folder: Path) -> Self:
        """A reader in a fresh copy of the checkout."""
        shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*NOT_COPIED), dirs_exist_ok=True)
        return cls(folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.leaving.close()

    def follow(self, block: Block) -> None:
        """Does what the block asks of its reader; AssertionError says what the page promised and did not keep."""
        match block.directive:
            case "shown":
                pass
            case "output":
                self.compare(block.text)
            case "file":
                file = self.folder / block.argument
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(block.text)
            case "serves":
                self.serve(block.text)
            case _:
                self.check(block, int(block.argument or 0))

    def check(self, block: Block, code: int) -> None:
        """Runs the block if it can run, to end with this code, and else parses it."""
        match block.language:
            case "sh" | "bash":
                self.run([*BASH, self.addressed(block.text)], code)
            case "python":
                self.run(["python", "-c", self.addressed(block.text)], code)
            case "console":
                self.converse(block.text, code)
            case "toml":
                tomllib.loads(block.text)
            case "json":
                json.loads(block.text)
            case other:
                raise AssertionError(f"nobody checks a block of {other!r}: say above it what it is, as prose.py tells")

    def compare(self, shown: str) -> None:
        """Compares what the page shows with what the last command printed."""
        assert shows(shown, self.printed), f"the page shows\n{shown}\nbut this was printed\n{self.printed}"

    def converse(self, text: str, code: int) -> None:
        """Runs each line after `$ `, the last one to end with this code; what stands below it is what it prints."""
        exchanges = re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE)
        assert exchanges, "a console block has lines that start with `$ `"
        for command, shown in exchanges:
            is_last = (command, shown) == exchanges[-1]
            self.run([*BASH, self.addressed(command)], code if is_last else 0)
            self.compare(shown)

    def run(self, command: list[str], code: int) -> None:
        """Runs a command to its end, and keeps what it prints."""
        process = self.start(command)
        try:
            self.printed, _ = process.communicate(timeout=BLOCK_DEADLINE_S)
        finally:
            end_group(process)
        assert process.returncode == code, (
            f"exit code {process.returncode}, not {code}, and this output:\n{self.printed}"
        )

    def serve(self, text: str) -> None:
        """Starts a server on a free port, and keeps which address of the page it stands for."""
        asked = re.search(r"--port[ =](\d+)", text)
        assert asked, "a block that serves names its port: --port 8000"
        process = self.start(["bash", "-c", text.strip().replace(asked[0], "--port 0")])
        assert process.stdout is not None
        self.leaving.enter_context(process.stdout)
        said: list[str] = []
        told = threading.Event()
        # On to its end, because a server whose output nobody reads may stop at a full pipe.
        listener = threading.Thread(target=self.listen, args=(process.stdout, f":{asked[1]}", said, told))
        listener.start()
        self.leaving.callback(listener.join)
        self.leaving.callback(end_group, process)
        told.wait(SERVER_DEADLINE_S)
        assert f":{asked[1]}" in self.addresses, f"no URL came from the server, but this:\n{''.join(said)}"

    def listen(self, output: IO[str], port: str, said: list[str], told: threading.Event) -> None:
        """Keeps what a server says, and the port of the first URL in it."""
        for line in output:
            said.append(line)
            if port not in self.addresses and (url := re.search(r"https?://[^/\s:]+(:[1-9]\d*)", line)):
                self.addresses[port] = url[1]
                told.set()
        told.set()

    def addressed(self, text: str) -> str:
        """The text with the ports of the page replaced by those that its servers got."""
        for shown, real in self.addresses.items():
            text = text.replace(shown, real)
        return text

    def start(self, command: list[str]) -> subprocess.Popen[str]:
        """Starts a command as one group, without what this test run tells its own tools."""
        ours = ("PYTEST_", "STREAMSPEC_", "TOX_")
        environ = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=environ | {"COLUMNS": "100", "NO_COLOR": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
