"""Reading HTTP streams: exact event streams that resume, text as it arrives, and a probe that records what was sent.

Importing this package pulls in the standard library alone; `probe` needs h11; `httpx`, `httpx2` and `aiohttp`, which
hold `EventSource` and `TextStream`, need the library of their name.
"""
