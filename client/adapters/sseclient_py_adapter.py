"""`sseclient.SSEClient` over a streamed response of requests, as its README shows."""

from contextlib import closing

from streamspec.clients.adapter import Reading, missing, serve

try:
    import requests
    import sseclient
except ImportError as error:
    missing(error)


def read(reading: Reading) -> None:
    """Read a stream over a connection of its own."""
    response = requests.request(  # noqa: S113 - a stream has no time-out to its whole
        reading.method, reading.url, data=reading.content, stream=True, headers={"Accept": "text/event-stream"}
    )
    with closing(sseclient.SSEClient(response)) as client:
        for event in client.events():
            reading.event(event.data, event.event)


if __name__ == "__main__":
    serve("sseclient-py", read)
