"""`python -m impls.variants.aiohttp_no_cancellation [--host HOST] [--port PORT]`, from the root."""

from impls.scripted.serving import run
from impls.variants.aiohttp_no_cancellation.server import serve, streams

run("variants.aiohttp_no_cancellation", streams, {"aiohttp": serve})
