"""The three levels of right on an organization or on one image, with SWR's numbers."""

from enum import IntEnum

from wherry.access.actions import Need


class Level(IntEnum):
    """Each level contains the ones below it."""

    NONE = 0
    READ = 1
    WRITE = 3
    EDIT = 7

    @classmethod
    def parse(cls, word: str) -> "Level":
        """`read`, `write` or `edit`. Raises `ValueError`."""
        try:
            level = cls[word.upper()]
        except KeyError:
            level = cls.NONE
        if level is cls.NONE:
            raise ValueError(f"{word!r} is no level; valid are read, write and edit")
        return level

    @property
    def word(self) -> str:
        """As people say it."""
        return self.name.lower()


NEEDED = {Need.READ: Level.READ, Need.WRITE: Level.WRITE, Need.EDIT: Level.EDIT}
