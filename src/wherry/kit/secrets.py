"""Secrets at rest: a master key that seals what the database must be able to read again."""

import base64
import hashlib
import hmac
import os
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken


class UnreadableSecret(Exception):
    """A sealed secret does not open: it was sealed under another master key, or was changed."""


class Sealer:
    """Seals and opens small secrets (AES-128-CBC with HMAC-SHA256, by Fernet)."""

    def __init__(self, master_key: str) -> None:
        """Raises `UnreadableSecret` if `master_key` is not 32 bytes in URL-safe base64."""
        try:
            self._fernet = Fernet(master_key)
        except ValueError:
            raise UnreadableSecret("the master key is not 32 bytes in URL-safe base64") from None
        self._master_key = base64.urlsafe_b64decode(master_key)

    def key_for(self, purpose: str) -> bytes:
        """A key of its own for another purpose, which tells nothing of the master key."""
        return hmac.digest(self._master_key, purpose.encode(), hashlib.sha256)

    def seal(self, secret: bytes) -> str:
        return self._fernet.encrypt(secret).decode()

    def open(self, sealed: str) -> bytes:
        """Raises `UnreadableSecret`."""
        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken:
            raise UnreadableSecret(
                "a secret in the database was sealed under another master key; start with that key again"
            ) from None


def new_master_key() -> str:
    """A fresh master key."""
    return Fernet.generate_key().decode()


def master_key_in(path: Path) -> str:
    """The master key kept in `path`; on first use a new one, written there for its owner alone (0600)."""
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        pass
    secret = new_master_key()
    write_secret(path, secret)
    return secret


def write_secret(path: Path, secret: str) -> None:
    """Write a file that only its owner reads, durably, and without ever being there half written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        os.fchmod(descriptor, 0o600)  # a draft that was there already keeps its own mode otherwise
        file.write(secret + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
