"""What can be wrong with triggers.

TriggerError
├── InvalidTrigger      one sentence for each problem
├── TriggerExists       the image has one of that name already
├── TriggerUnknown
├── TriggerForbidden    the actor lacks the right on the image; on a cluster see `ClusterForbidden`
├── RunUnknown
└── RunNotOpen          what is over is not approved, rejected or ended again
"""

from wherry.oci.names import RepositoryName


class TriggerError(Exception):
    """Base of this domain's errors; the text is fit for a person."""


class InvalidTrigger(TriggerError):
    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        super().__init__("; ".join(problems))


class TriggerExists(TriggerError):
    def __init__(self, repository: RepositoryName, name: str) -> None:
        self.repository = repository
        self.name = name
        super().__init__(f"{repository} has a trigger {name!r} already")


class TriggerUnknown(TriggerError):
    def __init__(self, repository: RepositoryName, name: str) -> None:
        self.repository = repository
        self.name = name
        super().__init__(f"{repository} has no trigger {name[:80]!r}")


class TriggerForbidden(TriggerError):
    """The text names who, what they have and what it takes."""


class RunUnknown(TriggerError):
    def __init__(self, run: int) -> None:
        self.run = run
        super().__init__(f"there is no run {run}")


class RunNotOpen(TriggerError):
    """The text says how it ended."""
