"""The image of a check: small, for the nodes' architectures, of its own each time, and gone afterwards."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from datetime import timedelta

from sqlalchemy import select

from tests.databases import Do, FixedClock
from tests.registry.contents import add_image, image, index
from wherry.blobs.intake import StoredBlob
from wherry.clusters.pull_check.image import REPOSITORY, CheckImage, build_image
from wherry.events.tables import events
from wherry.identity.users import create_user
from wherry.oci.image_configs import parse_config
from wherry.oci.manifests import parse_manifest
from wherry.registry.manifest_list import page_of_manifests
from wherry.registry.passing_images import drop_passed_images, drop_passing_image, keep_passing_image
from wherry.registry.platforms import platforms_of
from wherry.registry.tables import manifest_contents, repository_blobs


def test_it_is_an_index_of_small_images_that_name_what_is_there() -> None:
    made = build_image({"arm64", "amd64", "arm"}, "n")
    blobs, manifests = dict(made.blobs), dict(made.manifests)
    whole = parse_manifest(manifests[made.digest], None)
    assert [child.digest for child in whole.children] == [digest for digest, _ in made.manifests[:-1]]
    listed = json.loads(manifests[made.digest])["manifests"]
    platforms = {(one["platform"]["architecture"], one["platform"].get("variant")) for one in listed}
    assert platforms == {("amd64", None), ("arm64", None), ("arm", "v5")}
    for child in whole.children:
        view = parse_manifest(manifests[child.digest], None)
        assert all(len(blobs[one.digest]) == one.size for one in view.blobs)
    assert sum(map(len, [*blobs.values(), *manifests.values()])) < 4000


def test_its_layer_is_a_tar_that_the_config_names() -> None:
    made = build_image({"amd64"}, "n")
    (_, layer), (_, config) = made.blobs
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(layer))) as archive:
        assert archive.getnames() == ["wherry-pull-check"]
    seen = parse_config(config)
    assert seen is not None
    assert (seen.os, seen.architecture, seen.entrypoint, seen.command) == ("linux", "amd64", (), ())
    import hashlib

    [named] = json.loads(config)["rootfs"]["diff_ids"]
    assert named == f"sha256:{hashlib.sha256(gzip.decompress(layer)).hexdigest()}"


def test_nothing_of_a_check_is_on_a_node_already() -> None:
    one, other = build_image({"amd64", "arm64"}, "a"), build_image({"amd64", "arm64"}, "b")
    assert not {digest for digest, _ in (*one.blobs, *one.manifests)} & {
        digest for digest, _ in (*other.blobs, *other.manifests)
    }
    assert build_image({"arm64", "amd64"}, "a") == one


def keep(do: Do, made: CheckImage, user_id: int, clock: FixedClock) -> None:
    stored = [StoredBlob(digest, len(content), f"at/{digest}") for digest, content in made.blobs]
    assert do(keep_passing_image, REPOSITORY, stored, made.manifests, user_id, clock.now()) == ()


def test_it_is_held_whole_and_dropped_whole(do: Do, clock: FixedClock) -> None:
    ann = do(create_user, "ann", "hash", clock.now()).id
    made, other = build_image({"amd64", "arm64"}, "a"), build_image({"amd64"}, "b")
    keep(do, made, ann, clock)
    keep(do, other, ann, clock)
    assert do(platforms_of, REPOSITORY, made.digest).architectures == {"amd64", "arm64"}
    do(drop_passing_image, REPOSITORY, [digest for digest, _ in (*made.manifests, *made.blobs)])
    assert do(platforms_of, REPOSITORY, made.digest) is None
    assert do(platforms_of, REPOSITORY, other.digest) is not None
    linked = do(lambda tx: tx.execute(select(repository_blobs.c.digest)).scalars().all())
    assert sorted(linked) == sorted(str(digest) for digest, _ in other.blobs)
    kept = do(lambda tx: tx.execute(select(manifest_contents.c.digest)).scalars().all())
    assert sorted(kept) == sorted(str(digest) for digest, _ in other.manifests)
    told = do(lambda tx: tx.execute(select(events.c.kind)).scalars().all())
    assert told == ["repository.created"], "webhooks are for what people push"


def test_what_a_crash_left_is_dropped_by_age_and_nothing_else(do: Do, clock: FixedClock) -> None:
    ann = do(create_user, "ann", "hash", clock.now()).id
    do(drop_passed_images, REPOSITORY, clock.now())  # where there never was a check
    keep(do, build_image({"amd64"}, "a"), ann, clock)
    from tests.registry.contents import WEB

    do(add_image, WEB, image(), ann, clock.now(), "1")
    do(add_image, WEB, index([image()]), ann, clock.now(), "2", blobs=())
    clock.move(minutes=20)
    young = build_image({"amd64"}, "b")
    keep(do, young, ann, clock)
    do(drop_passed_images, REPOSITORY, clock.now() - timedelta(minutes=15))
    left = {one.digest for one in do(page_of_manifests, REPOSITORY).items}
    assert left == {str(digest) for digest, _ in young.manifests}
    assert len(do(page_of_manifests, WEB).items) == 2
