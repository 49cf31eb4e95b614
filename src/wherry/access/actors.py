"""From an account that has logged in to the actor that decisions are made on."""

from collections.abc import Mapping

from wherry.access.decisions import Actor, TokenGrant
from wherry.access.levels import Level
from wherry.identity.logins import Account


def actor_of(
    account: Account,
    grant: TokenGrant | None = None,
    session_id: str | None = None,
    *,
    by_token: bool = False,
) -> Actor:
    """`grant` is there if a registry token spoke, `session_id` if a browser's session did.

    `by_token` tells that a token of the native API did.
    """
    return Actor(
        account.id,
        account.name,
        account.is_admin,
        grant,
        account.key_id,
        ceiling_of(account.scope, account.robot_of),
        is_auditor=account.is_auditor,
        robot_of=account.robot_of,
        session_id=session_id,
        by_token=by_token,
        is_temporary=account.is_temporary,
    )


def ceiling_of(scope: Mapping[str, int] | None, robot_of: str | None) -> Mapping[str, int] | None:
    """What a key's scope allows at the most; a robot's never reaches beyond its organization."""
    if robot_of is None:
        return scope
    if scope is None:
        return {robot_of: int(Level.EDIT)}
    return {name: level for name, level in scope.items() if name.partition("/")[0] == robot_of}
