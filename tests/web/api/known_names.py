"""What schemathesis finds on the server that it tries: names of path parameters that are there."""

import httpx

from tests.clusters.kubeconfigs import kubeconfig
from tests.hostile.seeds import BLOBS, MANIFESTS, digest_of
from wherry.web.api.routes import PREFIX

KNOWN = {
    "organization": ("acme", "beta"),
    "image": ("web",),
    "tag": tuple(tag for _, _, tag in MANIFESTS),
    "digest": tuple(digest_of(content) for content, _, _ in MANIFESTS),
    "user": ("bob", "carl"),
    "team": ("web",),
    "robot": ("ci",),
    "with_organization": ("beta", "acme"),
    "opened_to": ("beta",),
    "webhook": ("ci",),
    "delivery": ("1",),
    "sender": ("hub",),
    "fleet": ("shops",),
    "member": ("prod",),
    "namespace": ("default",),
    "kind": ("Deployment",),
    "cluster": ("prod", "spare"),
    "trigger": ("prod", "spare"),
    "run": ("1", "2"),
}


def furnish(http: httpx.Client) -> None:
    """Make all of it, as an administrator."""

    def make(path: str, **body: object) -> None:
        made = http.post(PREFIX + path, json=body)
        assert made.status_code == 201, made.text

    for organization in KNOWN["organization"]:
        make("/organizations", name=organization)
        for blob in BLOBS:
            pushed = http.post(
                f"/v2/{organization}/web/blobs/uploads/?digest={digest_of(blob)}", content=blob
            )
            assert pushed.status_code == 201, pushed.text
        for content, media_type, tag in MANIFESTS:
            url, kind = f"/v2/{organization}/web/manifests/{tag}", {"content-type": media_type}
            assert http.put(url, content=content, headers=kind).status_code == 201
        make(f"/organizations/{organization}/teams", name="web")
        make(f"/organizations/{organization}/robots", name="ci")
        make(f"/organizations/{organization}/webhooks", name="ci", url="https://127.0.0.1:1/hook")
        senders = f"/organizations/{organization}/webhook-senders"
        make(senders, name="hub", product="dockerhub", image="acme/web", repository="web")
    for cluster in KNOWN["cluster"]:
        # Nothing listens there, and that shows at once.
        away = kubeconfig({"server": "https://127.0.0.1:1"})
        make("/organizations/acme/clusters", name=cluster, kubeconfig=away, probe=False)
    for trigger in KNOWN["trigger"]:
        target = {"namespace": "default", "name": "web", "waves": [["prod"]]}
        condition = {"kind": "semver", "text": "~1.4"}
        make("/organizations/acme/images/web/triggers", name=trigger, condition=condition, target=target)
    make("/organizations/acme/fleets", name="shops")
    assert http.put(f"{PREFIX}/fleets/shops/clusters/prod").status_code == 200
    for user in KNOWN["user"]:
        make("/users", name=user, password="a long password")
