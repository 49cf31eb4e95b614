"""What registries say of a push, read: its repository, its tags, their digests, and what makes it one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.webhooks.told import WITHOUT_DIGEST, digest, harbor_cloud_event, told
from wherry.webhooks.errors import InvalidHook, InvalidWebhook
from wherry.webhooks.pushes_in import Product, PushIn, Tagged, read_push
from wherry.webhooks.senders import whole_name


def read(product: Product, document: Any) -> PushIn | None:
    return read_push(product, json.dumps(document).encode())


@pytest.mark.parametrize("product", Product)
def test_a_push_of_each_product_is_read(product: Product) -> None:
    found = read_push(product, told(product))
    assert found is not None
    assert found.repository == "acme/web"
    assert found.tagged == (Tagged("1.2", "" if product in WITHOUT_DIGEST else digest(2)),)


@pytest.mark.parametrize("product", [one for one in Product if one is not Product.QUAY])
def test_a_delivery_is_known_again_and_told_from_another(product: Product) -> None:
    first, again, other = (read_push(product, told(product, "1.2", number)) for number in (2, 2, 3))
    assert first == again
    assert first is not None
    assert other is not None
    assert first.delivery != other.delivery


def test_harbor_speaks_of_the_same_push_as_a_cloud_event() -> None:
    found = read(Product.HARBOR, harbor_cloud_event("1.2", digest(2), 2))
    assert found == PushIn("acme/web", (Tagged("1.2", digest(2)),), "66e18103-2")


def test_event_bridge_may_be_wrapped_into_a_cloud_event() -> None:
    event = json.loads(told(Product.ECR))
    found = read(Product.ECR, {"specversion": "1.0", "id": "1", "type": "aws", "data": event})
    assert found is not None
    assert (found.tagged, found.delivery) == ((Tagged("1.2", digest(2)),), "1")
    assert found.host == "123456789012.dkr.ecr.eu-central-1.amazonaws.com"


def test_old_versions_of_quay_tell_ids_of_images_which_are_no_digests() -> None:
    found = read(
        Product.QUAY, {"repository": "acme/web", "updated_tags": {"1.2": "b750fe79", "1.3": digest(3)}}
    )
    assert found is not None
    assert found.tagged == (Tagged("1.2"), Tagged("1.3", digest(3)))


@pytest.mark.parametrize(
    ("product", "document"),
    [
        (Product.GHCR, {"zen": "Keep it logically awesome.", "hook_id": 1}),
        (Product.GHCR, {"action": "published", "package": {"name": "web", "package_type": "npm"}}),
        (Product.HARBOR, {"type": "DELETE_ARTIFACT", "event_data": {}}),
        (Product.QUAY, {"repository": "acme/web", "build_id": "1"}),
        (Product.ECR, {"detail-type": "ECR Image Action", "detail": {"action-type": "DELETE"}}),
        (Product.WHERRY, {"type": "io.wherry.ping", "data": {}}),
        (Product.DOCKER_HUB, {}),
    ],
)
def test_what_is_no_push_is_none(product: Product, document: dict[str, Any]) -> None:
    assert read(product, document) is None


@pytest.mark.parametrize("product", Product)
@pytest.mark.parametrize("body", [b"", b"\xff", b"[]", b"7", b"[" * 100_000, b'{"a": ' * 100_000])
def test_what_is_no_object_of_json_is_refused(product: Product, body: bytes) -> None:
    with pytest.raises(InvalidHook):
        read_push(product, body)


@pytest.mark.parametrize("tag", ["a b", "../x", "x" * 129, "\0", "\ud800"])
def test_a_tag_that_cannot_be_is_refused(tag: str) -> None:
    with pytest.raises(InvalidHook):
        read_push(Product.HARBOR, told(Product.HARBOR, tag))


def test_an_image_pushed_by_its_digest_alone_has_no_tag() -> None:
    found = read_push(Product.HARBOR, told(Product.HARBOR, digest(2)))
    assert found is not None
    assert found.tagged == ()


@pytest.mark.parametrize(
    ("image", "whole"),
    [
        ("nginx", "docker.io/library/nginx"),
        ("acme/web", "docker.io/acme/web"),
        ("index.docker.io/acme/web", "docker.io/acme/web"),
        ("ghcr.io/acme/web", "ghcr.io/acme/web"),
        ("localhost:5000/web", "localhost:5000/web"),
    ],
)
def test_the_name_of_an_image_is_made_whole(image: str, whole: str) -> None:
    assert whole_name(image) == whole


@pytest.mark.parametrize("image", ["", "acme/web:1", f"acme/web@{digest(1)}", "Acme/Web", "a b"])
def test_what_is_no_name_of_an_image_is_refused(image: str) -> None:
    with pytest.raises(InvalidWebhook):
        whole_name(image)
