"""Clusters that are in the database of a test; none is connected to."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tests.clusters.kubeconfigs import kubeconfig
from tests.databases import Do
from wherry.clusters.addresses import AddressRules
from wherry.clusters.cluster import Cluster, ClusterKind
from wherry.clusters.kubeconfig import Kubeconfig, read_kubeconfig
from wherry.clusters.register import Registration, register_cluster
from wherry.kit.secrets import Sealer, new_master_key

SEALER = Sealer(new_master_key())
NOW = datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC)


def readable(text: str | None = None) -> Kubeconfig:
    """A kubeconfig whose login works out."""
    return read_kubeconfig(text or kubeconfig(), NOW)


def register(
    do: Do, name: str, organization: str | None = None, *, uid: str | None = None, **more: Any
) -> Cluster:
    """In a transaction of its own. `is_karmada`: a federation."""
    kind = ClusterKind.KARMADA if more.pop("is_karmada", False) else ClusterKind.KUBERNETES
    asked = Registration(name, more.pop("kubeconfig", None) or readable(), organization=organization, **more)
    made: Cluster = do(
        register_cluster, SEALER, AddressRules(), asked, uid=uid, created_by=None, now=NOW, kind=kind
    )
    return made
