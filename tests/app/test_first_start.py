"""What a first start leaves behind, and that the second one keeps it."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import func, select

from wherry.access.tables import signing_keys
from wherry.app import prepare
from wherry.db.database import Database
from wherry.identity.errors import InvalidPassword
from wherry.identity.passwords import Passwords
from wherry.identity.tables import users
from wherry.identity.users import list_users
from wherry.kit.secrets import UnreadableSecret, new_master_key
from wherry.settings import Settings


def mode(path: Path) -> str:
    return oct(path.stat().st_mode & 0o777)


def files_that_hold(secret: bytes, folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if secret in path.read_bytes()]


async def logs_in(settings: Settings, password: str) -> bool:
    database, passwords = Database(settings.effective_database_url), Passwords()
    try:
        hashed = await database.read(lambda tx: tx.execute(select(users.c.password_hash)).scalar_one())
        return await passwords.matches(hashed, password)
    finally:
        passwords.close()
        database.close()


async def test_a_password_is_generated_once_and_kept_for_the_owner_alone(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "data")
    password = prepare(settings).admin_password
    assert password is not None
    assert len(password) >= 20
    assert await logs_in(settings, password)
    kept = settings.data / "admin-password"
    assert kept.read_text() == password + "\n"
    assert mode(kept) == mode(settings.data / "master.key") == "0o600"
    assert mode(settings.data) == "0o700"


async def test_a_second_start_keeps_everything(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    password = prepare(settings).admin_password
    before = {name: (tmp_path / name).read_bytes() for name in ("master.key", "admin-password")}
    assert prepare(settings).admin_password is None
    assert {name: (tmp_path / name).read_bytes() for name in before} == before
    assert await logs_in(settings, password or "")


async def test_a_given_password_is_set_and_written_nowhere(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, admin_password="chosen by hand")
    assert prepare(settings).admin_password is None
    assert await logs_in(settings, "chosen by hand")
    assert not (tmp_path / "admin-password").exists()
    assert not files_that_hold(b"chosen by hand", tmp_path)
    prepare(Settings(data=tmp_path, admin_password="another one"))
    assert await logs_in(settings, "chosen by hand")  # read at the first start only


def test_a_password_that_is_too_short_stops_the_start_and_the_next_one_works(tmp_path: Path) -> None:
    with pytest.raises(InvalidPassword):
        prepare(Settings(data=tmp_path, admin_password="short"))
    assert prepare(Settings(data=tmp_path)).admin_password is not None


def test_another_master_key_stops_the_start(tmp_path: Path) -> None:
    prepare(Settings(data=tmp_path, admin_password="long enough", master_key=new_master_key()))
    with pytest.raises(UnreadableSecret, match="another master key"):
        prepare(Settings(data=tmp_path, master_key=new_master_key()))
    with pytest.raises(UnreadableSecret, match="32 bytes"):
        prepare(Settings(data=tmp_path, master_key="no key"))


def test_replicas_that_start_at_once_share_one_key_and_one_user(
    empty_database_url: str, tmp_path: Path
) -> None:
    key = new_master_key()

    def start(replica: int) -> str | None:
        settings = Settings(
            data=tmp_path / f"replica{replica}", database_url=empty_database_url, master_key=key
        )
        return prepare(settings).admin_password

    with ThreadPoolExecutor(4) as starts:
        passwords = list(starts.map(start, range(4)))
    assert len([password for password in passwords if password]) == 1
    database = Database(empty_database_url)
    assert database.read_now(lambda tx: tx.execute(select(func.count(signing_keys.c.kid))).scalar_one()) == 1
    assert [user.name for user in database.read_now(list_users)] == ["admin"]
    database.close()
    assert len(list(tmp_path.glob("*/admin-password"))) == 1
