"""What each exporter writes, byte for byte, for one run that has every verdict in it.

With STREAMSPEC_WRITE_GOLDEN=1 in the environment the files are written anew: look at the difference.
"""

from __future__ import annotations

import io
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rich.console import Console
from tests.sample_recording import recorded
from tests.sample_results import ABSENT, GOOD, KNOWN, results

from streamspec.report.badge import badge
from streamspec.report.console import print_check, print_compare
from streamspec.report.html import page
from streamspec.report.junit import junit
from streamspec.report.markdown import markdown
from streamspec.report.results import encode

if TYPE_CHECKING:
    from collections.abc import Callable

GOLDEN = Path(__file__).parent / "golden"
WHOLE = results(GOOD, recorded(), ABSENT)


def page_without_looks() -> bytes:
    """The page without its style, its script and what is packed."""
    text = page(WHOLE, KNOWN, strict=False, notes=["a note & more"])
    text = re.sub(r"(<style>).*?(</style>)", r"\1\2", text, flags=re.DOTALL)
    text = re.sub(r"(<script>).*?(</script>)", r"\1\2", text, flags=re.DOTALL)
    return re.sub(r'(<script type="text/plain"[^>]*>)[^<]*', r"\1", text).encode()


def on_console(show: Callable[..., None]) -> bytes:
    console = Console(file=io.StringIO(), width=100, color_system=None, force_terminal=False)
    show(console, WHOLE.targets, KNOWN, strict=False)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().encode()


EXPORTERS: dict[str, Callable[[], bytes]] = {
    "badge.json": lambda: badge(WHOLE.targets, strict=False),
    "badge-of-one.json": lambda: badge([GOOD], strict=False),
    "check.txt": lambda: on_console(print_check),
    "compare.txt": lambda: on_console(print_compare),
    "index.html": page_without_looks,
    "junit.xml": lambda: junit(WHOLE, KNOWN, strict=False),
    "results.json": lambda: encode(WHOLE),
    "summary.md": lambda: markdown(WHOLE, KNOWN, strict=False).encode(),
}


@pytest.mark.parametrize("name", EXPORTERS)
def test_the_exporter_writes_what_it_wrote(name: str) -> None:
    written = EXPORTERS[name]()
    if os.environ.get("STREAMSPEC_WRITE_GOLDEN"):
        (GOLDEN / name).write_bytes(written)
    assert written.decode() == (GOLDEN / name).read_text("utf-8")


def test_every_golden_file_is_of_an_exporter() -> None:
    assert sorted(path.name for path in GOLDEN.iterdir()) == sorted(EXPORTERS)
