"""`python -m impls.aiohttp [--host HOST] [--port PORT] [--server aiohttp]`, from the root."""

from impls.aiohttp.server import serve, streams
from impls.scripted.serving import run

run("aiohttp", streams, {"aiohttp": serve})
