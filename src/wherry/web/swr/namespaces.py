"""Organizations, which SWR calls namespaces."""

from starlette.responses import Response

from wherry.access.holdings import holdings_of
from wherry.access.levels import Level
from wherry.audit.entries import Target
from wherry.identity.organizations import Organization, get_organization, list_organizations
from wherry.registry import organizations
from wherry.web.swr.call import Call
from wherry.web.swr.documents import answer, done


async def create_namespace(call: Call) -> Response:
    """Create an organization; its maker may edit it."""
    name, user_id, now = call.fields().text("namespace"), call.user_id, call.now
    call.target = Target.org(name)
    await call.write(lambda tx: organizations.create_organization(tx, name, user_id, now))
    return done(201)


async def list_namespaces(call: Call) -> Response:
    """Organizations that one has a right on; with `mode=visible` also where it is one on an image only."""
    asked, actor = call.asked("namespace", "mode"), call.actor
    wanted, mode = asked.text("namespace"), asked.one_of("mode", {"visible": "visible"})
    holdings, found = await call.read(lambda tx: (holdings_of(tx, actor), list_organizations(tx)))
    shown = [
        _namespace(organization, holdings.level(organization.name))
        for organization in found
        if (wanted is None or organization.name == wanted)
        and (holdings.touches(organization.name) if mode else holdings.level(organization.name) > Level.NONE)
    ]
    return answer({"namespaces": shown})


async def show_namespace(call: Call) -> Response:
    """One organization, and the level that one has on it."""
    actor, name = call.actor, call.organization
    holdings, found = await call.read(lambda tx: (holdings_of(tx, actor), get_organization(tx, name)))
    return answer(_namespace(found, holdings.level(name)))


async def delete_namespaces(call: Call) -> Response:
    """Delete an organization that has no images."""
    name = call.organization
    await call.write(lambda tx: organizations.delete_organization(tx, name))
    return done(204)


def _namespace(organization: Organization, level: Level) -> dict[str, object]:
    return {
        "id": organization.id,
        "name": organization.name,
        "creator_name": organization.creator or "",
        "auth": int(level),
    }
