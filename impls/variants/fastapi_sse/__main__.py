"""`python -m impls.variants.fastapi_sse [--host HOST] [--port PORT]`, from the root."""

from impls.scripted.serving import run
from impls.variants.fastapi_sse.server import app, streams
from impls.variants.plain_server import plain_uvicorn

run("variants.fastapi_sse", streams, plain_uvicorn(app))
