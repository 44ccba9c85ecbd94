"""The decoder of `openai.Stream`, over a response of httpx2 as there.

`Stream` itself takes JSON alone, so what it reads events with is driven: `_make_sse_decoder` of its client.
"""

from streamspec.clients.adapter import Reading, missing, serve

try:
    import httpx2
    from openai import OpenAI
except ImportError as error:
    missing(error)


def main() -> None:
    """Read streams as they are ordered."""
    openai = OpenAI(api_key="none")
    client = httpx2.Client(timeout=None, limits=httpx2.Limits(max_connections=None))

    def read(reading: Reading) -> None:
        with client.stream(reading.method, reading.url, content=reading.content) as response:
            for event in openai._make_sse_decoder().iter_bytes(response.iter_bytes()):
                reading.event(event.data, event.event)

    serve("openai", read)


if __name__ == "__main__":
    main()
