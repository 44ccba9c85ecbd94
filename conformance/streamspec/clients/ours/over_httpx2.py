"""`streamspec_client.httpx2.EventSource`, blocking."""

from streamspec.clients.adapter import Reading, missing, serve

try:
    import httpx2

    from streamspec_client.httpx2 import EventSource
except ImportError as error:
    missing(error)


def main() -> None:
    """Read streams as they are ordered."""
    client = httpx2.Client(follow_redirects=True, limits=httpx2.Limits(max_connections=None))

    def read(reading: Reading) -> None:
        with EventSource(client, reading.url, method=reading.method, content=reading.content or None) as events:
            for event in events:
                reading.event(event.data, event.type, event.last_event_id)

    serve("streamspec", read)


if __name__ == "__main__":
    main()
