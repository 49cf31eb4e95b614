"""Takes the default secrets out of a cluster to be forgotten: as far as it answers, in bounded time."""

import asyncio
from dataclasses import dataclass

from wherry.clusters.connection import ClusterConnection
from wherry.clusters.errors import ClusterError
from wherry.clusters.pull_secrets.default_secret import look_and_plan, reconcile
from wherry.clusters.pull_secrets.keys import PullLogins

SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Removal:
    """Namespaces whose secret is gone, and why others could not be taken; by `""` the whole cluster."""

    removed: tuple[str, ...]
    left: dict[str, str]


async def remove_default_secrets(connection: ClusterConnection, seconds: float = SECONDS) -> Removal:
    """Only those that Wherry made; raises nothing. Switch the making off before, or it makes them anew."""
    nothing = PullLogins((), "", None)
    try:
        async with asyncio.timeout(seconds):
            planned = await look_and_plan(connection, nothing, switched_on=False)
            done = await reconcile(connection, planned)
    except TimeoutError:
        return Removal((), {"": f"no answer within {seconds:.0f} seconds"})
    except ClusterError as error:
        return Removal((), {"": str(error)})
    return Removal(done.removed, dict(done.failed))
