"""The contract with FastAPI."""
