"""Which nodes are tried, and what is said where there is none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from wherry.clusters.errors import InvalidRequest
from wherry.clusters.pull_check.targets import EACH_ARCHITECTURE, MAX_NODES, Wanted, choose_targets
from wherry.clusters.watching.pull_failures import PullPart
from wherry.clusters.watching.seen import SeenNode

A = SeenNode("a", "amd64", is_ready=True, is_schedulable=True)
B, C = replace(A, name="b"), replace(A, name="c", architecture="arm64")
DOWN, CORDONED = replace(A, name="d", is_ready=False), replace(A, name="e", is_schedulable=False)
NODES = [CORDONED, DOWN, C, B, A]


def names(wanted: Wanted) -> list[str]:
    return [node.name for node in choose_targets(NODES, wanted).nodes]


def test_one_of_each_architecture_or_all_that_are_able() -> None:
    assert names(EACH_ARCHITECTURE) == ["a", "c"]
    assert names(Wanted(every_node=True)) == ["a", "b", "c"]
    assert names(Wanted(architectures=("arm64",))) == ["c"]
    assert names(Wanted(architectures=("amd64",), every_node=True)) == ["a", "b"]


def test_a_cordoned_node_is_tried_where_somebody_names_it() -> None:
    assert names(Wanted(nodes=("e", "a", "e"))) == ["e", "a"]
    with pytest.raises(InvalidRequest, match="no node 'z'"):
        choose_targets(NODES, Wanted(nodes=("a", "z")))


def test_where_there_is_no_node_the_reason_is_counted() -> None:
    [(named, failure)] = choose_targets([DOWN, CORDONED], EACH_ARCHITECTURE).missing
    assert (named, failure.part) == ("", PullPart.NODE)
    assert failure.words == "2 nodes, of which 1 are not ready and 1 are cordoned"
    [(named, failure)] = choose_targets(NODES, Wanted(architectures=("amd64", "s390x"))).missing
    assert (named, failure.words[:8]) == ("s390x", "0 nodes,")
    [(named, failure)] = choose_targets(NODES, Wanted(nodes=("d",))).missing
    assert (named, failure.part) == ("d", PullPart.NODE)


def test_not_more_nodes_than_are_tried_at_once() -> None:
    many = [replace(A, name=f"n{number}") for number in range(MAX_NODES + 1)]
    with pytest.raises(InvalidRequest, match="name some"):
        choose_targets(many, Wanted(every_node=True))
