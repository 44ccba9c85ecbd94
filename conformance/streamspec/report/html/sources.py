"""The code of several servers side by side: cut into pieces by outline, the same name in the same row."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from markupsafe import escape
from pygments import highlight
from pygments.formatters.html import HtmlFormatter
from pygments.lexers import get_lexer_for_filename
from pygments.lexers.python import PythonLexer
from pygments.lexers.special import TextLexer
from pygments.util import ClassNotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pygments.lexer import Lexer

    from streamspec.report.results import TargetResults

WHOLE = "the whole file"
"""The one piece of a file that has no outline: another language, or Python that does not parse."""

NOTES, IMPORTS = "what one must know", "imports"


@dataclass(frozen=True, slots=True)
class Piece:
    """Some lines of a file, as HTML."""

    first_line: int
    html: str
    is_prose: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """One file and the targets that it serves."""

    name: str
    targets: list[str]
    pieces: dict[str, Piece]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Files side by side: a row for each name, in an order that each file's own agrees with as far as can be."""

    sources: list[Source]
    names: list[str]


def comparison(targets: Sequence[TargetResults]) -> Comparison:
    """The servers of the targets; several targets of one file (another server under it) share it."""
    files: dict[tuple[str, str], list[str]] = {}
    for target in targets:
        for file, text in target.code.items():
            files.setdefault((file, text), []).append(target.name)
    sources = [Source(file, names, _pieces(file, text)) for (file, text), names in files.items()]
    return Comparison(sources, _merged([list(source.pieces) for source in sources]))


def _pieces(file: str, text: str) -> dict[str, Piece]:
    lines = text.splitlines(keepends=True)
    starts = _outline(text) if file.endswith(".py") else [(WHOLE, 1)]
    ends = [line for _, line in starts[1:]] + [len(lines) + 1]
    texts = ["".join(lines[first - 1 : end - 1]).rstrip() for (_, first), end in zip(starts, ends, strict=True)]
    return {
        name: Piece(first, str(escape(_prose(part))) if name == NOTES else _highlighted(file, part), name == NOTES)
        for (name, first), part in zip(starts, texts, strict=True)
    }


def _prose(docstring: str) -> str:
    """The paragraphs and points of a docstring, each in one line: a column of the page breaks them elsewhere."""
    text = ast.get_docstring(ast.parse(docstring)) or docstring
    return re.sub(r"(?<!\n)\n(?!\n|\d+\. |- )\s*", " ", text)


def _outline(text: str) -> list[tuple[str, int]]:
    """Names and first lines of the pieces of a module, in order; a statement without a name goes with what is before.

    Comments and decorators belong to what they stand above.
    """
    try:
        body = ast.parse(text).body
    except SyntaxError:
        return [(WHOLE, 1)]
    lines = text.splitlines()
    found: dict[str, int] = {}
    for place, statement in enumerate(body):
        if (name := _name(statement, place)) is not None and name not in found:
            decorators = getattr(statement, "decorator_list", [])
            first = min([statement.lineno, *(each.lineno for each in decorators)])
            while first > 1 and lines[first - 2].startswith("#"):
                first -= 1
            found[name] = first if found else 1
    return list(found.items()) or [(WHOLE, 1)]


def _name(statement: ast.stmt, place: int) -> str | None:
    match statement:
        case ast.Expr(value=ast.Constant(value=str())) if place == 0:
            return NOTES
        case ast.Import() | ast.ImportFrom():
            return IMPORTS
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return name
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return name
    return None


def _merged(orders: Sequence[Sequence[str]]) -> list[str]:
    """Every name once; one that is new comes behind the one that stands before it in its own file."""
    merged: list[str] = []
    for order in orders:
        place = 0
        for name in order:
            if name in merged:
                place = merged.index(name) + 1
            else:
                merged.insert(place, name)
                place += 1
    return merged


def _highlighted(file: str, text: str) -> str:
    return highlight(text, _lexer(file), HtmlFormatter(nowrap=True)).rstrip("\n")


@cache  # to find it, Pygments looks through all that it has: 0.1 s, which most reports can do without
def _lexer(file: str) -> Lexer:
    if file.endswith(".py"):
        return PythonLexer()
    try:
        return get_lexer_for_filename(file)
    except ClassNotFound:
        return TextLexer()
