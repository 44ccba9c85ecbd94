"""The contract on raw asyncio: the control server of timed requirements, and the base class of every mutant.

It imports the standard library, h2 and the contract's constants only, and nothing of `impls/`: a second reading of the
contract, against which the first can be checked.
"""

from streamspec.control.connection import Disconnect
from streamspec.control.http1 import Fields, Request, replaced, without
from streamspec.control.ledger import Reason
from streamspec.control.limits import Limits
from streamspec.control.problem import Problem
from streamspec.control.script import Event, Item, Script, Text
from streamspec.control.server import ControlServer
from streamspec.control.serving import serve_in_thread
from streamspec.control.stream import Stream

__all__ = [
    "ControlServer",
    "Disconnect",
    "Event",
    "Fields",
    "Item",
    "Limits",
    "Problem",
    "Reason",
    "Request",
    "Script",
    "Stream",
    "Text",
    "replaced",
    "serve_in_thread",
    "without",
]
