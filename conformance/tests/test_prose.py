"""Every block of code in the pages that people read runs, page by page and from top to bottom."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.prose import Block, blocks, headings, links, shows
from tests.prose_reader import ROOT, Reader

PAGES = (
    "README.md",
    "conformance/CONTRACT.md",
    "conformance/LINT.md",
    "conformance/PROXIES.md",
    "conformance/REPORT.md",
    "conformance/TESTING.md",
    "client/README.md",
    "impls/README.md",
    ".github/CONTRIBUTING.md",
)
ONLY_LINKED = ("client/adapters/README.md", "client/web/README.md", "client/web/src/event-stream/README.md")
"""Their code is for a project of somebody else's, or another language."""


def blocks_of_pages() -> list[object]:
    """Each block with its page; a page that is missing has none here, and fails where its links are followed."""
    pages = [page for page in PAGES if (ROOT / page).exists()]
    return [
        pytest.param(page, block, id=f"{page}:{block.line}")
        for page in pages
        for block in blocks((ROOT / page).read_text())
    ]


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """One reader for each page: what a block leaves behind is there for the next."""
    with Reader.of_a_copy(tmp_path_factory.mktemp("copy")) as reader:
        yield reader


# Beside an argument that is not indirect, a fixture lives no longer than one test unless told to.
@pytest.mark.parametrize(("reader", "block"), blocks_of_pages(), indirect=["reader"], scope="module")
def test_block_does_what_the_page_says(reader: Reader, block: Block) -> None:
    reader.follow(block)


@pytest.mark.parametrize("page", PAGES + ONLY_LINKED)
def test_links_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text()
    for line, link in links(text):
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), f"{page}:{line} leads to {path}, which is not there"
        if anchor and target.suffix == ".md":
            assert anchor in headings(target.read_text()), (
                f"{page}:{line} leads to #{anchor}, which is no heading there"
            )


PAGE = """\
# A page

```sh
true
```

<!-- prose: exits 3 -->
```bash
exit 3
```

1. In a list:

   <!-- prose: output -->

   ```
   3 lines
     and 20
   ```
"""


def test_blocks_are_found_with_their_comments() -> None:
    found = [(block.line, block.language, block.text, block.directive, block.argument) for block in blocks(PAGE)]
    assert found == [
        (3, "sh", "true\n", "", ""),
        (8, "bash", "exit 3\n", "exits", "3"),
        (16, "", "3 lines\n  and 20\n", "output", ""),
    ]


@pytest.mark.parametrize(
    "page",
    [
        "```sh\ntrue\n",
        "<!-- prose: outputs -->\n```\nx\n```\n",
        "<!-- prose: shown -->\n```\nx\n```\n",
        "<!-- prose: output now -->\n```\nx\n```\n",
        "<!-- prose: output -->\nWords.\n```\nx\n```\n",
    ],
    ids=["not closed", "unknown word", "no reason", "needless argument", "above something else"],
)
def test_page_that_means_nothing_is_refused(page: str) -> None:
    with pytest.raises(ValueError, match=r"line [12]"):
        list(blocks(page))


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("3 passed in 0.5 s", "warm up\n127 passed in 12.25 s\n"),
        ("name    FAIL\n-----\nend", "name FAIL\n--------\nend\n"),
        ("first\n…\nlast", "first\na\nb\nlast\n"),
        ("first\n…\nlast", "first\nlast\n"),
        ("version … of it", "version 1.2rc3 of it"),
        ("  indented", "indented   \n"),
    ],
)
def test_what_is_shown_is_printed(shown: str, printed: str) -> None:
    assert shows(shown, printed)


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("3 passed", "3 failed"),
        ("a\nb", "a\nx\nb"),
        ("a\nb", "b\na"),
        ("PASS", "BYPASS"),
        ("PASS", "PASS (almost)"),
        ("x", ""),
        ("first\n…\nlast", "first\na\n"),
    ],
)
def test_what_is_not_printed_is_noticed(shown: str, printed: str) -> None:
    assert not shows(shown, printed)


def block(language: str, text: str, directive: str = "", argument: str = "") -> Block:
    return Block(1, language, text, directive, argument)


@pytest.mark.parametrize(
    "broken",
    [
        block("sh", "false\n"),
        block("sh", "false | true\n"),
        block("sh", "true\n", "exits", "1"),
        block("python", "assert 1 > 2\n"),
        block("console", "$ echo one\ntwo\n"),
        block("console", "echo one\n"),
        block("toml", "a = \n"),
        block("json", "{'a': 1}\n"),
        block("", "what is this?\n"),
        block("sh", "echo no url\n", "serves"),
        block("sh", "true --port 8000\n", "serves"),
    ],
    ids=lambda block: f"{block.language}-{block.directive}-{block.text.strip()[:16]}",
)
def test_block_that_does_not_do_what_it_says_fails(tmp_path: Path, broken: Block) -> None:
    with Reader(tmp_path) as reader, pytest.raises((AssertionError, ValueError)):
        reader.follow(broken)


SERVER = """\
from http.server import HTTPServer, SimpleHTTPRequestHandler
server = HTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
"""


def test_page_is_followed_from_block_to_block(tmp_path: Path) -> None:
    page = [
        block("toml", 'a = "b"\n', "file", "folder/x.toml"),
        block("python", SERVER, "file", "serve.py"),
        block("sh", "python serve.py --port 8000\n", "serves"),
        block("sh", "curl -sS http://127.0.0.1:8000/folder/x.toml\n"),
        block("", 'a = "b"\n', "output"),
        block("console", "$ cat folder/x.toml\na = …\n$ echo 1 line\n5 line\n"),
        block("sh", "rm -r /nowhere", "shown", "nobody should"),
    ]
    with Reader(tmp_path) as reader:
        for step in page:
            reader.follow(step)
        port = reader.addresses[":8000"]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(port[1:])))
