"""An adapter's TOML: which client it drives, how it is run, what the client claims, how it is installed."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec

from streamspec.clients.contract import Claim
from streamspec.mistake import Mistake

OUR_FILES = Path(__file__).parent / "ours"
"""The adapters of the client that is in this package."""


class AdapterFileError(Mistake):
    """An adapter that cannot be used as it was named: mend the command or the file."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """How to run an adapter."""

    name: str
    command: tuple[str, ...]
    cwd: Path
    claims: frozenset[Claim]
    install: str
    """The command that installs what it drives."""
    spec: str
    """What names it on a command line."""


class _AdapterFile(msgspec.Struct, forbid_unknown_fields=True):
    """The keys of an adapter's TOML."""

    name: Annotated[str, msgspec.Meta(min_length=1)]
    command: Annotated[list[str], msgspec.Meta(min_length=1)]
    install: Annotated[str, msgspec.Meta(min_length=1)]
    claims: list[Claim]


def read_adapter(path: Path, spec: str) -> Adapter:
    """Read an adapter's TOML. Raises AdapterFileError that names the file, the key and what it should be."""
    try:
        read = msgspec.toml.decode(path.read_bytes(), type=_AdapterFile)
    except OSError as error:
        raise AdapterFileError(f"{path}: cannot be read: {error.strerror}") from error
    except msgspec.ValidationError as error:
        raise AdapterFileError(f"{path}: {error}; the claims there are: {', '.join(Claim)}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise AdapterFileError(f"{path}: is not TOML: {error}") from error
    command = [sys.executable if read.command[0] == "python" else read.command[0], *read.command[1:]]
    return Adapter(read.name, tuple(command), path.parent.resolve(), frozenset(read.claims), read.install, spec)


def known_adapters(root: Path | None = None) -> dict[str, Path]:
    """Ours, then those of `client/adapters/*.toml` under `root` (the working folder and its parents by default)."""
    found = sorted(OUR_FILES.glob("*.toml"))
    for start in [root] if root else [Path.cwd(), *Path.cwd().parents]:
        if beside := sorted((start / "client" / "adapters").glob("*.toml")):
            found += beside
            break
    return {path.stem: path for path in found}


def resolve(spec: str) -> Adapter:
    """The adapter of that name, or of that TOML. Raises AdapterFileError."""
    path = Path(spec)
    if path.suffix == ".toml" or path.is_file():
        return read_adapter(path, spec)
    known = known_adapters()
    if spec not in known:
        raise AdapterFileError(
            f"no client {spec!r}: give one of {', '.join(known)}, or the path of an adapter's TOML "
            "(client/adapters/README.md tells how to write one)"
        )
    return read_adapter(known[spec], spec)
