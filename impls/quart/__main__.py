"""`python -m impls.quart [--host HOST] [--port PORT] [--server SERVER]`, from the root."""

from impls.quart.server import app, streams
from impls.scripted.asgi_servers import servers_for
from impls.scripted.serving import run

servers = servers_for(app)
# Hypercorn is the server that Quart comes with.
run("quart", streams, {"hypercorn": servers["hypercorn"], **servers})
