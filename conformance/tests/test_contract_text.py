"""CONTRACT.md, openapi.yaml, the registry and the constants say the same; every link in the text leads somewhere."""

from __future__ import annotations

import json
import re
import tomllib
from typing import TYPE_CHECKING, cast

import pytest
from tests.openapi_document import Document

from streamspec import contract, contract_table
from streamspec.contract import Capability
from streamspec.implementation import read_implementation
from streamspec.requirement import ContractError, all_requirements

if TYPE_CHECKING:
    from pathlib import Path

TEXT = contract_table.CONTRACT_FILE.read_text(encoding="utf-8")
DOCUMENT = Document.read()


def slugs(text: str) -> list[str]:
    """What headings are linked to by, as GitHub makes it: lower case, no punctuation, hyphens for spaces."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]


def section(heading: str) -> str:
    return TEXT.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def rows(heading: str, first_column: str) -> dict[str, list[str]]:
    """The rows of the table with that first column in a section: the first cell's code, and the other cells."""
    table = section(heading).partition(f"| {first_column} |")[2].partition("\n\n")[0]
    found = {}
    for line in table.splitlines()[2:]:
        name, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        found[name.replace("`", "")] = cells
    assert found, f"no table of {first_column} in {heading}"
    return found


def limits(schema: object) -> list[str]:
    """Minimum and maximum of a schema, as a table has them."""
    members = cast("dict[str, int]", schema)
    return [str(members["minimum"]), str(members["maximum"])]


def test_the_tables_are_current() -> None:
    made = contract_table.with_tables(TEXT, all_requirements())
    assert made == TEXT, "run `python -m streamspec.contract_table`"


def test_a_table_that_is_outdated_shows() -> None:
    outdated = contract_table.with_tables(TEXT, all_requirements()[1:])
    assert outdated != TEXT
    assert contract_table.with_tables(outdated, all_requirements()) == TEXT


@pytest.mark.parametrize("text", ["", "<!-- budgets: begin -->", "<!-- budgets: end --><!-- budgets: begin -->"])
def test_without_its_markers_a_table_is_not_written(text: str) -> None:
    with pytest.raises(ContractError, match="must hold the lines <!-- budgets"):
        contract_table.with_tables(text, [])


def test_every_anchor_of_the_registry_is_a_heading() -> None:
    anchors = {made.id: made.anchor.url for made in all_requirements() if made.anchor.url.startswith("CONTRACT.md")}
    assert anchors
    assert {id_: url for id_, url in anchors.items() if url.removeprefix("CONTRACT.md#") not in slugs(TEXT)} == {}


def test_every_link_in_the_text_is_a_heading_or_a_file() -> None:
    targets = set(re.findall(r"\]\(([^)]+)\)", TEXT))
    for target in targets:
        if target.startswith("#"):
            assert target.removeprefix("#") in slugs(TEXT)
        elif not target.startswith("https://"):
            assert (contract_table.CONTRACT_FILE.parent / target).is_file()
    assert len(slugs(TEXT)) == len(set(slugs(TEXT)))


def test_the_numbers_of_scripts_are_those_of_the_schemas() -> None:
    schemas = DOCUMENT.root["components"]["schemas"]
    parameters = DOCUMENT.root["components"]["parameters"]
    described = {
        "after_ms": schemas["AfterMs"],
        "size": schemas["Size"],
        "retry": schemas["EventItem"]["properties"]["retry"],
        "repeat": schemas["Repeat"],
        "keepalive_ms": schemas["KeepaliveMs"],
        "cleanup_ms": schemas["CleanupMs"],
        "wait_ms": parameters["wait_ms"]["schema"],
        "items of a release": schemas["Release"]["properties"]["items"],
    }
    assert rows("Scripts", "number") == {name: limits(schema) for name, schema in described.items()}


