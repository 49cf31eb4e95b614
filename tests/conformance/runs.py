"""The runs that a release has to pass: both ways to authenticate on both kinds of store, and sparse data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the conformance program."""

    challenge: str
    store: str
    sparse: bool = False

    @property
    def name(self) -> str:
        return f"{self.challenge}-{self.store}" + ("-sparse" if self.sparse else "")

    @property
    def settings(self) -> dict[str, str]:
        """How Wherry is set for it, but for the store."""
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
)
