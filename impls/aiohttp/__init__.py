"""The contract with aiohttp."""
