"""The commands, one module for each or for a few that belong together: options in, output and an exit code out."""
