"""`python -m impls.fastapi [--host HOST] [--port PORT] [--server SERVER]`, from the root."""

from impls.fastapi.server import app, streams
from impls.scripted.asgi_servers import servers_for
from impls.scripted.serving import run

run("fastapi", streams, servers_for(app))
