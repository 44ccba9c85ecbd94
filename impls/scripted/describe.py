"""The document at `GET /`: what is served here, by which software, within which limits."""

import platform
from dataclasses import dataclass
from importlib import metadata

from impls.scripted.limits import Limits

CONTRACT_VERSION = "1"
CAPABILITIES = ("gate", "status", "script", "resume", "keepalive", "limits", "cors", "shutdown")

# They take HTTP/2 with prior knowledge where they take HTTP/1.1; uvicorn and aiohttp do not.
HTTP2_SERVERS = frozenset({"granian", "hypercorn"})


@dataclass(frozen=True, slots=True)
class Software:
    """A distribution that is installed here; what is not installed, or has no name, has no version."""

    name: str

    @property
    def version(self) -> str:
        """The installed version, or nothing."""
        try:
            return metadata.version(self.name) if self.name else ""
        except metadata.PackageNotFoundError:
            return ""


def describe(implementation: str, framework: str, server: str, http: str, limits: Limits) -> dict[str, object]:
    """The answer of `GET /`. `framework`, `server` and `http` (the HTTP parser) are names of distributions."""
    parser = Software(http)
    return {
        "contract": CONTRACT_VERSION,
        "implementation": implementation,
        "framework": {"name": framework, "version": Software(framework).version},
        "server": {
            "name": server,
            "version": Software(server).version,
            "http": f"{parser.name} {parser.version}".strip(),
        },
        "python": platform.python_version(),
        "capabilities": [*CAPABILITIES, *(["http2"] if server in HTTP2_SERVERS else [])],
        "limits": limits.shown(),
    }
