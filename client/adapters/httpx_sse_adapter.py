"""`httpx_sse.connect_sse` over a blocking httpx client, as its README shows."""

from streamspec.clients.adapter import Reading, missing, serve

try:
    import httpx
    from httpx_sse import connect_sse
except ImportError as error:
    missing(error)


def main() -> None:
    """Read streams as they are ordered."""
    limits = httpx.Limits(max_connections=None)
    client = httpx.Client(follow_redirects=True, timeout=None, limits=limits)  # noqa: S113 - a stream has none

    def read(reading: Reading) -> None:
        with connect_sse(client, reading.method, reading.url, content=reading.content) as source:
            for event in source.iter_sse():
                reading.event(event.data, event.event, event.id)

    serve("httpx-sse", read)


if __name__ == "__main__":
    main()
