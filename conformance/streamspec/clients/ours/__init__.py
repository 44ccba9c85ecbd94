"""The adapters of the client in this package, one for each HTTP library under it."""
