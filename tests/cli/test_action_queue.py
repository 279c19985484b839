"""A merge group is judged with the reviews of its pull request, if it holds nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from support.forge_server import ForgeServer, Say, forge_server
from support.github_answers import REPO, config, posted, told, user
from support.posting import BOTH, STATUS, Scene
from support.reviewing import COUNTING
from support.runner import PULL, at_home

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.world import World


@pytest.fixture
def api() -> Iterator[ForgeServer]:
    with forge_server() as server:
        yield server


@pytest.fixture
def scene(desk: World, api: ForgeServer, tmp_path: Path) -> Scene:
    """A pull request of low risk that Erin approved on the forge, where that counts."""
    scene = Scene(at_home(desk), api, tmp_path)
    scene.name_the_forge(config(api.url), counting=COUNTING)
    return scene


def reviewed(scene: Scene, head: str, *, state: str = "APPROVED") -> None:
    """Let Erin have reviewed a head half an hour ago."""
    when = datetime.now(tz=UTC) - timedelta(minutes=30)
    one = {
        "id": 1,
        "user": user("erin"),
        "state": state,
        "commit_id": head,
        "submitted_at": f"{when:%Y-%m-%dT%H:%M:%SZ}",
    }
    scene.api.on("GET", f"{REPO}/pulls/{PULL}/reviews", [one])


def queue(scene: Scene, *heads: str, how: str = "merge", name: str = "merge_group") -> str:
    """Let the forge queue these heads, the pull request reviewed; return the group's commit."""
    repo = scene.world.repo
    repo.checkout("queue", create=True, at="main")
    for head in heads:
        if how == "merge":
            alice = scene.world.person("alice")
            repo.merge(head, message="queued", author=alice.who, sign_with=alice.key)
        else:
            repo.git("merge", "--squash", "--quiet", head)
            repo.git("commit", "--quiet", "-m", "squashed")
    group = repo.tip("queue")
    scene.publish()
    reviewed(scene, scene.head)
    scene.api.on("POST", f"{REPO}/statuses/{group}", {"id": 1})
    ref = f"gh-readonly-queue/main/pr-{PULL}-{repo.tip('main')}"
    payload: Any = {"head_sha": group, "base_ref": "refs/heads/main", "head_ref": ref}
    event = {"merge_group": payload}
    if name == "workflow_run":
        event = {"workflow_run": {"event": "merge_group", "head_branch": ref, "head_sha": group}}
    scene.runner.event(name, event)
    return group


def told_of(api: ForgeServer) -> list[tuple[str, str]]:
    """Return commit and state of every status that was posted."""
    return [
        (one.path.rpartition("/")[2], one.body["state"])
        for one in api.asked
        if one.method == "POST" and "/statuses/" in one.path and one.body
    ]


@pytest.mark.parametrize("how", ["merge", "squash"])
@pytest.mark.parametrize("name", ["merge_group", "workflow_run"])
def test_the_reviews_of_the_one_queued_pull_request_count(
    scene: Scene, how: str, name: str
) -> None:
    group = queue(scene, scene.head, how=how, name=name)
    ran = scene.runner.act(**BOTH)
    assert ran.code == 0, ran.out + ran.err
    assert scene.runner.outputs["outcome"] == "allow"
    # The group is what waits for an answer; the pull request has its own, and its own comment.
    assert told_of(scene.api) == [(group, "success")]
    assert [kind for kind, _ in posted(scene.api)] == ["status"]


def test_a_group_of_more_than_one_is_judged_without_reviews(scene: Scene) -> None:
    repo = scene.world.repo
    repo.checkout("other", create=True, at="main")
    other = scene.world.commit({"docs/other.md": "# other\n"})
    group = queue(scene, other, scene.head)
    ran = scene.runner.act(**STATUS)
    assert ran.code == 3, ran.out + ran.err
    assert f"not pull request {PULL} alone" in ran.err
    assert told_of(scene.api) == [(group, "pending")]


def test_signed_approvals_do_not_hide_what_nobody_asked_the_forge(scene: Scene) -> None:
    """Somebody may have requested changes of one of the group's pull requests."""
    repo = scene.world.repo
    repo.checkout("other", create=True, at="main")
    other = scene.world.commit({"docs/other.md": "# other\n"})
    group = queue(scene, other, scene.head)
    scene.world.approve("erin", head=group)
    scene.publish()
    scene.api.on("POST", f"{REPO}/statuses/{group}", {"id": 1})
    scene.runner.event("merge_group", {"merge_group": {"base_ref": "main", "head_sha": group}})
    assert scene.runner.act(**STATUS).code == 3
    assert "forge-not-asked" in (scene.runner.summary).read_text(encoding="utf-8")


def test_what_is_hidden_in_a_group_is_not_what_was_reviewed(scene: Scene) -> None:
    repo = scene.world.repo
    repo.checkout("more", create=True, at=scene.head)
    more = scene.world.commit({"src/app.py": "print('evil')\n"})
    group = queue(scene, more)
    assert scene.runner.act(**STATUS).code == 3
    assert told_of(scene.api) == [(group, "pending")]


def test_requested_changes_refuse_the_group(scene: Scene) -> None:
    group = queue(scene, scene.head)
    reviewed(scene, scene.head, state="CHANGES_REQUESTED")
    assert scene.runner.act(**STATUS).code == 1
    assert told_of(scene.api) == [(group, "failure")]


def test_a_forge_that_does_not_answer_lets_no_group_pass(scene: Scene) -> None:
    group = queue(scene, scene.head)
    scene.api.on("GET", f"{REPO}/pulls/{PULL}/reviews", Say({"message": "no"}, status=403))
    assert scene.runner.act(**STATUS).code == 2
    assert told_of(scene.api) == [(group, "failure")]


def test_a_pull_request_into_another_branch_lends_the_group_no_review(scene: Scene) -> None:
    queue(scene, scene.head)
    told(scene.api, scene.head, base="release")
    reviewed(scene, scene.head)
    ran = scene.runner.act(**STATUS)
    assert ran.code == 2
    assert "forge-differs" in ran.err
