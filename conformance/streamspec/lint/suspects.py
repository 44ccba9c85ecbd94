"""Who held a body back: what the fields, the coding and the times of a response point to, in one sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamspec_client.trace import Framing

if TYPE_CHECKING:
    from streamspec.lint.content import Content
    from streamspec.lint.look import Look
    from streamspec_client.trace import Response

TOGETHER_S = 0.05
"""Head and body that come within this time came together."""

PROXIES = {
    "nginx": "nginx: `proxy_buffering off`, or X-Accel-Buffering: no from the origin",
    "openresty": "openresty: `proxy_buffering off`, or X-Accel-Buffering: no from the origin",
    "varnish": "Varnish: `set beresp.do_stream = true`",
    "cloudflare": "Cloudflare, which buffers what it transforms: Cache-Control: no-transform",
    "cloudfront": "CloudFront",
    "apache": "Apache: `flushpackets=on` in ProxyPass, no mod_deflate for this media type",
    "caddy": "Caddy: `flush_interval -1` in reverse_proxy",
    "envoy": "Envoy, if a buffer filter or a compressor is in its route",
    "haproxy": "HAProxy: `option http-no-delay`",
    "squid": "Squid",
    "akamai": "Akamai",
    "fastly": "Fastly",
    "next.js": "Next.js, which compresses rewrites: Cache-Control: no-transform",
}
"""What names itself in a field, and what is to be done about it there."""

_NAMING_FIELDS = (
    "server",
    "via",
    "x-powered-by",
    "x-cache",
    "x-served-by",
    "cf-cache-status",
    "x-varnish",
    "x-amz-cf-id",
)
_BY_FIELD = {"cf-cache-status": "cloudflare", "x-varnish": "varnish", "x-amz-cf-id": "cloudfront"}


def in_between(response: Response) -> list[str]:
    """The names in PROXIES of what says in the fields that it is there."""
    said = " ".join(filter(None, (response.value(name) for name in _NAMING_FIELDS))).lower()
    by_field = {name for field, name in _BY_FIELD.items() if response.values(field)}
    return [name for name in PROXIES if name in said or name in by_field]


def who_held_back(look: Look, response: Response, content: Content) -> str:
    """What held the body back, as far as the response tells."""
    told = []
    if content.coding:
        told.append(
            f"Content-Encoding: {content.coding}, and a compressor that is not flushed holds back what it is given "
            "(Cache-Control: no-transform keeps those off that heed it; else except this media type)"
        )
    if response.framing is Framing.CONTENT_LENGTH:
        told.append("the Content-Length says that all of it was there before it was sent")
    named = in_between(response)
    told += [PROXIES[name] for name in named]
    if not told:
        whole_with_head = content.pieces and content.pieces_s[-1] - response.head_at_s <= TOGETHER_S
        told.append(
            "head and body came together, as from a handler, middleware or proxy that collects the whole body"
            if whole_with_head
            else "the head came before what was held back, as from a compressor or a buffer that is not flushed"
        )
    server = response.value("server")
    if server and not any(name in server.lower() for name in named):
        told.append(f"Server: {server}")
    if response.values("via"):
        told.append(f"Via: {response.value('via')}")
    if look.request.version == "1.0":
        told.append("over HTTP/1.0")
    return "; ".join(told)
