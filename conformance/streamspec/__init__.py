"""A conformance suite for HTTP streaming: chunk timing, event stream framing, disconnects and more."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("streamspec")
except PackageNotFoundError:  # run from a source tree that is not installed
    __version__ = "0+source"
