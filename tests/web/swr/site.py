"""A running Wherry as SWR's users see it: people with access keys, the official SDK, images really pushed."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar
from unittest import mock

import httpx
import pytest
from sqlalchemy import Connection, update

from engines.servers.wherry import Wherry
from tests.clusters.kubeconfigs import kubeconfig
from wherry.access.grants import grant
from wherry.access.levels import Level
from wherry.access.resources import Resource
from wherry.access.tables import shares
from wherry.clusters.addresses import AddressRules
from wherry.clusters.cluster import get_cluster
from wherry.clusters.kubeconfig import read_kubeconfig
from wherry.clusters.register import Registration, register_cluster
from wherry.db.database import Database
from wherry.identity.access_keys import create_access_key
from wherry.identity.login_keys import login_key
from wherry.identity.robots import create_robot
from wherry.identity.tables import access_keys
from wherry.identity.users import create_user, get_user
from wherry.kit.secrets import Sealer, master_key_in
from wherry.oci.media_types import OCI_INDEX, OCI_MANIFEST
from wherry.oci.names import RepositoryName
from wherry.registry.pull_counts import Count, add_pulls
from wherry.triggers.find import get_trigger
from wherry.triggers.react import Push, fire
from wherry.triggers.runs import State, end_run, get_run

# The SDK keeps a file in the home folder from its import on, and asks the environment for proxies.
_HOME = tempfile.mkdtemp(prefix="swr-sdk-")
SDK_ENVIRONMENT = {"HOME": _HOME, "NO_PROXY": "127.0.0.1"}
with mock.patch.dict(os.environ, SDK_ENVIRONMENT):
    swr: Any = pytest.importorskip(
        "huaweicloudsdkswr.v2", reason="huaweicloudsdkswr, SWR's official SDK, is not installed"
    )
    from huaweicloudsdkcore.auth.credentials import BasicCredentials
    from huaweicloudsdkcore.exceptions.exceptions import ServiceResponseException as ServiceResponseException
    from huaweicloudsdkcore.http.http_config import HttpConfig
    from huaweicloudsdkcore.sdk_request import SdkRequest
    from huaweicloudsdkcore.signer.signer import Signer

T = TypeVar("T")

PROJECT = "0123456789abcdef0123456789abcdef"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"

# For `pytestmark`: what depends on how a database counts, sorts and compares is tested on both.
BOTH = pytest.mark.parametrize(
    "site",
    ["sqlite", pytest.param("postgresql", marks=pytest.mark.engine("postgresql"))],
    indirect=True,
    scope="session",
)

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Key:
    """An access key with its secret."""

    id: str
    secret: str

    @property
    def login_key(self) -> str:
        return login_key(self.id, self.secret)


@dataclass(frozen=True, slots=True)
class Pushed:
    """A manifest that is in the registry."""

    content: bytes
    digest: str
    config: str
    size: int


class Site:
    """Administers a running server beside it, and talks to it from outside."""

    def __init__(self, server: Wherry, database_url: str | None = None) -> None:
        self.host, self.url = server.host, server.url
        self.database = Database(database_url or f"sqlite:///{server.data / 'wherry.db'}")
        self.sealer = Sealer(master_key_in(server.data / "master.key"))
        self.registry = httpx.Client(base_url=server.url, auth=(server.username, server.password), timeout=60)
        # To make a client takes longer than a request.
        self._wire = httpx.Client(timeout=60)
        self.admin_key = self._new_key("admin", None, None)
        self.admin = self.client(self.admin_key)

    def close(self) -> None:
        self.registry.close()
        self._wire.close()
        self.database.close()

    def user(self, name: str = "", *, is_auditor: bool = False) -> str:
        """A new user without any right; answers the name."""
        name, now = name or f"user{next(_numbers)}", datetime.now(UTC)
        self.database.write_now(lambda tx: create_user(tx, name, "no hash", now, is_auditor=is_auditor))
        return name

    def robot(self, organization: str, name: str) -> str:
        """A new robot without any right; answers the name that it has among users."""
        now = datetime.now(UTC)
        made = self.database.write_now(lambda tx: create_robot(tx, organization, name, "", None, now))
        return made.user_name

    def add_pulls(self, image: str, when: datetime, size: int) -> None:
        """So many bytes were pulled that day."""
        self.database.write_now(lambda tx: add_pulls(tx, {image: Count(1, size)}, when))

    def user_id(self, name: str) -> str:
        return str(self.database.read_now(lambda tx: get_user(tx, name)).id)

    def grant(self, user: str, resource: str, level: Level) -> None:
        """Give the right behind the API's back."""

        def work(tx: Any) -> None:
            grant(tx, get_user(tx, user).id, Resource.parse(resource), level, None, datetime.now(UTC))

        self._write(work)

    def expire_share(self, image: str, organization: str) -> None:
        """Let the share's deadline be long past."""
        mine = (shares.c.image == image, shares.c.organization == organization)
        self._write(lambda tx: tx.execute(update(shares).where(*mine).values(deadline=1)))

    def key(
        self, user: str, scope: Mapping[str, int] | None = None, expires_at: datetime | None = None
    ) -> Key:
        """A new access key; of all that its owner may, where it has no scope.

        Nobody may have as many as the tests ask of the administrator: of those there is one.
        """
        if user == "admin" and scope is None and expires_at is None:
            return self.admin_key
        return self._new_key(user, scope, expires_at)

    def _new_key(self, user: str, scope: Mapping[str, int] | None, expires_at: datetime | None) -> Key:

        def work(tx: Connection) -> Key:
            made = create_access_key(
                tx,
                self.sealer,
                get_user(tx, user).id,
                "test",
                datetime.now(UTC),
                scope=scope,
                expires_at=expires_at,
            )
            return Key(made.id, made.secret)

        return self.database.write_now(work)

    def client(self, key: Key, project: str | None = PROJECT) -> Any:
        """The SDK's client for a key."""
        builder = swr.SwrClient.new_builder().with_http_config(HttpConfig(timeout=(30, 60)))
        return (
            builder.with_credentials(BasicCredentials(key.id, key.secret, project))
            .with_endpoint(self.url)
            .build()
        )

    def expire_key(self, key: Key) -> None:
        """Let the key's time be long past."""
        mine = access_keys.c.id == key.id
        self._write(lambda tx: tx.execute(update(access_keys).where(mine).values(expires=1)))

    def signed(
        self,
        key: Key,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Request:
        """A request of one's own making, signed by the SDK's signer; a test may change it before sending."""
        request = Signer(BasicCredentials(key.id, key.secret)).sign(
            SdkRequest(
                method=method,
                schema="http",
                host=self.host,
                resource_path=path,
                query_params=list((query or {}).items()),
                header_params={"Content-Type": "application/json", "User-Agent": "test", **(headers or {})},
                body=body,
            )
        )
        return httpx.Request(method, self.url + request.uri, headers=request.header_params, content=body)

    def send(self, request: httpx.Request) -> httpx.Response:
        return self._wire.send(request)

    def _write(self, work: Callable[[Connection], T]) -> T:
        """Change what the server may have asked for already; it knows of it when this returns."""
        result = self.database.write_now(work)
        if not self.database.is_sqlite:
            # PostgreSQL tells other processes a moment later; with a write of its own the server looks again.
            self.admin.create_secret(swr.CreateSecretRequest())
        return result

    def client_of(self, user: str, **more: Any) -> Any:
        """The SDK's client for a new key of the user's."""
        return self.client(self.key(user, **more))

    def organization(self, name: str = "") -> str:
        """A new organization; made by the administrator."""
        # Tests add a number of their own: it does not make another one's name.
        name = name or f"org{next(_numbers)}x"
        body = swr.CreateNamespaceRequestBody(namespace=name)
        self.admin.create_namespace(swr.CreateNamespaceRequest(body=body))
        return name

    def cluster(self, organization: str | None = None) -> str:
        """A registered cluster that nobody answers for; answers its name."""
        name, now = f"cluster{next(_numbers)}", datetime.now(UTC)
        asked = Registration(name, read_kubeconfig(kubeconfig(), now), organization=organization)
        self._write(
            lambda tx: register_cluster(
                tx, self.sealer, AddressRules(), asked, uid=None, created_by=None, now=now
            )
        )
        return name

    def cluster_id(self, name: str) -> str:
        return str(self.database.read_now(lambda tx: get_cluster(tx, name)).id)

    def run_trigger(self, image: str, name: str, tag: str, state: State, detail: str) -> None:
        """As if somebody had pushed the tag, and this had become of it."""

        def work(tx: Connection) -> None:
            now, repository = datetime.now(UTC), RepositoryName(image)
            push = Push(f"test:{next(_numbers)}", repository, tag, "sha256:" + "0" * 64, "ann", now)
            for number in fire(tx, get_trigger(tx, repository, name), push, now):
                end_run(tx, get_run(tx, number), state, detail, now)

        self._write(work)

    def push(
        self, image: str, tag: str, layer: bytes = b"layer", subject: Pushed | None = None, **more: object
    ) -> Pushed:
        """An image of one layer under the tag, or under its digest where the tag is empty."""
        config = json.dumps({"architecture": "amd64", "os": "linux", "layer": layer.hex()}).encode()
        digests = [self._blob(image, content) for content in (config, layer)]
        document: dict[str, object] = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": {"mediaType": CONFIG_TYPE, "digest": digests[0], "size": len(config)},
            "layers": [{"mediaType": LAYER_TYPE, "digest": digests[1], "size": len(layer)}],
            **more,
        }
        if subject is not None:
            document["subject"] = _descriptor(subject)
        content = json.dumps(document).encode()
        digest = self._manifest(image, tag, content, OCI_MANIFEST)
        return Pushed(content, digest, digests[0], len(config) + len(layer))

    def push_index(self, image: str, tag: str, children: list[Pushed]) -> Pushed:
        document = {
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "manifests": [_descriptor(child) for child in children],
        }
        content = json.dumps(document).encode()
        digest = self._manifest(image, tag, content, OCI_INDEX)
        return Pushed(content, digest, "", sum(child.size for child in children))

    def pull(self, image: str, reference: str, key: Key | None = None) -> int:
        """The status of a pull, with a login key where a key is given."""
        auth = (f"local@{key.id}", key.login_key) if key else None
        path = f"{self.url}/v2/{image}/manifests/{reference}"
        return self._wire.get(path, auth=auth, headers={"accept": "*/*"}).status_code

    def pull_blob(self, image: str, content: bytes) -> None:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        assert self.registry.get(f"/v2/{image}/blobs/{digest}").content == content

    def _blob(self, image: str, content: bytes) -> str:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        started = self.registry.post(f"/v2/{image}/blobs/uploads/")
        assert started.status_code == 202, started.text
        place = httpx.URL(started.headers["location"]).copy_merge_params({"digest": digest})
        assert self.registry.put(place, content=content).status_code == 201
        return digest

    def _manifest(self, image: str, tag: str, content: bytes, media_type: str) -> str:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        path = f"/v2/{image}/manifests/{tag or digest}"
        answer = self.registry.put(path, content=content, headers={"content-type": media_type})
        assert answer.status_code == 201, answer.text
        return digest


