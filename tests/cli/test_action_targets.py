"""Which branches count as guarded is said by the default branch, and by no branch of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.forge_server import Asked, ForgeServer, forge_server
from support.github_answers import REPO, config, posted, told
from support.posting import STATUS, Scene
from support.runner import PULL, at_home, check_out
from support.world import CONFIG

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.world import World

BOTH_BRANCHES = "[refs/heads/main, refs/heads/release]"


@pytest.fixture
def api() -> Iterator[ForgeServer]:
    with forge_server() as server:
        yield server


@pytest.fixture
def scene(desk: World, api: ForgeServer, tmp_path: Path) -> Scene:
    return Scene(at_home(desk), api, tmp_path)


def contexts(api: ForgeServer) -> list[tuple[str, str]]:
    """Return name and state of every status that was posted."""
    return [
        (one.body["context"], one.body["state"])
        for one in api.asked
        if one.method == "POST" and "/statuses/" in one.path and one.body
    ]


def lax(name: str) -> str:
    """Return the configuration of somebody who guards a branch of their own, and nothing on it."""
    assert BOTH_BRANCHES in CONFIG
    own = CONFIG.replace(BOTH_BRANCHES, f"[refs/heads/{name}]")
    return own.replace('["docs/**"]', '["**"]')


def own_branch(scene: Scene, name: str = "evil") -> None:
    """Let somebody push a branch whose configuration guards that branch and lets all pass."""
    repo = scene.world.repo
    repo.checkout(name, create=True, at="main")
    scene.world.commit({"itil-gate.yaml": lax(name)})
    scene.world.repo.checkout("sneaky", create=True, at="main")
    scene.head = scene.world.commit({"src/app.py": "print('sneaky')\n"})
    scene.publish()
    told(scene.api, scene.head, base=name)
    scene.runner.pull_request(scene.head, name="pull_request_target", base=name)


def test_a_branch_does_not_guard_itself(scene: Scene) -> None:
    own_branch(scene)
    ran = scene.runner.act(**STATUS)
    assert ran.code == 2
    assert "target-not-governed" in ran.err
    assert "what it says of itself does not count" in ran.err
    assert scene.runner.outputs["outcome"] == "undecided"
    assert contexts(scene.api) == [("itil-gate: evil", "failure")]


def test_a_pull_request_named_by_number_is_held_to_the_same(scene: Scene) -> None:
    own_branch(scene)
    for event in ("schedule", "workflow_dispatch"):
        scene.runner.event(event, {})
        ran = scene.runner.act(pull_request=str(PULL), **STATUS)
        assert ran.code == 2, ran.err
        assert "target-not-governed" in ran.err
    assert {state for _, state in contexts(scene.api)} == {"failure"}


@pytest.mark.parametrize("name", ["main", "master", "trunk"])
def test_a_branch_of_a_common_name_is_not_taken_for_the_default_one(
    desk: World, api: ForgeServer, tmp_path: Path, name: str
) -> None:
    at_home(desk)
    desk.repo.git("branch", "-m", "main", "develop")
    desk.repo.checkout("develop")
    mine = CONFIG.replace(BOTH_BRANCHES, "[refs/heads/develop]")
    desk.commit({"itil-gate.yaml": mine})
    desk.repo.git("branch", "main")  # for those parts of the scene that go by this name
    scene = Scene(desk, api, tmp_path)
    scene.runner.home = "develop"
    scene.runner.workspace = check_out(scene.server, tmp_path / "own", branch="develop").path
    scene.world.repo.git("branch", "-D", "main")
    scene.world.repo.checkout("develop")
    scene.world.repo.git("branch", "main", "develop")
    scene.world.repo.git("branch", "-f", name, "develop")
    scene.world.repo.checkout(name)
    scene.world.commit({"itil-gate.yaml": lax(name)})
    scene.publish()
    told(api, scene.head, base=name)
    scene.runner.pull_request(scene.head, name="pull_request_target", base=name)
    ran = scene.runner.act(**STATUS)
    assert ran.code == 2
    assert "refs/heads/develop, the default branch" in ran.err
    pull = api.answer(Asked("GET", f"{REPO}/pulls/{PULL}", {}, {}, None))
    api.on("GET", f"{REPO}/pulls", [pull])
    scene.runner.event("schedule", {})
    assert scene.runner.act("sweep", **STATUS).code == 0
    assert {state for _, state in contexts(api)} == {"failure"}


def test_a_sweep_leaves_a_branch_alone_that_only_guards_itself(scene: Scene) -> None:
    own_branch(scene)
    pull = scene.api.answer(Asked("GET", f"{REPO}/pulls/{PULL}", {}, {}, None))
    scene.api.on("GET", f"{REPO}/pulls", [pull])
    scene.runner.event("schedule", {})
    ran = scene.runner.act("sweep", **STATUS)
    assert ran.code == 0, ran.err
    assert posted(scene.api) == []


def test_each_guarded_branch_has_a_status_of_its_own(scene: Scene) -> None:
    assert f"targets: {BOTH_BRANCHES}" in CONFIG
    scene.world.repo.git("branch", "-f", "release", "main")
    scene.publish()
    assert scene.runner.act(**STATUS).code == 3
    told(scene.api, scene.head, base="release")
    scene.runner.pull_request(scene.head, name="pull_request_target", base="release")
    assert scene.runner.act(**STATUS).code == 3
    # Of one commit: what is said of one branch can never stand for the other.
    assert contexts(scene.api) == [("itil-gate", "pending"), ("itil-gate: release", "pending")]


def test_a_push_to_a_branch_that_guards_itself_is_not_traced(scene: Scene) -> None:
    own_branch(scene)
    after = scene.world.repo.tip("refs/heads/evil")
    before = scene.world.repo.tip("refs/heads/main")
    scene.runner.event("push", {"ref": "refs/heads/evil", "before": before, "after": after})
    ran = scene.runner.act("merged")
    assert ran.code == 2
    assert "target-not-governed" in ran.err


def test_the_forge_of_a_default_branch_is_asked_only_if_it_runs_the_workflow(scene: Scene) -> None:
    scene.name_the_forge(config(scene.api.url))
    assert scene.runner.act(**STATUS).code == 3
    assert any("/reviews" in one.path for one in scene.api.asked)
