"""Sigstore key pairs of one test run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.clients.driving import Client

PASSPHRASE = "a passphrase of this run"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key pair as cosign writes it, sealed with PASSPHRASE."""

    private: Path
    public: Path


def generate(cosign: Client, folder: Path, name: str) -> SigningKey:
    """Make a key pair."""
    cosign("generate-key-pair", "--output-key-prefix", folder / name)
    return SigningKey(folder / f"{name}.key", folder / f"{name}.pub")
