"""Says whether one framework, and no other of the four, is installed: `python framework_alone.py quart`.

A script, not a test: each framework's tox environment starts with it, to look at itself.
"""

import sys
from collections.abc import Collection
from importlib.metadata import distributions

FRAMEWORKS = frozenset({"fastapi", "starlette", "aiohttp", "quart"})
BUILT_ON = {"fastapi": {"starlette"}}


def findings(framework: str, installed: Collection[str]) -> list[str]:
    """What contradicts "this framework alone", as sentences; distribution names are lower case."""
    allowed = {framework} | BUILT_ON.get(framework, set())
    strangers = sorted((FRAMEWORKS & set(installed)) - allowed)
    missing = sorted(allowed - set(installed))
    return [f"{name} is installed beside {framework}" for name in strangers] + [
        f"{name} is not installed" for name in missing
    ]


def main() -> int:
    """0 where the framework stands alone, 1 with sentences on stderr where not, 2 for an unknown name."""
    framework = "".join(sys.argv[1:])
    if framework not in FRAMEWORKS:
        print(f"one of {', '.join(sorted(FRAMEWORKS))} is needed, not {framework!r}", file=sys.stderr)
        return 2
    found = findings(framework, {distribution.name.lower() for distribution in distributions()})
    for sentence in found:
        print(f"{sentence}: see `pip list` of this environment, and the extras in pyproject.toml", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
