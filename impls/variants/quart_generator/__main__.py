"""`python -m impls.variants.quart_generator [--host HOST] [--port PORT]`, from the root."""

from impls.scripted.serving import run
from impls.variants.plain_server import plain_hypercorn
from impls.variants.quart_generator.server import app, streams

run("variants.quart_generator", streams, plain_hypercorn(app))
