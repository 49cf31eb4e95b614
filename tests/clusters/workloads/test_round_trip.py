"""The form and its YAML are the same thing: what is built is read back as it was, whatever it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from tests.clusters.workloads.requests import DEMO, everything, of_each_kind, workloads
from wherry.clusters.errors import InvalidRequest
from wherry.clusters.workloads.build import build
from wherry.clusters.workloads.parse import parse
from wherry.clusters.workloads.pods import PodSecurity
from wherry.clusters.workloads.request import Workload
from wherry.clusters.yaml_text import read_documents, write_yaml


@settings(max_examples=80, deadline=None)
@given(workloads())
def test_yaml_out_and_in_again_is_the_form(request: Workload) -> None:
    objects = build(request)
    assert read_documents(write_yaml(*objects)) == objects
    assert parse(objects) == request


@pytest.mark.parametrize("name", of_each_kind())
def test_one_of_each_kind_comes_back(name: str) -> None:
    request = of_each_kind()[name]
    assert parse(read_documents(write_yaml(*build(request)))) == request


def test_a_security_context_that_says_nothing_is_none() -> None:
    request = replace(DEMO, pod=replace(DEMO.pod, security=PodSecurity()))
    assert request.pod.security is None
    assert parse(read_documents(write_yaml(*build(request)))) == request


def changed(change: Any) -> tuple[dict[str, Any], ...]:
    objects = build(DEMO)
    change(objects[0])
    return objects


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda made: made["spec"].update(paused=True), "spec.paused is not a part of the form"),
        (lambda made: made.update(extra=1), "extra is not a part of the form"),
        (lambda made: made["metadata"].update(finalizers=[]), "metadata.finalizers is not"),
        (
            lambda made: made["spec"]["template"]["spec"].update(hostNetwork=True),
            "spec.template.spec.hostNetwork is not a part of the form",
        ),
        (
            lambda made: made["spec"]["template"]["spec"]["containers"][0].update(stdin=True),
            r"spec.template.spec.containers\[0\].stdin is not",
        ),
        (
            lambda made: made["spec"]["template"]["spec"]["containers"][0].update(image=7),
            r"containers\[0\].image is no text",
        ),
        (
            lambda made: made["spec"]["template"]["spec"]["containers"][0].update(imagePullPolicy="Soon"),
            "is 'Soon', and can be Always, IfNotPresent, Never",
        ),
        (lambda made: made["spec"]["template"]["spec"].update(containers={}), "containers is no list"),
        (lambda made: made["spec"].update(template=3), "spec.template is no object"),
        (lambda made: made["spec"].update(replicas="2"), "spec.replicas is no whole number"),
        (lambda made: made["spec"].update(selector={"matchLabels": {"x": "y"}}), "spec.selector is not"),
        (lambda made: made["metadata"].update(labels={"a": True}), "need quotes"),
        (lambda made: made["metadata"].pop("name"), "metadata.name is missing"),
        (lambda made: made.update(apiVersion="extensions/v1beta1"), "is apps/v1 here"),
        (lambda made: made["spec"].update(strategy={"type": "Soon"}), "spec.strategy.type can be"),
    ],
)
def test_what_the_form_has_no_field_for_is_told(change: Any, said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        parse(changed(change))


@pytest.mark.parametrize(
    ("objects", "said"),
    [
        ([], "has to be one workload"),
        ([*build(DEMO), *build(DEMO)], "here are 2"),
        ([*build(DEMO), {"kind": "Ingress"}], "the form has no Ingress"),
        ([{"kind": "Deployment"}], "metadata is no object"),
    ],
)
def test_there_is_one_workload_and_its_services(objects: Any, said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        parse(objects)


def test_a_service_that_leads_elsewhere_is_not_in_the_form() -> None:
    made, service = build(everything())
    service["spec"]["selector"] = {"app": "other"}
    with pytest.raises(InvalidRequest, match=r"Service web: spec\.selector is not app: web"):
        parse((made, service))
