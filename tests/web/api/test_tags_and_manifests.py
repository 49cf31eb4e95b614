"""Tags, manifests and referrers over HTTP: what was pushed, as people want to see it."""

import json
from typing import Any

import pytest

from tests.registry.contents import descriptor, image, index, referrer
from tests.web.api.reading import code_of
from tests.web.running import BOB, Registry
from wherry.oci import media_types
from wherry.oci.digests import Digest

WEB = "/api/v1/organizations/acme/images/web"
CONFIG = json.dumps(
    {
        "created": "2026-03-14T15:09:26Z",
        "os": "linux",
        "architecture": "arm64",
        "variant": "v8",
        "config": {
            "Cmd": ["serve"],
            "Entrypoint": ["/bin/web"],
            "Env": ["PATH=/bin", "TOKEN=secret"],
            "ExposedPorts": {"80/tcp": {}},
            "Labels": {"team": "web"},
            "User": 7,
        },
    }
).encode()
# What a tool may have written: nothing of it is of the form that people expect.
ODD = b'{"os": 5, "architecture": "\\ud800", "config": {"Env": [1, "A"], "Labels": ["x"], "Cmd": "x"}}'


async def push(registry: Registry, config: bytes = CONFIG, tag: str | None = None, **more: Any) -> bytes:
    for blob in (config, b"layer"):
        await registry.push_blob("acme/web", blob)
    content = image(config=config, **more)
    await registry.push_manifest("acme/web", content, tag, **{"content-type": media_types.OCI_MANIFEST})
    return content


@pytest.fixture
async def acme(registry_on_both: Registry) -> Registry:
    await registry_on_both.http.post("/api/v1/organizations", json={"name": "acme"})
    return registry_on_both


async def grant(registry: Registry, level: str) -> None:
    answer = await registry.http.put(f"{WEB}/permissions/users/bob", json={"level": level})
    assert answer.status_code == 200, answer.text


async def test_a_tag_of_one_image_has_the_platform_of_its_config(acme: Registry) -> None:
    content = await push(acme, tag="1.0")
    digest = str(Digest.of(content))
    shown = (await acme.http.get(f"{WEB}/tags/1.0")).json()
    assert (shown["digest"], shown["kind"], shown["media_type"]) == (
        digest,
        "image",
        media_types.OCI_MANIFEST,
    )
    assert shown["size"] == len(CONFIG) + len(b"layer")
    assert (shown["pushed_by"], shown["moved_by"]) == ("admin", "admin")
    (platform,) = shown["platforms"]
    assert (platform["os"], platform["architecture"], platform["variant"]) == ("linux", "arm64", "v8")
    assert (platform["digest"], platform["size"]) == (digest, shown["size"])
    assert platform["layers"] == [
        {"digest": str(Digest.of(b"layer")), "media_type": descriptor(b"")["mediaType"], "size": 5}
    ]
    listed = (await acme.http.get(f"{WEB}/tags")).json()["items"]
    assert listed == [{name: shown[name] for name in listed[0]}]


async def test_an_index_has_its_platforms_and_attestations_are_none(acme: Registry) -> None:
    amd, arm = await push(acme), await push(acme, layers=[b"layer", b"layer"])
    attestation = await push(acme, config=b'{"a": 1}')
    document = json.loads(index([amd, arm, attestation]))
    first, second, third = document["manifests"]
    first["platform"] = {"os": "linux", "architecture": "amd64"}
    second["platform"] = {"os": "windows", "architecture": "arm64", "os.version": "10", "variant": ["odd"]}
    third["platform"] = {"os": "unknown", "architecture": "unknown"}
    third["annotations"] = {"vnd.docker.reference.type": "attestation-manifest"}
    content = json.dumps(document).encode()
    await acme.push_manifest("acme/web", content, "1.0")
    shown = (await acme.http.get(f"{WEB}/tags/1.0")).json()
    assert (shown["kind"], shown["attestation_count"]) == ("index", 1)
    assert [
        (each["os"], each["architecture"], each["variant"], each["os_version"], each["size"])
        for each in shown["platforms"]
    ] == [
        ("linux", "amd64", None, None, len(CONFIG) + 5),
        ("windows", "arm64", None, "10", len(CONFIG) + 5),
    ]
    assert [len(each["layers"]) for each in shown["platforms"]] == [1, 2]
    child = (await acme.http.get(f"{WEB}/manifests/{Digest.of(amd)}")).json()
    assert child["needed_by"] == [str(Digest.of(content))]
    refused = await acme.http.delete(f"{WEB}/manifests/{Digest.of(amd)}")
    assert (refused.status_code, code_of(refused)) == (409, "still_referenced")


