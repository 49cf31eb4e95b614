"""What this registry knows of the images of workloads, as far as the asker may see them."""

from collections.abc import Collection, Iterable, Mapping

from sqlalchemy import Connection

from wherry.access.actions import Action
from wherry.access.decisions import authorize
from wherry.clusters.connection import ClusterConnection
from wherry.clusters.kinds import Object
from wherry.clusters.watching.seen import SeenPod, SeenWorkload
from wherry.clusters.workloads.platform_check import Misfit, images_in, look_for_misfits
from wherry.clusters.workloads.running_images import RunningImage, running_images, tags_of
from wherry.oci.names import RepositoryName
from wherry.registry.tags_now import TagNow, tags_now
from wherry.web.api.call import Call
from wherry.web.held_images import held_architectures
from wherry.web.rights import image_for


async def images_of(call: Call, workload: SeenWorkload, pods: Iterable[SeenPod]) -> tuple[RunningImage, ...]:
    """Each image of the workload with the digests that run, and whether its tag names a newer one."""
    names = call.services.clusters.registry.names
    wanted = tags_of((workload,), names)
    may_see = await _seen_of(call, {RepositoryName(repository) for repository, _ in wanted})
    asked = {(repository, tag) for repository, tag in wanted if RepositoryName(repository) in may_see}

    def work(tx: Connection) -> Mapping[tuple[str, str], TagNow]:
        return tags_now(tx, asked)

    return running_images(workload, pods, await call.read(work) if asked else {}, names)


async def misfits_of(
    call: Call, connection: ClusterConnection, objects: tuple[Object, ...]
) -> tuple[Misfit, ...]:
    """Images that some of the nodes cannot run."""
    images = images_in(objects, call.services.clusters.registry.names)
    may_see = await _seen_of(call, {name.repository for name in images.values()})
    asked = {text: name for text, name in images.items() if name.repository in may_see}
    if not asked:
        return ()
    held = await held_architectures(call.services.database, call.services.store, asked)
    return await look_for_misfits(connection, objects, held)


async def _seen_of(call: Call, names: Collection[RepositoryName]) -> frozenset[RepositoryName]:
    found = set()
    for name in names:
        image = await image_for(call.services, call.actor, name, Action.IMAGE_SEE)
        if authorize(call.actor, Action.IMAGE_SEE, image).allowed:
            found.add(name)
    return frozenset(found)
