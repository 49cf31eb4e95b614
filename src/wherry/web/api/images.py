"""Images: listed, made, shown, changed, published, deleted."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from fastapi import Query
from pydantic import Field
from sqlalchemy import Connection
from starlette.responses import Response

from wherry.access.actions import Action
from wherry.access.decisions import Image, authorize
from wherry.access.holdings import holdings_of
from wherry.access.levels import Level
from wherry.audit.entries import Target
from wherry.blobs.intake import Staged
from wherry.identity.organizations import get_organization
from wherry.oci.names import RepositoryName
from wherry.registry.attributes import MAX_DESCRIPTION, change_repository, create_repository
from wherry.registry.delete_repository import delete_repository as remove
from wherry.registry.image_list import ImageFilter, ImageList, ListedImage
from wherry.registry.image_list import list_images as find_images
from wherry.registry.image_list import show_image as find_image
from wherry.web.api.call import Admitted, Call, image_name
from wherry.web.api.documents import (
    DEFAULT_PAGE,
    NAME_CHARACTERS,
    NO_ZERO,
    Cursor,
    Document,
    Flag,
    Limit,
    PageDocument,
    Wanted,
    answer,
    cursor_after,
    key_of,
    no_content,
)
from wherry.web.api.operations import Operation
from wherry.web.api.problems import Problem
from wherry.web.rights import organization_for


class Category(StrEnum):
    """What an image is for; SWR's words."""

    APP_SERVER = "app_server"
    LINUX = "linux"
    FRAMEWORK_APP = "framework_app"
    DATABASE = "database"
    LANG = "lang"
    OTHER = "other"
    WINDOWS = "windows"
    ARM = "arm"


class LevelFilter(StrEnum):
    """A level to filter by."""

    READ = "read"
    WRITE = "write"
    EDIT = "edit"


Contains = Annotated[str, Query(max_length=255, description="A part of the whole name, in any case.")]
OfCategory = Annotated[Category | None, Query(description="Only images of this category.")]
IsPublic = Annotated[bool | None, Query(description="Only public ones, or only private ones.")]
AtLeast = Annotated[
    LevelFilter | None, Query(description="Only images on which you have at least this level of your own.")
]
OfOrganization = Annotated[
    str | None,
    Query(max_length=255, pattern=NAME_CHARACTERS, description="Only images of this organization."),
]


class ImageDocument(Document):
    """An image with all of its tags, which other programs call a repository."""

    name: str = Field(description="The whole name, such as `acme/web/api`: what one pulls.")
    organization: str
    image: str = Field(description="The name within the organization, such as `web/api`.")
    is_public: bool = Field(description="Whether everybody may pull it, without a login.")
    category: str = Field(description="What it is for; SWR's words.")
    description: str
    creator: str | None = Field(description="Who made it; null where that user is gone.")
    created_at: datetime
    updated_at: datetime = Field(description="When a tag last moved.")
    tag_count: int
    size: int = Field(description="Bytes of all its blobs, each counted once.")
    my_level: str | None = Field(
        description="Your own level, by rights and shares; null where you see it only because it is public."
    )
    shared_with_me: bool = Field(description="Whether it is shared with an organization of yours.")


class WantedImage(Wanted):
    """An image to be made before its first push."""

    image: str = Field(min_length=1, max_length=255, description="The name within the organization.")
    is_public: Flag = Field(default=False, description="`true` takes edit on the organization.")
    category: Category = Category.OTHER
    description: str = Field(default="", max_length=MAX_DESCRIPTION, pattern=NO_ZERO)


class ChangedImage(Wanted):
    """What is to change; what is not given stays."""

    category: Category | None = None
    description: str | None = Field(default=None, max_length=MAX_DESCRIPTION, pattern=NO_ZERO)


class Visibility(Wanted):
    """Who may pull an image."""

    is_public: Flag = Field(description="`true`: everybody, without a login; `false`: who has a right.")


async def list_images(
    call: Admitted,
    organization: OfOrganization = None,
    contains: Contains = "",
    category: OfCategory = None,
    is_public: IsPublic = None,
    level: AtLeast = None,
    limit: Limit = DEFAULT_PAGE,
    cursor: Cursor = None,
) -> Response:
    """The images that you may see, of all organizations, by name: yours, shared ones, public ones.

    With a filter a page may have fewer items than `limit`, even none, and still have a `next`.
    """
    wanted = _wanted(organization, contains, category, is_public, level)
    after = key_of(cursor)
    found = await call.read(lambda tx: find_images(tx, call.actor, wanted, call.now, after=after, size=limit))
    return _page(call, found)


async def list_organization_images(
    call: Admitted,
    organization: str,
    contains: Contains = "",
    category: OfCategory = None,
    is_public: IsPublic = None,
    level: AtLeast = None,
    limit: Limit = DEFAULT_PAGE,
    cursor: Cursor = None,
) -> Response:
    """The images of the organization that you may see, by name.

    With a filter a page may have fewer items than `limit`, even none, and still have a `next`.
    """
    wanted = _wanted(call.organization, contains, category, is_public, level)
    after = key_of(cursor)

    def work(tx: Connection) -> ImageList:
        # Who has nothing to do with an organization does not learn whether it is there.
        if holdings_of(tx, call.actor).touches(call.organization):
            get_organization(tx, call.organization)
        return find_images(tx, call.actor, wanted, call.now, after=after, size=limit)

    return _page(call, await call.read(work))


