"""A cluster in memory that passes the same contract suite as the real one: for tests with a hundred of them.

It has no controllers: nothing happens in it by itself. Server-side apply knows fields, containers by name;
every other list it takes as one value, where Kubernetes merges some more of them by key.
"""

from __future__ import annotations

import asyncio
import copy
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

from wherry.clusters.connection import (
    EVERYTHING,
    FIELD_MANAGER,
    Change,
    ClusterVersion,
    ListPage,
    Selection,
    WatchEvent,
)
from wherry.clusters.errors import (
    ApplyConflict,
    ClusterLoginFailed,
    ClusterRefused,
    ClusterUnreachable,
    FieldOwner,
    ObjectExists,
    ObjectUnknown,
    WatchExpired,
)
from wherry.clusters.kinds import KINDS, NAMESPACE, Kind, Object, kind_of, name_of, namespace_of

Key = tuple[str, str, str]
Path = tuple[str, ...]

_SERVERS_OWN = ("uid", "resourceVersion", "creationTimestamp", "managedFields", "generation")


class FakeCluster:
    """What is in it, and what happened. Each `connect` is another client of the same cluster."""

    def __init__(self, name: str = "fake", *, is_karmada: bool = False) -> None:
        self.name = name
        self.is_karmada = is_karmada
        self.objects: dict[Key, Object] = {}
        self.is_down = False
        self.refuses_logins = False
        self.expired_before = 0
        self.calls = 0
        self._owners: dict[Key, dict[Path, str]] = {}
        self._version = 1
        self._history: list[tuple[int, Change, Key, Object]] = []
        self._news = asyncio.Event()
        for namespace in ("default", "kube-system"):
            self.write({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})

    def connect(self) -> FakeConnection:
        return FakeConnection(self)

    def write(self, made: Object, manager: str = "another") -> Object:
        """As any other program would: it takes the fields over."""
        return self.merge(made, manager, force=True)

    def remove(self, kind: Kind, name: str, namespace: str | None = None) -> None:
        key = (str(kind), namespace or "", name)
        gone = self.objects.pop(key)
        self._owners.pop(key, None)
        gone["metadata"]["resourceVersion"] = str(self._version + 1)
        self._tell(Change.DELETED, key, gone)

    def forget_history(self) -> None:
        """As a compaction and a restart do: what is before now cannot be watched from."""
        self.expired_before = self._version
        self.break_watches()

    def break_watches(self) -> None:
        """Every watch ends, and is asked again."""
        self._breaks = getattr(self, "_breaks", 0) + 1
        self._wake()

    def check(self) -> None:
        self.calls += 1
        if self.is_down:
            raise ClusterUnreachable(self.name, "tcp", f"no connection to {self.name}:6443: refused")
        if self.refuses_logins:
            raise ClusterLoginFailed(
                self.name, "it does not accept the login of its kubeconfig: Unauthorized"
            )

    def merge(self, made: Object, manager: str, *, force: bool, dry_run: bool = False) -> Object:
        kind = kind_of(made)
        key = (str(kind), namespace_of(made) or "", name_of(made))
        self._require_namespace(kind, namespace_of(made))
        known = self.objects.get(key)
        wanted_version = made["metadata"].get("resourceVersion")
        if wanted_version is not None and (
            known is None or known["metadata"]["resourceVersion"] != wanted_version
        ):
            raise ClusterRefused(self.name, "Conflict", "the object has been modified")
        owners = dict(self._owners.get(key, {}))
        result = _keyed(copy.deepcopy(known)) if known is not None else self._fresh(made)
        leaves = dict(_leaves(_keyed(made)))
        conflicts = [
            FieldOwner(_written(path), owners[path])
            for path, value in leaves.items()
            if owners.get(path, manager) != manager and _at(result, path) != value
        ]
        if conflicts and not force:
            raise ApplyConflict(self.name, tuple(conflicts))
        for path, owner in list(owners.items()):
            if owner == manager and path not in leaves:
                _drop(result, path)
                del owners[path]
        for path, value in leaves.items():
            _put(result, path, copy.deepcopy(value))
            owners[path] = manager
        result = _unkeyed(result)
        if dry_run or result == known:
            self._owners[key] = owners if not dry_run else self._owners.get(key, {})
            return copy.deepcopy(result)
        self._owners[key] = owners
        return self._store(key, result, Change.ADDED if known is None else Change.MODIFIED)

    def store_patched(self, key: Key, result: Object, change: Object) -> Object:
        """After a merge patch: the fields are Wherry's now."""
        for path, _ in _leaves(_keyed(change)):
            self._owners.setdefault(key, {})[path] = FIELD_MANAGER
        return self._store(key, result, Change.MODIFIED)

    def selected(self, kind: Kind, which: Selection) -> Iterator[Object]:
        for key in sorted(self.objects):
            if key[0] == str(kind) and _matches(key, self.objects[key], which):
                yield self.shown(key)

    def shown(self, key: Key) -> Object:
        """With who manages which fields, as every answer of a real one."""
        made = copy.deepcopy(self.objects[key])
        fields: dict[str, Any] = {}
        for path, owner in self._owners.get(key, {}).items():
            inner = fields.setdefault(owner, {})
            for part in path:
                inner = inner.setdefault(part if part.startswith("k:") else f"f:{part}", {})
        made["metadata"]["managedFields"] = [
            {"manager": owner, "operation": "Apply", "fieldsV1": tree} for owner, tree in fields.items()
        ]
        return made

    @property
    def version(self) -> int:
        return self._version

    async def changes(self, kind: Kind, version: int, which: Selection) -> AsyncIterator[WatchEvent]:
        breaks = getattr(self, "_breaks", 0)
        while True:
            if version < self.expired_before:
                raise WatchExpired(self.name, f"too old resource version: {version}")
            news = self._news
            for number, change, key, made in self._history:
                if number > version and key[0] == str(kind):
                    version = number
                    if _matches(key, made, which):
                        yield WatchEvent(change, copy.deepcopy(made), str(number))
            if breaks != getattr(self, "_breaks", 0):
                return
            if self._version > version:
                version = self._version
                yield WatchEvent(
                    Change.BOOKMARK, {"metadata": {"resourceVersion": str(version)}}, str(version)
                )
            await news.wait()
            self.check()

    def _fresh(self, made: Object) -> Object:
        return {
            "apiVersion": made["apiVersion"],
            "kind": made["kind"],
            "metadata": {"uid": str(uuid.uuid4()), "creationTimestamp": "2026-03-14T15:09:26Z"},
        }

    def _store(self, key: Key, made: Object, change: Change) -> Object:
        made["metadata"]["resourceVersion"] = str(self._version + 1)
        self.objects[key] = made
        self._tell(change, key, made)
        return copy.deepcopy(made)

    def _tell(self, change: Change, key: Key, made: Object) -> None:
        self._version += 1
        self._history.append((self._version, change, key, copy.deepcopy(made)))
        del self._history[:-20_000]
        self._wake()

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    def _require_namespace(self, kind: Kind, namespace: str | None) -> None:
        if kind.is_namespaced and (str(NAMESPACE), "", namespace or "default") not in self.objects:
            raise ObjectUnknown(self.name, f'namespaces "{namespace}" not found')


