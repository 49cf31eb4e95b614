"""What a registry's client can do, which clients are driven, what each does not offer. Data only."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import pytest


class Operation(StrEnum):
    """One column of the client table."""

    LOGIN = "login"
    PUSH = "push"
    PULL = "pull"
    REDIRECT = "pull by redirect"
    LIST = "list tags"
    DELETE = "delete"
    INDEX = "multi-arch index"
    ARTIFACT = "artifact with subject"
    SIGNATURE = "signature"


@dataclass(frozen=True, slots=True)
class ClientUnderTest:
    """One row of the client table.

    `not_offered` says, operation by operation, why there is no test of it; `note` what its users should know.
    """

    name: str
    engine: str
    not_offered: dict[Operation, str] = field(default_factory=dict)
    note: str = ""

    @property
    def module(self) -> str:
        """The module with its tests, without `test_`; versions of one client share it."""
        return self.name.partition(" ")[0]


_NO_ARTIFACT = "knows images only, no artifact with a subject"
_NO_SIGNATURE = "signs nothing that is kept in a registry"
_NO_SIGSTORE = "signs with Sigstore keys upstream; Debian's build leaves that out"
_NO_LIST = "has no command that lists a repository's tags"
_NO_DELETE = "deletes its local copies only"

_CONTAINERD = {
    Operation.LIST: _NO_LIST,
    Operation.DELETE: _NO_DELETE,
    Operation.ARTIFACT: _NO_ARTIFACT,
    Operation.SIGNATURE: _NO_SIGNATURE,
}

CLIENTS: tuple[ClientUnderTest, ...] = (
    ClientUnderTest(
        "skopeo", "skopeo", {Operation.ARTIFACT: _NO_ARTIFACT, Operation.SIGNATURE: _NO_SIGSTORE}
    ),
    ClientUnderTest(
        "podman",
        "podman",
        {
            Operation.DELETE: _NO_DELETE,
            Operation.ARTIFACT: _NO_ARTIFACT,
            Operation.SIGNATURE: _NO_SIGSTORE,
        },
    ),
    ClientUnderTest(
        "buildah",
        "buildah",
        {
            Operation.LIST: _NO_LIST,
            Operation.DELETE: _NO_DELETE,
            Operation.ARTIFACT: _NO_ARTIFACT,
            Operation.SIGNATURE: _NO_SIGNATURE,
        },
    ),
    ClientUnderTest(
        "docker",
        "docker",
        {
            Operation.LIST: _NO_LIST,
            Operation.DELETE: _NO_DELETE,
            Operation.ARTIFACT: _NO_ARTIFACT,
            Operation.SIGNATURE: _NO_SIGNATURE,
        },
    ),
    ClientUnderTest("containerd", "containerd", _CONTAINERD),
    ClientUnderTest("containerd 2", "containerd-2", _CONTAINERD),
    ClientUnderTest(
        "crane",
        "crane",
        {Operation.ARTIFACT: _NO_ARTIFACT, Operation.SIGNATURE: _NO_SIGNATURE},
    ),
    ClientUnderTest("oras", "oras", {Operation.SIGNATURE: _NO_SIGNATURE}),
    ClientUnderTest("regctl", "regctl", {Operation.SIGNATURE: _NO_SIGNATURE}),
    ClientUnderTest(
        "helm",
        "helm",
        {
            Operation.DELETE: "removes releases, not charts in a registry",
            Operation.INDEX: "a chart has no platforms",
            Operation.ARTIFACT: "pushes charts only",
        },
    ),
    ClientUnderTest(
        "cosign",
        "cosign",
        {Operation.LIST: _NO_LIST},
        note="`cosign load` of an image saved with its signature sends the signature's manifest before what\n"
        "  it names. A registry that keeps no incomplete manifest refuses that; Wherry takes it with\n"
        "  `WHERRY_SPARSE_MANIFESTS=allow`. Images without signatures, and signing itself, just work.",
    ),
    ClientUnderTest(
        "notation",
        "notation",
        {
            Operation.PUSH: "pushes signatures only, to an image that is there",
            Operation.PULL: "pulls signatures only",
            Operation.LIST: "lists signatures, not tags",
            Operation.DELETE: "deletes nothing in a registry",
        },
    ),
)


def operation(which: Operation) -> pytest.MarkDecorator:
    """Marks a test as (part of) the proof that its module's client does this."""
    return pytest.mark.operation(which)


def redirected(client: str) -> pytest.MarkDecorator:
    """Marks the test, in the module for all clients, that shows that one follows a redirect to the store."""
    return pytest.mark.operation(Operation.REDIRECT, row=client)
