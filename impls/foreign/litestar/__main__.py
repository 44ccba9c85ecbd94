"""`python -m impls.foreign.litestar [--host HOST] [--port PORT] [--server SERVER]`, from the root."""

from impls.foreign.litestar.server import app, streams
from impls.scripted.asgi_servers import servers_for
from impls.scripted.serving import run

run("foreign.litestar", streams, servers_for(app))
