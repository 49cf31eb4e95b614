"""Temporary logins for docker and its relatives, as a command line and as a Kubernetes secret's content."""

import re
from datetime import timedelta

from starlette.responses import Response

from wherry.audit.entries import Target
from wherry.identity.access_keys import create_temporary_login
from wherry.identity.login_commands import RegistryLogin, docker_config, docker_login
from wherry.identity.login_keys import login_key
from wherry.web.swr.call import Call
from wherry.web.swr.documents import answer, moment
from wherry.web.swr.errors import Code, Problem

ENHANCED = timedelta(hours=24)
DEFAULT_PROJECT = "default"

# It goes into a command line that people paste into a shell.
_PROJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


async def create_secret(call: Call) -> Response:
    """A login for six hours by default, or for `duration_seconds`; it may what the signing key may."""
    asked = call.asked()
    project = asked.text("projectname") or DEFAULT_PROJECT
    if not _PROJECT.fullmatch(project):
        raise Problem(Code.INVALID_PARAMETER, "projectname is letters, digits, '_', '.' and '-'")
    seconds = asked.number("duration_seconds", 900, 86_400)
    lifetime = call.services.temporary_login if seconds is None else timedelta(seconds=seconds)
    return await _login(call, project, lifetime)


async def create_authorization_token(call: Call) -> Response:
    """A login for 24 hours; it may what the signing key may."""
    return await _login(call, "bearertoken", ENHANCED)


async def _login(call: Call, project: str, lifetime: timedelta) -> Response:
    user_id, now, scope = call.user_id, call.now, call.actor.ceiling
    sealer = call.services.sealer
    made_by = call.actor.key_id
    key = await call.write(
        lambda tx: create_temporary_login(tx, sealer, user_id, lifetime, now, scope, made_by),
        {"seconds": int(lifetime.total_seconds())},
        lambda made: Target.access_key(made.id),
    )
    password = login_key(key.id, key.secret)
    login = RegistryLogin(call.registry_host, f"{project}@{key.id}", password)
    headers = {
        "x-swr-dockerlogin": docker_login(login),
        "x-swr-expireat": moment(key.expires_at or now + lifetime),
        "cache-control": "no-store",
    }
    return answer(docker_config(login), headers=headers)
