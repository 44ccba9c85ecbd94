"""`ld_eventsource.SSEClient` with an error strategy that does what its documentation says of the default.

"The client will attempt to reconnect as many times as necessary if a connection is dropped or cannot be made; but if a
connection is made and returns an invalid response […], it will not retry." The default strategy itself always fails.
"""

from contextlib import closing

from streamspec.clients.adapter import Reading, missing, serve

try:
    from ld_eventsource import SSEClient
    from ld_eventsource.actions import Event, Fault
    from ld_eventsource.config import ErrorStrategy
    from ld_eventsource.errors import HTTPContentTypeError, HTTPStatusError
except ImportError as error:
    missing(error)


def is_final(error: Exception | None) -> tuple[bool, None]:
    """Whether to give up after it."""
    return isinstance(error, HTTPContentTypeError | HTTPStatusError), None


def read(reading: Reading) -> None:
    """Read a stream over a connection pool of its own."""
    with closing(SSEClient(reading.url, error_strategy=ErrorStrategy.from_lambda(is_final))) as client:
        for action in client.all:
            if isinstance(action, Event):
                reading.event(action.data, action.event, action.last_event_id)
            elif isinstance(action, Fault) and action.error is not None:
                reading.error(action.error)


if __name__ == "__main__":
    serve("launchdarkly-eventsource", read)
