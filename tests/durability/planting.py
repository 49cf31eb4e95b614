"""Faults planted into a data folder while no server runs: what a registry that loses pushes leaves behind."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

Plant = Callable[[Path], None]


def flip_a_byte(data: Path) -> None:
    """In the first blob that has more than one byte."""
    path = _blob_files(data)[0]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut_a_blob(data: Path) -> None:
    path = _blob_files(data)[0]
    path.write_bytes(path.read_bytes()[:-1])


def lose_a_blob_file(data: Path) -> None:
    _blob_files(data)[0].unlink()


def lose_a_tag(data: Path) -> None:
    _change(data, "DELETE FROM tags WHERE name = (SELECT min(name) FROM tags)")


def lose_a_manifest(data: Path) -> None:
    _change(data, "DELETE FROM manifests WHERE digest = (SELECT min(digest) FROM tags)")


def lose_a_link(data: Path) -> None:
    _change(data, "DELETE FROM repository_blobs WHERE digest = (SELECT min(digest) FROM repository_blobs)")


def point_a_tag_elsewhere(data: Path) -> None:
    _change(
        data,
        "UPDATE tags SET digest ="
        " (SELECT max(digest) FROM manifests AS other WHERE other.repository_id = tags.repository_id)"
        " WHERE name = (SELECT min(name) FROM tags)",
    )


def change_a_manifest(data: Path) -> None:
    _change(
        data,
        "UPDATE manifest_contents SET content = CAST(content || ' ' AS BLOB)"
        " WHERE digest = (SELECT min(digest) FROM tags)",
    )


def bring_a_deleted_tag_back(data: Path) -> None:
    _change(
        data,
        "INSERT INTO tags (repository_id, name, digest, moved_at)"
        " SELECT repository_id, 'deleted', digest, moved_at FROM tags LIMIT 1",
    )


def make_up_a_tag(data: Path) -> None:
    _change(
        data,
        "INSERT INTO tags (repository_id, name, digest, moved_at)"
        " SELECT repository_id, 'nobody-pushed-this', digest, moved_at FROM tags LIMIT 1",
    )


def make_half_a_blob_visible(data: Path) -> None:
    folder = data / "blobs" / "sha256" / "00"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ("00" + "ab" * 31)).write_bytes(b"half of it")


def set_an_upload_back(data: Path) -> None:
    _change(data, "UPDATE uploads SET received = received - 1, parts = '[]' WHERE received > 1")


def lose_an_upload(data: Path) -> None:
    _change(data, "DELETE FROM uploads")


PLANTS: tuple[Plant, ...] = (
    flip_a_byte,
    cut_a_blob,
    lose_a_blob_file,
    lose_a_tag,
    lose_a_manifest,
    lose_a_link,
    point_a_tag_elsewhere,
    change_a_manifest,
    bring_a_deleted_tag_back,
    make_up_a_tag,
    make_half_a_blob_visible,
    set_an_upload_back,
    lose_an_upload,
)


def _blob_files(data: Path) -> list[Path]:
    return sorted(path for path in (data / "blobs").rglob("*") if path.is_file() and path.stat().st_size > 1)


def _change(data: Path, statement: str) -> None:
    with closing(sqlite3.connect(data / "wherry.db")) as connection:
        changed = connection.execute(statement).rowcount
        connection.commit()
    assert changed > 0, f"nothing was there to plant a fault in: {statement}"
