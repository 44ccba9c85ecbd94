"""The contract with Litestar."""
