"""What people get wrong is told in words, all of it at once, before a cluster is asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.clusters.workloads.requests import BATCH_POD, DEMO, IMAGE, of_each_kind
from wherry.clusters.errors import InvalidRequest
from wherry.clusters.workloads.check import check
from wherry.clusters.workloads.pods import (
    Container,
    EmptyDir,
    Exec,
    Hook,
    HttpGet,
    Lifecycle,
    Mount,
    Pod,
    Port,
    Probe,
    Resources,
    SecretName,
    ValueSource,
    Variable,
    Variables,
    Volume,
)
from wherry.clusters.workloads.request import (
    Affinity,
    JobSettings,
    Schedule,
    Service,
    ServiceKind,
    ServicePort,
    Strategy,
    Upgrade,
    WorkloadKind,
)

C = Container("main", IMAGE)


@pytest.mark.parametrize("name", of_each_kind())
def test_good_requests_pass(name: str) -> None:
    check(of_each_kind()[name])


def problems(**changes: Any) -> tuple[str, ...]:
    with pytest.raises(InvalidRequest) as refused:
        check(replace(DEMO, **changes))
    return refused.value.problems


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "Demo"}, "workload name 'Demo': 1 to 63 lowercase letters"),
        ({"name": ""}, "workload name ''"),
        ({"name": "a" * 64}, "1 to 63"),
        ({"name": "a.b"}, "workload name 'a.b'"),
        ({"namespace": "-x"}, "namespace '-x'"),
        ({"description": "x" * 1001}, "at most 1000"),
        ({"pods": None}, "number of pods"),
        ({"pods": -1}, "number of pods"),
        ({"labels": {"a b": "c"}}, "label 'a b': a key"),
        ({"labels": {"UPPER.com/x": "c"}}, "a key"),
        ({"labels": {"a": "b c"}}, "label a='b c': a value"),
        ({"labels": {"app": "x"}}, "the label app is set by Wherry"),
        ({"annotations": {"a/b/c": ""}}, "annotation 'a/b/c'"),
        ({"job": JobSettings(2)}, "a Deployment has no job"),
        ({"schedule": Schedule("@daily")}, "a Deployment has no schedule"),
        ({"kind": WorkloadKind.DAEMON_SET}, "a DaemonSet has no pods"),
        ({"kind": WorkloadKind.JOB, "pods": None}, "restart policy of a Job's pods"),
        ({"kind": WorkloadKind.CRON_JOB, "pods": None, "pod": BATCH_POD}, "needs a schedule"),
        (
            {
                "kind": WorkloadKind.CRON_JOB,
                "pods": None,
                "pod": BATCH_POD,
                "schedule": Schedule("now", concurrency="No"),
            },
            "schedule 'now'",
        ),
        ({"kind": WorkloadKind.CRON_JOB, "name": "a" * 53}, "1 to 52"),
        ({"kind": WorkloadKind.JOB, "job": JobSettings(0)}, "completions are at least 1"),
        ({"strategy": Strategy(Upgrade.ON_DELETE)}, "a Deployment is not upgraded by OnDelete"),
        ({"strategy": Strategy(Upgrade.REPLACE, 1)}, "only a rolling upgrade"),
        ({"strategy": Strategy(max_surge="half")}, "max surge 'half'"),
        ({"strategy": Strategy(max_surge=0, max_unavailable="0%")}, "not both 0"),
        ({"pod_management": "Parallel"}, "a Deployment has no pod management"),
        ({"pod": Pod(())}, "there is no container; choose an image"),
        ({"pod": Pod((C, C))}, "container 'main' is there 2 times"),
        ({"pod": Pod((replace(C, name="Main"),))}, "container 'Main': name 'Main'"),
        ({"pod": Pod((replace(C, image="Web:1"),))}, "image 'Web:1'"),
        ({"pod": Pod((replace(C, image="a:b:c"),))}, "image 'a:b:c'"),
        ({"pod": Pod((replace(C, image="web@sha256:abc"),))}, "image 'web@sha256:abc'"),
        ({"pod": Pod((C,), pull_secrets=(SecretName("No_"),))}, "image access credential 'No_'"),
        ({"pod": Pod((C,), termination_grace=-1)}, "not negative"),
        ({"pod": Pod((C,), restart_policy="Never")}, "pods is Always"),
        ({"pod": Pod((replace(C, resources=Resources({"cpu": "lots"})),))}, "cpu request 'lots'"),
        ({"pod": Pod((replace(C, resources=Resources({"cpu": "-1"})),))}, "cpu request '-1'"),
        ({"pod": Pod((replace(C, ports=(Port(0),)),))}, "port 0: a port is from 1"),
        ({"pod": Pod((replace(C, ports=(Port(1, "HTTP"),)),))}, "port name 'HTTP'"),
        ({"pod": Pod((replace(C, ports=(Port(1, "8080"),)),))}, "port name '8080'"),
        ({"pod": Pod((replace(C, variables=(Variable("A=B", "x"),)),))}, "environment variable 'A=B'"),
        ({"pod": Pod((replace(C, variables=(Variable("A"), Variable("A"))),))}, "'A' is there 2 times"),
        ({"pod": Pod((replace(C, variables=(Variable("A", source=ValueSource()),)),))}, "exactly one"),
        ({"pod": Pod((replace(C, variables_from=(Variables(),)),))}, "exactly one"),
        ({"pod": Pod((replace(C, mounts=(Mount("x", "/x"),)),))}, "volume 'x', which there is not"),
        (
            {
                "pod": Pod(
                    (replace(C, mounts=(Mount("x", "x"),)),), volumes=(Volume("x", empty_dir=EmptyDir()),)
                )
            },
            "mount path 'x'",
        ),
        (
            {
                "pod": Pod(
                    (replace(C, mounts=(Mount("x", "/etc/localtime"),)),),
                    volumes=(Volume("x", empty_dir=EmptyDir()),),
                )
            },
            "mounted by time-zone synchronization",
        ),
        ({"pod": Pod((C,), volumes=(Volume("x"),))}, "source of the volume x: exactly one is given, here 0"),
        (
            {"pod": Pod((C,), volumes=(Volume("wherry-time-zone", empty_dir=EmptyDir()),))},
            "is that of time-zone synchronization",
        ),
        ({"pod": Pod((replace(C, liveness=Probe()),))}, "liveness check: exactly one"),
        (
            {"pod": Pod((replace(C, liveness=Probe(http=HttpGet(80), successes=2)),))},
            "the success threshold is 1",
        ),
        ({"pod": Pod((replace(C, readiness=Probe(http=HttpGet(80), period=0)),))}, "at least 1"),
        (
            {"pod": Pod((replace(C, lifecycle=Lifecycle(Hook(Exec(("a",)), HttpGet(1)))),))},
            "post-start hook: exactly one is given, here 2",
        ),
        ({"services": (Service("1a", (ServicePort(80, 80),)),)}, "service name '1a': it starts with"),
        ({"services": (Service("a", ()),)}, "service a: it has no port"),
        ({"services": (Service("a", (ServicePort(80, 80), ServicePort(81, 81))),)}, "each has a name"),
        ({"services": (Service("a", (ServicePort(80, 80, node_port=30000),)),)}, "no node port"),
        (
            {"services": (Service("a", (ServicePort(80, 80, node_port=80),), ServiceKind.NODE_PORT),)},
            "from 30000 to 32767",
        ),
        (
            {"services": (Service("a", (ServicePort(80, 80),), affinity=Affinity.NODE),)},
            "for NodePort and LoadBalancer",
        ),
    ],
)
def test_what_is_wrong_is_said(changes: dict[str, Any], said: str) -> None:
    assert any(said in problem for problem in problems(**changes)), problems(**changes)


def test_all_that_is_wrong_is_said_at_once() -> None:
    found = problems(name="A", namespace="B", pods=-1)
    assert len(found) == 3
