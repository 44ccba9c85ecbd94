"""Runs the example in conformance/TESTING.md of one framework in an empty project: `python example_alone.py quart`.

A script, not a test: it runs in each framework's tox environment, where the wheel is installed, and no other framework.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

# Behind what is installed: of the checkout only `tests` is wanted.
sys.path.append(str(Path(__file__).parents[1]))

from tests.prose import blocks

PAGE = Path(__file__).parents[1] / "TESTING.md"
FOLDER = "project/"


def example(framework: str) -> dict[str, str]:
    """The files of the framework's example by name: its test, and the module that it imports."""
    written = {block.argument: block.text for block in blocks(PAGE.read_text()) if block.directive == "file"}
    files = {name.removeprefix(FOLDER): text for name, text in written.items() if name.startswith(FOLDER)}
    wanted = {name: text for name, text in files.items() if name == f"test_{framework}.py"}
    imported = {name for name in files for text in wanted.values() if f"from {Path(name).stem} import" in text}
    return {name: text for name, text in files.items() if name in wanted or name in imported}


def main() -> int:
    """The exit code of pytest in a folder that holds the example and nothing else; 2 where there is none."""
    framework = "".join(sys.argv[1:])
    files = example(framework)
    if not files:
        print(f"TESTING.md has no block `file {FOLDER}test_{framework}.py`", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            (Path(folder) / name).write_text(text)
        # What a user's first run has, and warnings as errors: the fixtures must cause none.
        command = [sys.executable, "-m", "pytest", "-W", "error", "-p", "no:cacheprovider", "--rootdir", folder]
        return subprocess.run(command, cwd=folder, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