async def test_tags_come_by_name_in_pages_and_by_a_part_of_their_name(acme: Registry) -> None:
    content = await push(acme)
    for tag in ("1.0", "1.1", "Latest", "dev"):
        await acme.http.put(f"{WEB}/tags/{tag}", json={"digest": str(Digest.of(content))})
    first = await acme.http.get(f"{WEB}/tags", params={"limit": 3})
    assert [each["name"] for each in first.json()["items"]] == ["1.0", "1.1", "Latest"]
    second = await acme.http.get(first.links["next"]["url"])
    assert ([each["name"] for each in second.json()["items"]], second.json()["next"]) == (["dev"], None)
    found = await acme.http.get(f"{WEB}/tags", params={"contains": "LAT"})
    assert [each["name"] for each in found.json()["items"]] == ["Latest"]
    assert (await acme.http.get(f"{WEB}/tags?contains=a%00")).status_code == 422


async def test_a_tag_is_made_moved_and_removed_without_a_push(acme: Registry) -> None:
    old, new = await push(acme, tag="1.0"), await push(acme, layers=[b"layer", b"layer"])
    acme.clock.move(hours=1)
    put = await acme.http.put(f"{WEB}/tags/latest", json={"tag": "1.0"})
    assert (put.status_code, put.json()["digest"]) == (200, str(Digest.of(old)))
    moved = await acme.http.put(
        f"{WEB}/tags/latest", json={"digest": str(Digest.of(new))}, headers={"if-match": put.headers["etag"]}
    )
    assert moved.json()["digest"] == str(Digest.of(new))
    assert moved.json()["moved_at"] > moved.json()["pushed_at"]
    for late in (
        await acme.http.put(f"{WEB}/tags/latest", json={"tag": "1.0"}, headers={"if-match": '"0"'}),
        await acme.http.delete(f"{WEB}/tags/latest", headers={"if-match": put.headers["etag"]}),
        await acme.http.put(f"{WEB}/tags/none", json={"tag": "1.0"}, headers={"if-match": "*"}),
        await acme.http.put(f"{WEB}/tags/latest", json={"tag": "1.0"}, headers={"if-none-match": "*"}),
    ):
        assert late.status_code == 412, late.text
    gone = await acme.http.delete(f"{WEB}/tags/latest", headers={"if-match": moved.headers["etag"]})
    assert gone.status_code == 204
    assert (await acme.http.get(f"{WEB}/tags/latest")).status_code == 404
    assert (await acme.http.get(f"/v2/acme/web/manifests/{Digest.of(new)}")).status_code == 200


async def test_a_tag_points_at_what_the_image_has(acme: Registry) -> None:
    await push(acme, tag="1.0")
    for body, status, code in (
        ({"digest": str(Digest.of(b"other"))}, 404, "manifest_unknown"),
        ({"tag": "2.0"}, 404, "manifest_unknown"),
        ({"tag": "not a tag"}, 422, "invalid_tag"),
        ({"digest": "sha256:x"}, 422, "invalid_digest"),
        ({}, 422, "invalid_request"),
        ({"digest": "sha256:x", "tag": "1.0"}, 422, "invalid_request"),
    ):
        refused = await acme.http.put(f"{WEB}/tags/latest", json=body)
        assert (refused.status_code, code_of(refused)) == (status, code), body
    assert code_of(await acme.http.put(f"{WEB}/tags/.odd", json={"tag": "1.0"})) == "invalid_tag"
    absent = await acme.http.get("/api/v1/organizations/acme/images/none/tags")
    assert (absent.status_code, code_of(absent)) == (404, "repository_unknown")


async def test_write_moves_tags_and_edit_removes_them(acme: Registry) -> None:
    content = await push(acme, tag="1.0")
    bob, digest = acme.client(BOB), str(Digest.of(content))
    assert (await bob.get(f"{WEB}/tags")).status_code == 403
    await grant(acme, "read")
    assert (await bob.get(f"{WEB}/tags/1.0")).is_success
    assert (await bob.put(f"{WEB}/tags/2.0", json={"tag": "1.0"})).status_code == 403
    await grant(acme, "write")
    assert (await bob.put(f"{WEB}/tags/2.0", json={"tag": "1.0"})).json()["moved_by"] == "bob"
    assert (await bob.delete(f"{WEB}/tags/2.0")).status_code == 403
    assert (await bob.delete(f"{WEB}/manifests/{digest}")).status_code == 403
    await grant(acme, "edit")
    assert (await bob.delete(f"{WEB}/tags/2.0")).status_code == 204
    assert (await bob.delete(f"{WEB}/manifests/{digest}")).status_code == 204


async def test_a_manifest_says_what_its_config_says_without_values_of_the_environment(acme: Registry) -> None:
    content = await push(acme, tag="1.0", annotations={"note": "\ud800 odd"})
    shown = (await acme.http.get(f"{WEB}/manifests/{Digest.of(content)}")).json()
    assert shown["config"] == {
        "created": "2026-03-14T15:09:26Z",
        "author": None,
        "os": "linux",
        "architecture": "arm64",
        "variant": "v8",
        "user": None,
        "working_dir": None,
        "entrypoint": ["/bin/web"],
        "command": ["serve"],
        "env_names": ["PATH", "TOKEN"],
        "exposed_ports": ["80/tcp"],
        "volumes": [],
        "labels": {"team": "web"},
    }
    assert (shown["tags"], shown["tag_count"], shown["manifest_size"]) == (["1.0"], 1, len(content))
    assert [each["size"] for each in shown["layers"]] == [5]
    assert shown["annotations"] == {"note": "? odd"}


