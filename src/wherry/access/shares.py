"""Sharing: everybody who has a right on another organization may pull the image, for a time or for ever."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, bindparam, delete, or_, select, update

from wherry.access.errors import InvalidShare, ShareDescriptionTooLong, ShareExists, ShareUnknown
from wherry.access.held import held
from wherry.access.resources import Kind
from wherry.access.tables import shares
from wherry.db.upserts import insert_new
from wherry.identity.organizations import get_organization
from wherry.identity.tables import users
from wherry.oci.names import RepositoryName

MAX_SHARES = 500
MAX_DESCRIPTION = 1000


@dataclass(frozen=True, slots=True)
class Share:
    """An image that the users of `organization` may pull; `deadline` None is for ever."""

    image: RepositoryName
    organization: str
    deadline: datetime | None
    description: str
    creator: str | None
    creator_id: int | None
    created_at: datetime
    updated_at: datetime

    def is_valid(self, now: datetime) -> bool:
        """Whether the deadline is still to come."""
        return self.deadline is None or self.deadline > now


def share_image(
    tx: Connection,
    image: RepositoryName,
    organization: str,
    deadline: datetime | None,
    description: str,
    user_id: int,
    now: datetime,
) -> None:
    """Raises `OrganizationUnknown`, `ShareExists`, `InvalidShare`."""
    _check(image, organization, deadline, description, now)
    get_organization(tx, organization)
    if any(share.organization == organization for share in list_shares(tx, image=image)):
        raise ShareExists(image, organization)
    if len(list_shares(tx, image=image)) >= MAX_SHARES:
        raise InvalidShare(f"an image can be shared with at most {MAX_SHARES} organizations")
    row = {
        "image": image.text,
        "organization": organization,
        "deadline": _seconds(deadline),
        "description": description,
        "created_by": user_id,
        "created_at": now,
        "updated_at": now,
    }
    insert_new(tx, shares, row)


def change_share(
    tx: Connection,
    image: RepositoryName,
    organization: str,
    deadline: datetime | None,
    description: str,
    now: datetime,
) -> None:
    """Raises `ShareUnknown`, `InvalidShare`."""
    _check(image, organization, deadline, description, now)
    changed = tx.execute(
        update(shares)
        .where(shares.c.image == image.text, shares.c.organization == organization)
        .values(deadline=_seconds(deadline), description=description, updated_at=now)
    )
    if changed.rowcount == 0:
        raise ShareUnknown(image, organization)


def end_share(tx: Connection, image: RepositoryName, organization: str) -> None:
    """Raises `ShareUnknown`."""
    gone = tx.execute(
        delete(shares).where(shares.c.image == image.text, shares.c.organization == organization)
    )
    if gone.rowcount == 0:
        raise ShareUnknown(image, organization)


def get_share(tx: Connection, image: RepositoryName, organization: str) -> Share:
    """Raises `ShareUnknown`."""
    for share in list_shares(tx, image=image):
        if share.organization == organization:
            return share
    raise ShareUnknown(image, organization)


def list_shares(
    tx: Connection, *, image: RepositoryName | None = None, with_user: int | None = None
) -> tuple[Share, ...]:
    """Shares of one image, or those that reach one user; expired ones are listed too."""
    query = _SHARES.order_by(shares.c.image, shares.c.organization)
    if image is not None:
        query = query.where(shares.c.image == image.text)
    if with_user is not None:
        mine = select(held.c.name).where(held.c.user_id == with_user, held.c.kind == Kind.ORGANIZATION.value)
        query = query.where(shares.c.organization.in_(mine))
    return tuple(
        Share(RepositoryName(row[0]), row[1], _moment(row[2]), row[3], row[4], row[5], row[6], row[7])
        for row in tx.execute(query)
    )


def forget_shares_of(tx: Connection, image: RepositoryName) -> None:
    """The image is gone."""
    tx.execute(delete(shares).where(shares.c.image == image.text))


def forget_shares_with(tx: Connection, organization: str) -> None:
    """The organization is gone."""
    tx.execute(delete(shares).where(shares.c.organization == organization))


def _check(
    image: RepositoryName, organization: str, deadline: datetime | None, description: str, now: datetime
) -> None:
    if organization == image.organization:
        raise InvalidShare("an image is shared with another organization than its own")
    if deadline is not None and deadline <= now:
        raise InvalidShare("the deadline of a share is in the future")
    if len(description) > MAX_DESCRIPTION:
        raise ShareDescriptionTooLong(MAX_DESCRIPTION)


def _seconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())


def _moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, tz=UTC)


_SHARES = select(
    shares.c.image,
    shares.c.organization,
    shares.c.deadline,
    shares.c.description,
    users.c.name,
    users.c.id,
    shares.c.created_at,
    shares.c.updated_at,
).outerjoin(users, users.c.id == shares.c.created_by)

# One row if the image is shared with an organization that the user has a right on.
SHARED = (
    select(shares.c.organization)
    .join(held, (held.c.name == shares.c.organization) & (held.c.kind == Kind.ORGANIZATION.value))
    .where(
        shares.c.image == bindparam("image"),
        held.c.user_id == bindparam("user_id"),
        or_(shares.c.deadline.is_(None), shares.c.deadline > bindparam("now")),
    )
)
