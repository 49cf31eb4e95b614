"""Signatures: whoever has the secret can check them, and nothing that was changed passes."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest

from wherry.webhooks.errors import InvalidWebhook, NotAuthentic
from wherry.webhooks.signature import ID, SIGNATURE, TIMESTAMP, new_secret, read_secret, signed, verify

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
BODY = b'{"a":1}'


def test_a_signature_is_what_the_standard_says() -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    at = datetime.fromtimestamp(1614265330, UTC)
    headers = signed(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", at, b'{"test": 2432232314}')
    # The example of the libraries of standardwebhooks.com.
    assert headers[SIGNATURE] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_it_is_hmac_over_id_time_and_bytes() -> None:
    secret = new_secret()
    headers = signed(secret, "m1", AT, BODY)
    key = base64.b64decode(secret.removeprefix("whsec_"))
    text = f"m1.{int(AT.timestamp())}.".encode() + BODY
    wanted = base64.b64encode(hmac.digest(key, text, hashlib.sha256)).decode()
    assert headers == {ID: "m1", TIMESTAMP: str(int(AT.timestamp())), SIGNATURE: f"v1,{wanted}"}
    assert verify(secret, headers, BODY, AT + timedelta(minutes=4)) == "m1"


def test_one_of_several_signatures_is_enough() -> None:
    old, new = new_secret(), new_secret()
    both = signed(old, "m1", AT, BODY)[SIGNATURE] + " " + signed(new, "m1", AT, BODY)[SIGNATURE]
    headers = {**signed(new, "m1", AT, BODY), SIGNATURE: both}
    assert verify(new, headers, BODY, AT) == verify(old, headers, BODY, AT) == "m1"


@pytest.mark.parametrize(
    "change",
    [
        {ID: "m2"},
        {ID: ""},
        {ID: "a.b"},
        {TIMESTAMP: "1795435201"},
        {TIMESTAMP: "soon"},
        {TIMESTAMP: ""},
        {TIMESTAMP: "9" * 30},
        {SIGNATURE: "v1,AAAA"},
        {SIGNATURE: "v1,é"},
        {SIGNATURE: ""},
    ],
)
def test_what_was_changed_is_refused(change: dict[str, str]) -> None:
    secret = new_secret()
    with pytest.raises(NotAuthentic):
        verify(secret, {**signed(secret, "m1", AT, BODY), **change}, BODY, AT)


def test_another_body_secret_or_time_is_refused() -> None:
    secret = new_secret()
    headers = signed(secret, "m1", AT, BODY)
    for key, body, now in (
        (secret, BODY + b" ", AT),
        (new_secret(), BODY, AT),
        (secret, BODY, AT + timedelta(minutes=6)),
        (secret, BODY, AT - timedelta(minutes=6)),
    ):
        with pytest.raises(NotAuthentic):
            verify(key, headers, body, now)


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_AAAA", "AAAA" * 10, "whsec_" + "é" * 40, "whsec_" + "A" * 99]
)
def test_what_is_no_secret_is_refused(secret: str) -> None:
    with pytest.raises(InvalidWebhook):
        read_secret(secret)
