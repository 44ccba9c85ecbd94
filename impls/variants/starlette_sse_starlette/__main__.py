"""`python -m impls.variants.starlette_sse_starlette [--host HOST] [--port PORT]`, from the root."""

from impls.variants.serving import plain_uvicorn, run_variant
from impls.variants.starlette_sse_starlette.server import app, streams

run_variant("starlette_sse_starlette", streams, plain_uvicorn(app))
