"""`python3 conformance COMMAND`, on a machine that has Python and nothing else.

This file has to be read by any Python, 2.7 too, to say which one is needed: everything else stands in bootstrap/.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - the one file that an older Python is told its age by
    sys.stderr.write(
        "streamspec needs Python 3.11 or newer, and this is {}.{} ({}). Start it with a newer one, such as:\n"
        "    python3.12 {}\n".format(sys.version_info[0], sys.version_info[1], sys.executable, " ".join(sys.argv))
    )
    sys.exit(3)
if sys.platform == "win32":
    sys.stderr.write("streamspec runs on Linux and macOS; on Windows, run it inside WSL.\n")
    sys.exit(3)

try:
    from bootstrap.command import main

    sys.exit(main(sys.argv[1:]))
except KeyboardInterrupt:
    sys.exit(130)
