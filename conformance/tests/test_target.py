"""Targets: what their names stand for, what is wrong with an impl.toml, how a process starts and ends."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.fake_targets import fake_server, write_implementation

from streamspec import target, target_names
from streamspec.contract import Capability
from streamspec.implementation import Implementation, TargetError, control_implementation, read_implementation
from streamspec.process import Process, ProcessError
from streamspec.session import choose
from streamspec.target import NotTheContract, running
from streamspec.target_names import foreign, implementations, resolve

if TYPE_CHECKING:
    from collections.abc import Sequence

HEAD = 'name = "x"\ncommand = ["true"]\n'
TWO_SERVERS = f'{HEAD}servers = ["a", "b"]\n'
URL_LINE = re.compile(r"^(http://\S+)$")


def deviation(reason: str = "it cannot", link: str = "https://x.example/1", servers: Sequence[str] = ()) -> str:
    """An entry of an impl.toml."""
    row = f"[[deviations]]\nrequirement = 'head-status'\nreason = '{reason}'\nlink = '{link}'\n"
    return f"{row}servers = {list(servers)}\n" if servers else row


# Names


def test_a_name_a_folder_and_a_file_stand_for_an_implementation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "impls" / "mine"
    folder.mkdir(parents=True)
    path = write_implementation(folder, "python", "-c", "pass", more='env = { A = "b" }\ncapabilities = ["gate"]')
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    assert implementations() == {"mine": path}
    for spec in ("mine", str(folder), str(path)):
        found = resolve(spec)
        assert isinstance(found, Implementation)
        assert (found.name, found.cwd, dict(found.env)) == ("fake", folder, {"A": "b"})
        assert found.command == (sys.executable, "-c", "pass")
        assert found.capabilities == {Capability.GATE}


def test_a_server_that_is_not_listed_for_http2_is_not_asked_over_it() -> None:
    served = resolve("starlette")
    assert isinstance(served, Implementation)
    with pytest.raises(TargetError, match=r"starlette: has HTTP/2 under hypercorn and granian, .* not under uvicorn; "):
        running(served, http2=True).__enter__()
    assert all(served.with_server(server).without_http2() is None for server in served.http2)


def test_arguments_are_added_to_the_command(tmp_path: Path) -> None:
    found = read_implementation(write_implementation(tmp_path, "run", "--port", "0"))
    assert found.with_arguments("--port", "1").command == ("run", "--port", "0", "--port", "1")


def test_the_implementations_of_this_checkout_are_found_from_within() -> None:
    root = Path(__file__).parents[2]
    assert {"starlette", "fastapi", "aiohttp", "quart"} <= set(implementations(root))
    assert {"litestar", "node-http"} <= set(foreign(root))


def test_what_runs_from_a_checkout_finds_its_implementations_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "impls" / "theirs"
    folder.mkdir(parents=True)
    path = write_implementation(folder, "true")
    monkeypatch.setattr(target_names, "CHECKOUT", tmp_path)
    monkeypatch.chdir("/")
    assert implementations() == {"theirs": path}
    found = resolve("theirs")
    assert isinstance(found, Implementation)
    assert found.source == path


def test_where_there_are_no_implementations_targets_are_to_be_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(target_names, "CHECKOUT", tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TargetError, match=r"no impls/\*/impl\.toml here or above: name the targets"):
        choose([])


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("nosuch", "no target 'nosuch': give .*a base URL .* or the path of an impl.toml"),
        ("nosuch/impl.toml", "nosuch/impl.toml: cannot be read: No such file or directory"),
        ("ftp://127.0.0.1", "ftp://127.0.0.1: .*starts with http:// or https://"),
        ("ftp://127.0.0.1", "give a base URL that starts with http://"),
        ("http://", "names a host"),
        ("http://127.0.0.1:70000", "Port out of range"),
        ("http://[::1", "Invalid IPv6 URL"),
    ],
)
def test_what_stands_for_nothing_is_refused(spec: str, said: str) -> None:
    with pytest.raises(TargetError, match=said):
        resolve(spec)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "name"),
        ('name = "x"', "command"),
        ('name = ""\ncommand = ["true"]', "name"),
        ('name = "x"\ncommand = "true"', r"command"),
        ('name = "x"\ncommand = []', r"command"),
        (HEAD + "colour = 1", "colour"),
        (HEAD + 'capabilities = ["flight"]', "`capabilities` names 'flight', which is none: gate, status, script"),
        (HEAD + "[[deviations]]\nrequirement = 'head-status'", "reason.*deviations"),
        (HEAD + deviation(reason=" "), "'head-status' has no `reason`"),
        (HEAD + deviation(link="see the wiki"), "'head-status' has the `link` 'see the wiki': give the http"),
        (HEAD + deviation(link="https:"), "has the `link` 'https:'"),
        (HEAD + deviation(servers=["a"]), "names the server 'a', `servers` does not"),
        (HEAD + deviation() + deviation(reason="other"), "'head-status' is listed twice"),
        (TWO_SERVERS + deviation() + deviation(servers=["a"]), "'head-status' is listed twice"),
        (TWO_SERVERS + deviation(servers=["a", "b"]) + deviation(servers=["b"]), "'head-status' is listed twice"),
        (HEAD + 'ready = "("', "`ready` is not a regular expression"),
        (HEAD + 'ready = "http://"', "`ready` must have a group that is the base URL"),
        (HEAD + "ready_within_s = 0", "ready_within_s"),
        (HEAD + 'cwd = "nowhere"', "`cwd` is no folder: 'nowhere'"),
        ("name = ", "is not TOML"),
    ],
)
def test_an_impl_toml_that_is_wrong_is_told_by_file_and_key(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "impl.toml"
    path.write_text(text)
    with pytest.raises(TargetError, match=f"^{re.escape(str(path))}: .*{said}"):
        read_implementation(path)


def test_a_requirement_may_be_a_deviation_under_each_server_for_its_own_reason(tmp_path: Path) -> None:
    path = tmp_path / "impl.toml"
    path.write_text(TWO_SERVERS + deviation(servers=["a"]) + deviation(reason="nor can it", servers=["b"]))
    assert [row.servers for row in read_implementation(path).deviations] == [("a",), ("b",)]


def test_an_impl_toml_that_is_no_text_is_told(tmp_path: Path) -> None:
    path = tmp_path / "impl.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(TargetError, match=r"impl\.toml: "):
        read_implementation(path)


# What answers there


def test_a_running_implementation_is_described(tmp_path: Path) -> None:
    with fake_server() as server, running(f"{server.url}/") as found:
        assert (found.host, found.port, found.prefix) == ("127.0.0.1", server.server_port, "")
        assert found.capabilities == {Capability.GATE}
        assert found.describe["implementation"] == "fake"
        assert (found.process, found.log_size(), found.log_since(0)) == (None, 0, "")
    with running(read_implementation(write_implementation(tmp_path, name="n"))) as found:
        assert (found.name, found.process is not None) == ("n", True)


@pytest.mark.parametrize(
    "description",
    [b"", b"<html>", b"[]", b"{}", {"contract": 1}, {"contract": "1", "capabilities": 1}],
    ids=str,
)
def test_what_is_no_implementation_is_told_what_to_do(description: object) -> None:
    with (
        fake_server(description) as server,
        pytest.raises(NotTheContract, match=r"GET / answered 200 .*CONTRACT\.md.*`streamspec lint URL`"),
        running(server.url),
    ):
        pass


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", "HTTP/1.x, where HTTP/2 was asked for"),
        (b"", "the connection or the stream ended"),
    ],
    ids=["HTTP/1.1", "nothing"],
)
def test_who_is_asked_over_http2_and_does_not_speak_it_is_told_what_came_instead(answer: bytes, said: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer_once() -> None:
            sock, _ = listener.accept()
            with sock:
                sock.recv(65536)
                sock.sendall(answer)

        thread = threading.Thread(target=answer_once)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with (
            pytest.raises(NotTheContract, match=f"begun with prior knowledge .*: {re.escape(said)}; leave --http2 out"),
            running(url, http2=True),
        ):
            pass
        thread.join()


def test_where_nothing_listens_the_server_is_to_be_started() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        with pytest.raises(TargetError, match="Connection refused; start the server"), running(url):
            pass


def test_a_capability_that_the_contract_does_not_know_is_named() -> None:
    with (
        fake_server({"contract": "1", "capabilities": ["gate", "flight"]}) as server,
        pytest.raises(TargetError, match=r"declares the capability 'flight', which is none: gate, status"),
        running(server.url),
    ):
        pass


def test_what_answers_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target, "DESCRIBE_WITHIN_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(NotTheContract, match=r"GET / got no HTTP answer within 0\.3 s"), running(url):
            pass


def test_what_speaks_no_http_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"

        def speak() -> None:
            accepted, _ = listener.accept()
            with accepted:
                accepted.sendall(b"SSH-2.0-x\r\n\r\n")

        thread = threading.Thread(target=speak, daemon=True)
        thread.start()
        with pytest.raises(NotTheContract, match=r"GET / (got no HTTP answer|answered)"), running(url):
            pass
        thread.join(5)


# Processes


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def started(code: str, tmp_path: Path) -> Process:
    return Process(python(code), cwd=tmp_path, env={}, name="p")


@pytest.mark.parametrize(
    ("code", "within_s", "said"),
    [
        (
            "import sys; sys.exit('boom')",
            10,
            "ended with exit status 1 before it announced its URL; its last words: boom",
        ),
        ("import os; os.kill(os.getpid(), 9)", 10, "ended by SIGKILL before it announced its URL$"),
        (
            "import time; print('hello', flush=True); time.sleep(60)",
            1,
            "no URL within 1 s; it printed 'hello': it must",
        ),
        ("import os, time; os.close(1); time.sleep(60)", 10, "closed its standard output before it announced"),
    ],
)
def test_a_command_that_becomes_no_server_is_told_how(tmp_path: Path, code: str, within_s: float, said: str) -> None:
    with started(code, tmp_path) as process, pytest.raises(ProcessError, match=f"^p: .*{said}"):
        process.wait_url(URL_LINE, within_s)
    assert process.exit_code is not None


def test_a_first_line_that_is_no_url_is_told_at_once(tmp_path: Path) -> None:
    path = write_implementation(
        tmp_path, *python("import time; print('Serving on port 80', flush=True); time.sleep(60)"), name="p"
    )
    began_s = time.monotonic()
    with (
        pytest.raises(ProcessError, match=r"^p: .* printed 'Serving on port 80' first, which is no URL: .*`ready`"),
        running(read_implementation(path)),
    ):
        pass
    assert time.monotonic() - began_s < 10


@pytest.mark.parametrize("command", ["nosuch-command", "false"])
def test_what_does_not_start_tells_what_it_needs(tmp_path: Path, command: str) -> None:
    path = write_implementation(tmp_path, command, more="needs = 'Node.js 20'")
    with pytest.raises(ProcessError, match=r"; it needs Node\.js 20$"), running(read_implementation(path)):
        pass


def test_a_command_that_cannot_be_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(ProcessError, match="cannot be run: No such file or directory"):
        Process([str(tmp_path / "nosuch")], cwd=tmp_path, env={}, name="p")


def test_the_time_for_the_url_line_is_the_implementations(tmp_path: Path) -> None:
    path = write_implementation(tmp_path, *python("import time; time.sleep(60)"), more="ready_within_s = 0.2")
    began_s = time.monotonic()
    with pytest.raises(ProcessError, match=r"no URL within 0\.2 s"), running(read_implementation(path)):
        pass
    assert time.monotonic() - began_s < 5


def test_ready_finds_the_url_in_any_line(tmp_path: Path) -> None:
    code = "print('starting'); print('listening on http://127.0.0.1:1 now', flush=True); import time; time.sleep(60)"
    with started(code, tmp_path) as process:
        assert process.wait_url(re.compile(r"listening on (http://\S+)"), 10) == "http://127.0.0.1:1"


STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(f"http://{child.pid}", flush=True)
time.sleep(600)
"""


