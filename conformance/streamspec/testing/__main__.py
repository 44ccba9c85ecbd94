"""`python -m streamspec.testing package.module:app`: serves an application by its import string until SIGTERM.

The first line of standard output is the URL, printed once the application's start-up is done.
"""

from __future__ import annotations

import asyncio
import importlib
import signal
import socket
import sys

from streamspec.mistake import Mistake
from streamspec.testing.application import CannotServe, serve


def found(name: str) -> object:
    """What an import string names. Raises CannotServe where it names nothing; what its module raises is passed on."""
    module_name, _, path = name.partition(":")
    try:
        value: object = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise
        raise CannotServe(f"there is no module {error.name!r} on sys.path (see `pythonpath` of pytest)") from None
    for part in path.split("."):
        try:
            value = getattr(value, part)
        except AttributeError:
            raise CannotServe(f"the module {module_name!r} has no {path!r}") from None
    return value


async def _serve(application: object) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        await serve(application, listener, lambda: print(url, flush=True), stopping.wait)


def main(name: str) -> None:
    """Serve, or end with one sentence."""
    try:
        asyncio.run(_serve(found(name)))
    except Mistake as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(sys.argv[1])
