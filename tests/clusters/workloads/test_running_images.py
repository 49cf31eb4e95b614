"""What runs is behind where its tag names something else by now; an index and its platforms are the same."""

from __future__ import annotations

from dataclasses import replace

import pytest

from wherry.clusters.watching.seen import SeenContainer, SeenPod, SeenWorkload, Word
from wherry.clusters.workloads.running_images import running_images, tags_of
from wherry.registry.tags_now import TagNow

INDEX, PLATFORM, OLD = ("sha256:" + letter * 64 for letter in "abc")
HOSTS = ("registry.example.com",)
IMAGE = "registry.example.com/acme/web:1"
NOW = {("acme/web", "1"): TagNow(INDEX, frozenset({PLATFORM}))}
WEB = SeenWorkload(
    "Deployment", "shop", "web", "u", Word.RUNNING, 1, 1, 1, (IMAGE,), (), True, False, "", None
)


def pod(image: str, digest: str | None, phase: str = "Running") -> SeenPod:
    container = SeenContainer("c", image, digest, True, 0, None, None)
    return SeenPod("shop", "web-1", ("Deployment", "web"), phase, True, "n", (container,), None)


@pytest.mark.parametrize(("digest", "is_behind"), [(INDEX, False), (PLATFORM, False), (OLD, True)])
def test_nodes_tell_the_index_or_their_platform_of_it(digest: str, is_behind: bool) -> None:
    [seen] = running_images(WEB, [pod(IMAGE, digest)], NOW, HOSTS)
    assert (seen.running, seen.newest, seen.is_behind) == ((digest,), INDEX, is_behind)
    assert (seen.repository, seen.tag) == ("acme/web", "1")


def test_one_pod_of_an_older_digest_is_enough_unless_it_has_ended() -> None:
    pods = [pod(IMAGE, INDEX), pod(IMAGE, OLD)]
    [seen] = running_images(WEB, pods, NOW, HOSTS)
    assert (seen.running, seen.is_behind) == ((INDEX, OLD), True)
    [seen] = running_images(WEB, [pods[0], replace(pods[1], phase="Terminating")], NOW, HOSTS)
    assert (seen.running, seen.is_behind) == ((INDEX,), False)


def test_nothing_is_behind_that_nobody_knows_a_newer_one_of() -> None:
    [seen] = running_images(WEB, [pod(IMAGE, OLD)], {}, HOSTS)
    assert (seen.newest, seen.is_behind) == (None, False)
    [seen] = running_images(WEB, [pod(IMAGE, None)], NOW, HOSTS)
    assert (seen.running, seen.is_behind) == ((), False)
    foreign = replace(WEB, images=("docker.io/library/nginx:1",))
    [seen] = running_images(foreign, [pod(foreign.images[0], OLD)], NOW, HOSTS)
    assert (seen.repository, seen.running, seen.newest) == (None, (OLD,), None)


def test_a_pinned_image_is_behind_its_tag_before_it_runs() -> None:
    pinned = replace(WEB, images=(f"{IMAGE}@{OLD}",))
    [seen] = running_images(pinned, [], NOW, HOSTS)
    assert seen.is_behind
    by_digest_alone = replace(WEB, images=(f"registry.example.com/acme/web@{OLD}",))
    [seen] = running_images(by_digest_alone, [], NOW, HOSTS)
    assert not seen.is_behind


def test_the_tags_of_a_page_are_asked_for_at_once() -> None:
    others = replace(WEB, images=("registry.example.com/acme/api", "nginx:1", "Not:An:Image", IMAGE))
    assert tags_of([WEB, others], HOSTS) == {("acme/web", "1"), ("acme/api", "latest")}
