"""`python -m impls.variants.starlette_basehttpmiddleware [--port PORT] [--server SERVER]`, from the root."""

from impls.scripted.asgi_servers import servers_for
from impls.scripted.serving import run
from impls.variants.starlette_basehttpmiddleware.server import app, streams

run("variants.starlette_basehttpmiddleware", streams, servers_for(app))
