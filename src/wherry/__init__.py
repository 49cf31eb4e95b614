"""Wherry: a container registry that carries an image all the way.

Nothing is built at import time: an application comes from ``wherry.app.create_app(settings)``.
"""

__version__ = "0.1.0"
