"""What happens to rights, as events."""

from datetime import datetime

from sqlalchemy import Connection

from wherry.access.levels import Level
from wherry.access.resources import Resource
from wherry.events.kinds import EventKind
from wherry.events.outbox import Event, append
from wherry.identity.users import name_of

RIGHT_CHANGED = EventKind(
    "right.changed",
    "A user, robot or team was given a level on an organization or on one image, another one than before,"
    " or it was taken back. Rights that end with what they are on, or with who has them, are not told of.",
    {
        "holder": "Whose right it is: a user or robot by name, a team as `organization/team`.",
        "is_team": "Whether that is a team.",
        "level": "`read`, `write`, `edit`; `none` where it was taken back.",
        "previous": "The level before; `none` where there was none.",
        "user_id": "The id of who changed it; null for the command line.",
        "user": "The name of who changed it at that time; null for the command line.",
    },
)
KINDS = (RIGHT_CHANGED,)


def tell_of_right(
    tx: Connection,
    resource: Resource,
    holder: str,
    *,
    is_team: bool,
    before: Level,
    after: Level,
    user_id: int | None,
    now: datetime,
) -> None:
    """Nothing for a right that stays what it was."""
    if before == after:
        return
    body = {
        "holder": holder,
        "is_team": is_team,
        "level": after.word,
        "previous": before.word,
        "user_id": user_id,
        "user": name_of(tx, user_id),
    }
    append(tx, Event(RIGHT_CHANGED.name, resource.name, body), now)
