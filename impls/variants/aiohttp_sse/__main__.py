"""`python -m impls.variants.aiohttp_sse [--host HOST] [--port PORT]`, from the root."""

from impls.scripted.serving import run
from impls.variants.aiohttp_sse.server import serve, streams

run("variants.aiohttp_sse", streams, {"aiohttp": serve})
