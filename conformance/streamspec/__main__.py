"""`python -m streamspec`: the same as the command `streamspec`."""

from streamspec.entry import main

main()
