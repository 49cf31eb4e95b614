"""notation: Notary Project signatures, with a certificate made for the test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients.checking import RegistryUnderTest
from tests.clients.driving import Client
from tests.clients.images import Images, Layout
from tests.clients.notary import notation_trusting_itself
from tests.clients.operations import Operation, operation

PLAIN = "--insecure-registry"
SIGNATURE = "application/vnd.cncf.notary.signature"


def _login(registry: RegistryUnderTest) -> tuple[str, ...]:
    return ("login", PLAIN, "-u", registry.username, "--password-stdin", registry.host)


@pytest.fixture(scope="module")
def notation(registry: RegistryUnderTest, home: Callable[[str], Path]) -> Client:
    """The signer, logged in."""
    client = notation_trusting_itself(home("notation"), "signer.example.test")
    client(*_login(registry), stdin=registry.password)
    return client


@pytest.fixture(scope="module")
def mistrustful(registry: RegistryUnderTest, home: Callable[[str], Path]) -> Client:
    """Somebody logged in who trusts another signer."""
    client = notation_trusting_itself(home("notation-other"), "other.example.test")
    client(*_login(registry), stdin=registry.password)
    return client


@pytest.fixture
def image(
    registry: RegistryUnderTest, images: Images, repository: str, seed: Callable[[str, Layout], str]
) -> str:
    """An image, named by its digest."""
    return f"{registry.host}/{repository}@{seed(repository, images.amd64)}"


@operation(Operation.LOGIN)
def test_login_opens_a_private_repository(notation: Client, home: Callable[[str], Path], image: str) -> None:
    assert "no associated signature" in notation("list", PLAIN, image)
    stranger = Client(notation.program, home("notation-stranger"))
    stranger.refused("list", PLAIN, image)


@operation(Operation.LOGIN)
def test_a_wrong_password_is_refused(notation: Client, registry: RegistryUnderTest) -> None:
    assert "unauthorized" in notation.refused(*_login(registry), stdin="wrong").lower()


@operation(Operation.SIGNATURE)
@pytest.mark.parametrize("envelope", ["jws", "cose"])
def test_a_signature_verifies_and_one_by_an_untrusted_signer_does_not(
    notation: Client, mistrustful: Client, image: str, envelope: str
) -> None:
    sign = ("sign", PLAIN, "--force-referrers-tag=false", "--signature-format", envelope)
    notation(*sign, image)
    assert "Successfully verified" in notation("verify", PLAIN, image)
    mistrustful.refused("verify", PLAIN, image)


@operation(Operation.SIGNATURE)
def test_an_unsigned_image_does_not_verify(notation: Client, image: str) -> None:
    notation.refused("verify", PLAIN, image)


@operation(Operation.ARTIFACT)
def test_a_signature_is_a_referrer_of_the_image(
    notation: Client, registry: RegistryUnderTest, repository: str, image: str
) -> None:
    notation("sign", PLAIN, "--force-referrers-tag=false", image)
    (found,) = registry.referrers(repository, image.partition("@")[2])
    assert found["artifactType"] == SIGNATURE
    assert found["digest"] in notation("list", PLAIN, image)


@operation(Operation.ARTIFACT)
def test_a_signature_kept_under_a_fallback_tag_is_a_referrer_too(
    notation: Client, registry: RegistryUnderTest, repository: str, image: str
) -> None:
    notation("sign", PLAIN, "--force-referrers-tag=true", image)
    (found,) = registry.referrers(repository, image.partition("@")[2])
    assert found["artifactType"] == SIGNATURE
    assert "Successfully verified" in notation("verify", PLAIN, image)


@operation(Operation.INDEX)
def test_an_index_is_signed_and_verified(
    notation: Client,
    registry: RegistryUnderTest,
    images: Images,
    repository: str,
    seed: Callable[[str, Layout], str],
) -> None:
    index = f"{registry.host}/{repository}@{seed(repository, images.index)}"
    notation("sign", PLAIN, "--force-referrers-tag=false", index)
    assert "Successfully verified" in notation("verify", PLAIN, index)
