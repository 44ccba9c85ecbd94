"""The guide says of the variants what their impl.toml files say."""

from collections.abc import Iterator
from pathlib import Path

from streamspec.implementation import read_implementation
from streamspec.requirement import all_requirements
from streamspec.target_names import variants

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "impls" / "README.md"
BEGIN, END = "<!-- deviations of the variants -->\n\n", "\n<!-- end -->"


def rows() -> Iterator[str]:
    """The table requirement × variants, with a cross where the variant fails it."""
    found = {name: read_implementation(path) for name, path in variants(ROOT).items()}
    letters = [chr(ord("A") + place) for place in range(len(found))]
    yield f"| | {' | '.join(letters)} |"
    yield "|---|" + "---|" * len(found)
    failed = [{row.requirement for row in variant.deviations} for variant in found.values()]
    for made in all_requirements():
        if any(made.id in ids for ids in failed):
            cells = " | ".join("✗" if made.id in ids else " " for ids in failed)
            yield f"| `{made.id}` | {cells} |"
    yield ""
    for letter, name in zip(letters, found, strict=True):
        yield f"- {letter}: [{name}](variants/{name.replace('-', '_')}/server.py)"


def test_the_guide_has_the_table_of_the_impl_toml_files() -> None:
    table = GUIDE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    wanted = "\n".join(rows())
    assert table == wanted, f"put this between the comments in impls/README.md:\n\n{wanted}"


def test_each_deviation_of_a_variant_says_what_it_does_and_where_that_stands() -> None:
    for path in variants(ROOT).values():
        for row in read_implementation(path).deviations:
            assert row.reason.endswith("."), row
            assert row.reason.count(". ") == 0, f"more than one sentence: {row.reason}"
            assert row.link.startswith("https://"), row
