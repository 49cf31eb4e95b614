"""From a body or a path to what is asked of a cluster: objects to apply, or one workload that is there."""

from dataclasses import dataclass
from typing import Any

from wherry.clusters.errors import InvalidRequest
from wherry.clusters.kinds import KINDS, SERVICE, WORKLOADS, Kind, Object, kind_of, name_of
from wherry.clusters.workloads.build import build
from wherry.clusters.workloads.check import check
from wherry.clusters.workloads.names import wrong_label, wrong_object_name
from wherry.clusters.workloads.request import Workload
from wherry.clusters.yaml_text import read_documents
from wherry.web.api.call import Call
from wherry.web.api.problems import Problem
from wherry.web.api.workload_documents import WantedDeployment
from wherry.web.api.workload_forms import form_of

_APPLIED = (*WORKLOADS, SERVICE)
_BY_NAME = {kind.name: kind for kind in WORKLOADS}


@dataclass(frozen=True, slots=True)
class Named:
    """A workload of the cluster of the path."""

    kind: Kind
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


def named_in(call: Call) -> Named:
    """The workload of the path. Raises `Problem` for what cannot be one's name."""
    kind = _BY_NAME.get(call.parameters["kind"])
    if kind is None:
        raise Problem(404, "kind_unknown", f"kinds of workloads are {', '.join(_BY_NAME)}")
    name = call.parameters["workload"]
    # Anything else would be another place in the cluster's API.
    wrong = wrong_object_name("workload", name)
    if wrong is not None:
        raise Problem(404, "object_unknown", wrong)
    return Named(kind, namespace_in(call), name)


def namespace_in(call: Call) -> str:
    """The namespace of the path. Raises `Problem`."""
    namespace = call.parameters["namespace"]
    wrong = wrong_label("namespace", namespace)
    if wrong is not None:
        raise Problem(404, "object_unknown", wrong)
    return namespace


def objects_of(body: WantedDeployment) -> tuple[Object, ...]:
    """What is to be applied, checked as far as that can be done here.

    Raises `InvalidRequest` with all problems, `InvalidYaml`.
    """
    if body.workload is not None and body.yaml is None:
        request = form_of(Workload, body.workload)
        check(request)
        return build(request)
    if body.yaml is not None and body.workload is None:
        return _objects_in(body.yaml, body.namespace)
    raise InvalidRequest(("send either `workload` or `yaml`",))


def _objects_in(text: str, namespace: str) -> tuple[Object, ...]:
    documents = read_documents(text)
    if not documents:
        raise InvalidRequest(("there is no object in the YAML",))
    problems: list[str] = []
    objects = [_object(made, namespace, number, problems) for number, made in enumerate(documents, 1)]
    if not problems and not any(kind_of(one) in WORKLOADS for one in objects):
        problems.append(f"there is no workload in the YAML; those are {', '.join(_BY_NAME)}")
    if problems:
        raise InvalidRequest(tuple(problems))
    return tuple(objects)


def _object(made: Any, namespace: str, number: int, problems: list[str]) -> Object:
    where = f"document {number} of the YAML"
    kind = KINDS.get((made.get("apiVersion"), made.get("kind"))) if _is_plain(made) else None
    if kind not in _APPLIED:
        those = ", ".join(f"{one.version} {one}" for one in _APPLIED)
        problems.append(f"{where} is none of {those}")
        return {}
    metadata = made.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
        problems.append(f"{where} has no metadata.name")
        return {}
    metadata.setdefault("namespace", namespace)
    if not isinstance(metadata["namespace"], str):
        problems.append(f"{where}: metadata.namespace is no text")
        return {}
    wrong = (
        wrong_object_name(f"{where}: name", name_of(made)),
        wrong_label(f"{where}: namespace", metadata["namespace"]),
    )
    problems.extend(one for one in wrong if one is not None)
    for part in ("spec", "status"):
        if not isinstance(made.get(part, {}), dict):
            problems.append(f"{where}: {part} is no object")
    return dict(made)


def _is_plain(made: Any) -> bool:
    return isinstance(made, dict) and all(isinstance(made.get(key), str) for key in ("apiVersion", "kind"))
