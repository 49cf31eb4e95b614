"""What a real cluster refuses: its own words reach the user, and nothing half-made stays behind."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from engines.servers.kubernetes import ControlPlane
from tests.clusters.workloads.test_deploy import WITH_SERVICE, objects
from tests.clusters.workloads.webhooks import validating
from tests.clusters.worlds import RealWorld
from wherry.clusters.connection import ClusterConnection, Selection, list_all
from wherry.clusters.errors import ClusterRefused, ObjectUnknown
from wherry.clusters.kinds import DEPLOYMENT, SERVICE
from wherry.clusters.workloads.deploy import deploy, preview

pytestmark = [pytest.mark.engine("kubernetes")]


@pytest.fixture
async def real(plane: ControlPlane) -> AsyncIterator[ClusterConnection]:
    connection = RealWorld(plane).connect()
    yield connection
    await connection.close()


async def refusal(real: ClusterConnection, namespace: str) -> str:
    """The cluster's words; the apiserver takes a moment until it asks a new webhook."""
    async with asyncio.timeout(30):
        while True:
            try:
                await preview(real, objects(WITH_SERVICE, namespace))
            except ClusterRefused as refused:
                return str(refused)
            await asyncio.sleep(0.1)


async def nothing_is_there(real: ClusterConnection, namespace: str) -> None:
    with pytest.raises(ObjectUnknown):
        await real.get(DEPLOYMENT, "demo", namespace)
    assert await list_all(real, SERVICE, Selection(namespace)) == []


async def test_what_a_webhook_denies_is_told_in_its_words_before_anything_is_made(
    real: ClusterConnection, plane: ControlPlane, tmp_path: Path
) -> None:
    RealWorld(plane).add_namespace("denied")

    def denies(request: dict[str, Any]) -> str | None:
        return (
            "every workload needs the label cost-center" if request["kind"]["kind"] == "Deployment" else None
        )

    with validating(plane, tmp_path, "denied", denies):
        assert "cost-center" in await refusal(real, "denied")
        with pytest.raises(ClusterRefused) as refused:
            await deploy(real, objects(WITH_SERVICE, "denied"))
    said = str(refused.value)
    assert 'admission webhook "policy.example.com" denied the request' in said
    assert "every workload needs the label cost-center" in said
    await nothing_is_there(real, "denied")


async def test_what_a_webhook_denies_after_the_dry_run_takes_back_what_was_made(
    real: ClusterConnection, plane: ControlPlane, tmp_path: Path
) -> None:
    """A webhook may answer a dry run otherwise than what is meant, or change its mind in between."""
    RealWorld(plane).add_namespace("later")
    asked: list[str] = []

    def denies(request: dict[str, Any]) -> str | None:
        asked.append(request["kind"]["kind"])
        if request["name"] == "probe":
            return "not this one"
        is_service = request["kind"]["kind"] == "Service"
        return "no more services today" if is_service and not request["dryRun"] else None

    probe = copy.deepcopy(objects(WITH_SERVICE, "later")[1])
    probe["metadata"]["name"] = "probe"
    with validating(plane, tmp_path, "later", denies):
        async with asyncio.timeout(30):
            while not asked:
                try:
                    await preview(real, [probe])
                except ClusterRefused:
                    break
                await asyncio.sleep(0.1)
        with pytest.raises(ClusterRefused, match="no more services today"):
            await deploy(real, objects(WITH_SERVICE, "later"))
    assert "Deployment" in asked
    await nothing_is_there(real, "later")


async def test_a_webhook_that_is_gone_is_told_by_its_name(
    real: ClusterConnection, plane: ControlPlane, tmp_path: Path
) -> None:
    RealWorld(plane).add_namespace("unanswered")

    def denies(request: dict[str, Any]) -> str | None:
        raise ConnectionError("hangs up")

    with validating(plane, tmp_path, "unanswered", denies):
        assert 'failed calling webhook "policy.example.com"' in await refusal(real, "unanswered")
    await nothing_is_there(real, "unanswered")


@pytest.mark.parametrize("name", ["Web", "a_b", "-a", "a" * 254])
async def test_a_name_that_kubernetes_refuses_is_refused_in_its_words(
    real: ClusterConnection, plane: ControlPlane, name: str
) -> None:
    """The form refuses it before; a YAML that comes by another way meets the cluster's own rules."""
    made = objects(WITH_SERVICE, "default")[0]
    made["metadata"]["name"] = name
    with pytest.raises(ClusterRefused, match=r"metadata\.name|must be no more than") as refused:
        await deploy(real, [made])
    assert refused.value.reason == "Invalid"
