"""From a push to the workload, and to what the history says of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select

from tests.people import add_user
from tests.triggers.world import ALL, HOST, TARGET, WEB, World, deployment, digest
from wherry.access.decisions import Actor
from wherry.access.grants import revoke
from wherry.access.resources import Resource
from wherry.audit.tables import audit_journal
from wherry.clusters.errors import ClusterError, ClusterUnknown, ClusterUnreachable
from wherry.clusters.register import remove_cluster
from wherry.events.tables import events
from wherry.identity.users import delete_user, set_disabled
from wherry.oci.names import RepositoryName, Tag
from wherry.registry.errors import RepositoryUnknown
from wherry.triggers.approvals import approve_run, cancel_run, reject_run
from wherry.triggers.conditions import Condition, ConditionKind
from wherry.triggers.errors import InvalidTrigger, RunNotOpen, TriggerExists, TriggerForbidden
from wherry.triggers.find import get_trigger
from wherry.triggers.manage import (
    create_trigger,
    delete_trigger,
    enable_trigger,
    pause_trigger,
    resume_trigger,
)
from wherry.triggers.plan import RUN
from wherry.triggers.preview import preview_push
from wherry.triggers.react import Push, fire
from wherry.triggers.replay import replay_run
from wherry.triggers.runs import State
from wherry.triggers.trigger import Options, Target, Wanted, WorkloadKind
from wherry.triggers.windows import Window

WAVES = Target("shop", WorkloadKind.DEPLOYMENT, "web", waves=(("canary",), ("berlin",)))


async def test_a_push_sets_the_image_and_nothing_else(site: World) -> None:
    site.trigger()
    before = site.fakes["berlin"].objects[("Deployment", "shop", "web")]["spec"]["template"]["spec"]
    run = await site.deliver("1.4", 4)
    assert (run.state, run.tag, run.pushed_by, run.cluster) == (State.SUCCESS, "1.4", "bob", "berlin")
    assert site.image() == f"{HOST}/acme/web:1.4@{digest(4)}"
    made = site.fakes["berlin"].objects[("Deployment", "shop", "web")]
    after = made["spec"]["template"]["spec"]
    assert after["containers"][1] == before["containers"][1]
    assert after["initContainers"] == before["initContainers"]
    assert made["metadata"]["annotations"][RUN] == str(run.id)
    assert "from 1.3 to 1.4@sha256:" in run.detail
    assert "was managed by kubectl-create" in run.detail


async def test_the_same_digest_changes_nothing_and_the_same_tag_with_another_does(site: World) -> None:
    site.trigger()
    await site.deliver("1.4", 4)
    again = await site.deliver("1.4", 4)
    assert (again.state, "the same digest" in again.detail) == (State.SKIPPED, True)
    other = await site.deliver("1.4", 5)
    assert other.state is State.SUCCESS
    assert site.image() == f"{HOST}/acme/web:1.4@{digest(5)}"
    assert "managed by" not in other.detail  # it is ours by now
    assert len(site.applied()) == 3


async def test_by_choice_the_tag_alone_is_set_and_the_pods_start_again(site: World) -> None:
    site.trigger(pin=False)
    await site.deliver("1.4", 4)
    assert site.image() == f"{HOST}/acme/web:1.4"
    assert (await site.deliver("1.4", 4)).state is State.SKIPPED
    site.clock.move(minutes=1)
    assert (await site.deliver("1.4", 5)).state is State.SUCCESS
    template = site.fakes["berlin"].objects[("Deployment", "shop", "web")]["spec"]["template"]
    assert template["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"] == "2026-03-14T15:10:26Z"


async def test_with_a_range_the_newest_version_wins(site: World) -> None:
    site.trigger(condition=Condition(ConditionKind.SEMVER, ">=1 <2"))
    assert (await site.deliver("1.4.0", 4)).state is State.SUCCESS
    late = await site.deliver("1.3.9", 3)
    assert (late.state, "1.3.9 is older" in late.detail) == (State.SKIPPED, True)
    site.push("2.0.0", 9)
    site.push("latest", 9)
    assert len(site.runs) == 2
    site.push("1.6.0", 6)
    site.push("1.5.0", 5)
    await site.work()
    behind, newest = site.runs[:2]
    assert (newest.tag, newest.state) == ("1.6.0", State.SUCCESS)
    assert (behind.tag, behind.state) == ("1.5.0", State.SKIPPED)
    assert "on its way there" in behind.detail


async def test_the_newest_of_two_pushes_wins_and_the_other_says_so(site: World) -> None:
    site.trigger()
    site.push("1.4", 4)
    site.push("1.5", 5)
    await site.work()
    newest, older = site.runs
    assert (newest.state, older.state) == (State.SUCCESS, State.SUPERSEDED)
    assert "1.5" in older.detail
    assert site.applied() == [f"{HOST}/acme/web:1.3", f"{HOST}/acme/web:1.5@{digest(5)}"]


async def test_every_end_is_told(site: World) -> None:
    site.trigger()
    run = await site.deliver("1.4", 4)
    rows = site.do(lambda tx: tx.execute(select(events.c.kind, events.c.body)).all())
    told = [body for kind, body in rows if kind == "trigger.finished"]
    assert len(told) == 1
    assert '"result": "success"' in told[0]
    records = site.do(lambda tx: tx.execute(select(audit_journal.c.record)).scalars().all())
    assert [one for one in records if f'"run":{run.id}' in one]


@pytest.mark.parametrize("of", ["StatefulSet", "DaemonSet", "CronJob"])
async def test_other_kinds(site: World, of: str) -> None:
    made = deployment(kind=of)
    if of == "DaemonSet":
        made["status"] = {"desiredNumberScheduled": 1, "numberReady": 1, "updatedNumberScheduled": 1}
    site.fakes["berlin"].write(made)
    site.trigger(target=Target.workload("berlin", "shop", WorkloadKind(of), "web", with_init=True))
    run = await site.deliver("1.4", 4)
    assert run.state is State.SUCCESS, run.detail
    assert site.image(kind=of) == f"{HOST}/acme/web:1.4@{digest(4)}"
    assert "container setup" in run.detail
    assert ("next Job" in run.detail) is (of == "CronJob")


async def test_several_workloads_by_their_labels(site: World) -> None:
    for name in ("api", "worker"):
        made = deployment(name=name)
        made["metadata"]["labels"] = {"part": "shop"}
        site.fakes["berlin"].write(made)
    site.trigger(target=Target("shop", WorkloadKind.DEPLOYMENT, selector="part=shop", waves=(("berlin",),)))
    run = await site.deliver("1.4", 4)
    assert run.state is State.SUCCESS, run.detail
    assert {site.image(name=name) for name in ("api", "worker")} == {f"{HOST}/acme/web:1.4@{digest(4)}"}
    assert site.image() == f"{HOST}/acme/web:1.3"


@pytest.mark.parametrize(
    ("target", "says"),
    [
        (replace(TARGET, name="gone"), "there is no Deployment gone in the namespace shop"),
        (replace(TARGET, namespace="nowhere"), "there is no Deployment web in the namespace nowhere"),
        (replace(TARGET, name=None, selector="app=none"), "no Deployment with the labels app=none"),
        (
            replace(TARGET, containers=("proxy",)),
            "uses docker.io/envoyproxy/envoy:v1.30, which is not acme/web",
        ),
        (replace(TARGET, containers=("app", "other")), "has no container other; it has setup, app, proxy"),
    ],
)
async def test_a_target_that_does_not_fit_is_told(site: World, target: Target, says: str) -> None:
    site.trigger(target=target)
    run = await site.deliver("1.4", 4)
    assert run.state is State.FAILED
    assert says in run.detail


async def test_a_workload_that_uses_another_image_is_told(site: World) -> None:
    site.fakes["berlin"].write(deployment("docker.io/acme/web:1.3"))
    site.trigger()
    run = await site.deliver("1.4", 4)
    assert run.state is State.FAILED
    # Under which name nodes know this registry, so that one sees that it is another.
    assert (
        f"no container of Deployment web uses acme/web of {HOST}; they use docker.io/acme/web" in run.detail
    )


async def test_a_field_of_somebody_else_is_left_to_them_by_choice(site: World) -> None:
    site.trigger(take_over=False)
    run = await site.deliver("1.4", 4)
    assert run.state is State.FAILED
    assert "belongs to kubectl-create" in run.detail
    assert site.image() == f"{HOST}/acme/web:1.3"


async def test_rights_are_checked_when_it_is_made(site: World) -> None:
    eve = Actor(add_user(site.do, site.clock, "eve"), "eve")
    wanted = Wanted("prod", ALL, TARGET)
    with pytest.raises(TriggerForbidden, match="eve has no right on acme/web"):
        site.do(create_trigger, eve, WEB, wanted, site.clock.now())
    with pytest.raises(ClusterUnknown):
        site.trigger(target=replace(TARGET, waves=(("nowhere",),)))
    with pytest.raises(RepositoryUnknown):
        site.do(create_trigger, site.ann, RepositoryName("acme/none"), wanted, site.clock.now())
    site.trigger()
    with pytest.raises(TriggerExists):
        site.trigger()
    with pytest.raises(TriggerForbidden):
        site.do(enable_trigger, eve, WEB, "prod", False, site.clock.now())


async def test_rights_are_checked_when_it_fires(site: World) -> None:
    site.trigger(pause_after=0)
    site.do(revoke, site.ann.user_id, Resource.parse("acme"), None, site.clock.now())
    run = await site.deliver("1.4", 4)
    assert (run.state, run.detail) == (
        State.FAILED,
        "ann has no right on acme/web, and a trigger takes write",
    )
    site.do(set_disabled, "ann", True)
    assert (await site.deliver("1.5", 5)).detail == "the trigger's owner ann is disabled"
    site.do(delete_user, "ann")
    assert "owner ann is no longer a user" in (await site.deliver("1.6", 6)).detail
    assert site.image() == f"{HOST}/acme/web:1.3"


async def test_a_cluster_that_is_gone_is_told(site: World) -> None:
    site.trigger()
    site.do(remove_cluster, "berlin")
    run = await site.deliver("1.4", 4)
    assert (run.state, "berlin is no longer registered" in run.detail) == (State.FAILED, True)
    assert site.do(get_trigger, WEB, "prod").lost == ("berlin",)


async def test_a_cluster_that_is_away_is_waited_for(site: World) -> None:
    site.trigger(patience=600)
    site.fakes["berlin"].is_down = True
    run = await site.deliver("1.4", 4)
    assert run.state is State.WAITING
    assert "no connection to berlin" in run.detail
    assert "tried again at" in run.detail
    site.fakes["berlin"].is_down = False
    site.clock.move(minutes=2)
    await site.work()
    assert site.runs[0].state is State.SUCCESS
    site.fakes["berlin"].is_down = True
    await site.deliver("1.5", 5)
    for _ in range(20):
        site.clock.move(minutes=1)
        await site.work()
    assert (site.runs[0].state, "no connection" in site.runs[0].detail) == (State.FAILED, True)


@pytest.mark.parametrize("delay", [0, 60])
async def test_of_two_that_wait_for_a_cluster_only_the_newer_goes_on(site: World, delay: int) -> None:
    """The newer one is pushed while the older one finds out that its cluster is away."""
    site.trigger(delay=delay)
    away = ClusterUnreachable("berlin", "tcp", "no connection to berlin")
    pushed: list[str] = []

    def check() -> None:
        if not pushed:
            pushed.append("1.5")
            site.push("1.5", 5)
        raise away

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(site.fakes["berlin"], "check", check)
        site.push("1.4", 4)
        for _ in range(4):
            site.clock.move(seconds=delay + 1)
            await site.work()
        newer, older = site.runs
        assert (older.tag, older.state, newer.state) == ("1.4", State.SUPERSEDED, State.WAITING)
        assert "a newer push came" in older.detail
    site.clock.move(minutes=2)
    await site.work()
    assert (site.runs[0].tag, site.runs[0].state) == ("1.5", State.SUCCESS)
    assert site.applied()[-1] == f"{HOST}/acme/web:1.5@{digest(5)}"
    assert len(site.runs) == 2


async def test_it_pauses_itself_after_failures_in_a_row(site: World) -> None:
    site.trigger(target=replace(TARGET, name="gone"), pause_after=2)
    await site.deliver("1.4", 4)
    assert site.do(get_trigger, WEB, "prod").fires
    await site.deliver("1.5", 5)
    paused = site.do(get_trigger, WEB, "prod")
    assert "2 failures in a row, the last one: there is no Deployment gone" in (paused.paused_because or "")
    await site.deliver("1.6", 6)
    assert (site.runs[0].state, "paused" in site.runs[0].detail) == (State.SKIPPED, True)
    assert len(site.runs) == 3
    assert site.do(resume_trigger, site.ann, WEB, "prod", site.clock.now()).fires
    site.push("1.6", 6)
    assert len(site.runs) == 4


async def test_a_trigger_is_paused_disabled_and_deleted_by_hand(site: World) -> None:
    site.trigger(delay=60)
    site.push("1.4", 4)
    site.do(pause_trigger, site.ann, WEB, "prod", "a feast", site.clock.now())
    site.clock.move(minutes=2)
    await site.work()
    assert (site.runs[0].state, "a feast" in site.runs[0].detail) == (State.SKIPPED, True)
    site.do(resume_trigger, site.ann, WEB, "prod", site.clock.now())
    site.push("1.5", 5)
    site.do(delete_trigger, site.ann, WEB, "prod", site.clock.now())
    assert (site.runs[0].state, site.runs[0].detail) == (State.SKIPPED, "the trigger was deleted")
    site.clock.move(minutes=2)
    await site.work()
    assert site.image() == f"{HOST}/acme/web:1.3"


async def test_approval(site: World) -> None:
    site.trigger(approval=True, approval_deadline=3600)
    run = await site.deliver("1.4", 4)
    assert run.state is State.WAITING_FOR_APPROVAL
    eve = Actor(add_user(site.do, site.clock, "eve"), "eve")
    with pytest.raises(ClusterError):
        site.do(approve_run, eve, run.id, site.clock.now())
    site.do(approve_run, site.ann, run.id, site.clock.now())
    await site.work()
    assert (site.runs[0].state, site.runs[0].approved_by) == (State.SUCCESS, "ann")
    with pytest.raises(RunNotOpen):
        site.do(approve_run, site.ann, run.id, site.clock.now())
    rejected = await site.deliver("1.5", 5)
    site.do(reject_run, site.ann, rejected.id, "not today", site.clock.now())
    assert (site.runs[0].state, site.runs[0].detail) == (State.SKIPPED, "ann has rejected it: not today")
    await site.deliver("1.6", 6)
    site.clock.move(hours=2)
    await site.work()
    assert (site.runs[0].state, "nobody approved it" in site.runs[0].detail) == (State.SKIPPED, True)
    assert site.image() == f"{HOST}/acme/web:1.4@{digest(4)}"


async def test_delay_window_and_freeze_hold_it_up(site: World) -> None:
    # It is Saturday, 15:09 UTC.
    site.trigger(
        delay=60,
        windows=(Window(("mon",), "09:00", "10:00", "UTC"),),
        freeze_until="2026-03-14T16:00:00Z",
    )
    run = await site.deliver("1.4", 4)
    assert (run.state, "frozen until 2026-03-14 16:00:00" in run.detail) == (State.WAITING, True)
    site.clock.move(hours=1)
    await site.work()
    assert "waits for its window" in site.runs[0].detail
    assert str(site.runs[0].due_at) == "2026-03-16 09:00:00+00:00"
    site.clock.move(days=1, hours=17)
    await site.work()
    assert site.runs[0].state is State.SUCCESS


async def test_waves_go_one_after_the_other_and_stop_at_a_failure(site: World) -> None:
    site.trigger(target=WAVES)
    site.push("1.4", 4)
    assert {run.cluster: run.detail for run in site.runs}["berlin"].startswith("waits until the clusters")
    await site.work()
    assert {run.state for run in site.runs} == {State.SUCCESS}
    assert site.image("canary") == site.image("berlin") == f"{HOST}/acme/web:1.4@{digest(4)}"
    site.fakes["canary"].remove(WorkloadKind.DEPLOYMENT.kind, "web", "shop")
    site.push("1.5", 5)
    await site.work()
    berlin, canary = site.runs[:2]
    assert (canary.state, berlin.state) == (State.FAILED, State.SKIPPED)
    assert "in the cluster canary, of a wave before this one, it failed" in berlin.detail
    assert site.image() == f"{HOST}/acme/web:1.4@{digest(4)}"


async def test_a_failed_roll_out_is_rolled_back_with_the_reason(site: World) -> None:
    site.trigger(deadline=5)
    run = await site.deliver_what_crashes("1.4", 4)
    assert run.state is State.ROLLED_BACK, run.detail
    assert "container app crashes again and again, 3 restarts" in run.detail
    assert f"rolled back to {HOST}/acme/web:1.3" in run.detail
    assert site.image() == f"{HOST}/acme/web:1.3"
    assert site.applied()[-2:] == [f"{HOST}/acme/web:1.4@{digest(4)}", f"{HOST}/acme/web:1.3"]


async def test_a_run_of_the_past_is_made_anew(site: World) -> None:
    site.trigger()
    first = await site.deliver("1.4", 4)
    await site.deliver("1.5", 5)
    # What was pushed then must still be here; the world's digests are not.
    from wherry.registry.errors import ManifestUnknown

    with pytest.raises(ManifestUnknown):
        site.do(replay_run, site.ann, first.id, site.clock.now())


async def test_a_run_that_is_made_anew_goes_back_to_an_older_version(site: World) -> None:
    trigger = site.trigger(condition=Condition(ConditionKind.SEMVER, "~1"))
    await site.deliver("1.5", 5)
    now = site.clock.now()
    for push in ("event:99", "replay:1:1"):
        site.do(fire, trigger, Push(push, WEB, "1.4", digest(4), "ann", now), now)
        await site.work()
    again, pushed = site.runs[:2]
    assert (pushed.state, "1.4 is older" in pushed.detail) == (State.SKIPPED, True)
    assert again.state is State.SUCCESS, again.detail
    assert site.image() == f"{HOST}/acme/web:1.4@{digest(4)}"


async def test_a_waiting_run_is_cancelled(site: World) -> None:
    site.trigger(delay=60)
    run = await site.deliver("1.4", 4)
    site.do(cancel_run, site.ann, run.id, site.clock.now())
    assert (site.runs[0].state, site.runs[0].detail) == (State.SKIPPED, "ann has cancelled it")


async def test_a_preview_tells_what_a_push_would_do(site: World) -> None:
    site.trigger("all", target=WAVES)
    site.trigger("range", condition=Condition(ConditionKind.SEMVER, "^2"))
    site.trigger("off")
    site.do(enable_trigger, site.ann, WEB, "off", False, site.clock.now())
    shown = {one.trigger.name: one for one in site.do(preview_push, WEB, Tag("1.4"), site.clock.now())}
    assert shown["all"].fires
    assert [(one.cluster, one.waits) for one in shown["all"].places] == [
        ("canary", None),
        ("berlin", "waits until the clusters of the wave before are done"),
    ]
    assert shown["range"].why_not == "the version 1.4 is not in ^2"
    assert shown["off"].why_not == "the trigger is disabled"
    assert site.runs == []


async def test_signatures_fire_nothing(site: World) -> None:
    site.trigger()
    site.push(f"sha256-{4:064x}.sig", 9)
    site.push(f"sha256-{4:064x}", 9)
    assert site.runs == []


def test_what_cannot_be_is_told_all_at_once() -> None:
    target = Target("Shop", WorkloadKind.DEPLOYMENT, None, None, waves=(("a",), ("a",)))
    options = Options(deadline=0, windows=(Window((), "1", "2", "x"),), freeze_until="2026-01-01")
    wanted = Wanted("a/b", Condition(ConditionKind.REGEX, "("), target, options, "linux")
    with pytest.raises(InvalidTrigger) as refused:
        wanted.check()
    said = " ".join(refused.value.problems)
    for part in ("no '/'", "missing )", "namespace", "name or by a label", "once", "deadline", "days", "zone",
                 "platform", "offset"):  # fmt: skip
        assert part in said, part


def test_options_are_the_same_after_json() -> None:
    options = Options(windows=(Window(("mon",), "09:00", "17:00", "UTC"),), approval=True, delay=5)
    assert Options.from_json(options.to_json()) == options
    with pytest.raises(InvalidTrigger, match="speed is not a part"):
        Options.from_json({"speed": 1})
