"""`requests_sse.EventSource`, as its README shows."""

from streamspec.clients.adapter import Reading, missing, serve

try:
    from requests_sse import EventSource
except ImportError as error:
    missing(error)


def read(reading: Reading) -> None:
    """Read a stream over a session of its own."""
    source = EventSource(reading.url, reading.method, data=reading.content, on_error=lambda: reading.error("on_error"))
    with source:
        for event in source:
            reading.event(event.data, event.type, event.last_event_id)


if __name__ == "__main__":
    serve("requests-sse", read)
