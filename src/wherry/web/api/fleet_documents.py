"""Fleets as documents: which clusters they are, what was deployed to them, what came of it in each."""

from datetime import datetime
from typing import Any

from pydantic import Field

from wherry.clusters.federations.fleet_workloads import FleetWorkload
from wherry.clusters.federations.fleets import MAX_DESCRIPTION, Fleet
from wherry.web.api.documents import NO_ZERO, Document, Wanted
from wherry.web.api.workload_documents import DeployedObjectDocument, WantedDeployment, WorkloadDocument
from wherry.web.api.workload_forms import DifferenceForm


class FleetDocument(Document):
    """A named set of clusters that one request goes to. It gives no right on them."""

    name: str
    organization: str | None = Field(description="Whose it is; null for a fleet of the site.")
    description: str
    created_by: str | None
    created_at: datetime
    changed_at: datetime


class FleetDetailDocument(FleetDocument):
    """A fleet with those of its clusters that you may see."""

    my_level: str
    clusters: list[str]


class WantedFleet(Wanted):
    """A fleet to be made."""

    name: str = Field(min_length=1, max_length=63, description="Lowercase letters, digits and '-'.")
    description: str = Field(default="", max_length=MAX_DESCRIPTION, pattern=NO_ZERO)


class ChangedFleet(Wanted):
    """What is to change; what is left out or null stays."""

    name: str | None = Field(default=None, min_length=1, max_length=63)
    description: str | None = Field(default=None, max_length=MAX_DESCRIPTION, pattern=NO_ZERO)


class WantedFleetDeployment(WantedDeployment):
    """What is to be applied to all clusters, and what is other in some."""

    differences: list[DifferenceForm] = Field(default=[], max_length=100)


class FleetOutcomeDocument(Document):
    """What came of a request in one cluster."""

    cluster: str
    problem: str | None = Field(description="Why nothing was done there; null: it is there.")
    objects: list[DeployedObjectDocument]


class FleetDeployedDocument(Document):
    """What came of a request, cluster by cluster."""

    outcomes: list[FleetOutcomeDocument]


class FleetWorkloadDocument(Document):
    """What was deployed to a fleet."""

    namespace: str
    kind: str
    name: str
    created_by: str | None
    created_at: datetime
    changed_at: datetime
    problems: dict[str, str | None] = Field(
        description="Why it is not in a cluster, of those that you may see; null: it was applied there."
    )


class FleetShareDocument(Document):
    """How a workload fares in one cluster."""

    cluster: str
    workload: WorkloadDocument | None = Field(description="Null where it is not there.")
    problem: str | None


class FleetStatusDocument(FleetWorkloadDocument):
    """What was deployed, and how it fares in the clusters that you may see."""

    shares: list[FleetShareDocument]


def fleet_facts(fleet: Fleet) -> dict[str, Any]:
    """Of a `FleetDocument`."""
    return {
        "name": fleet.name,
        "organization": fleet.organization,
        "description": fleet.description,
        "created_by": fleet.created_by,
        "created_at": fleet.created_at,
        "changed_at": fleet.changed_at,
    }


def fleet_workload_facts(one: FleetWorkload, visible: frozenset[str] | None) -> dict[str, Any]:
    """Of a `FleetWorkloadDocument`; with `visible` of the clusters of these names only."""
    return {
        "namespace": one.namespace,
        "kind": str(one.kind),
        "name": one.name,
        "created_by": one.created_by,
        "created_at": one.created_at,
        "changed_at": one.changed_at,
        "problems": {
            cluster: problem
            for cluster, problem in one.problems.items()
            if visible is None or cluster in visible
        },
    }
