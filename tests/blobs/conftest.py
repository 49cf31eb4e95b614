"""Stores to test: every driver that can really run here, each test in a folder or prefix of its own."""

import os
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import obstore
import pytest
from obstore.exceptions import BaseError

from engines.pytest_plugin import require
from engines.servers import S3Server, seaweedfs
from tests.blobs.azurite import AZURITE, AzureContainer, running_azurite
from wherry.blobs import BlobStore, Intake, StoreOptions, open_store
from wherry.blobs.drivers.buckets import s3_bucket


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    require("seaweedfs")
    with seaweedfs(tmp_path_factory.mktemp("seaweedfs") / "data") as server:
        # It listens before it has a volume to write to, and on a busy machine that takes its time.
        server.process.wait_until(lambda: _takes_bytes(server), 60)
        yield server


def _takes_bytes(server: S3Server) -> bool:
    try:
        obstore.put(s3_bucket(_options(server)).requests, "first", b"bytes", use_multipart=False)
    except BaseError:
        return False
    return True


def _options(server: S3Server) -> StoreOptions:
    return StoreOptions(
        url=f"s3://{server.bucket}/{uuid.uuid4().hex}",
        endpoint=server.endpoint,
        access_key_id=server.access_key_id,
        secret_access_key=server.secret_access_key,
        region=server.region,
    )


@pytest.fixture
def s3_options(s3_server: S3Server) -> StoreOptions:
    return _options(s3_server)


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AzureContainer]:
    with running_azurite(Path(os.environ[AZURITE]), tmp_path_factory.mktemp("azurite")) as container:
        yield container


@pytest.fixture
def azure_options(azurite: AzureContainer) -> StoreOptions:
    return StoreOptions(
        url=f"az://{azurite.account}/{azurite.container}/{uuid.uuid4().hex}",
        endpoint=azurite.endpoint,
        secret_access_key=azurite.key,
    )


DRIVERS = ["filesystem", "memory", pytest.param("s3", marks=pytest.mark.engine("seaweedfs"))]
# Microsoft's emulator is an npm package that `make engines` does not install: it is asked for by name.
if AZURITE in os.environ:
    DRIVERS.append("azure")


@pytest.fixture(params=DRIVERS)
def driver(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def store(driver: str, request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[BlobStore]:
    local = driver in ("filesystem", "memory")
    options = StoreOptions(root=tmp_path / "store") if local else request.getfixturevalue(f"{driver}_options")
    opened = open_store(driver, options)
    yield opened
    await opened.close()


@pytest.fixture
def intake(store: BlobStore) -> Intake:
    return Intake(store)