def test_the_query_of_the_demos_is_that_of_the_schemas() -> None:
    for name, (of, *cells) in rows("Resources", "parameter").items():
        assert {"/stream": name in DOCUMENT.query("/stream"), "/sse": name in DOCUMENT.query("/sse")} == {
            "/stream": of == "both",
            "/sse": True,
        }
        if name != "token":
            schema = DOCUMENT.query("/sse")[name]
            assert cells == [*limits(schema), str(cast("int", schema["default"]))]
    assert set(rows("Resources", "parameter")) == set(DOCUMENT.query("/sse"))


def test_the_members_of_scripts_and_answers_are_those_of_the_schemas() -> None:
    schemas = DOCUMENT.root["components"]["schemas"]
    assert set(rows("Scripts", "member")) == set(schemas["TextScript"]["properties"])
    assert set(schemas["EventScript"]["properties"]) == set(schemas["TextScript"]["properties"])
    assert set(rows("Resources", "member")) == set(schemas["Description"]["properties"])
    assert set(rows("Problems", "member")) == set(schemas["Problem"]["properties"])
    assert set(rows("Ledger", "member")) == set(schemas["State"]["properties"])
    totals = section("Ledger").partition("`GET /streams`:")[2]
    assert set(re.findall(r"^\| `(\w+)` \|", totals, re.MULTILINE)) == set(schemas["Totals"]["properties"])


def test_the_resources_are_those_of_the_description() -> None:
    described = {f"{method.upper()} {path}" for method, path, _ in DOCUMENT.operations() if method != "head"}
    assert set(rows("Resources", "request")) == described


def test_the_statuses_are_those_of_the_description() -> None:
    described = {status for *_, operation in DOCUMENT.operations() for status in operation["responses"]}
    assert set(rows("Status", "status")) == described


def test_the_reasons_are_those_of_the_schema() -> None:
    schema = cast("dict[str, list[str]]", DOCUMENT.root["components"]["schemas"]["Reason"])
    assert set(rows("Endings", "reason")) == set(schema["enum"])


def test_the_limits_are_those_of_the_schema() -> None:
    described = cast(
        "dict[str, dict[str, int]]",
        DOCUMENT.root["components"]["schemas"]["Description"]["properties"]["limits"]["properties"],
    )
    variables = rows("Limits", "variable")
    for name, schema in described.items():
        low, _, default, _ = variables.pop(f"STREAMSPEC_{name.upper()}")
        assert (int(low), int(default)) == (schema["minimum"], schema["default"])
    assert set(variables) == {"STREAMSPEC_CORS_ORIGINS"}


def test_the_capabilities_are_those_of_the_suite() -> None:
    assert set(rows("Capabilities", "capability")) == set(Capability)


def test_every_budget_is_told() -> None:
    budgets = [name for name in vars(contract) if "_BUDGET" in name]
    assert len(budgets) + len(["PROMPT_S"]) == len(contract_table.BUDGETS)


def test_the_demo_is_the_constants() -> None:
    assert f"{contract.DEMO_COUNT} items, {contract.DEMO_INTERVAL_MS} ms apart" in section("Resources")
    assert f"`: {contract.KEEPALIVE_COMMENT}`" in section("Keep-alive")
    assert f"has type `{contract.TERMINAL_EVENT}`" in section("Endings")
    assert f'| `contract` | `"{contract.VERSION}"` |' in section("Resources")


def test_the_json_of_the_text_holds_to_the_schemas(tmp_path: Path) -> None:
    script, release, problem = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL))
    assert DOCUMENT.script_errors("/stream", script) == []
    assert DOCUMENT.script_errors("/streams/x/release", release) == []
    assert DOCUMENT.errors(DOCUMENT.root["components"]["schemas"]["ProblemOfParameter"], problem) == []
    (described,) = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    (tmp_path / "impl.toml").write_text(described, encoding="utf-8")
    assert read_implementation(tmp_path / "impl.toml").name == tomllib.loads(described)["name"]
