"""Starlette's `StreamingResponse` with `GZipMiddleware` around it.

Header fields, event syntax and the server's settings are those of the Starlette server.
"""

from starlette.middleware.gzip import GZipMiddleware

from impls.starlette.server import app, starlette, streams
from impls.variants.on_starlette import event_stream, serve_instead, text_stream

__all__ = ["app", "streams"]

serve_instead("starlette-gzip", text_stream=text_stream, event_stream=event_stream)
starlette.add_middleware(GZipMiddleware)
