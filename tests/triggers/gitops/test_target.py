"""What a trigger keeps of a Git repository: nothing that cannot be, and the password sealed."""

from typing import Any

import pytest

from wherry.clusters.workloads.forms import Unread, read
from wherry.kit.secrets import Sealer, new_master_key
from wherry.triggers.gitops.edits import Edit, EditKind, Part
from wherry.triggers.gitops.target import GitPlace, git_problems, sealed, shown

SEALER = Sealer(new_master_key())
GIVEN: dict[str, Any] = {
    "url": "https://git.example/shop.git",
    "user": "wherry",
    "password": "s3cret",
    "edits": [
        {"kind": "helm", "path": "values.yaml", "places": [{"part": "tag", "path": "web.image.tag"}]},
        {"kind": "marker", "path": "web.yaml", "image": "shop"},
    ],
}


def test_it_is_kept_sealed_and_read_back() -> None:
    kept = sealed(GIVEN, SEALER)
    assert "s3cret" not in str(kept)
    place = read(GitPlace, kept, "git")
    assert place.target(SEALER).password == "s3cret"
    assert place.target(SEALER).branch == "main"
    assert place.all_edits == (
        Edit(EditKind.HELM, "values.yaml", "", ((Part.TAG, "web.image.tag"),)),
        Edit(EditKind.MARKER, "web.yaml", "shop"),
    )


def test_people_see_that_there_is_a_password_and_not_which() -> None:
    told = shown(sealed(GIVEN, SEALER))
    assert told["hasPassword"] is True
    assert "sealedPassword" not in told
    assert shown({"url": "x"})["hasPassword"] is False


def test_the_password_stays_for_the_same_address_and_user_only() -> None:
    kept = sealed(GIVEN, SEALER)
    again = {**shown(kept), "branch": "release"}
    assert sealed(again, SEALER, kept)["sealedPassword"] == kept["sealedPassword"]
    # Else whoever may change the trigger could have it sent to a server of theirs.
    for change in ({"url": "https://evil.example/shop.git"}, {"user": "other"}):
        assert "sealedPassword" not in sealed({**again, **change}, SEALER, kept)


def test_a_sealed_password_is_not_taken_from_outside() -> None:
    stolen = sealed(GIVEN, SEALER)["sealedPassword"]
    assert "sealedPassword" not in sealed({"url": "https://evil.example/", "sealedPassword": stolen}, SEALER)


@pytest.mark.parametrize(
    "change",
    [
        {"url": "ssh://git@git.example/shop.git"},
        {"url": "https://a:b@git.example/"},
        {"branch": "a..b"},
        {"pushBranch": ""},
        {"edits": []},
        {"edits": [{"kind": "helm", "path": "v"}]},
        {"edits": [{"kind": "marker", "path": "v"}]},
        {"author": "Wherry"},
        {"author": "Wherry\n <a@b>"},
        {"authority": "x" * 70_000},
    ],
)
def test_what_cannot_be_is_told(change: dict[str, Any]) -> None:
    assert git_problems(sealed(GIVEN, SEALER)) == []
    assert git_problems({**sealed(GIVEN, SEALER), **change})


def test_what_is_no_target_is_told() -> None:
    assert git_problems({})
    assert git_problems({**GIVEN, "more": 1})
    with pytest.raises(Unread):
        sealed({**GIVEN, "edits": "x"}, SEALER)