async def create_image(call: Admitted, organization: str, body: WantedImage) -> Response:
    """Make an empty image; a push would make it too."""
    name = image_name(call.organization, body.image)
    call.target = Target.image(name)
    if body.is_public:
        level = (await organization_for(call.services, call.actor, call.organization)).level
        decision = authorize(call.actor, Action.IMAGE_PUBLISH, Image(name, level=level))
        if not decision.allowed:
            raise Problem(403, "not_allowed", decision.reason)

    def work(tx: Connection) -> ImageDocument:
        create_repository(
            tx,
            name,
            call.user_id,
            call.now,
            is_public=body.is_public,
            category=body.category.value,
            description=body.description,
        )
        return _document(find_image(tx, call.actor, name, call.now))

    return await call.create(
        work, lambda made: made, location=_location, detail={"is_public": body.is_public}
    )


async def show_image(call: Admitted, organization: str, image: str) -> Response:
    """One image, and your own level on it."""
    return answer(await call.read(lambda tx: _shown(tx, call)))


async def change_image(call: Admitted, organization: str, image: str, body: ChangedImage) -> Response:
    """Change the category or the description."""
    category = None if body.category is None else body.category.value

    def work(tx: Connection) -> ImageDocument:
        call.require_match(_shown(tx, call))
        change_repository(tx, call.image, category=category, description=body.description)
        return _shown(tx, call)

    return answer(await call.write(work, body.model_dump(mode="json", exclude_unset=True)))


async def publish_image(call: Admitted, organization: str, image: str, body: Visibility) -> Response:
    """Make the image public or private; it takes effect with the next request."""

    def work(tx: Connection) -> ImageDocument:
        call.require_match(_shown(tx, call))
        change_repository(tx, call.image, is_public=body.is_public)
        return _shown(tx, call)

    return answer(await call.write(work, {"is_public": body.is_public}))


async def delete_image(call: Admitted, organization: str, image: str) -> Response:
    """Delete the image with all of its tags and manifests, and the rights and shares on it."""

    def work(tx: Connection) -> tuple[Staged, ...]:
        call.require_match(_shown(tx, call))
        return remove(tx, call.image, call.user_id, call.now)

    for staged in await call.write(work):
        await call.services.intake.discard(staged)
    return no_content()


def _wanted(
    organization: str | None,
    contains: str,
    category: Category | None,
    is_public: bool | None,
    level: LevelFilter | None,
) -> ImageFilter:
    return ImageFilter(
        organization,
        contains.replace("$", "/"),
        None if category is None else category.value,
        is_public,
        None if level is None else Level.parse(level.value),
    )


def _page(call: Call, found: ImageList) -> Response:
    following = None if found.next_after is None else cursor_after(found.next_after)
    return call.page(PageDocument(items=[_document(each) for each in found.items], next=following))


def _shown(tx: Connection, call: Call) -> ImageDocument:
    return _document(find_image(tx, call.actor, call.image, call.now))


def _document(listed: ListedImage) -> ImageDocument:
    found, standing = listed.details, listed.standing
    return ImageDocument(
        name=found.name.text,
        organization=found.name.organization,
        image=_within(found.name),
        is_public=found.is_public,
        category=found.category,
        description=found.description,
        creator=found.creator,
        created_at=found.created_at,
        updated_at=found.updated_at,
        tag_count=found.tag_count,
        size=found.size,
        my_level=None if standing.level is Level.NONE else standing.level.word,
        shared_with_me=standing.is_shared,
    )


def _within(name: RepositoryName) -> str:
    return name.text.partition("/")[2] or name.text


def _location(made: ImageDocument) -> str:
    return f"/api/v1/organizations/{made.organization}/images/{made.image.replace('/', '$')}"


_ALL = "/organizations/{organization}/images"
_ONE = f"{_ALL}/{{image}}"
OPERATIONS = (
    Operation("GET", "/images", Action.IMAGE_LIST, list_images, PageDocument[ImageDocument]),
    Operation(
        "GET", _ALL, Action.IMAGE_LIST, list_organization_images, PageDocument[ImageDocument], tag="images"
    ),
    Operation("POST", _ALL, Action.IMAGE_CREATE, create_image, ImageDocument, status=201, tag="images"),
    Operation("GET", _ONE, Action.IMAGE_SEE, show_image, ImageDocument, tag="images"),
    Operation("PATCH", _ONE, Action.IMAGE_CHANGE, change_image, ImageDocument, tag="images"),
    Operation("DELETE", _ONE, Action.IMAGE_DELETE, delete_image, status=204, tag="images"),
    Operation("PUT", f"{_ONE}/visibility", Action.IMAGE_PUBLISH, publish_image, ImageDocument, tag="images"),
)
