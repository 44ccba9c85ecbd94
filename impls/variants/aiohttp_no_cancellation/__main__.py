"""`python -m impls.variants.aiohttp_no_cancellation [--host HOST] [--port PORT]`, from the root."""

from impls.variants.aiohttp_no_cancellation.server import serve, streams
from impls.variants.serving import run_variant

run_variant("aiohttp_no_cancellation", streams, {"aiohttp": serve})
