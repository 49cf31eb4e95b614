"""The command line: ``wherry serve`` and the administrative commands, which work on the data folder.

A module is one command or one group. It imports what it needs inside the command, so that ``--help`` is
instant.
"""
