"""Sharing an image that is there, and private: what is public is everybody's already.

What a share is, and its rules: `access.shares`.
"""

from datetime import datetime

from sqlalchemy import Connection

from wherry.access.errors import InvalidShare
from wherry.access.shares import share_image
from wherry.oci.names import RepositoryName
from wherry.registry.repositories import get_repository


def share_repository(
    tx: Connection,
    name: RepositoryName,
    organization: str,
    deadline: datetime | None,
    description: str,
    user_id: int,
    now: datetime,
) -> None:
    """Raises `RepositoryUnknown`, `OrganizationUnknown`, `ShareExists`, `InvalidShare`."""
    if get_repository(tx, name).is_public:
        raise InvalidShare(f"{name} is public: everybody may pull it without a share")
    share_image(tx, name, organization, deadline, description, user_id, now)