def test_a_process_that_ignores_sigterm_ends_with_its_children(tmp_path: Path) -> None:
    process = started(STUBBORN, tmp_path)
    child = int(process.wait_url(URL_LINE, 10).removeprefix("http://"))
    process.stop(within_s=0.2)
    assert process.exit_code == -signal.SIGKILL
    deadline_s = time.monotonic() + 5
    while Path(f"/proc/{child}").exists() and "Z" not in Path(f"/proc/{child}/stat").read_text().split()[2]:
        assert time.monotonic() < deadline_s, "a child outlived its server"


def test_a_run_that_breaks_off_does_not_wait_for_a_slow_server(tmp_path: Path) -> None:
    began_s = time.monotonic()
    process = started(STUBBORN, tmp_path)
    process.wait_url(URL_LINE, 10)
    with pytest.raises(KeyboardInterrupt), process:
        raise KeyboardInterrupt
    assert process.exit_code == -signal.SIGKILL
    assert time.monotonic() - began_s < 5


LAUNCHED_BY_A_THREAD = """
import pathlib, re, sys, threading
from streamspec.process import Process
ready = threading.Event()
def serve():
    command = [sys.executable, "-c", "import os, time; print(f'http://{os.getpid()}', flush=True); time.sleep(600)"]
    with Process(command, cwd=pathlib.Path(), env={}, name="p") as process:
        print(process.wait_url(re.compile("http://(.*)"), 10), flush=True)
        ready.set()
        threading.Event().wait()
threading.Thread(target=serve, daemon=True).start()
ready.wait()
raise KeyboardInterrupt
"""


