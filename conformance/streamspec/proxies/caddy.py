"""Caddy: its configuration, and the settings that decide what becomes of a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamspec.proxies.proxy import Place, Proxy, Variant

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

VARIANTS = (
    Variant("", "What streams need: nothing but `reverse_proxy`.", True, ("reverse_proxy {origin}",)),
    Variant("flush", "`flush_interval -1`.", False, ("reverse_proxy {origin} {", "    flush_interval -1", "}")),
    Variant("gzip", "Streams are compressed.", False, ("encode gzip", "reverse_proxy {origin}")),
)


def config(place: Place, settings: Sequence[str]) -> str:
    """The Caddyfile."""
    lines = "".join(f"    {line}\n" for line in settings).replace("{origin}", place.origin)
    return f"""\
{{
    admin off
    auto_https off
    grace_period 1s
}}
http://:{place.port} {{
    bind 127.0.0.1
{lines}}}
"""


def env(folder: Path) -> Mapping[str, str]:
    """Folders of its own for what it keeps."""
    return {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}


CADDY = Proxy(
    name="caddy",
    program="caddy",
    install="apt-get install caddy",
    config_file="Caddyfile",
    config=config,
    arguments=lambda path: ("run", "--adapter", "caddyfile", "--config", str(path)),
    version_arguments=("version",),
    variants=VARIANTS,
    env=env,
)
