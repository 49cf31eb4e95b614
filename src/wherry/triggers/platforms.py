"""Is what was pushed for the trigger's platform? An index says so itself; of one image its config does."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, select

from wherry.events.dispatch import RecordedEvent
from wherry.oci.digests import Digest
from wherry.oci.names import RepositoryName
from wherry.registry.config_platforms import platform_of_config
from wherry.registry.errors import RegistryError
from wherry.registry.events import TagMoved
from wherry.registry.manifest_details import ManifestDetails, get_manifest_details
from wherry.registry.tables import repositories
from wherry.triggers.tables import triggers


def why_not_for(tx: Connection, wanted: str | None, repository: RepositoryName, digest: str) -> str | None:
    """Why what was pushed is not for the platform `wanted`; None where it is, or none is wanted.

    Configs have been read before, by `read_platforms`.
    """
    if wanted is None:
        return None
    try:
        details = get_manifest_details(tx, repository, Digest.parse(digest))
    except RegistryError:
        return f"{digest} is not in {repository} any more"
    there = _platforms(tx, details)
    if there is None:
        return f"{digest[:19]} is no image, so it is not for {wanted}"
    if _fits(wanted, there):
        return None
    if not there:
        return f"nothing says for which platform the image is, and the trigger is for {wanted}"
    return f"the image is not for {wanted}, only for {', '.join(sorted(there))}"


def images_to_read(tx: Connection, events: Sequence[RecordedEvent]) -> list[tuple[RepositoryName, Digest]]:
    """The images among these pushes whose platform a trigger wants to know."""
    moved = [TagMoved.from_event(event) for event in events if event.kind == TagMoved.KIND.name]
    if not moved:
        return []
    names = {one.repository for one in moved}
    query = (
        select(repositories.c.name)
        .join(triggers, triggers.c.repository_id == repositories.c.id)
        .where(repositories.c.name.in_(names), triggers.c.platform.is_not(None))
    )
    asked = set(tx.execute(query).scalars())
    found = {(one.repository, one.digest) for one in moved if one.repository in asked}
    return [(RepositoryName(name), Digest.parse(digest)) for name, digest in sorted(found)]


def _platforms(tx: Connection, details: ManifestDetails) -> set[str] | None:
    """None for what is no image."""
    if details.platforms:
        named = ((one.os, one.architecture, one.variant) for one in details.platforms)
        return {"/".join(filter(None, each)) for each in named if each[0] and each[1]}
    if details.image_config is None:
        return None
    said = platform_of_config(tx, details.image_config)
    return {said} if said else set()


def _fits(wanted: str, there: Iterable[str]) -> bool:
    """`linux/arm` is any variant; of `arm64` there is one, which tools name or leave out."""
    if wanted.endswith("/arm64/v8"):
        wanted = wanted.removesuffix("/v8")
    return any(one == wanted or one.startswith(f"{wanted}/") for one in there)
