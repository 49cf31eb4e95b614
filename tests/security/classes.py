"""The classes of vulnerabilities that registries have had, each with the ids that are its evidence.

A test says which class it would have caught: `@pytest.mark.vulnerability("its name here")`. The page
docs/reference/security-tests.md is made from both.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VulnerabilityClass:
    """`later` says what brings the class in, where nothing here can have it yet."""

    name: str
    ids: str
    rule: str
    later: str = ""


CLASSES = (
    VulnerabilityClass(
        "Cross-repository blob read or mount",
        "CVE-2024-39897 (zot), CVE-2026-28740 (Gitea)",
        "Bytes are read through a repository that has them; a mount needs pull on the source.",
    ),
    VulnerabilityClass(
        "Stale membership",
        "CVE-2026-35172 (distribution)",
        "What was deleted from a repository is gone at once, also where other repositories keep it.",
    ),
    VulnerabilityClass(
        "Upload session of another",
        "CVE-2026-32589 (Quay)",
        "A session exists for its user and its repository only.",
    ),
    VulnerabilityClass(
        "Private content to anonymous",
        "CVE-2026-27771 (Gitea), CVE-2020-29662, CVE-2022-46463 (Harbor)",
        "Denied by default, in every spelling of a path.",
    ),
    VulnerabilityClass(
        "Action inferred from the wrong thing",
        "CVE-2026-31801 (zot), CVE-2026-41888 (distribution), PROJQUAY-10504",
        "Every route is bound to an action; moving a tag is push, each delete is delete.",
    ),
    VulnerabilityClass(
        "Revoked rights stay",
        "CVE-2025-23208 (zot), CVE-2026-27775 (Gitea)",
        "A disabled user, a new password, a repository made private: true from the next request on.",
    ),
    VulnerabilityClass(
        "Trust in a token's header",
        "CVE-2025-24976 (distribution)",
        "Algorithm pinned, key by its id from our own set.",
    ),
    VulnerabilityClass(
        "Token scope bypass and replay",
        "Gitea CVE-2025-68944, -68941, CVE-2026-28699, -28744, -20706, -27761; CVE-2021-45327, -45331",
        "A token is good for what it names and for as long as it says; it buys no other token.",
    ),
    VulnerabilityClass(
        "Timing of secrets",
        "CVE-2023-20902 (Harbor), CVE-2025-59350 (Dragonfly)",
        "An unknown user costs as much as a wrong password.",
    ),
    VulnerabilityClass(
        "User enumeration",
        "CVE-2019-3990, CVE-2019-19030, CVE-2020-13794 (Harbor), CVE-2025-69413 (Gitea)",
        "Unknown user, wrong password and disabled user get the same answer.",
    ),
    VulnerabilityClass(
        "Memory exhaustion",
        "CVE-2023-2253, CVE-2017-11468 (distribution), CVE-2023-46737, CVE-2024-29902, -29903 (cosign), "
        "CVE-2023-25656, CVE-2023-33957, CVE-2023-33958 (notation)",
        "Page sizes, bodies, heads, JSON and lists have caps.",
    ),
    VulnerabilityClass(
        "Slow clients",
        "CVE-2007-6750 and its like",
        "A head and a standing body have a clock; the others do not notice.",
    ),
    VulnerabilityClass(
        "Manifest type confusion",
        "CVE-2021-41190, GHSA-77vh-xpmg-72qh, GHSA-qq97-vm5h-rrhg",
        "One document is one thing to every reader.",
    ),
    VulnerabilityClass(
        "Content under a wrong name",
        "distribution-spec, 'Pushing blobs'",
        "Wrong digest, wrong length, wrong order and two writers at once never make a blob.",
    ),
    VulnerabilityClass(
        "Server-side request forgery",
        "CVE-2020-13788 (Harbor), CVE-2026-2376 (Quay), CVE-2026-10517 (claircore)",
        "Addresses in what is pushed are never fetched; a webhook reaches no service of this machine.",
    ),
    VulnerabilityClass(
        "Cross-site scripting",
        "CVE-2025-32019 (Harbor), CVE-2021-28378, CVE-2022-1928, CVE-2026-28737 (Gitea)",
        "Nothing that somebody pushed or sent runs in a browser.",
    ),
    VulnerabilityClass(
        "SQL injection and its like",
        "CVE-2019-19026, CVE-2019-19029, CVE-2024-22261, CVE-2025-30086 (Harbor)",
        "What a client sends is a value, never a part of a query.",
    ),
    VulnerabilityClass(
        "Path traversal",
        "CVE-2021-3762 (claircore), CVE-2021-29134 (Gitea), CVE-2026-50162, CVE-2026-50163 (oras)",
        "Names, digests and uploads by their grammar, before they come near a path.",
    ),
    VulnerabilityClass(
        "Header injection",
        "CWE-113",
        "What a client sends does not become a header of an answer or a line of the log.",
    ),
    VulnerabilityClass(
        "Secrets in logs",
        "CVE-2025-48374 (zot), GHSA-prh4-vhfh-24mj (Harbor)",
        "No password, token or Authorization header in the log, at any level.",
    ),
    VulnerabilityClass(
        "Default secrets",
        "CVE-2026-4404 (Harbor), CVE-2023-27584 (Dragonfly)",
        "Made at the first start, different each time, readable by their owner only.",
    ),
    VulnerabilityClass(
        "Trust in proxy headers",
        "CVE-2026-20896 (Gitea)",
        "X-Forwarded-… counts from listed proxies only.",
    ),
    VulnerabilityClass(
        "Privilege escalation",
        "CVE-2019-16097, CVE-2019-19023 (Harbor)",
        "No request makes a user or an administrator; rights come from the user, not from what is asked for.",
    ),
    VulnerabilityClass(
        "Expression denial of service",
        "CVE-2026-58421 (Gitea)",
        "Patterns over what a client sends take linear time.",
    ),
    VulnerabilityClass(
        "Child object of another organization",
        "Harbor CVE-2022-31666 to -31671, CVE-2024-22278",
        "A child is looked up below its parent.",
    ),
    VulnerabilityClass(
        "Credentials to a foreign realm",
        "CVE-2026-33540 (distribution), CVE-2026-48978, CVE-2026-50151 (oras-go), CVE-2026-49349 (regclient)",
        "Credentials go to the hosts they are for.",
        later="pulling through from other registries",
    ),
    VulnerabilityClass(
        "Open redirect and forged requests across sites",
        "CVE-2024-22244, CVE-2019-19025 (Harbor), CVE-2022-1058, CVE-2023-3515 (Gitea)",
        "Redirects after a login stay here; changes by a browser need a proof of origin.",
    ),
    VulnerabilityClass(
        "Forged webhooks",
        "CVE-2026-40109 (Flux), CVE-2026-58426 (Gitea)",
        "Signed over the raw body and the time.",
        later="webhooks",
    ),
    VulnerabilityClass(
        "Peers",
        "Dragonfly CVE-2025-59345 to -59354, CVE-2026-24124, CVE-2026-49254",
        "Peers prove who they are, and every piece its digest.",
        later="peer-to-peer distribution",
    ),
)
