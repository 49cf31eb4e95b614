"""Rules that tie settings together: each looks at a whole tree and says what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit

from wherry.settings.tree import Settings, StoreDriver

_SCHEMES = {
    StoreDriver.S3: ("s3",),
    StoreDriver.GCS: ("gs",),
    StoreDriver.AZURE: ("az", "azure"),
}


def broken_rules(settings: Settings) -> Iterator[str]:
    """A sentence for each rule that the settings break."""
    if (settings.tls.certificate is None) != (settings.tls.key is None):
        given, missing = ("certificate", "key") if settings.tls.certificate else ("key", "certificate")
        yield f"tls.{given} is set, but tls.{missing} is not: HTTPS needs both."
    for key, file in (("tls.certificate", settings.tls.certificate), ("tls.key", settings.tls.key)):
        if file is not None and not file.is_file():
            yield f"{key} names {file}, which is not a file."
    if not timedelta(minutes=15) <= settings.auth.temporary_login <= timedelta(hours=24):
        yield "auth.temporary_login is from 15m to 24h."
    yield from _broken_store_rules(settings)
    yield from _broken_oidc_rules(settings)


def _broken_store_rules(settings: Settings) -> Iterator[str]:
    store = settings.store
    schemes = _SCHEMES.get(store.driver)
    if schemes is not None:
        wanted = " or ".join(f"{scheme}://..." for scheme in schemes)
        if store.url is None:
            yield f"store.driver is {store.driver}, which needs store.url: {wanted}"
        elif not store.url.startswith(tuple(f"{scheme}://" for scheme in schemes)):
            yield f"store.url is {store.url!r}, but the driver {store.driver} takes {wanted}"
    elif store.redirect:
        yield f"store.redirect needs an object store; the driver {store.driver} has no URL to redirect to."
    if store.driver is StoreDriver.MEMORY and settings.workers > 1:
        yield "store.driver is memory, which worker processes cannot share: set workers to 1."


def _broken_oidc_rules(settings: Settings) -> Iterator[str]:
    oidc = settings.oidc
    if oidc.issuer is None:
        return
    if oidc.client_id is None:
        yield "oidc.issuer is set, but oidc.client_id is not: the provider has to know who asks."
    if "openid" not in oidc.scopes.split():
        yield f"oidc.scopes is {oidc.scopes!r}, but has to contain openid."
    address = urlsplit(oidc.issuer)
    if address.scheme == "http" and address.hostname not in ("127.0.0.1", "::1", "localhost"):
        yield f"oidc.issuer is {oidc.issuer!r}: plain HTTP is for a provider on this machine only."
