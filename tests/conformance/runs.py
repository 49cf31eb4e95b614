"""The runs a release has to pass: both challenges on both stores, sparse data, a replicated installation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the conformance program."""

    challenge: str
    store: str
    sparse: bool = False
    database: str = "sqlite"
    workers: int = 1

    @property
    def name(self) -> str:
        kind = "-sparse" if self.sparse else "-replicated" if self.workers > 1 else ""
        return f"{self.challenge}-{self.store}{kind}"

    @property
    def settings(self) -> dict[str, str]:
        """How Wherry is set for it, but for where store and database are."""
        settings = {"WHERRY_AUTH_CHALLENGE": self.challenge}
        if self.sparse:
            settings["WHERRY_SPARSE_MANIFESTS"] = "allow"
        return settings


RUNS = (
    Run("basic", "filesystem"),
    Run("bearer", "filesystem"),
    Run("basic", "s3"),
    Run("bearer", "s3"),
    Run("bearer", "filesystem", sparse=True),
    Run("bearer", "s3", database="postgresql", workers=2),
)
