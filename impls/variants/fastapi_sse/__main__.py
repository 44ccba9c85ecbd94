"""`python -m impls.variants.fastapi_sse [--host HOST] [--port PORT]`, from the root."""

from impls.variants.fastapi_sse.server import app, streams
from impls.variants.serving import plain_uvicorn, run_variant

run_variant("fastapi_sse", streams, plain_uvicorn(app))
