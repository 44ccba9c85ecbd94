"""A variant; see `server.py`."""
