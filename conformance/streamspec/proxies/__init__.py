"""Real proxies in front of a target: a module for each with its settings, one that launches, one that tells.

Nothing here judges: requirements look at what came through a proxy as they look at what came directly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamspec.mistake import Mistake
from streamspec.proxies.caddy import CADDY
from streamspec.proxies.haproxy import HAPROXY
from streamspec.proxies.launching import Front
from streamspec.proxies.next_rewrites import NEXT
from streamspec.proxies.nginx import NGINX

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamspec.proxies.proxy import Proxy

PROXIES: tuple[Proxy, ...] = (NGINX, CADDY, HAPROXY, NEXT)


class UnknownProxy(Mistake):
    """A name that stands for no proxy: mend the command."""


def find_all(names: Iterable[str]) -> list[Front]:
    """Those of the names, each once; `all` stands for every variant of every proxy. Raises UnknownProxy."""
    found: dict[str, Front] = {}
    for name in names:
        every = [Front(proxy, variant) for proxy in PROXIES for variant in proxy.variants]
        found |= {front.name: front for front in (every if name == "all" else [find(name)])}
    return list(found.values())


def find(name: str) -> Front:
    """The proxy and variant of that name (`nginx`, `nginx:buffered`). Raises UnknownProxy that says which there are."""
    wanted, _, variant_name = name.partition(":")
    for proxy in PROXIES:
        if proxy.name == wanted:
            for variant in proxy.variants:
                if variant.name == variant_name:
                    return Front(proxy, variant)
            names = ", ".join(f"{proxy.name}:{variant.name}" for variant in proxy.variants if variant.name)
            raise UnknownProxy(f"no variant {name!r}: there are {proxy.name} (the settings that streams need), {names}")
    raise UnknownProxy(f"no proxy {name!r}: there are {', '.join(proxy.name for proxy in PROXIES)}, and `all`")
