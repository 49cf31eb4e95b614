"""Images, which SWR calls repositories: made, shown, changed, deleted, listed."""

from starlette.responses import Response

from wherry.access.actions import Action
from wherry.access.decisions import Image, authorize
from wherry.audit.entries import Target
from wherry.registry.attributes import change_repository, create_repository
from wherry.registry.delete_repository import delete_repository
from wherry.registry.repositories import get_repository
from wherry.registry.repository_details import (
    RepositoryDetails,
    RepositoryFilter,
    RepositoryOrder,
    get_repository_details,
    list_repository_details,
)
from wherry.registry.tags import newest_tags
from wherry.web.swr.call import Call, bare_name, image_name
from wherry.web.swr.documents import answer, done, moment
from wherry.web.swr.errors import Code, Problem
from wherry.web.swr.listings import PAGE, Asked, Range
from wherry.web.swr.permission import decide, organization_of

# As many as an entry of a list shows; all of them are on the page of the image.
TAGS_SHOWN = 100

_ORDERS = {
    "updated_time": "updated",
    "updated_at": "updated",
    "name": "name",
    "namespace": "name",
    "tag_count": "tags",
    "is_public": "visibility",
}


async def create_repo(call: Call) -> Response:
    """Create an empty image."""
    fields, now, user_id = call.fields(), call.now, call.user_id
    name = image_name(call.organization, fields.text("repository"))
    call.target = Target.image(name)
    is_public = fields.flag("is_public")
    if is_public:
        image = Image(name, level=(await organization_of(call)).level)
        decision = authorize(call.actor, Action.IMAGE_PUBLISH, image)
        if not decision.allowed:
            raise Problem(Code.NOT_ALLOWED, f"Insufficient permissions: {decision.reason}")
    category, description = fields.optional_text("category"), fields.optional_text("description")
    await call.write(
        lambda tx: create_repository(
            tx,
            name,
            user_id,
            now,
            is_public=is_public,
            category=category or "other",
            description=description or "",
        ),
        {"is_public": is_public},
    )
    return done(201)


async def show_repository(call: Call) -> Response:
    """One image."""
    name = call.image
    found = await call.counted(lambda tx: get_repository_details(tx, name))
    path = f"{call.registry_host}/{name}"
    document = _figures(found) | {
        "id": found.id,
        "ns_id": found.organization_id,
        "creator_id": "" if found.creator_id is None else str(found.creator_id),
        "creator_name": found.creator or "",
        "url": path,
        "path": path,
        "internal_path": path,
        "created": moment(found.created_at),
        "updated": moment(found.updated_at),
        "domain_id": str(found.organization_id),
        "priority": 0,
    }
    return answer(document)


async def update_repo(call: Call) -> Response:
    """Change category and description; making it public or private takes the right to edit."""
    fields, name = call.fields(), call.image
    is_public = fields.flag("is_public")
    category, description = fields.optional_text("category"), fields.optional_text("description")
    if (await call.read(lambda tx: get_repository(tx, name))).is_public != is_public:
        decision = await decide(call, Action.IMAGE_PUBLISH)
        if not decision.allowed:
            raise Problem(Code.NOT_ALLOWED, f"Insufficient permissions: {decision.reason}")
    await call.write(
        lambda tx: change_repository(
            tx, name, is_public=is_public, category=category or None, description=description
        ),
        {"is_public": is_public, "category": category, "description": description},
    )
    return done(201)


async def delete_repo(call: Call) -> Response:
    """Delete the image with all of its tags."""
    name = call.image
    for staged in await call.write(lambda tx: delete_repository(tx, name, call.user_id, call.now)):
        await call.services.intake.discard(staged)
    return done(204)


async def list_repos_details(call: Call) -> Response:
    """Images that one may see, page by page."""
    asked = call.asked("namespace", "name", "category", "is_public", "center", *PAGE)
    asked.one_of("center", {"self": "self"})
    return await repository_page(call, asked, narrowed(call, asked))


async def list_repo_details(call: Call) -> Response:
    """Images that one may see, in the order in which they were made, each page from a marker on."""
    asked = call.asked("namespace", "name", "category", "is_public", "limit", "marker")
    return await repository_page_v3(call, asked, narrowed(call, asked))


def narrowed(call: Call, asked: Asked) -> RepositoryFilter:
    """The filter that a list's parameters and the actor's rights make."""
    return RepositoryFilter(
        organization=asked.text("namespace"),
        part=(asked.text("name") or "").replace("$", "/"),
        category=asked.text("category"),
        is_public=asked.flag("is_public"),
        visible_to=None if call.actor.sees_everything else call.user_id,
        within=None if call.actor.ceiling is None else tuple(call.actor.ceiling),
        after_id=asked.number("marker"),
    )


async def repository_page(
    call: Call, asked: Asked, wanted: RepositoryFilter, valid: frozenset[str] | None = None
) -> Response:
    """A page of v2, an array; `valid` has the names whose share is still valid, None is all."""
    order = RepositoryOrder(asked.one_of("order_column", _ORDERS, Code.INVALID_ORDER) or "updated")
    descending = asked.descending(order is RepositoryOrder.UPDATED)
    offset, limit = asked.offset(), asked.limit()
    found, tags = await call.counted(
        lambda tx: (
            page := list_repository_details(
                tx, wanted, order=order, descending=descending, offset=offset, limit=limit
            ),
            [newest_tags(tx, item.id, TAGS_SHOWN) for item in page.items],
        )
    )
    shown = []
    for item, names in zip(found.items, tags, strict=True):
        path, status = f"{call.registry_host}/{item.name}", valid is None or item.name.text in valid
        shown.append(
            _figures(item)
            | {
                "created_at": moment(item.created_at),
                "updated_at": moment(item.updated_at),
                "logo": "",
                "url": path,
                "path": path,
                "internal_path": path,
                "domain_name": item.name.organization,
                "namespace": item.name.organization,
                # Of what is not shared any more, nobody outside learns the tags.
                "tags": list(names) if status else [],
                "status": status,
                "total_range": found.total,
            }
        )
    return answer(shown, headers=Range(offset, len(shown), found.total).headers)


async def repository_page_v3(
    call: Call, asked: Asked, wanted: RepositoryFilter, valid: frozenset[str] | None = None
) -> Response:
    """A page of v3: an object with the marker of the next one, 0 at the end."""
    limit = asked.limit()
    found = await call.counted(
        lambda tx: list_repository_details(
            tx, wanted, order=RepositoryOrder.MADE, descending=False, limit=limit
        )
    )
    shown = [
        _figures(item)
        | {
            "id": item.id,
            "created_at": moment(item.created_at),
            "updated_at": moment(item.updated_at),
            "domain_name": item.name.organization,
            "namespace_name": item.name.organization,
            "status": valid is None or item.name.text in valid,
        }
        for item in found.items
    ]
    more = found.total > len(shown)
    return answer({"repos": shown, "nextMarker": found.items[-1].id if more and shown else 0})


def _figures(found: RepositoryDetails) -> dict[str, object]:
    return {
        "name": bare_name(found.name),
        "category": found.category,
        "description": found.description,
        "size": found.size,
        "is_public": found.is_public,
        "num_images": found.tag_count,
        "num_download": found.pulls,
    }
