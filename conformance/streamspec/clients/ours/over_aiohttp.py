"""`streamspec_client.aiohttp.EventSource`, awaited."""

from streamspec.clients.adapter import Reading, missing, serve

try:
    import aiohttp

    from streamspec_client.aiohttp import EventSource
except ImportError as error:
    missing(error)


async def read(reading: Reading) -> None:
    """Read a stream over a session of its own."""
    async with (
        aiohttp.ClientSession() as session,
        EventSource(session, reading.url, method=reading.method, content=reading.content or None) as events,
    ):
        async for event in events:
            reading.event(event.data, event.type, event.last_event_id)


if __name__ == "__main__":
    serve("streamspec", read)