def _descriptor(pushed: Pushed) -> dict[str, object]:
    media_type = OCI_MANIFEST if pushed.config else OCI_INDEX
    return {"mediaType": media_type, "digest": pushed.digest, "size": len(pushed.content)}


def refusal(call: Any, request: Any) -> tuple[int, str]:
    """Status and last seven digits of the code that the SDK shows; the answer carries a request id."""
    with pytest.raises(ServiceResponseException) as caught:
        call(request)
    error: Any = caught.value
    assert error.request_id, "an error has a request id"
    assert error.error_msg
    return error.status_code, error.error_code.removeprefix("SVCSTG.SWR.")


def code_of(response: httpx.Response) -> tuple[int, str]:
    """Status and last seven digits of the code of a refusal, which has both shapes and a request id."""
    error = response.json()
    (old,) = error["errors"]
    assert old["errorCode"] == error["error_code"]
    assert old["errorMessage"] == error["error_msg"] != ""
    assert set(old) == {"errorCode", "errorMessage", "detail", "encoded_authorization_message"}
    assert error["details"][0]["error_code"] == error["error_code"]
    assert response.headers["x-request-id"]
    return response.status_code, error["error_code"].removeprefix("SVCSTG.SWR.")


def document(answer: Any) -> Any:
    """The answer's JSON as it came, not as the SDK reads it."""
    return json.loads(answer.raw_content)


def is_moment(text: str) -> bool:
    """Whether it is a time in UTC of the last hour."""
    when = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    return 0 <= (datetime.now(UTC) - when).total_seconds() < 3600


def unpacked(auth: str) -> tuple[str, str]:
    """User and password of a Basic login."""
    user, _, password = base64.b64decode(auth).decode().partition(":")
    return user, password
