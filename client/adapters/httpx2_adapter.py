"""`httpx2.Client.sse`."""

from streamspec.clients.adapter import Reading, missing, serve

try:
    import httpx2
except ImportError as error:
    missing(error)


def main() -> None:
    """Read streams as they are ordered."""
    client = httpx2.Client(follow_redirects=True, timeout=None, limits=httpx2.Limits(max_connections=None))

    def read(reading: Reading) -> None:
        with client.sse(reading.url, method=reading.method, content=reading.content) as source:
            for event in source:
                reading.event(event.data, event.event, event.id)

    serve("httpx2", read)


if __name__ == "__main__":
    main()
