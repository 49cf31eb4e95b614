"""What can go wrong between an image and a commit.

GitOpsError
├── EditRefused     the file is not one that the edit can be made in
├── OlderVersion    a newer version is there, and the newest is to win
└── GitFailed       the repository could not be read or written
"""


class GitOpsError(Exception):
    """Its text is for the history of a trigger."""


class EditRefused(GitOpsError):
    """The file has no such place, or is none that can be read; trying again does not help."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class OlderVersion(GitOpsError):
    """Nothing was changed; that is as it should be."""


class GitFailed(GitOpsError):
    """The server did not do it. Where `is_temporary`, it may do it later."""

    def __init__(self, reason: str, *, is_temporary: bool) -> None:
        super().__init__(reason)
        self.is_temporary = is_temporary
