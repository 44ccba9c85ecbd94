"""`python -m impls.variants.starlette_gzip [--host HOST] [--port PORT] [--server SERVER]`, from the root."""

from impls.scripted.asgi_servers import servers_for
from impls.scripted.serving import run
from impls.variants.starlette_gzip.server import app, streams

run("variants.starlette_gzip", streams, servers_for(app))
