"""What the name of a target stands for: a base URL, an impl.toml, or a folder under `impls/`. Nothing is started."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from streamspec.implementation import Implementation, TargetError, read_implementation


def resolve(spec: str, root: Path | None = None) -> Implementation | str:
    """An Implementation to launch, or a base URL. Raises TargetError that says what a target can be."""
    if "://" in spec:
        host_and_port(spec)
        return spec
    path = Path(spec)
    if path.suffix == ".toml" or path.is_file():
        return read_implementation(path)
    if path.is_dir() and (path / "impl.toml").is_file():
        return read_implementation(path / "impl.toml")
    named = {**foreign(root), **variants(root), **implementations(root)}
    if spec in named:
        return read_implementation(named[spec])
    names = [*implementations(root), *variants(root), *foreign(root)]
    choices = f"one of {', '.join(names)}, " if names else ""
    raise TargetError(f"no target {spec!r}: give {choices}a base URL (http://…), or the path of an impl.toml")


def implementations(root: Path | None = None) -> dict[str, Path]:
    """The impl.toml files of `impls/*/` under `root`, by folder name; the working folder and its parents by default."""
    return {path.parent.name: path for path in _implementation_files("*", root)}


def variants(root: Path | None = None) -> dict[str, Path]:
    """The impl.toml files of `impls/variants/*/`, found likewise, by folder name with hyphens."""
    return {path.parent.name.replace("_", "-"): path for path in _implementation_files("variants/*", root)}


def foreign(root: Path | None = None) -> dict[str, Path]:
    """The impl.toml files of `impls/foreign/*/`, found likewise, by folder name with hyphens."""
    return {path.parent.name.replace("_", "-"): path for path in _implementation_files("foreign/*", root)}


CHECKOUT = Path(__file__).parents[2]
"""Where this package runs from a checkout: its root. Its implementations are there wherever it is started."""


def _implementation_files(folders: str, root: Path | None) -> list[Path]:
    for start in [root] if root else [Path.cwd(), *Path.cwd().parents, CHECKOUT]:
        if found := sorted((start / "impls").glob(f"{folders}/impl.toml")):
            return found
    return []


def host_and_port(url: str) -> tuple[str, int]:
    """Where a base URL leads. Raises TargetError for what is none."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise TargetError(f"{url}: {error}") from error
    if parts.scheme not in {"http", "https"} or not host:
        raise TargetError(f"{url}: give a base URL that starts with http:// or https:// and names a host")
    return host, port
