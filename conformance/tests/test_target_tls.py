"""A target whose URL is https: the whole suite speaks TLS to it, with whom the system trusts."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from tests.raw_endpoints import CERTIFICATE

from streamspec.implementation import control_implementation
from streamspec.target import running

if TYPE_CHECKING:
    from collections.abc import Iterator

SOON_S = 30.0


class Terminator:
    """Speaks TLS to whoever comes, and passes the bytes on to a server that does not."""

    def __init__(self, port: int) -> None:
        self._behind = port
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(CERTIFICATE)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://localhost:{self._listener.getsockname()[1]}"
        self._is_over = False
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    def close(self) -> None:
        self._is_over = True
        socket.create_connection(self._listener.getsockname()).close()
        self._acceptor.join(SOON_S)
        self._listener.close()

    def _accept(self) -> None:
        while not self._is_over:
            client, _ = self._listener.accept()
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with (
            contextlib.suppress(OSError),
            client,
            socket.create_connection(("127.0.0.1", self._behind)) as server,
            self._context.wrap_socket(client, server_side=True) as tls,
        ):
            back = threading.Thread(target=_pass_on, args=(server, tls), daemon=True)
            back.start()
            _pass_on(tls, server)
            back.join(SOON_S)


def _pass_on(source: socket.socket, to: socket.socket) -> None:
    """Until one side ends; then the other side's sending ends too."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            to.sendall(data)
    with contextlib.suppress(OSError):
        socket.socket.shutdown(to, socket.SHUT_WR)


@pytest.fixture
def terminator() -> Iterator[Terminator]:
    with running(control_implementation()) as target:
        made = Terminator(target.port)
        yield made
        made.close()


def check(url: str, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "streamspec", "check", url, *arguments],
        env={**os.environ, "COLUMNS": "100", **env},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_target_behind_tls_is_checked(terminator: Terminator, tmp_path: os.PathLike[str]) -> None:
    report = ("--report", os.fspath(tmp_path), "--select", "head,chunks-causal,framing-data,disconnect-fin-idle")
    found = check(terminator.url, *report, SSL_CERT_FILE=CERTIFICATE)
    assert found.returncode == 0, found.stdout + found.stderr
    assert "conforms: " in found.stdout


def test_a_certificate_that_is_not_trusted_is_one_sentence(terminator: Terminator, tmp_path: os.PathLike[str]) -> None:
    found = check(terminator.url, "--report", os.fspath(tmp_path))
    assert found.returncode == 3
    assert "its certificate is refused (self-signed certificate)" in found.stderr
    assert "SSL_CERT_FILE" in found.stderr
