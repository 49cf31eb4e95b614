"""Figures of what one may see."""

from tests.registry.contents import image
from tests.web.running import BOB, Registry
from wherry.oci import media_types

OVERVIEW = "/api/v1/overview"


async def test_figures_are_of_what_one_may_see(registry_on_both: Registry) -> None:
    registry = registry_on_both
    for organization in ("acme", "other"):
        await registry.http.post("/api/v1/organizations", json={"name": organization})
        for blob in (b"{}", b"layer"):
            await registry.push_blob(f"{organization}/web", blob)
        kind = {"content-type": media_types.OCI_MANIFEST}
        await registry.push_manifest(f"{organization}/web", image(), "1.0", **kind)
    whole = (await registry.http.get(OVERVIEW)).json()
    assert whole == {"organizations": 2, "images": 2, "tags": 2, "size": 7}
    bob = registry.client(BOB)
    assert (await bob.get(OVERVIEW)).json() == {"organizations": 0, "images": 0, "tags": 0, "size": 0}
    await registry.http.put("/api/v1/organizations/acme/permissions/users/bob", json={"level": "read"})
    assert (await bob.get(OVERVIEW)).json() == {"organizations": 1, "images": 1, "tags": 1, "size": 7}
    assert (await registry.as_nobody.get(OVERVIEW)).status_code == 401
