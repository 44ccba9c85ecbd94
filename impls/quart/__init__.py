"""The contract with Quart."""
