"""`commit_image`: a new image as one commit on a branch of a Git repository, with no work tree and no git.

Only the newest commit is fetched, into a folder that is gone afterwards. It blocks: run it in a thread.
"""

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from wherry.clusters.addresses import AddressRules
from wherry.clusters.errors import AddressRefused
from wherry.triggers.gitops.edits import MAX_FILE, Edit, NewImage, edited
from wherry.triggers.gitops.errors import EditRefused, GitFailed, OlderVersion

if TYPE_CHECKING:
    from dulwich.objects import ObjectID, ShaFile
    from dulwich.refs import Ref

# Of the newest commit alone. What is larger is a repository for something else.
MAX_PACK = 200 * 1024 * 1024
# Somebody else pushed in between: read again, that often.
ATTEMPTS = 4

# What git says of a branch that has moved since it was read.
_MOVED = ("failed to update ref", "lock", "fetch first", "non-fast-forward")

_HEADS = "refs/heads/"


@dataclass(frozen=True, slots=True)
class GitTarget:
    """Where the commit goes. Without `push_branch` it goes to `branch` itself.

    `push_branch` is made anew from `branch` each time, so that it always holds one change: what a pull
    request is opened from. `authority` are certificates to trust besides the system's, as PEM.
    """

    url: str
    branch: str
    push_branch: str | None = None
    user: str | None = None
    password: str | None = None
    authority: str | None = None
    author: str = "Wherry <wherry@localhost>"

    def __repr__(self) -> str:
        return f"GitTarget({self.url}, {self.branch}, {self.push_branch})"


@dataclass(frozen=True, slots=True)
class Committed:
    """`commit` is what the branch is at now; `files` changed; none where all was there already."""

    commit: str
    branch: str
    files: tuple[str, ...]


def commit_image(
    target: GitTarget,
    edits: Sequence[Edit],
    image: NewImage,
    message: str,
    now: datetime,
    rules: AddressRules,
) -> Committed:
    """Change the files, commit, push. Doing it again finds all done. Raises `EditRefused`, `GitFailed`."""
    for _ in range(ATTEMPTS):
        with (
            tempfile.TemporaryDirectory(prefix="wherry-git-") as folder,
            closing(_Attempt(target, rules, folder)) as looked,
        ):
            done = looked.run(edits, image, message, now)
        if done is not None:
            return done
    raise GitFailed(f"others pushed to {target.branch} each time before Wherry did", is_temporary=True)


def check_target(target: GitTarget) -> None:
    """Raises `GitFailed` for what no commit could ever go to."""
    parts = urlsplit(target.url)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise GitFailed("a Git repository is named by https://…; SSH is not spoken", is_temporary=False)
    if parts.username is not None or parts.password is not None:
        raise GitFailed("user and password are given apart from the URL", is_temporary=False)
    from dulwich.refs import check_ref_format

    for branch in (target.branch, target.push_branch):
        if branch is not None and not check_ref_format(_ref(branch)):
            raise GitFailed(f"{branch!r} is no name of a branch", is_temporary=False)


