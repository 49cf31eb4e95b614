"""The ping, tags, the catalog and referrers over HTTP: pages, links, and what cannot be asked."""

from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.registry.contents import image, index, referrer
from tests.web.conftest import Serve
from tests.web.running import BOB, Registry, code_of
from wherry.oci.digests import Digest
from wherry.oci.media_types import OCI_INDEX
from wherry.oci.names import RepositoryName
from wherry.registry.repositories import set_public
from wherry.settings import LimitSettings, SparseManifests

IMAGE = image()
DIGEST = Digest.of(IMAGE)
TAGS = "/v2/acme/web/tags/list"
REFERRERS = f"/v2/acme/web/referrers/{DIGEST}"


@pytest.fixture
async def tagged(serve: Serve, other_database: dict[str, str]) -> Registry:
    registry = await serve(
        **other_database,
        limits=LimitSettings(page_size=4),
        sparse_manifests=SparseManifests.ALLOW,
    )
    names = "&".join(f"tag={name}" for name in ("b", "a", "C", "10", "9"))
    answer = await registry.http.put(f"/v2/acme/web/manifests/{DIGEST}?{names}", content=IMAGE)
    assert answer.status_code == 201
    return registry


def next_of(answer: httpx.Response) -> str | None:
    link = answer.headers.get("link")
    if link is None:
        return None
    target, _, relation = link.partition(">; ")
    assert relation == 'rel="next"'
    return str(target.removeprefix("<"))


async def walk(registry: Registry, path: str, field: str) -> list[str]:
    """Follow the links as a client does."""
    found: list[str] = []
    at: str | None = path
    while at is not None:
        answer = await registry.http.get(at)
        assert answer.status_code == 200
        found += answer.json()[field]
        at = next_of(answer)
    return found


async def test_the_ping(registry: Registry) -> None:
    for path in ("/v2/", "/v2"):
        answer = await registry.http.get(path)
        assert (answer.status_code, answer.json()) == (200, {})
        assert answer.headers["docker-distribution-api-version"] == "registry/2.0"
    assert (await registry.http.head("/v2/")).status_code == 200
    assert (await registry.as_nobody.get("/v2/")).status_code == 401


async def test_tags_page_by_page(tagged: Registry) -> None:
    every = ["10", "9", "C", "a", "b"]
    for query in ("", "?n=1", "?n=2", "?n=5", "?n=1000000000", "?n=99999999999999999999"):
        assert await walk(tagged, TAGS + query, "tags") == every
    first = await tagged.http.get(TAGS)
    assert first.json() == {"name": "acme/web", "tags": every[:4]}  # the setting's page
    link = urlsplit(next_of(first) or "")
    assert (link.path, parse_qs(link.query)) == (TAGS, {"n": ["4"], "last": ["a"]})


async def test_the_last_page_has_no_link(tagged: Registry) -> None:
    assert next_of(await tagged.http.get(f"{TAGS}?n=2&last=C")) is None
    assert next_of(await tagged.http.get(f"{TAGS}?last=zzz")) is None


async def test_no_tags_were_asked_for(tagged: Registry) -> None:
    answer = await tagged.http.get(f"{TAGS}?n=0")
    assert answer.json()["tags"] == []
    assert next_of(answer) is None


@pytest.mark.parametrize(
    "query", ["n=-1", "n=x", "n=", "n=1.5", "n=%D9%A1", "last=%00", "last=%FF", "%zz=%E0"]
)
async def test_a_query_that_cannot_be(tagged: Registry, query: str) -> None:
    answer = await tagged.http.get(f"{TAGS}?{query}")
    assert answer.status_code in (200, 400)
    if query != "%zz=%E0":
        assert (answer.status_code, code_of(answer)) == (400, "UNSUPPORTED")


async def test_tags_of_no_repository(registry: Registry) -> None:
    answer = await registry.http.get("/v2/acme/none/tags/list")
    assert (answer.status_code, code_of(answer)) == (404, "NAME_UNKNOWN")


async def test_the_catalog_shows_what_one_may_see(tagged: Registry) -> None:
    for name in ("acme/api", "busybox"):
        await tagged.push_manifest(name, index([]))
    await tagged.database.write(lambda tx: set_public(tx, RepositoryName("busybox"), True))
    assert await walk(tagged, "/v2/_catalog?n=1", "repositories") == ["acme/api", "acme/web", "busybox"]
    bobs = await tagged.client(BOB).get("/v2/_catalog")
    assert bobs.json() == {"repositories": ["busybox"]}
    anonymous = await tagged.as_nobody.get("/v2/_catalog")
    assert anonymous.status_code == 401
    assert 'scope="registry:catalog:*"' in anonymous.headers["www-authenticate"]


async def test_referrers_are_an_index(tagged: Registry) -> None:
    signature = referrer(IMAGE, "one")
    await tagged.push_manifest("acme/web", signature)
    answer = await tagged.http.get(REFERRERS)
    assert answer.headers["content-type"] == OCI_INDEX
    assert answer.json() == {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [
            {
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "digest": str(Digest.of(signature)),
                "size": len(signature),
                "artifactType": "application/vnd.example.signature",
                "annotations": {"note": "one"},
            }
        ],
    }


async def test_referrers_page_by_page_with_the_filter(tagged: Registry) -> None:
    for number in range(9):
        await tagged.push_manifest("acme/web", referrer(IMAGE, str(number)))
    kind = "application/vnd.example.signature"
    for query, count in ((f"?artifactType={kind}", 9), ("", 9), ("?artifactType=a/b", 0)):
        found = await walk(tagged, REFERRERS + query, "manifests")
        assert len({entry["digest"] for entry in found}) == count  # type: ignore[index]
    first = await tagged.http.get(f"{REFERRERS}?artifactType={kind}")
    assert first.headers["oci-filters-applied"] == "artifactType"
    assert f"artifactType={kind.replace('/', '%2F')}" in (next_of(first) or "")
    assert "oci-filters-applied" not in (await tagged.http.get(REFERRERS)).headers


@pytest.mark.parametrize("name", ["acme/web", "acme/none"])
async def test_no_referrers_are_an_empty_index(tagged: Registry, name: str) -> None:
    answer = await tagged.http.get(f"/v2/{name}/referrers/{Digest.of(b'unknown')}")
    assert (answer.status_code, answer.json()["manifests"]) == (200, [])


async def test_referrers_of_no_digest(tagged: Registry) -> None:
    answer = await tagged.http.get("/v2/acme/web/referrers/latest")
    assert (answer.status_code, code_of(answer)) == (400, "DIGEST_INVALID")
