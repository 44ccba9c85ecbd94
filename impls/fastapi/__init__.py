"""The contract with Starlette."""
