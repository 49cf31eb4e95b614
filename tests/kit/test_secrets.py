"""Secrets at rest, and the files that hold them."""

import os
from pathlib import Path

import pytest

from wherry.kit.secrets import Sealer, UnreadableSecret, master_key_in, new_master_key, write_secret


def test_what_is_sealed_opens_under_the_same_key_only() -> None:
    sealer = Sealer(new_master_key())
    sealed = sealer.seal(b"secret")
    assert "secret" not in sealed
    assert sealer.open(sealed) == b"secret"
    for other in (Sealer(new_master_key()).seal(b"secret"), sealed[:-4] + "AAA=", "", "x"):
        with pytest.raises(UnreadableSecret):
            sealer.open(other)


@pytest.mark.parametrize("key", ["", "short", "!" * 44, "a" * 100])
def test_a_master_key_that_is_none(key: str) -> None:
    with pytest.raises(UnreadableSecret):
        Sealer(key)


def test_a_master_key_is_made_once(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "master.key"
    key = master_key_in(path)
    assert master_key_in(path) == key
    assert path.read_text().strip() == key
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_secret_is_for_its_owner_whatever_lay_there_before(tmp_path: Path) -> None:
    path, draft = tmp_path / "secret", tmp_path / "secret.new"
    for left in (path, draft):
        left.write_text("of before, and longer than the new one")
        left.chmod(0o666)
    before = os.umask(0)
    try:
        write_secret(path, "new")
    finally:
        os.umask(before)
    assert path.read_text() == "new\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert not draft.exists()
