"""What a run asks its forge, and what it posts there; the forge is a real server that may fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.forge_server import Asked, ForgeServer, Say, forge_server
from support.github_answers import IDS, REPO, TOKEN, config, posted, told
from support.posting import BOTH, STATUS, Scene
from support.runner import PULL, at_home
from support.world import CHG

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
    return Scene(at_home(desk), api, tmp_path)


def test_nothing_is_asked_or_posted_that_nobody_wants(scene: Scene) -> None:
    assert scene.runner.act().code == 3
    assert scene.api.asked == []


def test_pending_is_posted_as_pending(scene: Scene) -> None:
    assert scene.runner.act(**BOTH).code == 3
    (_, text), (_, (state, description)) = posted(scene.api)
    assert "PENDING" in text
    assert f"itil-gate approve {CHG}" in text
    assert (state, description) == ("pending", "waiting: 1 step would unblock it")
    urls = [one.body.get("target_url") for one in scene.api.asked if one.body]
    assert urls[-1] == "https://github.com/acme/payments/actions/runs/11"


def test_a_refusal_and_a_pass_are_posted_as_such(scene: Scene) -> None:
    scene.allow()
    assert scene.runner.act(**STATUS).code == 0
    scene.deny()
    assert scene.runner.act(**STATUS).code == 1
    assert posted(scene.api) == [
        ("status", ("success", "allowed (peer)")),
        ("status", ("failure", "denied: 1 step would unblock it")),
    ]


def broken(api: ForgeServer, what: str, head: str) -> None:
    refused = Say({"message": "Resource not accessible by integration"}, status=403)
    if what == "status":
        api.on("POST", f"{REPO}/statuses/{head}", refused)
    else:
        api.on("POST", f"{REPO}/issues/{PULL}/comments", refused)


@pytest.mark.parametrize("what", ["status", "comment"])
def test_a_pass_that_cannot_be_posted_is_none(scene: Scene, what: str) -> None:
    scene.allow()
    broken(scene.api, what, scene.head)
    ran = scene.runner.act(**BOTH)
    assert ran.code == 2
    assert "forge-refused" in ran.err
    assert scene.runner.outputs["outcome"] == "undecided"
    states = [said[0] for kind, said in posted(scene.api) if kind == "status"]
    # What went out last is no pass, and where the comment failed none ever was.
    assert states == (["success", "failure"] if what == "status" else ["failure"])


@pytest.mark.parametrize("what", ["status", "comment"])
@pytest.mark.parametrize(("deny", "code"), [(True, 1), (False, 3)])
def test_a_refusal_that_cannot_be_posted_is_still_one_and_the_rest_is_posted(
    scene: Scene, what: str, code: int, *, deny: bool
) -> None:
    if deny:
        scene.deny()
    broken(scene.api, what, scene.head)
    ran = scene.runner.act(**BOTH)
    assert ran.code == code
    assert "could not be posted" in ran.err
    assert scene.runner.outputs["outcome"] == ("deny" if deny else "pending")
    assert {kind for kind, _ in posted(scene.api)} == {"status", "comment"}


def test_what_could_not_be_decided_takes_back_an_earlier_success(scene: Scene) -> None:
    scene.world.on_main({"itil-gate.yaml": "kind: Nonsense\n"})
    scene.publish()
    ran = scene.runner.act(**BOTH)
    assert ran.code == 2
    ((kind, (state, description)),) = posted(scene.api)
    assert (kind, state) == ("status", "failure")
    assert description.startswith("could not decide: ")


def test_the_forge_that_the_target_names_is_asked(scene: Scene) -> None:
    scene.name_the_forge(config(scene.api.url))
    assert scene.runner.act().code == 3
    asked = {one.path for one in scene.api.asked}
    assert {f"{REPO}/pulls/{PULL}", f"{REPO}/pulls/{PULL}/reviews", f"{REPO}/activity"} <= asked
    assert {one.headers["authorization"] for one in scene.api.asked} == {f"Bearer {TOKEN}"}
    told(scene.api, scene.head, draft=True)
    scene.world.approve("erin")
    scene.world.repo.git("push", "-q", str(scene.server.path), "itil-gate-approvals")
    assert scene.runner.act().code == 3  # a draft, though the event does not say so


def test_a_review_that_the_forge_tells_of_is_in_the_ledger(scene: Scene) -> None:
    scene.name_the_forge(config(scene.api.url))
    review = {
        "id": 21,
        "user": {"id": IDS["erin"], "login": "erin"},
        "state": "APPROVED",
        "commit_id": scene.head,
        "submitted_at": "2026-03-02T12:00:00Z",
    }
    scene.api.on("GET", f"{REPO}/pulls/{PULL}/reviews", [review])
    assert scene.runner.act().code == 3
    summary = scene.runner.summary.read_text()
    assert "forge review" in summary
    assert "number 21" in summary


def test_a_forge_that_does_not_answer_is_no_pass(scene: Scene) -> None:
    scene.name_the_forge(config(scene.api.url))
    scene.allow()
    scene.api.on("GET", f"{REPO}/pulls/{PULL}/reviews", Say({"message": "no"}, status=404))
    ran = scene.runner.act(**STATUS)
    assert ran.code == 2
    assert "forge-not-found" in ran.err
    assert posted(scene.api) == [("status", ("failure", "could not decide: forge-not-found"))]


def test_a_head_that_moved_meanwhile_is_not_judged_in_the_name_of_this_one(scene: Scene) -> None:
    scene.name_the_forge(config(scene.api.url))
    scene.allow()
    approved, old = scene.head, scene.world.repo.tip("main")
    assert scene.runner.act().code == 0
    scene.runner.pull_request(old, name="pull_request_target")
    ran = scene.runner.act(**STATUS)
    assert ran.code == 2
    assert "forge-differs" in ran.err
    assert approved not in {one.path.rpartition("/")[2] for one in scene.api.asked if one.body}


def test_a_token_is_not_sent_to_a_forge_that_a_branch_names(scene: Scene) -> None:
    with forge_server() as thief:
        told(thief, scene.head)
        scene.name_the_forge(config(thief.url))
        ran = scene.runner.act(**STATUS)
        assert ran.code == 2
        assert "forge-differs" in ran.err
        assert thief.asked == []
    scene.name_the_forge(config(scene.api.url, project="mallory/payments"))
    assert scene.runner.act().code == 2


def test_a_sweep_names_the_pull_request_by_number(scene: Scene) -> None:
    scene.runner.event("schedule", {})
    assert scene.runner.act(pull_request=str(PULL), **STATUS).code == 3
    assert scene.runner.outputs["outcome"] == "pending"
    assert posted(scene.api)[-1][1][0] == "pending"
    scene.runner.pull_request(scene.head)
    ran = scene.runner.act(pull_request="8")
    assert ran.code == 2
    assert "bad-input" in ran.err


def test_what_cannot_be_read_of_a_pull_request_named_by_number_takes_back_a_success(
    scene: Scene,
) -> None:
    scene.allow()
    scene.runner.event("schedule", {})
    numbered = {"pull_request": str(PULL), **STATUS}
    assert scene.runner.act(**numbered).code == 0
    scene.name_the_forge(config(scene.api.url))
    scene.runner.event("schedule", {})
    scene.api.on("GET", f"{REPO}/issues/{PULL}/timeline", Say({"message": "no"}, status=403))
    ran = scene.runner.act(**numbered)
    assert ran.code == 2
    assert posted(scene.api)[-1] == ("status", ("failure", "could not decide: forge-refused"))


def test_the_command_sweep_judges_all_that_are_open_and_no_proposals_run_starts_it(
    scene: Scene,
) -> None:
    pull = scene.api.answer(Asked("GET", f"{REPO}/pulls/{PULL}", {}, {}, None))
    scene.api.on("GET", f"{REPO}/pulls", [pull])
    scene.runner.event("schedule", {})
    ran = scene.runner.act("sweep", **STATUS)
    assert ran.code == 0, ran.err
    assert [kind for kind, _ in posted(scene.api)] == ["status"]
    assert scene.runner.outputs["outcome"] == "pending"
    scene.runner.pull_request(scene.head)
    ran = scene.runner.act("sweep")
    assert ran.code == 2
    assert "bad-event" in ran.err


def test_a_runner_that_names_no_forge_posts_nowhere(scene: Scene) -> None:
    scene.allow()
    for name in ("GITHUB_API_URL", "GITHUB_REPOSITORY"):
        del scene.runner.variables[name]
    ran = scene.runner.act(**STATUS)
    assert ran.code == 2
    assert "no-forge" in ran.err


def test_a_merge_group_has_no_pull_request_to_ask_about_or_to_comment(scene: Scene) -> None:
    scene.name_the_forge(config(scene.api.url))
    scene.api.on("POST", f"{REPO}/statuses/{scene.head}", {"id": 1})
    group = {"base_ref": "refs/heads/main", "head_sha": scene.head}
    scene.runner.event("merge_group", {"merge_group": group})
    assert scene.runner.act(**BOTH).code == 3
    assert [kind for kind, _ in posted(scene.api)] == ["status"]
    assert {one.method for one in scene.api.asked} == {"POST"}
