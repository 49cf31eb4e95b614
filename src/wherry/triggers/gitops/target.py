"""A target in a Git repository, as a trigger keeps it: JSON with its password sealed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wherry.clusters.workloads.forms import Unread, at, read, write
from wherry.kit.secrets import Sealer
from wherry.triggers.gitops.commit import GitTarget, check_target
from wherry.triggers.gitops.edits import Edit, EditKind, Part
from wherry.triggers.gitops.errors import GitFailed

MAX_EDITS = 50
MAX_TEXT = 1000
MAX_AUTHORITY = 64 * 1024


@dataclass(frozen=True, slots=True)
class _Place:
    """A Helm value: `path` such as `web.image.tag`, and what of the image is written there."""

    part: Part = at("part")
    path: str = at("path")


@dataclass(frozen=True, slots=True)
class _Edit:
    kind: EditKind = at("kind")
    path: str = at("path")
    image: str = at("image", "")
    places: tuple[_Place, ...] = at("places", ())


@dataclass(frozen=True, slots=True)
class GitPlace:
    """`password` is what somebody gives; it is kept as `sealed_password` and never shown."""

    url: str = at("url")
    branch: str = at("branch", "main")
    push_branch: str | None = at("pushBranch", None)
    user: str | None = at("user", None)
    password: str | None = at("password", None)
    sealed_password: str | None = at("sealedPassword", None)
    authority: str | None = at("authority", None)
    author: str = at("author", "Wherry <wherry@localhost>")
    edits: tuple[_Edit, ...] = at("edits", ())

    def target(self, sealer: Sealer) -> GitTarget:
        """Raises `UnreadableSecret`."""
        password = None if self.sealed_password is None else sealer.open(self.sealed_password)
        return GitTarget(
            self.url,
            self.branch,
            self.push_branch,
            self.user,
            None if password is None else password.decode(),
            self.authority,
            self.author,
        )

    @property
    def all_edits(self) -> tuple[Edit, ...]:
        """As they are made."""
        return tuple(
            Edit(one.kind, one.path, one.image, tuple((place.part, place.path) for place in one.places))
            for one in self.edits
        )


def git_problems(document: Mapping[str, Any]) -> list[str]:
    """What is wrong with it, in sentences."""
    try:
        place = read(GitPlace, document, "git")
    except Unread as error:
        return list(error.problems)
    found = []
    if not 1 <= len(place.edits) <= MAX_EDITS:
        found.append(f"a target in Git edits 1 to {MAX_EDITS} files")
    texts = (place.url, place.branch, place.push_branch, place.user, place.author)
    if any(text is not None and not (0 < len(text) <= MAX_TEXT and text.isprintable()) for text in texts):
        found.append(f"texts of a target in Git have 1 to {MAX_TEXT} characters that can be printed")
    if place.authority is not None and len(place.authority) > MAX_AUTHORITY:
        found.append("authority is PEM of at most 64 KiB")
    if "<" not in place.author or not place.author.endswith(">"):
        found.append("author is such as Wherry <wherry@example.com>")
    for edit in place.edits:
        if edit.kind is EditKind.HELM and not edit.places:
            found.append(f"{edit.path}: an edit of Helm values names their places")
        if edit.kind is not EditKind.HELM and not edit.image:
            found.append(f"{edit.path}: image is what its places are known by")
    try:
        check_target(GitTarget(place.url, place.branch, place.push_branch))
    except GitFailed as error:
        found.append(str(error))
    return found


def sealed(
    document: Mapping[str, Any], sealer: Sealer, known: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """As it is kept. Without a password, the one that is `known` stays, if the address does too.

    Raises `Unread`.
    """
    given = {key: value for key, value in document.items() if key not in ("sealedPassword", "hasPassword")}
    place = read(GitPlace, given, "git")
    kept = {key: value for key, value in write(place).items() if key != "password"}
    if place.password is not None:
        kept["sealedPassword"] = sealer.seal(place.password.encode())
    elif known is not None and (known.get("url"), known.get("user")) == (place.url, place.user):
        kept |= {key: known[key] for key in ("sealedPassword",) if key in known}
    return kept


def shown(document: Mapping[str, Any]) -> dict[str, Any]:
    """For people: whether there is a password, and not which."""
    told = {key: value for key, value in document.items() if key not in ("password", "sealedPassword")}
    return {**told, "hasPassword": "sealedPassword" in document}
