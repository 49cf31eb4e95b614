"""Fleets: made, listed, shown, changed, deleted; clusters added to them and taken out."""

from sqlalchemy import Connection
from starlette.responses import Response

from wherry.access.actions import Action
from wherry.audit.entries import Kind, Target
from wherry.clusters.federations.fleets import (
    Fleet,
    add_cluster,
    change_fleet,
    clusters_of,
    create_fleet,
    delete_fleet,
    get_fleet,
    level_on_fleet,
    remove_cluster,
)
from wherry.clusters.federations.fleets import list_fleets as find_fleets
from wherry.clusters.rights import visible_names
from wherry.web.api.call import Admitted, Call
from wherry.web.api.documents import (
    DEFAULT_PAGE,
    Cursor,
    Limit,
    PageDocument,
    answer,
    cursor_after,
    key_of,
    no_content,
)
from wherry.web.api.fleet_documents import (
    ChangedFleet,
    FleetDetailDocument,
    FleetDocument,
    WantedFleet,
    fleet_facts,
)
from wherry.web.api.operations import Operation
from wherry.web.api.problems import Problem


async def list_fleets(call: Admitted, limit: Limit = DEFAULT_PAGE, cursor: Cursor = None) -> Response:
    """The fleets that you may see, by name."""
    after = key_of(cursor)
    found = await call.read(lambda tx: find_fleets(tx, call.actor, after=after, size=limit))
    following = cursor_after(found.items[-1].name) if found.more else None
    items = [FleetDocument(**fleet_facts(one)) for one in found.items]
    return call.page(PageDocument(items=items, next=following))


async def create_organization_fleet(call: Admitted, organization: str, body: WantedFleet) -> Response:
    """Make a fleet of the organization, which has no cluster yet."""
    return await _create(call, body, call.organization)


async def create_site_fleet(call: Admitted, body: WantedFleet) -> Response:
    """Make a fleet of the whole site, which is its administrators'."""
    return await _create(call, body, None)


async def show_fleet(call: Admitted, fleet: str) -> Response:
    """One fleet with its clusters, as far as you may see them."""
    return answer(await call.read(lambda tx: _detail(tx, call, fleet_of(tx, call))))


async def change_one_fleet(call: Admitted, fleet: str, body: ChangedFleet) -> Response:
    """Rename or describe a fleet anew."""

    def work(tx: Connection) -> FleetDetailDocument:
        found = fleet_of(tx, call)
        call.require_match(_detail(tx, call, found))
        changed = change_fleet(tx, found.name, call.now, new_name=body.name, description=body.description)
        return _detail(tx, call, changed)

    return answer(await call.write(work, body.model_dump(exclude_none=True)))


async def delete_one_fleet(call: Admitted, fleet: str) -> Response:
    """Delete a fleet. Its clusters, and what runs in them, do not notice."""

    def work(tx: Connection) -> None:
        found = fleet_of(tx, call)
        call.require_match(_detail(tx, call, found))
        delete_fleet(tx, found.name)

    await call.write(work)
    return no_content()


async def add_fleet_cluster(call: Admitted, fleet: str, member: str) -> Response:
    """Put a cluster that you may deploy to into the fleet."""

    def work(tx: Connection) -> FleetDetailDocument:
        found = fleet_of(tx, call)
        add_cluster(tx, call.actor, found, member, call.now)
        return _detail(tx, call, fleet_of(tx, call))

    return answer(await call.write(work, {"added": member}))


async def remove_fleet_cluster(call: Admitted, fleet: str, member: str) -> Response:
    """Take a cluster out of the fleet; what runs in it goes on."""

    def work(tx: Connection) -> None:
        found = fleet_of(tx, call)
        if not remove_cluster(tx, found, member, call.now):
            raise Problem(404, "member_unknown", f"the fleet {found.name} has no cluster {member}")

    await call.write(work, {"removed": member})
    return no_content()


def fleet_of(tx: Connection, call: Call) -> Fleet:
    """The fleet of the path. Raises `FleetUnknown`."""
    return get_fleet(tx, call.parameters["fleet"])


async def _create(call: Call, body: WantedFleet, organization: str | None) -> Response:
    call.target = Target(Kind.CLUSTER, f"fleet {body.name}", organization)

    def work(tx: Connection) -> FleetDetailDocument:
        made = create_fleet(tx, body.name, organization, body.description, call.user_id, call.now)
        return _detail(tx, call, made)

    return await call.create(work, lambda made: made, location=lambda made: f"/api/v1/fleets/{made.name}")


def _detail(tx: Connection, call: Call, fleet: Fleet) -> FleetDetailDocument:
    visible = visible_names(tx, call.actor)
    level = level_on_fleet(tx, call.actor, fleet)
    names = [one.name for one in clusters_of(tx, fleet) if visible is None or one.name in visible]
    return FleetDetailDocument(**fleet_facts(fleet), my_level=level.word, clusters=names)


_ALL, _ONE = "/fleets", "/fleets/{fleet}"
_MEMBER = f"{_ONE}/clusters/{{member}}"
_CHANGE = Action.FLEET_CHANGE
OPERATIONS = (
    Operation("GET", _ALL, Action.FLEET_LIST, list_fleets, PageDocument[FleetDocument]),
    Operation("POST", _ALL, Action.FLEET_CREATE_FOR_SITE, create_site_fleet, FleetDetailDocument, status=201),
    Operation(
        "POST",
        "/organizations/{organization}/fleets",
        Action.FLEET_CREATE,
        create_organization_fleet,
        FleetDetailDocument,
        status=201,
        tag="fleets",
    ),
    Operation("GET", _ONE, Action.FLEET_SEE, show_fleet, FleetDetailDocument),
    Operation("PATCH", _ONE, _CHANGE, change_one_fleet, FleetDetailDocument),
    Operation("DELETE", _ONE, _CHANGE, delete_one_fleet, status=204),
    Operation("PUT", _MEMBER, _CHANGE, add_fleet_cluster, FleetDetailDocument),
    Operation("DELETE", _MEMBER, _CHANGE, remove_fleet_cluster, status=204),
)
