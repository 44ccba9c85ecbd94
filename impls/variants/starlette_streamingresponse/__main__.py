"""`python -m impls.variants.starlette_streamingresponse [--host HOST] [--port PORT]`, from the root."""

from impls.scripted.serving import run
from impls.variants.plain_server import plain_uvicorn
from impls.variants.starlette_streamingresponse.server import app, streams

run("variants.starlette_streamingresponse", streams, plain_uvicorn(app))
