"""`python -m impls.variants.quart_generator [--host HOST] [--port PORT] [--server SERVER]`, from the root."""

from impls.scripted.asgi_servers import servers_for
from impls.variants.quart_generator.server import app, streams
from impls.variants.serving import run_variant

servers = servers_for(app)
# Hypercorn is the server that Quart comes with.
run_variant("quart_generator", streams, {"hypercorn": servers["hypercorn"], **servers})
