"""What registries say of a push, each in its words, read into one form. Nothing that they name is fetched.

Docker Hub    https://docs.docker.com/docker-hub/repos/manage/webhooks/
GHCR          https://docs.github.com/en/webhooks/webhook-events-and-payloads#package
Harbor        https://goharbor.io/docs/main/working-with-projects/project-configuration/configure-webhooks/
Quay          https://docs.quay.io/guides/notifications.html
ECR           https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from wherry.oci.digests import Digest
from wherry.oci.errors import InvalidValue
from wherry.oci.names import Tag
from wherry.webhooks.cloud_event import TYPE_PREFIX
from wherry.webhooks.errors import InvalidHook

# Of one delivery; more is no push.
MAX_TAGS = 50


class Product(StrEnum):
    """Who sends it."""

    DOCKER_HUB = "dockerhub"
    GHCR = "ghcr"
    HARBOR = "harbor"
    QUAY = "quay"
    ECR = "ecr"
    WHERRY = "wherry"


@dataclass(frozen=True, slots=True)
class Tagged:
    """A tag that was pushed. `digest` is empty where the product does not tell it."""

    tag: str
    digest: str = ""


@dataclass(frozen=True, slots=True)
class PushIn:
    """`repository` is the path at the product, `host` only where it is told for sure.

    `delivery` tells this push from any other, and is the same when it is told again; None: nothing does.
    """

    repository: str
    tagged: tuple[Tagged, ...]
    delivery: str | None
    host: str | None = None


def read_push(product: Product, body: bytes) -> PushIn | None:
    """None for what is no push, such as a ping or a deleted tag. Raises `InvalidHook`."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise InvalidHook("the body is not JSON") from None
    if not isinstance(document, dict):
        raise InvalidHook("the body is not a JSON object")
    found = _READERS[product](document, body)
    if found is None:
        return None
    if not found.repository:
        raise InvalidHook("it names no repository")
    if len(found.tagged) > MAX_TAGS:
        raise InvalidHook(f"it names more than {MAX_TAGS} tags")
    for one in found.tagged:
        _check(one)
    return found


def _docker_hub(document: Mapping[str, Any], _body: bytes) -> PushIn | None:
    pushed = _part(document, "push_data")
    if not pushed:
        return None
    tag = _text(pushed, "tag")
    repository = _text(_part(document, "repository"), "repo_name")
    moment = pushed.get("pushed_at")
    return PushIn(repository, _tags((tag, "")), None if moment is None else f"{moment}")


def _ghcr(document: Mapping[str, Any], body: bytes) -> PushIn | None:
    package = _part(document, "registry_package") or _part(document, "package")
    if _text(document, "action") not in ("published", "updated") or not package:
        return None
    if _text(package, "package_type").lower() != "container":
        return None
    tag = _part(_part(_part(package, "package_version"), "container_metadata"), "tag")
    owner = _text(package, "namespace") or _text(_part(package, "owner"), "login")
    # The id of the delivery is in a header, which is not signed; the body is, and names its moment.
    delivery = f"body:{hashlib.sha256(body).hexdigest()}"
    return PushIn(
        f"{owner}/{_text(package, 'name')}".lower(),
        _tags((_text(tag, "name"), _text(tag, "digest"))),
        delivery,
    )


def _harbor(document: Mapping[str, Any], _body: bytes) -> PushIn | None:
    """Both of its formats."""
    kind = _text(document, "type")
    if kind == "harbor.artifact.pushed":
        data, delivery = _part(document, "data"), _text(document, "id") or None
    elif kind == "PUSH_ARTIFACT":
        data = _part(document, "event_data")
        delivery = f"{document['occur_at']}" if "occur_at" in document else None
    else:
        return None
    resources = data.get("resources")
    found = [
        (_text(one, "tag"), _text(one, "digest"))
        for one in (resources if isinstance(resources, list) else [])
        if isinstance(one, dict)
    ]
    if delivery is not None and kind == "PUSH_ARTIFACT":
        # Seconds, and two pushes of a CI may be within one.
        delivery = f"{delivery}:{hashlib.sha256(repr(found).encode()).hexdigest()}"
    # What has no tag is named by its digest there.
    tags = [(tag, digest) for tag, digest in found if not tag.startswith("sha256:")]
    return PushIn(_text(_part(data, "repository"), "repo_full_name"), _tags(*tags), delivery)


def _quay(document: Mapping[str, Any], _body: bytes) -> PushIn | None:
    updated = document.get("updated_tags")
    if isinstance(updated, dict):  # to ids of images, in old versions; they are no digests of manifests
        found = [
            (tag, digest if str(digest).startswith("sha256:") else "") for tag, digest in updated.items()
        ]
    elif isinstance(updated, list):
        found = [(tag, "") for tag in updated]
    else:
        return None
    return PushIn(_text(document, "repository"), _tags(*found), None)


def _ecr(document: Mapping[str, Any], _body: bytes) -> PushIn | None:
    """EventBridge's own form, also as the data of a CloudEvent."""
    inner = _part(document, "data")
    event = inner if "specversion" in document and "detail" in inner else document
    delivery = _text(document, "id") or None
    detail = _part(event, "detail")
    if _text(event, "detail-type") != "ECR Image Action" or _text(detail, "action-type") != "PUSH":
        return None
    if _text(detail, "result") != "SUCCESS":
        return None
    account, region = _text(event, "account"), _text(event, "region")
    host = f"{account}.dkr.ecr.{region}.amazonaws.com" if account and region else None
    tagged = _tags((_text(detail, "image-tag"), _text(detail, "image-digest")))
    return PushIn(_text(detail, "repository-name"), tagged, delivery, host)


def _wherry(document: Mapping[str, Any], _body: bytes) -> PushIn | None:
    data = _part(document, "data")
    if _text(document, "type") != f"{TYPE_PREFIX}tag.moved":
        return None
    # The id of the delivery is signed, and is the sender's to give.
    tagged = _tags((_text(data, "tag"), _text(data, "digest")))
    return PushIn(_text(document, "subject"), tagged, _text(document, "id") or None)


def _part(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = document.get(name)
    return found if isinstance(found, dict) else {}


def _text(document: Mapping[str, Any], name: str) -> str:
    found = document.get(name)
    return found if isinstance(found, str) else ""


def _tags(*found: tuple[object, object]) -> tuple[Tagged, ...]:
    """What was pushed by its digest alone has no tag, and is none."""
    return tuple(dict.fromkeys(Tagged(str(tag), str(digest)) for tag, digest in found if tag))


def _check(tagged: Tagged) -> None:
    try:
        Tag.parse(tagged.tag)
        if tagged.digest:
            Digest.parse(tagged.digest)
    except InvalidValue as error:
        raise InvalidHook(str(error)) from None


_READERS: Mapping[Product, Callable[[Mapping[str, Any], bytes], PushIn | None]] = {
    Product.DOCKER_HUB: _docker_hub,
    Product.GHCR: _ghcr,
    Product.HARBOR: _harbor,
    Product.QUAY: _quay,
    Product.ECR: _ecr,
    Product.WHERRY: _wherry,
}