def test_what_another_thread_launched_ends_with_the_run(tmp_path: Path) -> None:
    ran = subprocess.run(python(LAUNCHED_BY_A_THREAD), cwd=tmp_path, capture_output=True, timeout=20, check=False)
    assert b"KeyboardInterrupt" in ran.stderr
    with pytest.raises(ProcessLookupError):
        os.kill(int(ran.stdout), 0)


def test_the_beginning_of_a_log_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamspec.process.LOG_BYTES", 10)
    code = "import os, sys; os.write(2, b'first' + b'x' * 100_000); print('http://x', flush=True)"
    with started(code, tmp_path) as process:
        process.wait_url(URL_LINE, 10)
        assert process.wait_exit(10)
    assert process.log_since(0) == "firstxxxxx"
    assert process.log_since(5) == "xxxxx"


def test_the_environment_is_added_to_ours(tmp_path: Path) -> None:
    code = "import os; print('http://' + os.environ['A'] + ('' if 'PATH' in os.environ else '!'), flush=True)"
    with Process(python(code), cwd=tmp_path, env={"A": "b"}, name="p") as process:
        assert process.wait_url(URL_LINE, 10) == "http://b"


def test_the_control_server_is_an_implementation(tmp_path: Path) -> None:
    with running(control_implementation(), {"STREAMSPEC_MAX_STREAMS": "7"}) as found:
        assert found.name == "control"
        limits = found.describe["limits"]
        assert isinstance(limits, dict)
        assert limits["max_streams"] == 7
        assert found.process is not None
        pid = found.process.pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert tmp_path.exists()
