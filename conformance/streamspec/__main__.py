"""`python -m streamspec`: the same as the command `streamspec`."""

from streamspec.cli import main

main()
