"""Only the image changes in a file; comments, order and quotes stay as somebody wrote them."""

import textwrap
from dataclasses import replace

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from wherry.triggers.gitops.edits import MAX_FILE, Edit, EditKind, NewImage, Part, edited
from wherry.triggers.gitops.errors import EditRefused, OlderVersion

DIGEST = "sha256:" + "a" * 64
IMAGE = NewImage("reg.example/acme/web", "1.10", DIGEST)
BY_TAG = NewImage("reg.example/acme/web", "1.10", None)

KUSTOMIZATION = """\
# What runs in production.
resources: [deployment.yaml]
images:
  - name: reg.example/acme/web   # the shop
    newTag: "1.9"
  - name: other
    newTag: v1
"""
KUSTOMIZE = Edit(EditKind.KUSTOMIZE, "kustomization.yaml", "reg.example/acme/web")


def test_a_kustomize_entry_gets_tag_and_digest() -> None:
    assert edited(KUSTOMIZATION, KUSTOMIZE, IMAGE) == KUSTOMIZATION.replace(
        'newTag: "1.9"', f'newTag: "1.10"\n    digest: {DIGEST}'
    )


def test_a_kustomize_entry_gets_the_tag_alone_where_nothing_is_pinned() -> None:
    assert edited(KUSTOMIZATION, KUSTOMIZE, BY_TAG) == KUSTOMIZATION.replace('"1.9"', '"1.10"')


def test_a_kustomize_entry_of_another_name_gets_the_new_name_too() -> None:
    text = "images:\n- name: shop\n"
    changed = yaml.safe_load(edited(text, Edit(EditKind.KUSTOMIZE, "k.yaml", "shop"), IMAGE))
    assert changed["images"] == [{"name": "shop", "newName": IMAGE.name, "newTag": "1.10", "digest": DIGEST}]


@pytest.mark.parametrize("ending", ["\n", "\r\n", ""])
def test_lines_are_added_with_the_endings_that_the_file_has(ending: str) -> None:
    text = "images:\n- name: reg.example/acme/web".replace("\n", ending or "\n") + ending
    changed = edited(text, KUSTOMIZE, IMAGE)
    assert yaml.safe_load(changed)["images"][0]["newTag"] == "1.10"
    assert ("\r\n" in changed) == (ending == "\r\n")
    assert changed.replace("\r\n", "").count("\r") == 0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("images: []", "no entry"),
        ("resources: []", "no entry"),
        ("- a", "no entry"),
        ("", "no entry"),
        ("images: [{name: reg.example/acme/web, newTag: v1}]", "no place for digest"),
        ("images:\n- name: reg.example/acme/web\n  newTag: {a: b}", "no place for newTag"),
        ("a: [", "no YAML"),
        ("a: \x00", "no YAML"),
        ("a: " + "[" * 5000, "no YAML"),
    ],
)
def test_a_kustomization_without_such_a_place_is_refused(text: str, says: str) -> None:
    with pytest.raises(EditRefused, match=says):
        edited(text, KUSTOMIZE, IMAGE)


def test_a_tag_alone_does_not_go_beside_a_pinned_digest() -> None:
    text = f"images:\n- name: reg.example/acme/web\n  digest: {DIGEST}\n"
    with pytest.raises(EditRefused, match="pins a digest"):
        edited(text, KUSTOMIZE, BY_TAG)


VALUES = """\
web:
  image: {repository: reg.example/acme/web, tag: '1.9', digest: ""}   # set by the pipeline
  replicas: 3
sidecars:
  - name: log
    image: log:1
"""


def test_helm_values_change_at_their_paths_and_keep_their_quotes() -> None:
    places = ((Part.TAG, "web.image.tag"), (Part.DIGEST, "web.image.digest"))
    changed = edited(VALUES, Edit(EditKind.HELM, "values.yaml", places=places), IMAGE)
    assert changed == VALUES.replace("'1.9'", "'1.10'").replace('""', f'"{DIGEST}"')


def test_a_helm_path_may_go_through_a_list() -> None:
    edit = Edit(EditKind.HELM, "values.yaml", places=((Part.IMAGE, "sidecars[0].image"),))
    assert f"    image: {IMAGE.name}:1.10@{DIGEST}\n" in edited(VALUES, edit, IMAGE)


@pytest.mark.parametrize("path", ["web.image.nothing", "web.image", "sidecars[3].image", "web[0]", "x", ""])
def test_a_helm_path_that_is_no_value_is_refused(path: str) -> None:
    with pytest.raises(EditRefused, match="no value at"):
        edited(VALUES, Edit(EditKind.HELM, "values.yaml", places=((Part.TAG, path),)), IMAGE)


