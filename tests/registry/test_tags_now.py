"""Where many tags point, by one statement; and the platforms that an image is there for."""

from __future__ import annotations

import json

from tests.databases import Do, FixedClock
from tests.registry.contents import API, CONFIG_TYPE, WEB, add_image, descriptor, image, index
from tests.registry.test_listings import Counting, statements
from wherry.oci import media_types
from wherry.oci.digests import Digest
from wherry.oci.names import Tag
from wherry.registry.platforms import platforms_of
from wherry.registry.tags_now import tags_now

__all__ = ["statements"]

MANIFEST = image()


def platform(architecture: str, os: str = "linux") -> dict[str, str]:
    return {"architecture": architecture, "os": os}


def test_a_page_of_tags_is_one_statement(do: Do, ann: int, clock: FixedClock, statements: Counting) -> None:
    child = do(add_image, WEB, MANIFEST, ann, clock.now())
    whole = do(add_image, WEB, index([MANIFEST]), ann, clock.now(), "1", blobs=())
    do(add_image, API, MANIFEST, ann, clock.now(), "1", "2")
    with statements() as seen:
        found = do(tags_now, [("acme/web", "1"), ("acme/api", "2"), ("acme/web", "2"), ("acme/none", "1")])
    assert len([one for one in seen if one.lstrip().upper().startswith("SELECT")]) == 1
    assert set(found) == {("acme/web", "1"), ("acme/api", "2")}
    named = found["acme/web", "1"]
    assert named.digest == str(whole)
    assert named.has(str(whole))
    assert named.has(str(child))
    assert not found["acme/api", "2"].has(str(whole))


def test_nothing_asked_is_nothing_answered(do: Do) -> None:
    assert do(tags_now, []) == {}


def test_an_index_says_its_platforms_itself(do: Do, ann: int, clock: FixedClock) -> None:
    do(add_image, WEB, MANIFEST, ann, clock.now())
    listed = [
        descriptor(MANIFEST, media_types.OCI_MANIFEST, platform=said)
        for said in (platform("amd64"), platform("arm64"), platform("unknown"), platform("amd64", "windows"))
    ]
    content = json.dumps(
        {"schemaVersion": 2, "mediaType": media_types.OCI_INDEX, "manifests": listed}
    ).encode()
    digest = do(add_image, WEB, content, ann, clock.now(), "1", blobs=())
    for reference in (Tag("1"), digest):
        found = do(platforms_of, WEB, reference)
        assert (found.architectures, found.config) == ({"amd64", "arm64"}, None)


def test_of_one_image_the_config_knows(do: Do, ann: int, clock: FixedClock) -> None:
    do(add_image, WEB, MANIFEST, ann, clock.now(), "1")
    found = do(platforms_of, WEB, Tag("1"))
    assert (found.architectures, found.config) == (frozenset(), f"at/{Digest.of(b'{}')}")
    assert do(platforms_of, WEB, Tag("2")) is None
    assert do(platforms_of, API, Tag("1")) is None


def test_what_is_no_image_has_no_platform(do: Do, ann: int, clock: FixedClock) -> None:
    other = json.loads(MANIFEST)
    other["config"]["mediaType"] = "application/vnd.example.chart+json"
    assert other["config"]["mediaType"] != CONFIG_TYPE
    do(add_image, WEB, json.dumps(other).encode(), ann, clock.now(), "chart")
    found = do(platforms_of, WEB, Tag("chart"))
    assert (found.architectures, found.config) == (frozenset(), None)
