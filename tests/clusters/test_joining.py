"""Joining as the database has it: tokens good once, credentials that end, and one tunnel at a time."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from tests.clusters.kubeconfigs import kubeconfig
from tests.clusters.registered import NOW, SEALER, readable, register
from tests.databases import Do
from wherry.clusters.addresses import AddressRules
from wherry.clusters.agent.tables import cluster_agents
from wherry.clusters.cluster import get_cluster, open_login
from wherry.clusters.errors import ClusterExists, InvalidCluster, JoinRefused
from wherry.clusters.joining import (
    LIFETIME,
    Agent,
    Invitation,
    Joining,
    begin_join,
    find_agent,
    find_by_credential,
    forget_tunnels,
    holds,
    invite_again,
    note_connected,
    note_left,
    redeem_token,
    tunnels_now,
)
from wherry.clusters.register import remove_cluster, renew_login


def begin(do: Do, name: str = "edge") -> Invitation:
    made: Invitation = do(begin_join, SEALER, Joining(name), created_by=None, now=NOW)
    return made


def joined(do: Do, name: str = "edge", uid: str = "uid-1", tunnel: str = "t1") -> tuple[Agent, str]:
    """Its agent is connected."""
    _, credential = do(redeem_token, begin(do, name).token, NOW)
    found = do(find_by_credential, credential)
    connect(do, found[1], credential, uid=uid, tunnel=tunnel)
    return found[1], credential


def connect(do: Do, agent: Agent, credential: str, *, uid: str, tunnel: str) -> None:
    do(note_connected, agent, credential, tunnel=tunnel, machine="m", host="pod", uid=uid, now=NOW)


def test_a_token_is_good_once_and_for_its_time(do: Do) -> None:
    made = begin(do)
    with pytest.raises(JoinRefused):
        do(redeem_token, "guessed", NOW)
    with pytest.raises(JoinRefused):
        do(redeem_token, made.token, NOW + LIFETIME)
    cluster, credential = do(redeem_token, made.token, NOW + LIFETIME - timedelta(seconds=1))
    assert cluster.name == "edge"
    with pytest.raises(JoinRefused):
        do(redeem_token, made.token, NOW)
    assert do(find_by_credential, credential)[0].name == "edge"
    assert do(find_by_credential, made.token) is None


def test_secrets_are_not_in_the_database(do: Do) -> None:
    made = begin(do)
    rows = str(do(lambda tx: tx.execute(select(cluster_agents)).all()))
    assert made.token not in rows
    _, credential = do(redeem_token, made.token, NOW)
    assert credential not in str(do(lambda tx: tx.execute(select(cluster_agents)).all()))


def test_a_name_is_taken_once(do: Do) -> None:
    begin(do)
    with pytest.raises(ClusterExists):
        begin(do)
    register(do, "prod")
    with pytest.raises(InvalidCluster, match="reached by its kubeconfig"):
        do(invite_again, "prod", NOW)


def test_another_credential_ends_the_one_before_with_its_first_use(do: Do) -> None:
    agent, first = joined(do)
    _, second = do(redeem_token, do(invite_again, "edge", NOW).token, NOW)
    assert do(holds, agent, first, "t1") is None, "the old one goes on until then"
    connect(do, agent, second, uid="uid-1", tunnel="t2")
    assert do(find_by_credential, first) is None
    assert do(holds, agent, first, "t1") == "removed"
    with pytest.raises(JoinRefused):
        connect(do, agent, first, uid="uid-1", tunnel="t3")


def test_the_newest_tunnel_is_the_clusters(do: Do) -> None:
    agent, credential = joined(do)
    connect(do, agent, credential, uid="uid-1", tunnel="t2")
    assert do(holds, agent, credential, "t1") == "replaced"
    do(note_left, "t1", NOW)  # comes late
    assert do(tunnels_now) == {agent.cluster_id: "t2"}
    do(note_left, "t2", NOW)
    assert do(tunnels_now) == {}
    assert do(find_agent, do(get_cluster, "edge")).left_at == NOW


def test_an_agent_in_another_cluster_is_refused(do: Do) -> None:
    agent, credential = joined(do)
    with pytest.raises(InvalidCluster, match="another cluster"):
        connect(do, agent, credential, uid="uid-2", tunnel="t2")
    with pytest.raises(InvalidCluster, match="registered already"):
        joined(do, "twice", uid="uid-1", tunnel="t3")


def test_a_login_through_a_tunnel_says_since_when_it_is_away(do: Do) -> None:
    joined(do)
    login = do(open_login, SEALER, "edge")
    assert login.tunnel is not None
    assert "is connected to Wherry on m" in login.agent.why_absent("another")
    do(note_left, "t1", NOW)
    away = do(open_login, SEALER, "edge").agent
    assert away.why_absent("m") == "its agent is not connected since 2026-03-14 15:09:26 UTC"


def test_a_server_that_begins_holds_no_tunnel_yet(do: Do) -> None:
    joined(do)
    do(forget_tunnels, "another", NOW)
    assert do(tunnels_now)
    do(forget_tunnels, "m", NOW)
    assert not do(tunnels_now)


def test_a_kubeconfig_or_the_end_takes_the_agents_credential_away(do: Do) -> None:
    _, credential = joined(do)
    allowed = AddressRules()
    do(renew_login, SEALER, allowed, "edge", readable(kubeconfig()), None, uid="uid-1", now=NOW)
    assert do(find_by_credential, credential) is None
    assert do(open_login, SEALER, "edge").tunnel is None
    agent, other = joined(do, "other", uid="uid-9", tunnel="t9")
    do(remove_cluster, "other")
    assert do(find_by_credential, other) is None
    assert do(holds, agent, other, "t9") == "removed"
