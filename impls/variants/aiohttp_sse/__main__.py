"""`python -m impls.variants.aiohttp_sse [--host HOST] [--port PORT]`, from the root."""

from impls.variants.aiohttp_sse.server import serve, streams
from impls.variants.serving import run_variant

run_variant("aiohttp_sse", streams, {"aiohttp": serve})
