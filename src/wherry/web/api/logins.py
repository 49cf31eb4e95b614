"""A login for registry clients as it is handed out: with the lines that one types. Shown once."""

from datetime import datetime

from pydantic import Field

from wherry.identity.login_commands import RegistryLogin, login_commands
from wherry.identity.login_keys import login_key
from wherry.web.api.call import Call
from wherry.web.api.documents import Document

# What stands before the @ does not matter; SWR's scripts write their region there.
REGION = "wherry"


class CommandsDocument(Document):
    """Lines for a POSIX shell, with the password in them."""

    docker: str
    podman: str
    nerdctl: str
    ctr: str = Field(description="ctr has no login: this pulls; put your image in place of the words.")
    skopeo: str
    helm: str
    kubectl: str = Field(description="Makes a pull secret.")
    kubernetes_secret: str = Field(description="The same secret as a manifest in YAML.")


class LoginDocument(Document):
    """User name and password for any registry client."""

    host: str = Field(description="Where images are pulled from.")
    user: str
    password: str | None = Field(description="Null in a repeated answer: it is handed out once.")
    expires_at: datetime | None = Field(description="Null for a login without an end.")
    commands: CommandsDocument | None = Field(description="Null in a repeated answer.")


def login_of(call: Call, key_id: str, secret: str, expires_at: datetime | None) -> LoginDocument:
    """The login that the access key makes, at the address by which the client knows us."""
    origin = call.services.origin.of(call.request.scope)
    login = RegistryLogin.at(origin, f"{REGION}@{key_id}", login_key(key_id, secret))
    commands = login_commands(login)
    return LoginDocument(
        host=login.host,
        user=login.user,
        password=login.password,
        expires_at=expires_at,
        commands=CommandsDocument(
            docker=commands.docker,
            podman=commands.podman,
            nerdctl=commands.nerdctl,
            ctr=commands.ctr,
            skopeo=commands.skopeo,
            helm=commands.helm,
            kubectl=commands.kubectl,
            kubernetes_secret=commands.kubernetes_secret,
        ),
    )


def without_secret(login: LoginDocument) -> LoginDocument:
    """What a repeated answer has."""
    return login.model_copy(update={"password": None, "commands": None})
