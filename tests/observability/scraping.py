"""`/metrics` as a scraper reads it, of a database whose transactions are counted as a server counts them."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from wherry.app.outcome_counting import count_outcome
from wherry.blobs import StoreOptions, open_store
from wherry.db.database import Database
from wherry.kit.clock import Clock
from wherry.observability import AccessLog, Metrics
from wherry.web.frame import Frame
from wherry.web.operations.face import OperationsFace, OperationsServices
from wherry.web.proxies import TrustedProxies

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def parsed(text: str) -> Samples:
    """By name and labels, these in their order."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def by_label(found: Samples, name: str, label: str) -> dict[str, float]:
    """The values of a metric that has this one label."""
    return {dict(labels)[label]: value for (known, labels), value in found.items() if known == name}


class Scraper:
    """Counts from when it is made on."""

    def __init__(self, database: Database, clock: Clock, folder: Path) -> None:
        metrics = Metrics(version="test", multiprocess_dir=None)
        database.on_outcome(partial(count_outcome, metrics))
        store = open_store("filesystem", StoreOptions(root=folder))
        face = OperationsFace(OperationsServices(database, store, metrics, clock, "test"))
        self._app = Frame(face, metrics, AccessLog(format="text", level="error"), TrustedProxies(()))

    async def scrape(self) -> Samples:
        transport = httpx.ASGITransport(app=self._app)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as http:
            return parsed((await http.get("/metrics")).raise_for_status().text)
