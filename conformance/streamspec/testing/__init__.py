"""Tests of people's own streaming endpoints, in their own pytest suites, over real sockets.

The pytest plugin gives the fixtures `streamspec_server` (a `Servers`) and `streamspec_probe` (a `Probe`); without
pytest, `serving` and `Probe` are context managers.
"""

from streamspec.testing.application import CannotServe
from streamspec.testing.gate import Gate
from streamspec.testing.probe import CannotAsk, Probe
from streamspec.testing.server import Server, Servers, serving
from streamspec.testing.stream import Stream
from streamspec_client.event import Event
from streamspec_client.probe import Leaving

__all__ = [
    "CannotAsk",
    "CannotServe",
    "Event",
    "Gate",
    "Leaving",
    "Probe",
    "Server",
    "Servers",
    "Stream",
    "serving",
]
