"""A request as a `curl -N` line that shows the same by hand. Bytes sent in, one line of shell out."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from streamspec.report.asked import first_request

if TYPE_CHECKING:
    from streamspec_client.trace import Conversation

BY_HAND = "http://127.0.0.1:8000"
"""Where `streamspec serve NAME` puts a server that the suite launched for itself."""

LONGEST_BODY = 600
"""Characters of a script that a person still pastes into a shell."""

GATE_MS = 500
"""What stands for a gate, which nobody opens by hand: items so far apart that buffering shows to the eye."""

_ADDED_BY_CURL = {"host", "content-length", "connection"}


def curl_line(conversation: Conversation | None, url: str | None) -> str | None:
    """The first request of a conversation, against a base URL (None: where `streamspec serve` puts it).

    Gates become delays and the token is left out, so that the line works again and again. None where a shell is no
    means to say it: raw bytes, long scripts.
    """
    asked = first_request(b"".join(part.data for part in conversation.sent)) if conversation else None
    if asked is None:
        return None
    origin = urlsplit(url or BY_HAND)
    words = ["curl", "-N", *_version(asked.version, origin.scheme)]
    if asked.method == "HEAD":
        words.append("-I")
    elif asked.method != ("POST" if asked.body else "GET"):
        words += ["-X", asked.method]
    for name, value in asked.fields:
        if name.lower() not in _ADDED_BY_CURL:
            words += ["--compressed"] if name.lower() == "accept-encoding" else ["-H", f"{name}: {value}"]
    if asked.body:
        script = _by_hand(asked.body)
        if script is None:
            return None
        words += ["-d", script]
    return shlex.join([*words, f"{origin.scheme}://{origin.netloc}{_without_token(asked.target)}"])


def _version(version: str, scheme: str) -> list[str]:
    """What makes curl speak that HTTP, where it is not its own choice."""
    if version == "2":
        return ["--http2" if scheme == "https" else "--http2-prior-knowledge"]
    return ["--http1.0"] if version == "1.0" else []


def _by_hand(body: bytes) -> str | None:
    """The script as a person would post it; None where it is no JSON object or too long."""
    try:
        script = json.loads(body)
    except ValueError:
        return None
    if not isinstance(script, dict):
        return None
    script.pop("token", None)
    items = script.get("items")
    for item in items if isinstance(items, list) else []:
        if isinstance(item, dict) and item.pop("gate", False):
            item.setdefault("after_ms", GATE_MS)
    text = json.dumps(script)
    return text if len(text) <= LONGEST_BODY else None


def _without_token(target: str) -> str:
    path, _, query = target.partition("?")
    kept = "&".join(part for part in query.split("&") if part and not part.startswith("token="))
    return f"{path}?{kept}" if kept else path
