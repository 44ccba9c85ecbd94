"""The FastAPI server with a variant's own streams in it."""

from fastapi import APIRouter, Request
from fastapi.routing import APIRoute

from impls.fastapi.server import query_of, router, streams
from impls.scripted.asgi import server_of
from impls.scripted.describe import describe
from impls.scripted.request import parse_query
from impls.scripted.streams import Stream
from impls.variants.event_fields import read_event_script

idiom = APIRouter(redirect_slashes=False)


def serve_instead(implementation: str) -> None:
    """Serves the path operations of `idiom` in place of those that the FastAPI server has at the same paths."""

    @idiom.api_route("/", methods=["GET", "HEAD"])
    async def describe_implementation(request: Request) -> dict[str, object]:
        parse_query(query_of(request), ())
        return describe(implementation, "fastapi", *server_of(request.scope), streams.limits)

    own = {route.path for route in idiom.routes if isinstance(route, APIRoute)}
    kept = [route for route in router.routes if isinstance(route, APIRoute) and route.path not in own]
    router.routes[:] = [*idiom.routes, *kept]


async def open_events(request: Request) -> Stream:
    """The stream of events, as fields, that the request asks for, open in the ledger."""
    script = await read_event_script(request.method, query_of(request), request.headers, request.stream())
    return streams.open(script, request.method)
