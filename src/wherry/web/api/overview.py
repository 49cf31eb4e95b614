"""How much there is, for dashboards."""

from pydantic import Field
from sqlalchemy import Connection
from starlette.responses import Response

from wherry.access.actions import Action
from wherry.access.holdings import holdings_of
from wherry.identity.organizations import list_organizations
from wherry.registry.overview import overview
from wherry.registry.repository_details import RepositoryFilter, sum_repositories
from wherry.web.api.call import Admitted
from wherry.web.api.documents import Document, answer
from wherry.web.api.operations import Operation


class OverviewDocument(Document):
    """Figures of what you may see: for administrators and auditors of the whole site."""

    organizations: int = Field(description="Those that you have a right on, or on an image of.")
    images: int = Field(description="Yours and public ones; without those that are shared with you.")
    tags: int
    size: int = Field(
        description="Bytes of all blobs, each counted once for the whole site, else once for each image."
    )


async def show_overview(call: Admitted) -> Response:
    """How many organizations, images and tags there are, and how many bytes they take."""
    actor = call.actor

    def work(tx: Connection) -> OverviewDocument:
        if actor.sees_everything and actor.ceiling is None:
            whole = overview(tx)
            return OverviewDocument(
                organizations=whole.organizations,
                images=whole.repositories,
                tags=whole.tags,
                size=whole.stored,
            )
        holdings = holdings_of(tx, actor)
        mine = RepositoryFilter(
            visible_to=None if actor.sees_everything else actor.user_id,
            within=None if actor.ceiling is None else tuple(actor.ceiling),
        )
        sums = sum_repositories(tx, mine)
        touched = sum(1 for each in list_organizations(tx) if holdings.touches(each.name))
        return OverviewDocument(
            organizations=touched, images=sums.repositories, tags=sums.tags, size=sums.size
        )

    return answer(await call.read(work))


OPERATIONS = (Operation("GET", "/overview", Action.ACCOUNT_SEE, show_overview, OverviewDocument),)
