"""From a bare Python to a running command: a private tox, an environment, then this process becomes the command.

Rules. Standard library only. stdout belongs to the command: what is said here goes to stderr. What is ready is not made
again, so a second start needs no network; what is half-made is never used. The command replaces this process: its exit
code, its signals and its terminal are its own.
"""
