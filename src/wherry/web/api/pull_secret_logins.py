"""What a pull secret logs in with, as far as whoever asks for it may hand that out."""

from dataclasses import dataclass

from sqlalchemy import Connection

from wherry.access.actions import Action
from wherry.access.decisions import authorize
from wherry.access.resources import Kind, Resource
from wherry.clusters.errors import ClusterForbidden, InvalidRequest
from wherry.clusters.pull_secrets.documents import RegistryLogin
from wherry.clusters.pull_secrets.logins import Login, login_of_key, make_login
from wherry.oci.names import RepositoryName
from wherry.web.api.call import Call
from wherry.web.api.pull_secret_documents import WantedLoginOfSecret
from wherry.web.rights import image_for, organization_for


@dataclass(frozen=True, slots=True)
class Place:
    """Which secret it is for, and which registry that is for."""

    namespace: str
    name: str
    registry: str


def registry_in(call: Call, asked: str | None) -> str:
    """The one that was asked for, else this. Raises `InvalidRequest` where this one has no name."""
    host = asked or call.services.clusters.registry.host
    if not host:
        raise InvalidRequest(("this registry does not know its own address; say `registry`",))
    return host


async def require_may_hand_out(call: Call, wanted: WantedLoginOfSecret) -> None:
    """Whoever may deploy to the cluster can read what is put there: it must be the asker's to give.

    Raises `ClusterForbidden`, `InvalidRequest` unless there is exactly one login.
    """
    if sum(one is not None for one in (wanted.given, wanted.access_key, wanted.new_key)) != 1:
        raise InvalidRequest(("the login is one of `given`, `access_key` and `new_key`",))
    decision = None
    if wanted.access_key is not None:
        # A login of a narrow key must not hand out a wider one.
        decision = authorize(call.actor, Action.KEY_CHANGE)
    elif wanted.new_key is not None:
        what = wanted.new_key.pulls or call.cluster.organization
        if what is not None:
            on = Resource.parse(what)
            if on.kind is Kind.ORGANIZATION:
                whole = await organization_for(call.services, call.actor, on.name)
                decision = authorize(call.actor, Action.ORGANIZATION_SEE, whole)
            else:
                name = RepositoryName.parse(on.name)
                image = await image_for(call.services, call.actor, name, Action.IMAGE_PULL)
                decision = authorize(call.actor, Action.IMAGE_PULL, image)
    if decision is not None and not decision.allowed:
        raise ClusterForbidden(f"a login is handed out by who has it: {decision.reason}")


def login_in(tx: Connection, call: Call, wanted: WantedLoginOfSecret, place: Place) -> Login:
    """The login; makes the new key where one is wanted.

    Raises `AccessKeyUnknown`, `InvalidRequest`, `TooManyAccessKeys`.
    """
    if wanted.given is not None:
        login = RegistryLogin(place.registry, wanted.given.user, wanted.given.password)
        return Login(login, "given", None)
    if wanted.access_key is not None:
        return login_of_key(
            tx, call.services.sealer, call.user_id, wanted.access_key, place.registry, call.now
        )
    assert wanted.new_key is not None, "there is exactly one login"
    ends = wanted.new_key.expires_at
    if ends is not None and ends <= call.now:
        raise InvalidRequest(("new_key.expires_at is in the past",))
    return make_login(
        tx,
        call.services.sealer,
        call.cluster,
        place.namespace,
        place.name,
        place.registry,
        call.now,
        what=wanted.new_key.pulls,
        lifetime=None if ends is None else ends - call.now,
    )


def stand_in(wanted: WantedLoginOfSecret, registry: str) -> Login:
    """The same form without any secret: for checks and previews."""
    if wanted.given is not None:
        return Login(RegistryLogin(registry, wanted.given.user, "…"), "given", None)
    if wanted.access_key is not None:
        key = wanted.access_key
        return Login(RegistryLogin(registry, f"wherry@{key}", "…"), f"key:{key}", None)
    return Login(RegistryLogin(registry, "wherry@…", "…"), "made:…", None)
