"""`python -m impls.variants.quart_generator [--host HOST] [--port PORT]`, from the root."""

from impls.variants.quart_generator.server import app, streams
from impls.variants.serving import plain_hypercorn, run_variant

run_variant("quart_generator", streams, plain_hypercorn(app))
