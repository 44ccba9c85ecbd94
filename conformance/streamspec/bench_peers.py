"""The event stream decoders that ours is measured against: each drains a stream given in pieces, nothing around it.

A peer is driven by the least that leads to its decoder: where it wants a response, it gets one made in memory. One that
is not installed, or that a release has changed too much to drive, is named with the reason, never skipped in silence.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections import deque
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TextIO, cast

from streamspec_client.event_stream import EventStreamDecoder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

NODE_SCRIPT = Path(__file__).with_suffix(".cjs")


@dataclass(frozen=True, slots=True)
class Stream:
    """One event over and over, in pieces of `piece_bytes`."""

    event: bytes
    events: int
    piece_bytes: int

    @property
    def total_bytes(self) -> int:
        """The length of the whole stream."""
        return len(self.event) * self.events

    def pieces(self) -> list[bytes]:
        """The stream as it would be read from a connection."""
        whole = self.event * self.events
        return [whole[start : start + self.piece_bytes] for start in range(0, len(whole), self.piece_bytes)]


class Decoder(Protocol):
    """Something that decodes a stream, and how long it takes."""

    @property
    def name(self) -> str:
        """Its name and version."""

    def count(self, stream: Stream) -> int:
        """The number of events that it finds."""

    def cpu_s(self, stream: Stream) -> float:
        """The CPU time of its process for one pass."""


@dataclass(frozen=True, slots=True)
class PythonDecoder:
    """A decoder in this process: `events` makes an iterator over all events of the pieces."""

    name: str
    events: Callable[[Iterable[bytes]], Iterable[object]]

    def count(self, stream: Stream) -> int:
        """The number of events that it finds."""
        return sum(1 for _ in self.events(stream.pieces()))

    def cpu_s(self, stream: Stream) -> float:
        """The CPU time for one pass; events are drained in C, so that the loop around them costs next to nothing."""
        pieces = stream.pieces()
        start = time.process_time()
        deque(self.events(pieces), maxlen=0)
        return time.process_time() - start


@dataclass(frozen=True, slots=True)
class NodeDecoder:
    """A decoder in a Node process that stays up: one JSON line asks, one answers."""

    name: str
    package: str
    questions: TextIO
    answers: TextIO

    def count(self, stream: Stream) -> int:
        """The number of events that it finds."""
        return int(self._ask(stream)["events"])

    def cpu_s(self, stream: Stream) -> float:
        """The CPU time of the Node process, compiler and collector threads included, for one pass."""
        return self._ask(stream)["cpu_s"]

    def _ask(self, stream: Stream) -> dict[str, float]:
        question = {
            "package": self.package,
            "event": stream.event.decode("latin-1"),
            "events": stream.events,
            "piece_bytes": stream.piece_bytes,
        }
        self.questions.write(json.dumps(question) + "\n")
        self.questions.flush()
        answer: dict[str, float] = json.loads(self.answers.readline())
        return answer


@contextmanager
def installed_decoders(node_modules: Path) -> Iterator[tuple[list[Decoder], list[str]]]:
    """Give ours and each peer that can be driven here, then the names of the others, each with its reason."""
    decoders: list[Decoder] = [PythonDecoder("streamspec", _ours)]
    missing: list[str] = []
    with ExitStack() as stack:
        for package in (*_PYTHON_PEERS, *_NODE_PEERS):
            try:
                if package in _PYTHON_PEERS:
                    peer: Decoder = PythonDecoder(f"{package} {version(package)}", _PYTHON_PEERS[package])
                else:
                    peer = stack.enter_context(_node_decoder(package, node_modules))
                found = peer.count(_TRIAL)
            except (PackageNotFoundError, FileNotFoundError):
                missing.append(f"{package} (not installed)")
            except (ImportError, AttributeError, TypeError, OSError, ValueError) as error:
                missing.append(f"{package} ({type(error).__name__}: {error})")
            else:
                if found == _TRIAL.events:
                    decoders.append(peer)
                else:
                    missing.append(f"{package} (finds {found} events where there are {_TRIAL.events})")
        yield decoders, missing


@contextmanager
def _node_decoder(package: str, node_modules: Path) -> Iterator[NodeDecoder]:
    manifest = json.loads((node_modules / package / "package.json").read_text())
    node = shutil.which("node")
    if node is None:
        raise FileNotFoundError("node")
    command = [node, str(NODE_SCRIPT), str(node_modules.resolve())]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        questions, answers = cast("TextIO", process.stdin), cast("TextIO", process.stdout)
        yield NodeDecoder(f"{package} {manifest['version']}", package, questions, answers)


def _ours(pieces: Iterable[bytes]) -> Iterable[object]:
    return chain.from_iterable(map(EventStreamDecoder().feed, pieces))


def _httpx_sse(pieces: Iterable[bytes]) -> Iterable[object]:
    response = import_module("httpx").Response(200, headers=_EVENT_STREAM, content=iter(pieces))
    return _iterator(import_module("httpx_sse").EventSource(response).iter_sse())


def _httpx2(pieces: Iterable[bytes]) -> Iterable[object]:
    httpx2 = import_module("httpx2")
    request = httpx2.Request("GET", "http://127.0.0.1/")
    response = httpx2.Response(200, headers=_EVENT_STREAM, content=iter(pieces), request=request)
    return _iterator(import_module("httpx2._sse").EventSource(response))


def _openai(pieces: Iterable[bytes]) -> Iterable[object]:
    return _iterator(import_module("openai._streaming").SSEDecoder().iter_bytes(iter(pieces)))


def _anthropic(pieces: Iterable[bytes]) -> Iterable[object]:
    return _iterator(import_module("anthropic._streaming").SSEDecoder().iter_bytes(iter(pieces)))


def _sseclient_py(pieces: Iterable[bytes]) -> Iterable[object]:
    return _iterator(import_module("sseclient").SSEClient(pieces).events())


def _launchdarkly(pieces: Iterable[bytes]) -> Iterable[object]:
    reader = import_module("ld_eventsource.reader")
    lines = reader._BufferedLineReader.lines_from(pieces)
    return _iterator(reader._SSEReader(lines).events_and_comments())


def _urllib3_future(pieces: Iterable[bytes]) -> Iterable[object]:
    sse = import_module("urllib3_future.contrib.webextensions.sse")
    extension = sse.ServerSideEventExtensionFromHTTP()
    extension._response = extension
    extension._stream = iter(pieces)
    return iter(extension.next_payload, None)


def _iterator(events: Iterable[object]) -> Iterator[object]:
    return iter(events)


_EVENT_STREAM = {"content-type": "text/event-stream"}

_PYTHON_PEERS: dict[str, Callable[[Iterable[bytes]], Iterable[object]]] = {
    "httpx-sse": _httpx_sse,
    "httpx2": _httpx2,
    "openai": _openai,
    "anthropic": _anthropic,
    "sseclient-py": _sseclient_py,
    "launchdarkly-eventsource": _launchdarkly,
    "urllib3-future": _urllib3_future,
}

_NODE_PEERS = ("undici", "eventsource-parser")

_TRIAL = Stream(b"data: x\n\n", events=3, piece_bytes=5)
