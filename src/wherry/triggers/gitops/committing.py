"""A run whose target is a Git repository: its image is committed there."""

import asyncio

from wherry.clusters.addresses import AddressRules
from wherry.clusters.errors import ClusterUnreachable
from wherry.clusters.workloads.forms import Unread, read
from wherry.kit.clock import Clock
from wherry.kit.secrets import Sealer, UnreadableSecret
from wherry.triggers.gitops.commit import commit_image
from wherry.triggers.gitops.edits import NewImage
from wherry.triggers.gitops.errors import GitFailed, GitOpsError, OlderVersion
from wherry.triggers.gitops.target import GitPlace
from wherry.triggers.plan import CannotUpdate, NothingToDo
from wherry.triggers.runs import Run
from wherry.triggers.trigger import Trigger

_SHORT = 12


class CommitRuns:
    """What the jobs of runs call. `host` is how files name images of this registry; empty: unknown."""

    def __init__(self, sealer: Sealer, clock: Clock, rules: AddressRules, host: str) -> None:
        self._sealer = sealer
        self._clock = clock
        self._rules = rules
        self._host = host

    async def __call__(self, run: Run, trigger: Trigger) -> str:
        """What was done, in words.

        Raises `NothingToDo`, `CannotUpdate`, or `ClusterUnreachable` to be called again.
        """
        if not self._host and run.image is None:
            raise CannotUpdate("nobody said how clients name this registry: set public_url")
        try:
            place = read(GitPlace, dict(trigger.target.git or {}), "git")
            target = place.target(self._sealer)
        except (Unread, UnreadableSecret) as error:
            raise CannotUpdate(str(error)) from None
        name = run.image or f"{self._host}/{run.repository.text}"
        digest = run.digest or None if trigger.options.pin else None
        image = NewImage(name, run.tag, digest, run.keeps_order(trigger))
        message = (
            f"{run.repository.text}: {run.tag}\n\n{image.name}:{run.tag}\n{run.digest}\n\n"
            f"Pushed-by: {run.pushed_by}\nTrigger: {trigger.name}\nRun: {run.id}\n"
        )
        now = self._clock.now()
        try:
            done = await asyncio.to_thread(
                commit_image, target, place.all_edits, image, message, now, self._rules
            )
        except GitFailed as error:
            if error.is_temporary:
                raise ClusterUnreachable(target.url, "git", str(error)) from error
            raise CannotUpdate(str(error)) from error
        except OlderVersion as error:
            raise NothingToDo(str(error)) from None
        except GitOpsError as error:
            raise CannotUpdate(str(error)) from error
        if not done.files:
            return f"{done.branch} has it already, at {done.commit[:_SHORT]}"
        return f"committed {done.commit[:_SHORT]} to {done.branch}: {', '.join(done.files)}"
