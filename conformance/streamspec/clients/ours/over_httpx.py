"""`streamspec_client.httpx.EventSource`, blocking."""

from streamspec.clients.adapter import Reading, missing, serve

try:
    import httpx

    from streamspec_client.httpx import EventSource
except ImportError as error:
    missing(error)


def main() -> None:
    """Read streams as they are ordered."""
    client = httpx.Client(follow_redirects=True, limits=httpx.Limits(max_connections=None))

    def read(reading: Reading) -> None:
        with EventSource(client, reading.url, method=reading.method, content=reading.content or None) as events:
            for event in events:
                reading.event(event.data, event.type, event.last_event_id)

    serve("streamspec", read)


if __name__ == "__main__":
    main()
