"""What the user of a command can mend: the message says what is wrong, where, and what to do."""


class Mistake(Exception):
    """A command, a file or an option that cannot be used as it is; the command line prints it, and exits with 2."""
