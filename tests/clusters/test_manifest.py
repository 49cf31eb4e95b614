"""What is applied in a cluster for its agent: read back as it is, and no more rights than are told."""

from __future__ import annotations

import yaml

from wherry.clusters.agent.manifest import RULES, Running, manifest, program
from wherry.clusters.yaml_text import write_yaml

OBJECTS = manifest(Running("https://registry.example.com", "python:3", "a CA\n"), "the credential")
BY_KIND = {made["kind"]: made for made in OBJECTS}


def test_the_manifest_reads_back_as_it_was_made() -> None:
    text = write_yaml(*OBJECTS)
    assert list(yaml.safe_load_all(text)) == OBJECTS
    # As lines, not as one long text with escapes: somebody is to read it.
    assert "\n    async def _relay(self, number: int, stream: Stream) -> None:\n" in text.replace(
        "\n    ", "\n"
    )
    assert BY_KIND["ConfigMap"]["data"] == {"wherry_agent.py": program(), "ca.crt": "a CA\n"}


def test_the_credential_is_in_the_secret_and_nowhere_else() -> None:
    holding = [made["kind"] for made in OBJECTS if "the credential" in str(made)]
    assert holding == ["Secret"]


def test_each_rule_of_the_role_says_what_it_is_for_and_none_gives_rights() -> None:
    role = BY_KIND["ClusterRole"]
    assert len(role["rules"]) == len(role["metadata"]["annotations"]) == len(RULES)
    for rule in role["rules"]:
        assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]
        assert "rbac.authorization.k8s.io" not in rule["apiGroups"]
        assert not {"impersonate", "escalate", "bind"} & set(rule["verbs"])
        assert not any("/" in resource for resource in rule["resources"]), "no exec, no proxy, no token"


def test_the_pod_has_no_more_than_it_needs() -> None:
    spec = BY_KIND["Deployment"]["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})
    [container] = spec["template"]["spec"]["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert "ports" not in container
    assert spec["template"]["spec"]["securityContext"]["runAsNonRoot"] is True


def test_another_credential_starts_the_pod_anew() -> None:
    def told(credential: str) -> object:
        objects = manifest(Running("https://registry.example.com", "python:3"), credential)
        return objects[-1]["spec"]["template"]["metadata"]["annotations"]

    assert told("one") == told("one")
    assert told("one") != told("other")
