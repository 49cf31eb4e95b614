"""The one error of the bench: what was measured is not what should have been measured."""


class BenchFailed(Exception):
    """A wrong status, a wrong digest, too few bytes, a server that died: the figure would be a lie."""
