"""A wrong setting is an error at the start that says what is right."""

import base64
import json
from datetime import timedelta
from pathlib import Path

import pytest

from wherry.blobs import StoreMisconfigured, StoreOptions, UnknownDriver, driver_names, open_store
from wherry.blobs.drivers.filesystem import FilesystemStore
from wherry.blobs.drivers.memory import MemoryStore
from wherry.blobs.drivers.objects import ObjectsStore

AZURE_KEY = base64.b64encode(b"key").decode()
LOCATION = "blobs/u/" + "0" * 32


def test_an_unknown_driver_is_refused_with_the_valid_names():
    with pytest.raises(UnknownDriver) as caught:
        open_store("ftp", StoreOptions())
    assert caught.value.valid == ("filesystem", "memory", "s3", "gcs", "azure") == driver_names()
    assert "'ftp'; valid are filesystem, memory, s3, gcs, azure" in str(caught.value)


async def test_each_driver_opens_what_it_is_named_for(tmp_path: Path):
    opened = {
        "filesystem": StoreOptions(root=tmp_path / "a" / "b"),
        "memory": StoreOptions(),
        "s3": StoreOptions(url="s3://bucket/some/prefix", access_key_id="id", secret_access_key="secret"),
        "gcs": StoreOptions(url="gs://bucket", secret_access_key=service_account()),
        "azure": StoreOptions(url="az://account/container/prefix", secret_access_key=AZURE_KEY),
    }
    assert tuple(opened) == driver_names()
    for driver, options in opened.items():
        store = open_store(driver, options)
        expected = {"filesystem": FilesystemStore, "memory": MemoryStore}.get(driver, ObjectsStore)
        assert isinstance(store, expected)
        await store.close()


async def test_presigned_urls_name_bucket_prefix_and_expiry(tmp_path: Path):
    for driver, options, beginning, expiry in (
        (
            "s3",
            StoreOptions(
                url="s3://bk/pre/fix", region="eu-west-1", access_key_id="id", secret_access_key="secret"
            ),
            "https://s3.eu-west-1.",
            "=60&",
        ),
        ("gcs", StoreOptions(url="gs://bk/pre/fix", secret_access_key=service_account()), "https://", "=60&"),
        (
            "azure",
            StoreOptions(url="az://acc/bk/pre/fix", secret_access_key=AZURE_KEY),
            "https://acc.",
            "se=20",
        ),
    ):
        store = open_store(driver, options)
        url = await store.presigned_url(LOCATION, timedelta(minutes=1))
        assert url is not None
        assert url.startswith(beginning)
        assert f"bk/pre/fix/{LOCATION}?" in url
        assert expiry in url
        await store.close()


@pytest.mark.parametrize(
    ("driver", "options", "says"),
    [
        ("filesystem", StoreOptions(), "needs a folder"),
        ("s3", StoreOptions(), "s3://bucket/prefix"),
        ("s3", StoreOptions(url="bucket"), "s3://bucket/prefix"),
        ("s3", StoreOptions(url="gs://bucket"), "s3://bucket/prefix"),
        ("s3", StoreOptions(url="s3://"), "s3://bucket/prefix"),
        ("s3", StoreOptions(url="s3://bucket/../other"), "s3://bucket/prefix"),
        ("s3", StoreOptions(url="s3://bucket//x"), "s3://bucket/prefix"),
        ("s3", StoreOptions(url="s3://id:s3cr3t@bucket"), "have settings"),
        ("s3", StoreOptions(url="s3://bucket?region=x"), "have settings"),
        ("s3", StoreOptions(url="s3://bucket", access_key_id="id"), "only one is set"),
        ("s3", StoreOptions(url="s3://bucket", secret_access_key="s3cr3t"), "only one is set"),
        ("gcs", StoreOptions(url="s3://bucket"), "gs://bucket/prefix"),
        (
            "gcs",
            StoreOptions(url="gs://bucket", secret_access_key="not json"),
            "gs://bucket cannot be opened",
        ),
        ("azure", StoreOptions(url="az://account"), "az://account/container/prefix"),
        ("azure", StoreOptions(url="az://account/box", secret_access_key="not base64!"), "cannot be opened"),
    ],
)
def test_incomplete_or_contradictory_options_are_refused(driver: str, options: StoreOptions, says: str):
    with pytest.raises(StoreMisconfigured, match=says) as caught:
        open_store(driver, options)
    assert "s3cr3t" not in str(caught.value)
    assert not options.secret_access_key or options.secret_access_key not in str(caught.value)


def service_account() -> str:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return json.dumps(
        {
            "type": "service_account",
            "private_key": pem.decode(),
            "private_key_id": "1",
            "client_email": "wherry@example.iam.gserviceaccount.com",
            "disable_oauth": False,
        }
    )
