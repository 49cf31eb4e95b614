"""What an actor has to do with: organizations by level, and those that only a right on an image leads to."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, select

from wherry.access.decisions import Actor
from wherry.access.held import held
from wherry.access.levels import Level
from wherry.access.resources import Kind


@dataclass(frozen=True, slots=True)
class Holdings:
    """`everything` is an administrator's, `sees_everything` an auditor's; a key's ceiling lowers both."""

    everything: bool
    levels: Mapping[str, Level]
    through_images: frozenset[str]
    ceiling: Mapping[str, int] | None
    sees_everything: bool = False

    def level(self, organization: str) -> Level:
        """The level on the whole organization."""
        least = Level.READ if self.sees_everything else Level.NONE
        level = Level.EDIT if self.everything else max(least, self.levels.get(organization, Level.NONE))
        return level if self.ceiling is None else min(level, Level(self.ceiling.get(organization, 0)))

    def touches(self, organization: str) -> bool:
        """Whether there is a right on the organization or on an image of it."""
        if self.level(organization) is not Level.NONE:
            return True
        if self.ceiling is not None and not any(
            name.partition("/")[0] == organization for name in self.ceiling
        ):
            return False
        return self.everything or organization in self.levels or organization in self.through_images


def holdings_of(tx: Connection, actor: Actor) -> Holdings:
    """Read now; nobody who did not log in has any."""
    levels: dict[str, Level] = {}
    through_images = set()
    if actor.user_id is not None and not actor.is_admin:
        query = select(held.c.kind, held.c.name, held.c.level).where(held.c.user_id == actor.user_id)
        for kind, name, level in tx.execute(query):
            if kind == Kind.ORGANIZATION:
                levels[name] = max(Level(level), levels.get(name, Level.NONE))
            else:
                through_images.add(name.partition("/")[0])
    return Holdings(actor.is_admin, levels, frozenset(through_images), actor.ceiling, actor.is_auditor)
