"""Each way in which a pull fails is named with what mends it, from words that real nodes have said."""

from __future__ import annotations

import pytest

from wherry.clusters.watching.pull_failures import PullPart, no_node, not_started, pull_failure, too_slow

R = 'failed to pull and unpack image "h/acme/web:1": failed to resolve reference "h/acme/web:1": '


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (
            R
            + 'failed to do request: Head "https://h/v2/": dial tcp: lookup h on 10.96.0.10:53: no such host',
            "dns",
        ),
        (R + "dial tcp: lookup h: Temporary failure in name resolution", "dns"),
        (R + "dial tcp 10.0.0.5:443: connect: connection refused", "tcp"),
        (R + "dial tcp 10.0.0.5:443: i/o timeout", "tcp"),
        (R + "tls: failed to verify certificate: x509: certificate signed by unknown authority", "tls"),
        (R + "http: server gave HTTP response to HTTPS client", "tls"),
        (
            R + "pull access denied, repository does not exist or may require authorization:"
            " authorization failed: no basic auth credentials",
            "credentials",
        ),
        (
            R + "failed to authorize: failed to fetch anonymous token: unexpected status from GET request to"
            " https://h/token: 401 Unauthorized",
            "credentials",
        ),
        (
            R + "unexpected status from HEAD request to https://h/v2/acme/web/manifests/1: 403 Forbidden",
            "rights",
        ),
        ("denied: requested access to the resource is denied", "rights"),
        (R + "h/acme/web:1: not found", "image"),
        ("manifest for h/acme/web:9 not found: manifest unknown: manifest unknown", "image"),
        ("reading manifest 9 in h/acme/web: manifest unknown", "image"),
        ('failed to pull image "h/a": no match for platform in manifest: not found', "architecture"),
        ("no matching manifest for linux/arm64/v8 in the manifest list entries", "architecture"),
        (R + "unexpected status from HEAD request: 429 Too Many Requests", "limit"),
        ("toomanyrequests: You have reached your pull rate limit", "limit"),
        (R + "unexpected status from HEAD request: 503 Service Unavailable", "http"),
        ("something that nobody has said before", "unknown"),
        ("", "unknown"),
    ],
)
def test_the_part_that_fails_is_named(words: str, part: str) -> None:
    for reason in ("ErrImagePull", "ImagePullBackOff"):
        failure = pull_failure(reason, words)
        assert failure is not None
        assert failure.part is PullPart(part), failure
        assert failure.reason
        assert failure.mend


def test_back_off_carries_the_cause() -> None:
    failure = pull_failure(
        "ImagePullBackOff",
        'Back-off pulling image "h/acme/web:1": ErrImagePull: rpc error: code = NotFound desc = '
        + R
        + "not found",
    )
    assert failure is not None
    assert failure.part is PullPart.IMAGE


def test_an_images_own_name_decides_nothing() -> None:
    failure = pull_failure("ErrImagePull", 'failed to pull "h/x509/no-such-host:401": i/o timeout')
    assert failure is not None
    assert failure.part is PullPart.TCP


def test_reasons_that_say_it_all() -> None:
    invalid, never = pull_failure("InvalidImageName", "x"), pull_failure("ErrImageNeverPull", "y")
    assert invalid is not None
    assert invalid.part is PullPart.NAME
    assert never is not None
    assert never.part is PullPart.POLICY


@pytest.mark.parametrize("reason", [None, "ContainerCreating", "CrashLoopBackOff", "CreateContainerError"])
def test_what_is_no_matter_of_pulling_is_none(reason: str | None) -> None:
    assert pull_failure(reason, "401 Unauthorized") is None


def test_what_is_no_pull_has_its_words_too() -> None:
    for failure, part in (
        (no_node("3 nodes"), PullPart.NODE),
        (not_started("no CNI"), PullPart.NODE),
        (too_slow(90, ""), PullPart.TIMEOUT),
    ):
        assert failure.part is part
        assert failure.reason
        assert failure.mend
