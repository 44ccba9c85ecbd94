"""`python -m impls.starlette [--host HOST] [--port PORT] [--server SERVER]`, from the root."""

from impls.scripted.asgi_servers import servers_for
from impls.scripted.serving import run
from impls.starlette.server import app, streams

run("starlette", streams, servers_for(app))
