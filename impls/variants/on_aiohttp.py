"""The aiohttp server with a variant's own streams in it."""

from aiohttp import web
from aiohttp.http import HttpRequestParser
from aiohttp.typedefs import Handler

from impls.aiohttp.server import add_fields, drain_streams, no_stream, query_of, routes, streams
from impls.scripted.describe import describe
from impls.scripted.request import parse_query

_BEGAN = web.RequestKey("began", bool)


def application(implementation: str, framework: str = "aiohttp", **handlers: Handler) -> web.Application:
    """The aiohttp server's application with these handlers, by their names there, in place of its own."""

    async def describe_implementation(request: web.Request) -> web.StreamResponse:
        parse_query(query_of(request), ())
        parser = "llhttp" if HttpRequestParser.__module__ == "aiohttp._http_parser" else "aiohttp"
        return web.json_response(describe(implementation, framework, "aiohttp", parser, streams.limits))

    own = {**handlers, "describe_implementation": describe_implementation}
    app = web.Application(middlewares=[problem_before_the_head])
    for route in routes:
        assert isinstance(route, web.RouteDef)  # noqa: S101 - there are no static files
        handler = own.get(route.handler.__name__, route.handler)
        web.RouteDef(route.method, route.path, handler, route.kwargs).register(app.router)
    app.on_response_prepare.extend([add_fields, note_beginning])
    app.on_shutdown.append(drain_streams)
    return app


@web.middleware
async def problem_before_the_head(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answers with a problem, as the aiohttp server does, unless the header section has gone: that is aiohttp's."""
    failures: list[Exception] = []

    async def watched(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except Exception as error:
            if _BEGAN in request:
                failures.append(error)
            raise

    response = await no_stream(request, watched)
    if failures:
        raise failures[0]
    return response


async def note_beginning(request: web.Request, _response: web.StreamResponse) -> None:
    """Remembers that the header section goes."""
    request[_BEGAN] = True
