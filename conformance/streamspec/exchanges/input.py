"""Stimuli for input: bad requests, each on a connection of its own, and what became of the streams that they named."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamspec.contract import Capability
from streamspec.exchanges.asked import JSON_TYPE, KINDS, TOKEN, Asked, Fault
from streamspec.exchanges.bad_requests import EMPTY, MAX_BODY_BYTES, PLAIN, REQUESTS, requests
from streamspec.requirement import exchange
from streamspec_client.trace import Ending

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from streamspec.exchanges.recorder import Recorder
    from streamspec_client.probe import Connection
    from streamspec_client.trace import Response

AT_ONCE = 16
"""Connections that are open at the same time: a server with a thread for each may have few."""

LONGEST_TOKEN = 64


def _is_told(response: Response) -> bool:
    """Whether a response is there as far as it is judged: of what succeeds, the header section."""
    return response.status < 400 or response.ending is not Ending.OPEN


def declared(recorder: Recorder, wanted: Iterable[Asked]) -> list[Asked]:
    """Those of the requests that are about what the target declares."""
    return [asked for asked in wanted if asked.needs <= recorder.target.capabilities]


def _ask(recorder: Recorder, asked: Asked, token: str) -> Connection:
    connection = recorder.connect(asked.name)
    sent = asked.sent_with(token)
    media_type = [("Content-Type", sent.media_type)] if sent.body is not None and sent.media_type else []
    connection.request(sent.method, recorder.target.prefix + sent.path, [*media_type, *sent.fields], sent.body)
    return connection


def ask_all(recorder: Recorder, wanted: Sequence[tuple[Asked, str]]) -> None:
    """Send each, with its token. Once an answer has not come in time, look only at what is there.

    Streams and refusals each on their own: a server that keeps a stream's header section back may refuse in time.
    """
    within_s = dict.fromkeys((True, False), recorder.prompt_s)
    for start in range(0, len(wanted), AT_ONCE):
        several = [
            (asked.starts_stream, _ask(recorder, asked, token)) for asked, token in wanted[start : start + AT_ONCE]
        ]
        for starts_stream, connection in several:
            if not connection.wait_for(_is_told, within_s[starts_stream]) and not connection.closed:
                within_s[starts_stream] = 0.0
            connection.close()


@exchange()
def refused_requests(recorder: Recorder) -> None:
    """Requests with a fault each, and such at the ends of what is allowed; of scripts only where they are declared."""
    known, longest = recorder.token(), recorder.token().ljust(LONGEST_TOKEN, "_")
    recorder.get(f"/stream?count=0&token={known}", name="known").wait_complete(1, recorder.prompt_s)
    wanted = declared(recorder, [*PLAIN, *REQUESTS])
    ask_all(recorder, [(asked, longest if asked.fault is Fault.TOKEN else known) for asked in wanted])


@exchange(Capability.SCRIPT)
def refused_bodies(recorder: Recorder) -> None:
    """Posts whose body is not JSON, is not said to be, or lacks what a script must have."""
    wanted = [*PLAIN, *requests((Fault.JSON, Fault.MEDIA_TYPE, Fault.MEMBERS))]
    ask_all(recorder, [(asked, "") for asked in wanted if asked.is_of_a_stream])


def _with_tokens() -> list[Asked]:
    """One request of each fault, method and resource that can have a token of its own."""
    first: dict[tuple[Fault, str, str], Asked] = {}
    for asked in requests((Fault.RANGE, Fault.TYPE, Fault.UNKNOWN, Fault.MEMBERS, Fault.MEDIA_TYPE)):
        if asked.is_of_a_stream and asked.status >= 400:
            first.setdefault((asked.fault, asked.method, asked.resource), asked)
    return [asked.with_token() for asked in first.values()]


WITH_TOKENS = _with_tokens()


@exchange(Capability.STATUS)
def refused_streams(recorder: Recorder) -> None:
    """Bad requests for streams, each with a token of its own; then the state of each token."""
    tokens = [(asked, recorder.token()) for asked in declared(recorder, WITH_TOKENS)]
    ask_all(recorder, tokens)
    for asked, token in tokens:
        recorder.state(token, name=f"state {asked.name}")


ALLOWED, CHUNKED = "of the size allowed", "a byte longer, in chunks"
LARGE = {ALLOWED: MAX_BODY_BYTES, "a byte longer": MAX_BODY_BYTES + 1, "four times as long": 4 * MAX_BODY_BYTES}
"""The sizes of bodies by the name of their conversation."""

REQUEST_CHUNK_BYTES = 65_536


def _in_chunks(body: bytes) -> bytes:
    parts = [body[at : at + REQUEST_CHUNK_BYTES] for at in range(0, len(body), REQUEST_CHUNK_BYTES)]
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


@exchange(Capability.SCRIPT)
def large_bodies(recorder: Recorder) -> None:
    """An empty script padded with white space: to the size allowed and beyond it, with its length and in chunks."""
    fields = [("Content-Type", JSON_TYPE)]
    bodies = {name: (fields, EMPTY.ljust(size)) for name, size in LARGE.items()}
    if not recorder.target.http2:
        longer = _in_chunks(EMPTY.ljust(MAX_BODY_BYTES + 1))
        bodies[CHUNKED] = ([*fields, ("Transfer-Encoding", "chunked")], longer)
    for name, (fields, body) in bodies.items():
        stream = recorder.connect(name)
        stream.request("POST", f"{recorder.target.prefix}/stream", fields, body)
        if not stream.wait_complete(1, recorder.prompt_s) and not stream.closed:
            return


KNOWN_STREAMS = {"completed": "count=0", "open": "count=2&interval_ms=60000"}
"""Queries of the streams whose tokens are asked for again, by the name of their conversation."""


@exchange()
def known_tokens(recorder: Recorder) -> None:
    """Tokens of a completed and of an open stream, asked for again by each resource and method that takes one."""
    for name, query in KNOWN_STREAMS.items():
        token = recorder.token()
        recorder.get(f"/stream?{query}&token={token}", name=name).wait_for(_is_told, recorder.prompt_s)
        for path in KINDS:
            again = recorder.get(f"{path}?count=0&token={token}", name=f"{name} GET {path}")
            again.wait_complete(1, recorder.prompt_s)
            if Capability.SCRIPT in recorder.target.capabilities:
                again = recorder.post(path, [], token=token, name=f"{name} POST {path}")
                again.wait_complete(1, recorder.prompt_s)


NO_PATHS = ("/nothing", "/stream/", "/Stream", "/sse/1", "/stream.html", "/streams/")
"""Paths of which frameworks are fond to make a resource: without the last slash, in lower case, without the suffix."""


UNKNOWN = tuple(
    Asked(Fault.PATH, 404, method, path, (), body)
    for method, path, body in (
        *(("GET", path, None) for path in NO_PATHS),
        ("GET", f"/streams/no-{TOKEN}", None),
        ("GET", f"/streams/no-{TOKEN}?wait_ms=50", None),
        ("POST", f"/streams/no-{TOKEN}/release", b'{"items": 1}'),
    )
)


@exchange()
def unknown_paths(recorder: Recorder) -> None:
    """Paths that are no resource, and resources of a token that nobody has."""
    token = recorder.token()
    ask_all(recorder, [(asked, token) for asked in declared(recorder, [PLAIN[0], *UNKNOWN])])
