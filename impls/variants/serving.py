"""`python -m impls.variants.NAME`, and uvicorn as its own command runs it."""

import asyncio
import gc
import socket
from collections.abc import Mapping

from impls.scripted.asgi import Application
from impls.scripted.serving import Drained, OnLoop, Serve, run
from impls.scripted.streams import Streams


def run_variant(name: str, streams: Streams, servers: Mapping[str, Serve | OnLoop]) -> None:
    """Serves until SIGTERM or SIGINT, without the garbage collector.

    Some frameworks leave generators to it. When it comes is chance, and so would be what the suite finds.
    """
    gc.disable()
    run(f"variants.{name}", streams, servers)


def plain_uvicorn(application: Application) -> Mapping[str, Serve]:
    """What `uvicorn module:app` does."""
    import uvicorn  # noqa: PLC0415 - only the server that a variant uses need be installed

    async def serve(listener: socket.socket, drained: Drained) -> None:
        # h11 is what uvicorn takes where it was installed alone; the log is no part of the comparison.
        config = uvicorn.Config(application, http="h11", log_level="warning", access_log=False)
        # For the text streams of variants that replace only events: nothing else here can be drained.
        draining = asyncio.ensure_future(drained())
        await uvicorn.Server(config).serve(sockets=[listener])
        draining.cancel()

    return {"uvicorn": serve}
