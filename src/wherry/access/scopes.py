"""Scopes of the Docker token protocol: `repository:acme/web:pull,push`, `registry:catalog:*`.

https://distribution.github.io/distribution/spec/auth/scope/
"""

from collections.abc import Iterable
from dataclasses import dataclass

from wherry.access.actions import Verb
from wherry.oci.errors import InvalidName
from wherry.oci.names import RepositoryName

# `docker push` of an image asks for one or two; a stranger may ask for anything.
MAX_SCOPES = 100


@dataclass(frozen=True, slots=True)
class Scope:
    """Verbs on one repository."""

    repository: RepositoryName
    verbs: frozenset[Verb]

    def __str__(self) -> str:
        # In the order of the protocol's own examples; some clients compare texts.
        return f"repository:{self.repository}:{','.join(verb for verb in Verb if verb in self.verbs)}"


@dataclass(frozen=True, slots=True)
class AskedScopes:
    """What a client asks for. What means nothing to us is dropped: a token service never fails for it."""

    repositories: tuple[Scope, ...]
    catalog: bool


def parse_scopes(texts: Iterable[str]) -> AskedScopes:
    """Read scope values, each of which may hold several, parted by spaces."""
    asked: dict[RepositoryName, frozenset[Verb]] = {}
    catalog = False
    single = [scope for text in texts for scope in text.split()]
    for scope in single[:MAX_SCOPES]:
        # Some clients write a port into the name: the verbs are what follows the last colon.
        kind, _, rest = scope.partition(":")
        name, _, verbs = rest.rpartition(":")
        if kind == "registry" and name == "catalog":
            catalog = True
        elif kind.partition("(")[0] == "repository":
            try:
                repository = RepositoryName.parse(name)
            except InvalidName:
                continue
            asked[repository] = asked.get(repository, frozenset()) | _verbs(verbs)
    return AskedScopes(tuple(Scope(repository, verbs) for repository, verbs in asked.items()), catalog)


def _verbs(text: str) -> frozenset[Verb]:
    words = text.split(",")
    return frozenset(Verb) if "*" in words else frozenset(verb for verb in Verb if verb in words)
