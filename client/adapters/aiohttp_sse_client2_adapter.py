"""`aiohttp_sse_client2.client.EventSource`, as its README shows."""

from streamspec.clients.adapter import Reading, missing, serve

try:
    from aiohttp_sse_client2 import client
except ImportError as error:
    missing(error)


async def read(reading: Reading) -> None:
    """Read a stream over a session of its own."""
    method = {"method": reading.method}
    source = client.EventSource(reading.url, method, data=reading.content, on_error=lambda: reading.error("on_error"))
    async with source:
        async for event in source:
            reading.event(event.data, event.type, event.last_event_id)


if __name__ == "__main__":
    serve("aiohttp-sse-client2", read)
