"""Who signed a request, and the decision on what it asks for."""

from wherry.access.actions import Action, Need
from wherry.access.decisions import ANONYMOUS, Actor, Decision, Image, Organization, authorize
from wherry.access.grants import level_on_organization
from wherry.access.levels import NEEDED, Level
from wherry.access.request_signing import InvalidSignature, SignedRequest, is_right, read_signature
from wherry.identity.errors import AccessKeyRefused
from wherry.identity.login_keys import login_key
from wherry.identity.organizations import find_organization
from wherry.oci.names import RepositoryName
from wherry.web.body import whole_body
from wherry.web.exchange import Exchange
from wherry.web.swr.call import Call
from wherry.web.swr.errors import Code, Problem

MAX_BODY = 12 * 1024 * 1024

_NOT_RIGHT = (
    "Incorrect authentication information: verify aksk signature fail; the access key, its secret, or what"
    " was signed is not right"
)


async def signer(call: Call) -> Actor:
    """The owner of the key that signed the request, whose body is then read. Raises `Problem`."""
    request = SignedRequest(
        call.scope["method"], call.scope["raw_path"], call.scope["query_string"], call.scope["headers"]
    )
    try:
        signature = read_signature(request, call.now)
        secret = await call.services.key_secrets.secret(signature.access_key_id)
        if secret is None:
            raise Problem(Code.NOT_AUTHENTICATED, _NOT_RIGHT)
        call.body = await whole_body(call.receive, call.services.idle, MAX_BODY)
        if not is_right(signature, request, call.body, secret):
            raise Problem(Code.NOT_AUTHENTICATED, _NOT_RIGHT)
    except InvalidSignature as error:
        raise Problem(Code.NOT_AUTHENTICATED, str(error)) from None
    return await _key_owner(call, signature.access_key_id, secret)


async def _key_owner(call: Call, key_id: str, secret: str) -> Actor:
    """Who holds the secret can log in: by the same rules as at the registry, and noted the same way."""
    address = Exchange.of(call.scope).client
    try:
        account = await call.services.key_logins.login(key_id, login_key(key_id, secret), address)
    except AccessKeyRefused as error:
        raise Problem(Code.NOT_AUTHENTICATED, str(error)) from None
    if account is None:
        raise Problem(Code.NOT_AUTHENTICATED, _NOT_RIGHT)
    return Actor(account.id, account.name, account.is_admin, None, account.key_id, account.scope)


async def admit(call: Call, action: Action) -> None:
    """Let the call pass, with its actor. Raises `Problem`."""
    call.actor = ANONYMOUS if action.rule.need is Need.NOTHING else await signer(call)
    decision = await decide(call, action)
    if decision.allowed:
        return
    name = call.organization_name
    if name is not None and await call.read(lambda tx: find_organization(tx, name)) is None:
        # That a name is taken anybody learns who tries to take it.
        raise Problem(Code.ORGANIZATION_UNKNOWN, f"there is no organization {name!r}")
    raise Problem(Code.NOT_ALLOWED, f"Insufficient permissions: {decision.reason}")


async def decide(call: Call, action: Action) -> Decision:
    """The decision on the image, the organization, or the service, whichever the path names."""
    if call.image_name is not None:
        return authorize(call.actor, action, await _image(call, call.image_name, action))
    if call.organization_name is not None:
        return authorize(
            call.actor, action, Organization(call.organization_name, await organization_level(call))
        )
    return authorize(call.actor, action)


async def image_level(call: Call) -> Level:
    """What the actor has on the image of the path, a key's ceiling applied."""
    return _under_ceiling(call.actor, await _image(call, call.image, Action.IMAGE_GRANT))


async def organization_level(call: Call) -> Level:
    """What the actor has on the organization of the path, without a key's ceiling."""
    actor, name = call.actor, call.organization
    if actor.is_admin:
        return Level.EDIT
    if actor.user_id is None:
        return Level.NONE
    user_id = actor.user_id
    return await call.read(lambda tx: level_on_organization(tx, user_id, name))


async def _image(call: Call, name: RepositoryName, action: Action) -> Image:
    actor, services = call.actor, call.services
    level = Level.EDIT if actor.is_admin else Level.NONE
    if actor.user_id is not None and not actor.is_admin and action.rule.need in NEEDED:
        level = await services.standing.level(actor.user_id, name)
    is_public = action.rule.need is Need.READ and bool(await services.pulls.is_public(name))
    return Image(name, is_public, level)


def _under_ceiling(actor: Actor, image: Image) -> Level:
    if actor.ceiling is None:
        return image.level
    return min(image.level, Level(max(actor.ceiling.get(name, 0) for name in image.scopes)))
