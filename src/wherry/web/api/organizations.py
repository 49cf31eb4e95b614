"""Organizations: listed, made, shown, deleted."""

from datetime import datetime
from typing import Annotated

from pydantic import Field
from sqlalchemy import Connection
from starlette.responses import Response

from wherry.access.actions import Action
from wherry.access.holdings import Holdings, holdings_of
from wherry.access.levels import Level
from wherry.identity.organizations import (
    Organization,
    get_organization,
)
from wherry.identity.organizations import (
    list_organizations as all_organizations,
)
from wherry.registry.organizations import create_organization as make
from wherry.registry.organizations import delete_organization as remove
from wherry.web.api.call import Admitted, Call
from wherry.web.api.documents import (
    DEFAULT_PAGE,
    Cursor,
    Document,
    Limit,
    PageDocument,
    Wanted,
    answer,
    cursor_after,
    key_of,
    no_content,
)
from wherry.web.api.operations import Operation

__all__ = ["OPERATIONS"]

LevelWord = Annotated[str, Field(pattern="^(read|write|edit)$", description="read, write or edit.")]


class OrganizationDocument(Document):
    """A holder of images."""

    name: str
    creator: str | None = Field(description="Who made it; null where that user is gone, or a push made it.")
    created_at: datetime
    my_level: str | None = Field(description="Your own level on all of it; null for none.")


class WantedOrganization(Wanted):
    """An organization to be made."""

    name: str = Field(max_length=64, description="Lowercase letters and digits, parted by single separators.")


async def list_organizations(call: Admitted, limit: Limit = DEFAULT_PAGE, cursor: Cursor = None) -> Response:
    """The organizations that you have a right on, or on an image of, by name."""
    after = key_of(cursor)

    def work(tx: Connection) -> tuple[list[Organization], Holdings]:
        holdings = holdings_of(tx, call.actor)
        every = all_organizations(tx)
        return [each for each in every if each.name > after and holdings.touches(each.name)], holdings

    found, holdings = await call.read(work)
    following = cursor_after(found[limit - 1].name) if len(found) > limit else None
    items = [_document(each, holdings) for each in found[:limit]]
    return call.page(PageDocument(items=items, next=following))


async def create_organization(call: Admitted, body: WantedOrganization) -> Response:
    """Make an organization; you may edit it then."""

    def work(tx: Connection) -> OrganizationDocument:
        made = make(tx, body.name, call.user_id, call.now)
        return _document(made, holdings_of(tx, call.actor))

    return await call.create(work, lambda made: made, location=_location)


async def show_organization(call: Admitted, organization: str) -> Response:
    """One organization, and your own level on it."""
    return answer(await call.read(lambda tx: _shown(tx, call)))


async def delete_organization(call: Admitted, organization: str) -> Response:
    """Delete an organization that has no images left, with its teams, robots and rights."""

    def work(tx: Connection) -> None:
        call.require_match(_shown(tx, call))
        remove(tx, call.organization)

    await call.write(work)
    return no_content()


def _shown(tx: Connection, call: Call) -> OrganizationDocument:
    return _document(get_organization(tx, call.organization), holdings_of(tx, call.actor))


def _document(organization: Organization, holdings: Holdings) -> OrganizationDocument:
    level = holdings.level(organization.name)
    return OrganizationDocument(
        name=organization.name,
        creator=organization.creator,
        created_at=organization.created_at,
        my_level=None if level is Level.NONE else level.word,
    )


def _location(made: OrganizationDocument) -> str:
    return f"/api/v1/organizations/{made.name}"


_ONE = "/organizations/{organization}"
OPERATIONS = (
    Operation(
        "GET",
        "/organizations",
        Action.ORGANIZATION_LIST,
        list_organizations,
        PageDocument[OrganizationDocument],
    ),
    Operation(
        "POST",
        "/organizations",
        Action.ORGANIZATION_CREATE,
        create_organization,
        OrganizationDocument,
        status=201,
    ),
    Operation("GET", _ONE, Action.ORGANIZATION_SEE, show_organization, OrganizationDocument),
    Operation("DELETE", _ONE, Action.ORGANIZATION_DELETE, delete_organization, status=204),
)