def test_an_empty_helm_value_is_filled() -> None:
    edit = Edit(EditKind.HELM, "values.yaml", places=((Part.TAG, "image.tag"),))
    assert yaml.safe_load(edited("image:\n  tag:\n  a: 1\n", edit, IMAGE)) == {
        "image": {"tag": "1.10", "a": 1}
    }


MANIFEST = """\
kind: Deployment
spec:
  containers:
    - name: web
      image: reg.example/acme/web:1.9  # wherry: shop
      env:
        - {name: VERSION, value: "1.9"} # something else
        - name: TAG
          value: 1.9 # wherry: shop:tag
---
kind: Job
image: "reg.example/acme/web" # wherry: shop-job
"""


def test_marked_lines_change_in_all_documents_and_no_other() -> None:
    changed = edited(MANIFEST, Edit(EditKind.MARKER, "web.yaml", "shop"), IMAGE)
    assert changed == MANIFEST.replace("web:1.9  #", f"web:1.10@{DIGEST}  #").replace(
        "value: 1.9 #", 'value: "1.10" #'
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: b", "no line is marked"),
        ("# wherry: shop\na: b", "line 1 is marked and has no value"),
        ("a: b # wherry: shopping", "no line is marked"),
        ("a: |\n  b # wherry: shop\n  c", "has no value"),
    ],
)
def test_a_file_without_a_marked_value_is_refused(text: str, says: str) -> None:
    with pytest.raises(EditRefused, match=says):
        edited(text, Edit(EditKind.MARKER, "web.yaml", "shop"), IMAGE)


def test_a_file_that_is_too_large_is_refused() -> None:
    with pytest.raises(EditRefused, match="larger"):
        edited("#" * (MAX_FILE + 1), KUSTOMIZE, IMAGE)


@pytest.mark.parametrize(
    ("text", "edit"),
    [
        (KUSTOMIZATION, KUSTOMIZE),
        (VALUES, Edit(EditKind.HELM, "v", places=((Part.TAG, "web.image.tag"),))),
        (MANIFEST, Edit(EditKind.MARKER, "m", "shop")),
    ],
    ids=["kustomize", "helm", "marker"],
)
def test_the_same_edit_again_changes_nothing(text: str, edit: Edit) -> None:
    once = edited(text, edit, IMAGE)
    assert once != text
    assert edited(once, edit, IMAGE) == once


@given(st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", fullmatch=True))
def test_every_tag_is_read_back_as_text(tag: str) -> None:
    edit = Edit(EditKind.HELM, "v", places=((Part.TAG, "a"),))
    for before in ("a: 1 # c", "a: 'x'", 'a: "x"', "a:"):
        assert yaml.safe_load(edited(before, edit, NewImage("n", tag, None))) == {"a": tag}


def test_aliases_are_no_bomb() -> None:
    lines = ["a0: &a0 x"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 60)]
    text = "\n".join(lines) + textwrap.dedent("\nimage: x # wherry: shop\n")
    assert edited(text, Edit(EditKind.MARKER, "m", "shop"), IMAGE).endswith(
        f"image: {IMAGE.name}:1.10@{DIGEST} # wherry: shop\n"
    )


@pytest.mark.parametrize(
    ("text", "edit"),
    [
        (KUSTOMIZATION.replace("1.9", "1.11"), KUSTOMIZE),
        ("tag: 1.11.0\n", Edit(EditKind.HELM, "v.yaml", places=((Part.TAG, "tag"),))),
        (
            "image: r:5000/acme/web:1.11@sha256:a\n",
            Edit(EditKind.HELM, "v.yaml", places=((Part.IMAGE, "image"),)),
        ),
        ("a: 1.11.0 # wherry: web:tag\n", Edit(EditKind.MARKER, "v.yaml", "web")),
        ("a: r:5000/web:v1.11 # wherry: web\n", Edit(EditKind.MARKER, "v.yaml", "web")),
    ],
)
def test_an_older_version_is_not_written_where_the_newest_wins(text: str, edit: Edit) -> None:
    ordered = replace(IMAGE, is_ordered=True)
    with pytest.raises(OlderVersion, match=r"has v?1\.11\S*, and 1\.10 is older"):
        edited(text, edit, ordered)
    assert edited(text, edit, IMAGE) != text
    for before in ("1.9", "latest"):
        known = text.replace("1.11.0", before).replace("v1.11", before).replace("1.11", before)
        assert edited(known, edit, ordered) == edited(known, edit, IMAGE)
