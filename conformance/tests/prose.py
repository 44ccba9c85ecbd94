"""Blocks of code in Markdown, and how the output that a page shows compares with the output there is.

A comment right above a block says what is not said by its language:

    <!-- prose: output -->            what the block before prints, compared by `shows`
    <!-- prose: exits 1 -->           it runs, and ends with that code
    <!-- prose: serves -->            it runs until the page ends; later blocks find it at the URL that it prints
    <!-- prose: file tests/x.py -->   it is written to that file, for later blocks
    <!-- prose: shown REASON -->      nobody checks it, for that reason
"""

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

WITHOUT_ARGUMENT = frozenset({"output", "serves"})
WITH_ARGUMENT = frozenset({"exits", "file", "shown"})

_DIRECTIVE = re.compile(r"<!--\s*prose:\s*(?P<word>\S+)\s*(?P<argument>.*?)\s*-->")
_FENCE = re.compile(r"(?P<indent>\s*)(?P<fence>`{3,}|~{3,})\s*(?P<language>[^\s`]*)")
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_SHOWN_PARTS = re.compile(r"(?P<number>\d[\d.,]*)|(?P<space>[ \t]+)|(?P<any>…)|(?P<run>([^\w\s])\5{2,})")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: where its fence stands, what it is, and what the comment above it says."""

    line: int
    language: str
    text: str
    directive: str
    argument: str


def blocks(page: str) -> Iterator[Block]:
    """The fenced blocks of a page, in order; ValueError names a comment or a fence that means nothing."""
    lines = iter(enumerate(page.splitlines(), start=1))
    directive = argument = ""
    for number, line in lines:
        if said := _DIRECTIVE.search(line):
            directive, argument = said["word"], said["argument"]
            if directive not in (WITH_ARGUMENT if argument else WITHOUT_ARGUMENT):
                raise ValueError(f"line {number}: the comment {line.strip()!r} means nothing; see the top of prose.py")
        elif opened := _FENCE.match(line):
            text = []
            for _, inside in lines:
                if inside.strip() == opened["fence"]:
                    break
                text.append(inside)
            else:
                raise ValueError(f"line {number}: the block is not closed")
            yield Block(number, opened["language"], textwrap.dedent("\n".join(text)) + "\n", directive, argument)
            directive = argument = ""
        elif directive and line.strip():
            raise ValueError(f"line {number}: a comment to a block stands above {line.strip()!r}")


def links(page: str) -> Iterator[tuple[int, str]]:
    """Line and target of each link into the repository, outside blocks."""
    in_block = False
    for number, line in enumerate(page.splitlines(), start=1):
        in_block ^= bool(_FENCE.match(line))
        if not in_block:
            for link in _LINK.finditer(line):
                if not re.match(r"[a-z][a-z0-9+.-]*:", link["target"]):
                    yield number, link["target"]


def headings(page: str) -> set[str]:
    """The anchors that GitHub gives to the headings of a page."""
    titles = re.findall(r"^#{1,6}\s+(.*?)\s*#*$", page, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def shows(shown: str, printed: str) -> bool:
    """Whether the lines that a page shows are among the lines that were printed, one after the other.

    Any number stands for any number, any width of blanks or of a ruled line for any other; `…` for anything in its
    line, and alone in a line for any lines.
    """
    pattern = "".join(_line_pattern(line.strip()) for line in shown.strip().splitlines())
    lines = "".join(f"{line.strip()}\n" for line in printed.splitlines())
    return re.search(rf"^{pattern}", lines, re.MULTILINE) is not None


def _line_pattern(line: str) -> str:
    if line in {"…", "..."}:
        return r"(?:.*\n)*?"
    pattern, end = "", 0
    for part in _SHOWN_PARTS.finditer(line):
        pattern += re.escape(line[end : part.start()])
        match part.lastgroup:
            case "number":
                pattern += r"\d[\d.,]*"
            case "space":
                pattern += r"[ \t]+"
            case "any":
                pattern += ".*"
            case _:
                pattern += f"{re.escape(part[0][0])}+"
        end = part.end()
    return pattern + re.escape(line[end:]) + r"\n"
