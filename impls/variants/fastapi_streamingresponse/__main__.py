"""`python -m impls.variants.fastapi_streamingresponse [--host HOST] [--port PORT]`, from the root."""

from impls.variants.fastapi_streamingresponse.server import app, streams
from impls.variants.serving import plain_uvicorn, run_variant

run_variant("fastapi_streamingresponse", streams, plain_uvicorn(app))
