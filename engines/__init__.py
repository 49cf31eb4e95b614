"""Where each real client, registry and store that the tests and the bench drive is found, and how it is had.

Standard library only, and no part of the product: nothing under `src/` imports it; it is not in the wheel.
"""

from engines.catalogue import ENGINES, Engine
from engines.locate import EngineMissing, UnknownEngine, find, version

__all__ = ["ENGINES", "Engine", "EngineMissing", "UnknownEngine", "find", "version"]
