"""What registries send when an image `web` of `acme` is pushed, in the shapes that they document."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import datetime
from typing import Any

from wherry.webhooks.cloud_event import cloud_event
from wherry.webhooks.hear import API_KEY, GITHUB_SIGNATURE
from wherry.webhooks.pushes_in import Product
from wherry.webhooks.signature import signed

IMAGES = {
    Product.DOCKER_HUB: "docker.io/acme/web",
    Product.GHCR: "ghcr.io/acme/web",
    Product.HARBOR: "harbor.example.com/acme/web",
    Product.QUAY: "quay.io/acme/web",
    Product.ECR: "123456789012.dkr.ecr.eu-central-1.amazonaws.com/acme/web",
    Product.WHERRY: "wherry.example.com/acme/web",
}
# These do not tell it.
WITHOUT_DIGEST = frozenset({Product.DOCKER_HUB, Product.QUAY})


def digest(number: int) -> str:
    return f"sha256:{number:064x}"


def told(product: Product, tag: str = "1.2", number: int = 2) -> bytes:
    """`number` makes the digest, the moment and the id."""
    return json.dumps(_SHAPES[product](tag, digest(number), number)).encode()


def proof(
    product: Product, secret: str | None, body: bytes, now: datetime, number: int = 2
) -> dict[str, str]:
    """The headers that go along."""
    if product is Product.WHERRY:
        return signed(secret or "", f"wherry_{number}", now, body)
    if product is Product.GHCR:
        mac = hmac.new((secret or "").encode(), body, hashlib.sha256).hexdigest()
        return {GITHUB_SIGNATURE: f"sha256={mac}", "x-github-event": "registry_package"}
    if product is Product.HARBOR:
        return {"authorization": secret or ""}
    return {API_KEY: secret or ""} if product is Product.ECR else {}


def harbor_cloud_event(tag: str, of: str, number: int) -> dict[str, Any]:
    event = _harbor(tag, of, number)
    return {
        "specversion": "1.0",
        "id": f"66e18103-{number}",
        "source": "/projects/2/webhook/policies/15",
        "type": "harbor.artifact.pushed",
        "datacontenttype": "application/json",
        "time": "2026-03-14T15:09:26Z",
        "data": event["event_data"],
        "operator": "ci",
    }


def _docker_hub(tag: str, _of: str, number: int) -> dict[str, Any]:
    return {
        "callback_url": "https://registry.hub.docker.com/u/acme/web/hook/2141b5bi5i5b02bec211i4eeih0242eg11000a/",
        "push_data": {"pushed_at": 1_780_000_000 + number, "pusher": "ann", "tag": tag, "images": []},
        "repository": {
            "name": "web",
            "namespace": "acme",
            "repo_name": "acme/web",
            "repo_url": "https://hub.docker.com/r/acme/web",
            "is_private": True,
            "status": "Active",
        },
    }


def _ghcr(tag: str, of: str, number: int) -> dict[str, Any]:
    return {
        "action": "published",
        "registry_package": {
            "id": 8_000,
            "name": "web",
            "namespace": "Acme",
            "ecosystem": "CONTAINER",
            "package_type": "CONTAINER",
            "owner": {"login": "Acme", "type": "Organization"},
            "package_version": {
                "id": number,
                "version": of,
                "package_url": f"ghcr.io/acme/web:{tag}",
                "container_metadata": {"tag": {"name": tag, "digest": of}, "labels": {}, "manifest": {}},
            },
        },
        "sender": {"login": "ann"},
    }


def _harbor(tag: str, of: str, number: int) -> dict[str, Any]:
    return {
        "type": "PUSH_ARTIFACT",
        "occur_at": 1_780_000_000 + number,
        "operator": "ci",
        "event_data": {
            "resources": [
                {"digest": of, "tag": tag, "resource_url": f"harbor.example.com/acme/web:{tag}"},
            ],
            "repository": {
                "date_created": 1_700_000_000,
                "name": "web",
                "namespace": "acme",
                "repo_full_name": "acme/web",
                "repo_type": "private",
            },
        },
    }


def _quay(tag: str, _of: str, _number: int) -> dict[str, Any]:
    return {
        "name": "web",
        "repository": "acme/web",
        "namespace": "acme",
        "docker_url": "quay.io/acme/web",
        "homepage": "https://quay.io/repository/acme/web",
        "updated_tags": [tag],
    }


def _ecr(tag: str, of: str, number: int) -> dict[str, Any]:
    return {
        "version": "0",
        "id": f"13cde686-{number}",
        "detail-type": "ECR Image Action",
        "source": "aws.ecr",
        "account": "123456789012",
        "time": "2026-03-14T15:09:26Z",
        "region": "eu-central-1",
        "resources": [],
        "detail": {
            "result": "SUCCESS",
            "repository-name": "acme/web",
            "image-digest": of,
            "action-type": "PUSH",
            "image-tag": tag,
        },
    }


def _wherry(tag: str, of: str, number: int) -> dict[str, Any]:
    body = {"tag": tag, "digest": of, "previous": None, "media_type": "application/json", "is_retag": False}
    at = datetime.fromisoformat("2026-03-14T15:09:26+00:00")
    return cloud_event(f"{number}", "tag.moved", "acme/web", at, "https://wherry.example.com", body)


_SHAPES = {
    Product.DOCKER_HUB: _docker_hub,
    Product.GHCR: _ghcr,
    Product.HARBOR: _harbor,
    Product.QUAY: _quay,
    Product.ECR: _ecr,
    Product.WHERRY: _wherry,
}
