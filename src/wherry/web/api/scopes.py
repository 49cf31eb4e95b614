"""Organizations and images with a level, as bodies and documents name them: for keys and for robots."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from pydantic import Field

from wherry.access.levels import Level
from wherry.access.resources import Resource
from wherry.web.api.documents import Document, Wanted
from wherry.web.api.problems import Problem

MAX_ENTRIES = 100


class LevelName(StrEnum):
    """read pulls, write pushes too, edit deletes, shares and grants too."""

    READ = "read"
    WRITE = "write"
    EDIT = "edit"


class WantedScope(Wanted):
    """One of the things that a key is for, or a robot has a right on."""

    resource: str = Field(
        min_length=1,
        max_length=255,
        description="An organization such as acme, or an image such as acme/web.",
    )
    level: LevelName


class ScopeDocument(Document):
    """A level on an organization or on one image."""

    resource: str
    level: str


def resources_of(
    wanted: Sequence[WantedScope], within: str | None = None
) -> Sequence[tuple[Resource, Level]]:
    """What is named, each once, in the organization `within` only. Raises `Problem`, `InvalidName`."""
    found: dict[Resource, Level] = {}
    for each in wanted:
        resource = Resource.parse(each.resource)
        if resource in found:
            raise Problem(422, "invalid_request", f"{resource} is named twice")
        if within is not None and resource.organization != within:
            raise Problem(422, "invalid_request", f"{resource} is not in the organization {within}")
        found[resource] = Level.parse(each.level.value)
    return list(found.items())


def limits_of(wanted: Sequence[WantedScope] | None, within: str | None = None) -> Mapping[str, int] | None:
    """A key's scope as it is kept; None is no limit. Raises as `resources_of` does."""
    if wanted is None:
        return None
    return {resource.scope: int(level) for resource, level in resources_of(wanted, within)}


def scope_document(limits: Mapping[str, int] | None) -> list[ScopeDocument] | None:
    """A key's scope as it is shown."""
    if limits is None:
        return None
    return [ScopeDocument(resource=on, level=Level(level).word) for on, level in limits.items()]
