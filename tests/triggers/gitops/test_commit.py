"""Commits to a real Git server: one for a new image, none where it is there, never over another's."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path

import pytest

from tests.triggers.gitops.git_server import PASSWORD, USER, GitServer, git
from wherry.clusters.addresses import AddressRules
from wherry.triggers.gitops.commit import ATTEMPTS, Committed, GitTarget, commit_image
from wherry.triggers.gitops.edits import Edit, EditKind, NewImage
from wherry.triggers.gitops.errors import EditRefused, GitFailed, OlderVersion

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
HERE = AddressRules((ip_network("127.0.0.0/8"),))
IMAGE = NewImage("reg.example/acme/web", "2", "sha256:" + "b" * 64)
EDIT = Edit(EditKind.MARKER, "apps/shop/web.yaml", "shop")
FILES = {
    "apps/shop/web.yaml": "image: reg.example/acme/web:1 # wherry: shop\n",
    "apps/shop/other.yaml": "a: b\n",
    "README.md": "# Shop\n",
    "big.bin": "x" * 2_000_000,
}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    made = GitServer(tmp_path)
    yield made
    made.close()


@pytest.fixture
def work(server: GitServer) -> Path:
    return server.make("shop", FILES)


@pytest.fixture
def target(server: GitServer, work: Path) -> GitTarget:
    return GitTarget(server.url("shop"), "main", user=USER, password=PASSWORD)


def commit(target: GitTarget, image: NewImage = IMAGE, edit: Edit = EDIT) -> Committed:
    return commit_image(target, [edit], image, f"{image.name}:{image.tag}\n", NOW, HERE)


def test_one_commit_changes_the_one_line(server: GitServer, target: GitTarget) -> None:
    done = commit(target)
    assert done.files == (EDIT.path,)
    shown = server.show("shop", "main", EDIT.path)
    assert shown == f"image: reg.example/acme/web:2@{IMAGE.digest} # wherry: shop\n"
    assert server.log("shop", "main") == ["reg.example/acme/web:2", "first"]
    bare = server.root / "shop.git"
    assert git(bare, "rev-parse", "main").strip() == done.commit
    assert git(bare, "diff", "--name-only", "main~1", "main").split() == [EDIT.path]
    git(bare, "fsck", "--strict")


def test_the_same_image_again_makes_no_commit(server: GitServer, target: GitTarget) -> None:
    first = commit(target)
    again = commit(target)
    assert again == Committed(first.commit, "main", ())
    assert server.pushes == 1


def test_a_commit_in_between_is_kept(server: GitServer, target: GitTarget, work: Path) -> None:
    server.before_push.append(lambda: server.push(work, {"README.md": "# Ours\n"}, "theirs"))
    commit(target)
    assert server.log("shop", "main") == ["reg.example/acme/web:2", "theirs", "first"]
    assert server.show("shop", "main", "README.md") == "# Ours\n"


def test_who_is_always_overtaken_gives_up_for_now(server: GitServer, target: GitTarget, work: Path) -> None:
    def overtake() -> None:
        count = len(server.log("shop", "main"))
        server.push(work, {"n": str(count)}, f"theirs {count}")
        server.before_push.append(overtake)

    server.before_push.append(overtake)
    with pytest.raises(GitFailed, match="others pushed") as failed:
        commit(target)
    assert failed.value.is_temporary
    assert server.pushes == ATTEMPTS


def test_a_branch_of_its_own_holds_one_change_onto_the_newest(
    server: GitServer, target: GitTarget, work: Path
) -> None:
    proposed = replace(target, push_branch="wherry/shop")
    first = commit(proposed)
    assert first.branch == "wherry/shop"
    assert server.log("shop", "main") == ["first"]
    assert commit(proposed) == Committed(first.commit, "wherry/shop", ())
    server.push(work, {"README.md": "# Newer\n"}, "second")
    commit(proposed, replace(IMAGE, tag="3"))
    assert server.log("shop", "wherry/shop") == ["reg.example/acme/web:3", "second", "first"]


def test_an_older_version_does_not_take_the_place_of_one_that_waits_to_be_merged(
    server: GitServer, target: GitTarget, work: Path
) -> None:
    proposed, image = replace(target, push_branch="wherry/shop"), replace(IMAGE, is_ordered=True)
    commit(proposed, replace(image, tag="3"))
    with pytest.raises(OlderVersion, match=r"on wherry/shop .* has 3, and 2 is older"):
        commit(proposed, image)
    assert server.log("shop", "wherry/shop") == ["reg.example/acme/web:3", "first"]
    server.push(work, {EDIT.path: "image: reg.example/acme/web:1 # wherry: web\n"}, "renamed")
    commit(proposed, image, replace(EDIT, image="web"))
    assert server.log("shop", "wherry/shop") == ["reg.example/acme/web:2", "renamed", "first"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"password": "wrong"}, "refused user and password"),
        ({"branch": "release"}, "no branch release"),
        ({"branch": "a..b"}, "no name of a branch"),
        ({"url": "ssh://git@example.com/a.git"}, "SSH is not spoken"),
        ({"url": "http://user:secret@example.com/a.git"}, "apart from the URL"),
        ({"url": "file:///etc"}, "https://"),
    ],
)
def test_a_target_that_nothing_can_go_to_says_why(
    target: GitTarget, change: dict[str, str], says: str
) -> None:
    with pytest.raises(GitFailed, match=says) as failed:
        commit(replace(target, **change))
    assert not failed.value.is_temporary


def test_a_repository_that_is_not_there_says_so(server: GitServer, target: GitTarget) -> None:
    with pytest.raises(GitFailed, match="no such repository"):
        commit(replace(target, url=server.url("nothing")))


@pytest.mark.parametrize("path", ["nothing.yaml", "apps", "apps/shop/web.yaml/more", "big.bin", "../a", ""])
def test_a_file_that_is_none_is_refused_and_nothing_is_pushed(
    server: GitServer, target: GitTarget, path: str
) -> None:
    with pytest.raises(EditRefused):
        commit(target, edit=replace(EDIT, path=path))
    assert server.pushes == 0


def test_a_hook_of_the_server_is_quoted(server: GitServer, target: GitTarget) -> None:
    hook = server.root / "shop.git" / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho 'ask the release team' >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(GitFailed, match="refused the push"):
        commit(target)
    assert server.log("shop", "main") == ["first"]


def test_an_address_that_is_not_allowed_gets_no_byte(server: GitServer, target: GitTarget) -> None:
    with pytest.raises(GitFailed, match="this machine itself") as failed:
        commit_image(target, [EDIT], IMAGE, "m", NOW, AddressRules())
    assert not failed.value.is_temporary


def test_a_server_that_is_away_may_be_asked_later(server: GitServer, target: GitTarget) -> None:
    server.close()
    with pytest.raises(GitFailed) as failed:
        commit(target)
    assert failed.value.is_temporary


def test_the_password_is_not_shown(target: GitTarget) -> None:
    assert PASSWORD not in repr(target)
