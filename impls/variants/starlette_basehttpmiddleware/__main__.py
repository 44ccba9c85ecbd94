"""`python -m impls.variants.starlette_basehttpmiddleware [--port PORT] [--server SERVER]`, from the root."""

from impls.scripted.asgi_servers import servers_for
from impls.variants.serving import run_variant
from impls.variants.starlette_basehttpmiddleware.server import app, streams

run_variant("starlette_basehttpmiddleware", streams, servers_for(app))
