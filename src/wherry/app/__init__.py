"""The composition root: the only place that knows all parts and how they fit."""

from wherry.app.application import Application, create_app
from wherry.app.first_start import Prepared, prepare
from wherry.app.wiring import open_sealer

__all__ = ["Application", "Prepared", "create_app", "open_sealer", "prepare"]
