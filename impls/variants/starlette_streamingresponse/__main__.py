"""`python -m impls.variants.starlette_streamingresponse [--host HOST] [--port PORT]`, from the root."""

from impls.variants.serving import plain_uvicorn, run_variant
from impls.variants.starlette_streamingresponse.server import app, streams

run_variant("starlette_streamingresponse", streams, plain_uvicorn(app))