@pytest.mark.parametrize("config", [ODD, b"[]", b"no JSON", b"[" * 100_000])
async def test_an_odd_config_does_no_harm(acme: Registry, config: bytes) -> None:
    content = await push(acme, config=config, tag="1.0")
    assert (await acme.http.get(f"{WEB}/tags/1.0")).status_code == 200
    shown = (await acme.http.get(f"{WEB}/manifests/{Digest.of(content)}")).json()
    if config is ODD:
        assert (shown["config"]["os"], shown["config"]["architecture"]) == (None, "?")
        assert (shown["config"]["env_names"], shown["config"]["labels"]) == (["A"], {})
    else:
        assert (shown["config"], shown["platforms"]) == (None, [])


async def test_manifests_are_listed_with_their_tags(acme: Registry) -> None:
    tagged, bare = await push(acme, tag="1.0"), await push(acme, layers=[b"layer", b"layer"])
    for number in range(25):
        await acme.http.put(f"{WEB}/tags/t-{number:02d}", json={"tag": "1.0"})
    both = (await acme.http.get(f"{WEB}/manifests")).json()["items"]
    digests = [str(Digest.of(content)) for content in (tagged, bare)]
    assert [each["digest"] for each in both] == sorted(digests)
    (first,) = (await acme.http.get(f"{WEB}/manifests?tagged=true")).json()["items"]
    assert (first["digest"], first["tag_count"], len(first["tags"])) == (digests[0], 26, 20)
    (second,) = (await acme.http.get(f"{WEB}/manifests?tagged=false")).json()["items"]
    assert (second["digest"], second["tags"]) == (digests[1], [])
    page = await acme.http.get(f"{WEB}/manifests?limit=1")
    following = await acme.http.get(page.links["next"]["url"])
    assert [*page.json()["items"], *following.json()["items"]] == both


async def test_a_deleted_manifest_takes_its_tags_along(acme: Registry) -> None:
    content = await push(acme, tag="1.0")
    one = f"{WEB}/manifests/{Digest.of(content)}"
    seen = await acme.http.get(one)
    assert (await acme.http.delete(one, headers={"if-match": '"0"'})).status_code == 412
    assert (await acme.http.delete(one, headers={"if-match": seen.headers["etag"]})).status_code == 204
    assert (await acme.http.get(f"{WEB}/tags")).json()["items"] == []
    again = await acme.http.delete(one)
    assert (again.status_code, code_of(again)) == (404, "manifest_unknown")


async def test_referrers_are_told_by_their_kind(acme: Registry) -> None:
    subject = await push(acme, tag="1.0")
    named = descriptor(subject, media_types.OCI_MANIFEST)
    kinds = {
        "application/vnd.cncf.notary.signature": "signature",
        "application/spdx+json": "sbom",
        "application/vnd.in-toto+json": "attestation",
        "application/vnd.example.notes": "other",
    }
    for artifact_type in kinds:
        await push(acme, artifactType=artifact_type, subject=named)
    bundle: Any = {"artifactType": "application/vnd.dev.sigstore.bundle.v0.3+json", "subject": named}
    await push(acme, **bundle, annotations={"dev.sigstore.bundle.predicateType": "https://cyclonedx.org/bom"})
    address = f"{WEB}/manifests/{Digest.of(subject)}/referrers"
    found = (await acme.http.get(address)).json()["items"]
    assert {each["artifact_type"]: each["kind"] for each in found} == {
        **kinds,
        "application/vnd.dev.sigstore.bundle.v0.3+json": "sbom",
    }
    assert [each["digest"] for each in found] == sorted(each["digest"] for each in found)
    narrowed = await acme.http.get(address, params={"artifact_type": "application/spdx+json"})
    assert [each["kind"] for each in narrowed.json()["items"]] == ["sbom"]
    listed = (await acme.http.get(f"{WEB}/manifests")).json()["items"]
    assert sorted(each["kind"] for each in listed) == [
        *("attestation", "image", "other", "sbom", "sbom", "signature")
    ]
    assert {each["subject"] for each in listed} == {None, str(Digest.of(subject))}


async def test_what_cosign_keeps_under_a_tag_is_known_by_it(acme: Registry) -> None:
    subject = await push(acme, tag="1.0")
    tag = f"{str(Digest.of(subject)).replace(':', '-')}.sig"
    await push(acme, config=b"{}", tag=tag)
    listed = (await acme.http.get(f"{WEB}/tags")).json()["items"]
    assert [each["kind"] for each in listed] == ["image", "signature"]


async def test_what_refers_to_nothing_yet_is_listed(acme: Registry) -> None:
    subject = image(layers=[b"not pushed"])
    for blob in (b"{}", b"layer"):
        await acme.push_blob("acme/web", blob)
    note = referrer(subject)
    await acme.push_manifest("acme/web", note)
    found = (await acme.http.get(f"{WEB}/manifests/{Digest.of(subject)}/referrers")).json()["items"]
    assert [each["digest"] for each in found] == [str(Digest.of(note))]
