"""Starlette's `StreamingResponse` with a `BaseHTTPMiddleware` around it, as `@app.middleware("http")` makes one.

Header fields, event syntax and the server's settings are those of the Starlette server.
"""

from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import Response

from impls.starlette.server import app, starlette, streams
from impls.variants.on_starlette import event_stream, serve_instead, text_stream

__all__ = ["app", "streams"]


async def add_field(request: Request, call_next: RequestResponseEndpoint) -> Response:
    """Adds a header field to every response."""
    response = await call_next(request)
    response.headers["X-Served-By"] = "middleware"
    return response


serve_instead("starlette-basehttpmiddleware", text_stream=text_stream, event_stream=event_stream)
starlette.add_middleware(BaseHTTPMiddleware, dispatch=add_field)
