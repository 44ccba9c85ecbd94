"""Rules that every requirement, exchange and mutant keeps."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

from streamspec import requirements
from streamspec.contract import AREAS, Level
from streamspec.requirement import REGISTRY, Requirement, all_requirements

REQUIREMENTS = all_requirements()
MODULES = sorted(Path(requirements.__path__[0]).glob("*.py"))

each_requirement = pytest.mark.parametrize("made", REQUIREMENTS, ids=lambda made: made.id)

OUT_OF_BOUNDS = {
    "datetime", "http", "os", "pathlib", "random", "select", "selectors", "signal", "socket", "ssl",
    "subprocess", "threading", "time", "urllib",
    "aiohttp", "fastapi", "h11", "httpx", "hypercorn", "impls", "pytest", "quart", "requests", "starlette", "uvicorn",
}  # fmt: skip
"""What a judge has no use for: the network, clocks, processes, frameworks."""

PUBLISHED = (Path(__file__).parent / "published_ids.txt").read_text("ascii").split()
"""Ids that were published: deviations and selections out there name them, so none may be renamed or vanish."""


def test_published_ids_are_permanent() -> None:
    assert set(PUBLISHED) <= set(REGISTRY)


@each_requirement
def test_an_id_is_its_area_and_words_in_lower_case(made: Requirement) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)+", made.id)
    assert made.area in AREAS


@each_requirement
def test_a_sentence_is_one_and_ends_with_a_period(made: Requirement) -> None:
    assert made.sentence.endswith(".")
    assert made.sentence[0].isupper() or not made.sentence[0].isalpha()
    assert len(made.sentence) <= 200
    assert isinstance(made.level, Level)


@each_requirement
def test_an_anchor_leads_to_a_section(made: Requirement) -> None:
    assert made.anchor.title
    assert re.match(r"(https://[\w.-]+/\S*|CONTRACT\.md)#\S+$", made.anchor.url)


@each_requirement
def test_a_mutant_proves_that_the_requirement_can_fail(made: Requirement) -> None:
    assert made.mutants, f"no mutant proves that {made.id} can fail"


@each_requirement
def test_a_mutant_breaks_others_only_for_a_reason(made: Requirement) -> None:
    for mutant in made.mutants:
        for also, reason in mutant.also_breaks.items():
            assert also in REGISTRY, f"{mutant.path} also breaks {also}, which is no requirement"
            assert also != made.id
            assert reason


def test_an_exchange_has_one_name_and_a_sentence() -> None:
    exchanges = {id(made.exchange): made.exchange for made in REQUIREMENTS}.values()
    assert [name for name, count in Counter(made.name for made in exchanges).items() if count > 1] == []
    assert [made.name for made in exchanges if not made.sentence.endswith(".")] == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_judges_know_neither_network_nor_clock_nor_framework(path: Path) -> None:
    assert out_of_bounds(path.read_text("utf-8")) == []


def out_of_bounds(source: str) -> list[str]:
    """The modules a source imports that judges must not know, wherever in it the import stands."""
    imported: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            imported += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            imported.append(node.module or "")
    return sorted(name for name in imported if name.partition(".")[0] in OUT_OF_BOUNDS)


@pytest.mark.parametrize(
    "source",
    ["import socket", "def judge():\n    import time", "from urllib.parse import urlsplit", "import os.path as p"],
)
def test_the_rule_sees_imports_wherever_they_stand(source: str) -> None:
    assert out_of_bounds(source)