class FakeConnection:
    """`ClusterConnection` to a `FakeCluster`."""

    def __init__(self, fake: FakeCluster) -> None:
        self._fake = fake

    @property
    def cluster(self) -> str:
        return self._fake.name

    async def version(self) -> ClusterVersion:
        self._fake.check()
        return ClusterVersion("v1.37.2", "linux/amd64", 0.001)

    async def get(self, kind: Kind, name: str, namespace: str | None = None) -> Object:
        self._fake.check()
        self._found(kind, name, namespace)
        return self._fake.shown((str(kind), namespace or "", name))

    async def list(self, kind: Kind, which: Selection = EVERYTHING) -> AsyncIterator[ListPage]:
        self._fake.check()
        if "karmada.io" in kind.version and not self._fake.is_karmada:
            raise ObjectUnknown(self.cluster, "it does not know such objects: 404 page not found")
        yield ListPage(tuple(self._fake.selected(kind, which)), str(self._fake.version))

    async def watch(
        self, kind: Kind, resource_version: str, which: Selection = EVERYTHING
    ) -> AsyncIterator[WatchEvent]:
        self._fake.check()
        async for event in self._fake.changes(kind, int(resource_version), which):
            yield event

    async def create(self, made: Object, *, dry_run: bool = False) -> Object:
        self._fake.check()
        key = (str(kind_of(made)), namespace_of(made) or "", name_of(made))
        if key in self._fake.objects:
            raise ObjectExists(self.cluster, f'{kind_of(made).plural} "{key[2]}" already exists')
        return self._fake.merge(made, FIELD_MANAGER, force=True, dry_run=dry_run)

    async def apply(
        self, made: Object, *, dry_run: bool = False, force: bool = False, manager: str = FIELD_MANAGER
    ) -> Object:
        self._fake.check()
        return self._fake.merge(made, manager, force=force, dry_run=dry_run)

    async def patch(
        self, kind: Kind, name: str, namespace: str | None, change: Object, *, subresource: str | None = None
    ) -> Object:
        self._fake.check()
        known = self._found(kind, name, namespace)
        return self._fake.store_patched((str(kind), namespace or "", name), _merged(known, change), change)

    async def delete(
        self, kind: Kind, name: str, namespace: str | None = None, *, uid: str | None = None
    ) -> None:
        self._fake.check()
        known = self._found(kind, name, namespace)
        if uid is not None and known["metadata"]["uid"] != uid:
            raise ClusterRefused(self.cluster, "Conflict", "the UID in the precondition does not match")
        self._fake.remove(kind, name, namespace)

    async def close(self) -> None:
        self._fake.break_watches()

    def _found(self, kind: Kind, name: str, namespace: str | None) -> Object:
        if kind not in KINDS.values():
            raise ObjectUnknown(self.cluster, "it does not know such objects: 404 page not found")
        try:
            return self._fake.objects[(str(kind), namespace or "", name)]
        except KeyError:
            raise ObjectUnknown(self.cluster, f'{kind.plural} "{name}" not found') from None