class _Attempt:
    """One look at the repository and, where something is to change, one push."""

    def __init__(self, target: GitTarget, rules: AddressRules, folder: str) -> None:
        from dulwich.client import HttpGitClient
        from dulwich.repo import Repo

        from wherry.triggers.gitops.guarded_http import guarded_pool

        check_target(target)
        parts = urlsplit(target.url)
        self._target = target
        self._path = parts.path
        self._client = HttpGitClient(
            f"{parts.scheme}://{parts.netloc}",
            pool_manager=guarded_pool(rules, target.authority),
            username=target.user,
            password=target.password,
            quiet=True,
        )
        self._repo = Repo.init_bare(folder)
        self._made: dict[ObjectID, ShaFile] = {}

    def run(self, edits: Sequence[Edit], image: NewImage, message: str, now: datetime) -> Committed | None:
        """None where somebody else pushed in between."""
        from dulwich.objects import Commit

        target, store = self._target, self._repo.object_store
        pushed_to = target.push_branch or target.branch
        base, before = self._fetch()
        found = store[base]
        if not isinstance(found, Commit):
            raise GitFailed(f"{target.branch} is no branch of commits", is_temporary=False)
        files = self._edit_all(found.tree, edits, image)
        if not files:
            return Committed(base.decode(), target.branch, ())
        tree = self._tree_with(found.tree, files)
        proposed = None if target.push_branch is None or before is None else store[before]
        if isinstance(proposed, Commit) and proposed.tree == tree and base in proposed.parents:
            return Committed(proposed.id.decode(), pushed_to, ())
        if isinstance(proposed, Commit):
            self._refuse_older(proposed.tree, edits, image)
        commit = Commit()
        commit.tree, commit.parents = tree, [base]
        commit.author = commit.committer = target.author.encode()
        commit.author_time = commit.commit_time = int(now.timestamp())
        commit.author_timezone = commit.commit_timezone = 0
        commit.encoding = b"UTF-8"
        commit.message = message.encode()
        self._made[commit.id] = commit
        if not self._push(_ref(pushed_to), before, commit.id):
            return None
        return Committed(commit.id.decode(), pushed_to, tuple(sorted(files)))

    def close(self) -> None:
        self._repo.close()

    def _fetch(self) -> "tuple[ObjectID, ObjectID | None]":
        """The newest commit, and what the branch that is pushed to is at, if it is there."""
        wanted = [_ref(self._target.branch)]
        if self._target.push_branch is not None:
            wanted.append(_ref(self._target.push_branch))
        received = 0

        def wants(refs: "Mapping[Ref, ObjectID]", depth: int | None = None) -> "list[ObjectID]":
            return list({refs[name] for name in wanted if name in refs})

        store = self._repo.object_store
        with _Told(self._target), tempfile.SpooledTemporaryFile(max_size=8 * 1024 * 1024) as pack:

            def keep(part: bytes) -> int:
                nonlocal received
                received += len(part)
                if received > MAX_PACK:
                    raise GitFailed(
                        f"the repository is larger than {MAX_PACK // 1024 // 1024} MiB", is_temporary=False
                    )
                return pack.write(part)

            result = self._client.fetch_pack(
                self._path.encode(),
                wants,
                self._repo.get_graph_walker(),
                keep,
                depth=1,
                ref_prefix=wanted,
            )
            refs = {name: sha for name, sha in result.refs.items() if sha is not None}
            if wanted[0] not in refs:
                raise GitFailed(f"the repository has no branch {self._target.branch}", is_temporary=False)
            if received:
                pack.seek(0)
                store.add_thin_pack(pack.read, None)
            self._repo.update_shallow(result.new_shallow, result.new_unshallow)
        return refs[wanted[0]], refs.get(wanted[-1])

    def _refuse_older(self, tree: "ObjectID", edits: Sequence[Edit], image: NewImage) -> None:
        """What waits to be merged is not set back. Raises `OlderVersion`."""
        try:
            self._edit_all(tree, edits, image)
        except EditRefused:
            return  # it is made anew from the branch, where the files are as they should be
        except OlderVersion as error:
            raise OlderVersion(f"on {self._target.push_branch} {error}") from None

    def _edit_all(self, tree: "ObjectID", edits: Sequence[Edit], image: NewImage) -> dict[str, str]:
        """Those that change, with their new text; several edits of one file follow each other."""
        before: dict[str, str] = {}
        after: dict[str, str] = {}
        for edit in edits:
            if edit.path not in before:
                before[edit.path] = after[edit.path] = self._read(tree, edit.path)
            after[edit.path] = edited(after[edit.path], edit, image)
        return {path: text for path, text in after.items() if text != before[path]}

    def _read(self, tree: "ObjectID", path: str) -> str:
        from dulwich.objects import Blob, Tree

        store = self._repo.object_store
        found: ShaFile | None = store[tree]
        for name in path.split("/"):
            inside = isinstance(found, Tree) and name.encode() in found
            found = store[found[name.encode()][1]] if inside and isinstance(found, Tree) else None
        if found is None:
            raise EditRefused(path, "the branch has no such file")
        if not isinstance(found, Blob) or found.raw_length() > MAX_FILE:
            raise EditRefused(path, f"it is no file of at most {MAX_FILE // 1024} KiB")
        try:
            return found.data.decode()
        except UnicodeDecodeError:
            raise EditRefused(path, "it is no text in UTF-8") from None

    def _tree_with(self, tree: "ObjectID", files: dict[str, str]) -> "ObjectID":
        """The tree with these contents in place of those that its files have."""
        from dulwich.objects import Blob, Tree

        found = self._repo.object_store[tree]
        if not isinstance(found, Tree):
            raise GitFailed("a folder of the repository is none", is_temporary=False)
        changed = Tree.from_string(found.as_raw_string())
        inside: dict[str, dict[str, str]] = {}
        for path, text in files.items():
            first, *rest = PurePosixPath(path).parts
            mode, _ = changed[first.encode()]
            if rest:
                inside.setdefault(first, {})["/".join(rest)] = text
                continue
            blob = Blob.from_string(text.encode())
            self._made[blob.id] = blob
            changed[first.encode()] = (mode, blob.id)
        for folder, parts in inside.items():
            mode, sha = changed[folder.encode()]
            changed[folder.encode()] = (mode, self._tree_with(sha, parts))
        self._made[changed.id] = changed
        return changed.id

    def _push(self, ref: "Ref", before: "ObjectID | None", commit: "ObjectID") -> bool:
        """Only onto what was read; False where the branch has moved on."""
        from dulwich.pack import pack_objects_to_data

        moved = False

        def update(refs: "dict[Ref, ObjectID]") -> "dict[Ref, ObjectID]":
            nonlocal moved
            moved = refs.get(ref) != before
            return {} if moved else {ref: commit}

        with _Told(self._target):
            result = self._client.send_pack(
                self._path.encode(),
                update,
                lambda have, want, **more: pack_objects_to_data(list(self._made.values()), deltify=False),
            )
        refused = (result.ref_status or {}).get(ref)
        if refused and any(words in refused for words in _MOVED):
            return False
        if refused:
            raise GitFailed(f"the Git server refused the push: {refused}", is_temporary=False)
        return not moved


class _Told:
    """What the library raises, as `GitFailed`."""

    def __init__(self, target: GitTarget) -> None:
        self._host = urlsplit(target.url).hostname

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        from dulwich.client import HTTPUnauthorized
        from dulwich.errors import GitProtocolError, HangupException, NotGitRepository

        if error is None or isinstance(error, GitFailed):
            return
        if isinstance(error, HTTPUnauthorized):
            raise GitFailed("the Git server refused user and password", is_temporary=False) from error
        if isinstance(error, NotGitRepository):
            raise GitFailed(
                "the Git server has no such repository, or does not show it to this user", is_temporary=False
            ) from error
        if isinstance(error, AddressRefused):
            raise GitFailed(str(error), is_temporary=False) from error
        if isinstance(error, (GitProtocolError, HangupException, OSError)):
            said = " ".join(str(error).split())[:300]
            forbidden = "http resp 403" in said
            raise GitFailed(
                f"{self._host} refused this user" if forbidden else f"{self._host}: {said}",
                is_temporary=not forbidden,
            ) from error


def _ref(branch: str) -> "Ref":
    from dulwich.refs import Ref

    return Ref((_HEADS + branch).encode())