def _keyed(made: Any) -> Any:
    """Containers by name instead of in a list."""
    if not isinstance(made, dict):
        return made
    return {
        key: {f'k:{{"name":"{item["name"]}"}}': item for item in value}
        if key in ("containers", "initContainers") and isinstance(value, list)
        else _keyed(value)
        for key, value in made.items()
    }


def _unkeyed(made: Any) -> Any:
    if not isinstance(made, dict):
        return made
    return {
        key: [item for item in value.values() if item]
        if key in ("containers", "initContainers") and isinstance(value, dict)
        else _unkeyed(value)
        for key, value in made.items()
    }


def _written(path: Path) -> str:
    """As Kubernetes writes it: `.spec.containers[name="web"].image`."""
    parts = (f"[name={part[10:-1]}]" if part.startswith("k:") else f".{part}" for part in path)
    return "".join(parts)


def _leaves(made: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    for key, value in made.items():
        if path == () and key in ("apiVersion", "kind"):
            continue
        if path == ("metadata",) and key in _SERVERS_OWN:
            continue
        if isinstance(value, dict) and value:
            yield from _leaves(value, (*path, key))
        else:
            yield (*path, key), value


def _at(made: Any, path: Path) -> Any:
    for key in path:
        if not isinstance(made, dict) or key not in made:
            return None
        made = made[key]
    return made


def _put(made: Any, path: Path, value: Any) -> None:
    for key in path[:-1]:
        made = made.setdefault(key, {})
    made[path[-1]] = value


def _drop(made: Any, path: Path) -> None:
    inner = _at(made, path[:-1])
    if isinstance(inner, dict):
        inner.pop(path[-1], None)


def _merged(known: Any, change: Any) -> Any:
    result = copy.deepcopy(known) if isinstance(known, dict) else {}
    for key, value in change.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            result[key] = _merged(result.get(key), value)
        else:
            result[key] = value
    return result


def _matches(key: Key, made: Object, which: Selection) -> bool:
    if which.namespace is not None and key[1] != which.namespace:
        return False
    labels = made["metadata"].get("labels") or {}
    for term in filter(None, (which.labels or "").split(",")):
        name, equals, value = term.partition("=")
        if name not in labels or (equals and labels[name] != value):
            return False
    for term in filter(None, (which.fields or "").split(",")):
        name, _, value = term.partition("=")
        if str(_at(made, tuple(name.split(".")))) != value:
            return False
    return True
