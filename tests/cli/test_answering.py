"""`check --post` and `sweep` in jobs of GitLab CI: whom the token is shown, and what is told."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from support import github_answers
from support.forge_server import Asked, ForgeServer, Say, forge_server
from support.gitlab_answers import API, CHECKS, TOKEN, config, gate_in, job, posted, told
from support.runner import PULL, at_home, bring, check_out, forge_of
from support.world import OTHER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.shell import Ran
    from support.world import World

EVERY = ("--post", "comment", "--post", "status", "--post", "external-check")
STATUS = ("--post", "status")
LAX = """\
apiVersion: itil-gate/v1
kind: ApprovalPolicy
metadata: {name: approvals, owner: change-authority, reviewBy: 2027-01-01}
spec: {requirements: []}
"""


@pytest.fixture
def api() -> Iterator[ForgeServer]:
    with forge_server() as server:
        yield server
    assert not server.faults


class Scene:
    """A project on GitLab with open merge requests, and a clone as a job has it."""

    def __init__(self, world: World, api: ForgeServer, tmp_path: Path) -> None:
        self.world, self.api = at_home(world), api
        self.into: dict[int, str] = {}
        self.heads: dict[int, str] = {}
        self.server = forge_of(world.repo, tmp_path / "forge.git")
        self.say(config(api.url, checks=CHECKS))
        self.heads = {PULL: world.propose(branch="feature-7")}
        self.clone = check_out(self.server, tmp_path / "work")
        self.variables = job(api.url)
        self.publish()

    def say(self, text: str, *, branch: str = "main", **files: str) -> None:
        """Let a branch's configuration be this one."""
        self.world.repo.checkout(branch)
        self.world.commit({"itil-gate.yaml": text, **files}, by="carol")

    def publish(self, **more: Any) -> None:
        """Bring what the world has by now to the server, and let it know its merge requests."""
        heads = {f"refs/merge-requests/{number}/head": one for number, one in self.heads.items()}
        bring(self.world.repo, self.server, heads)
        told(self.api, self.heads, into=self.into, **more)

    def allow(self, number: int = PULL, **options: str) -> None:
        """Let everybody have approved it."""
        self.world.approve("erin", head=self.heads[number], **options)
        self.publish()

    def fetch(self) -> None:
        """Fetch what a template of CI fetches."""
        self.clone.git(
            "fetch",
            "-q",
            "origin",
            "+refs/heads/*:refs/remotes/origin/*",
            "+refs/merge-requests/*/head:refs/remotes/merge-requests/*",
        )

    def check(self, *arguments: str) -> Ran:
        self.fetch()
        words = ("check", "--pull", str(PULL), *arguments)
        return gate_in(self.clone.path, *words, env=self.variables)

    def sweep(self, *arguments: str) -> Ran:
        return gate_in(self.clone.path, "sweep", *arguments, env=self.variables)

    def clear(self) -> None:
        self.api.asked.clear()


@pytest.fixture
def scene(desk: World, api: ForgeServer, tmp_path: Path) -> Scene:
    return Scene(desk, api, tmp_path)


def test_a_merge_request_is_told_in_every_channel_the_comment_first(scene: Scene) -> None:
    ran = scene.check(*EVERY)
    assert ran.code == 3, ran.err
    comment, status, check = posted(scene.api)
    assert comment[0] == "comment"
    assert "PENDING" in comment[1]
    assert status == ("status", "itil-gate", "pending")
    assert check == ("check", 12, "pending")
    sent = {one.path.rpartition("/")[2]: one.body for one in scene.api.asked if one.body}
    assert sent["status_check_responses"]["sha"] == scene.heads[PULL]
    assert sent[scene.heads[PULL]]["target_url"] == scene.variables["CI_JOB_URL"]
    assert {one.headers["authorization"] for one in scene.api.asked} == {f"Bearer {TOKEN}"}


def test_a_pass_and_a_refusal_are_told_as_such(scene: Scene) -> None:
    scene.allow()
    assert scene.check(*EVERY).code == 0
    assert posted(scene.api)[1:] == [("status", "itil-gate", "success"), ("check", 12, "passed")]
    scene.clear()
    scene.world.repo.checkout("feature-7")
    scene.heads[PULL] = scene.world.commit({"elsewhere/app.py": "x\n"})
    scene.publish()
    assert scene.check(*EVERY).code == 1
    assert posted(scene.api)[1:] == [("status", "itil-gate", "failed"), ("check", 12, "failed")]


def test_nothing_is_told_that_was_not_asked_for(scene: Scene) -> None:
    assert scene.check().code == 3
    assert posted(scene.api) == []
    scene.clear()
    assert scene.check("--post", "external-check").code == 3
    assert posted(scene.api) == [("check", 12, "pending")]


def test_each_target_is_answered_under_a_name_of_its_own(scene: Scene) -> None:
    scene.world.repo.branch("release", "main")
    scene.into = {PULL: "release"}
    scene.publish()
    ran = scene.check(*EVERY)
    assert ran.code == 3, ran.err
    assert posted(scene.api)[1:] == [
        ("status", "itil-gate: release", "pending"),
        ("check", 13, "pending"),
    ]


@pytest.mark.parametrize("target", ["mallory", "main2"])
def test_a_branch_that_only_guards_itself_gets_no_pass(scene: Scene, target: str) -> None:
    own = config(scene.api.url, checks={f"refs/heads/{target}": 12}).replace(
        "refs/heads/main, refs/heads/release", f"refs/heads/{target}"
    )
    scene.world.repo.branch(target, "main")
    scene.say(own, branch=target, **{"policies/approvals.yaml": LAX})
    scene.into = {PULL: target}
    scene.publish()
    ran = scene.check(*EVERY)
    assert ran.code == 2
    assert "target-not-governed" in ran.err
    assert posted(scene.api) == [("status", f"itil-gate: {target}", "failed")]


def test_no_token_goes_to_a_forge_that_a_branch_names(scene: Scene) -> None:
    scene.world.repo.branch("release", "main")
    scene.into = {PULL: "release"}
    with forge_server() as thief:
        told(thief, scene.heads, into=scene.into)
        scene.say(config(thief.url), branch="release")
        scene.publish()
        for arguments in (EVERY, ()):
            ran = scene.check("--base", "origin/release", *arguments)
            assert ran.code == 2
            assert "forge-differs" in ran.err
        del scene.variables["CI_SERVER_URL"]  # by the default branch alone, outside of GitLab CI
        scene.clone.git("remote", "set-head", "origin", "main")
        ran = scene.check(*EVERY)
        assert (ran.code, "forge-differs" in ran.err) == (2, True)
        assert thief.asked == []
    assert {one[-1] for one in posted(scene.api)} == {"failed"}


@pytest.mark.parametrize(
    "other",
    [
        {"CI_PROJECT_PATH": "mallory/payments", "CI_PROJECT_ID": "6"},
        {"CI_SERVER_URL": "http://127.0.0.1:1"},
    ],
)
def test_a_job_of_another_project_tells_nothing_here(scene: Scene, other: dict[str, str]) -> None:
    scene.variables |= other
    for arguments in (STATUS, ()):
        assert scene.check(*arguments).code == 2
    assert scene.api.asked == [] or {one.path for one in scene.api.asked} == {
        "/api/v4/projects/mallory%2Fpayments/merge_requests"
    }


@pytest.mark.parametrize(
    "other",
    [
        {"CI_PIPELINE_SOURCE": "merge_request_event", "CI_COMMIT_BRANCH": ""},
        {"CI_COMMIT_BRANCH": "feature-7"},
        {"CI_COMMIT_REF_PROTECTED": "false"},
        {"CI_DEFAULT_BRANCH": ""},
    ],
)
def test_a_pipeline_that_a_merge_request_can_write_tells_nothing(
    scene: Scene, other: dict[str, str]
) -> None:
    scene.allow()
    scene.variables |= other
    for ran in (scene.check(*STATUS), scene.sweep(*STATUS)):
        assert ran.code == 2
        assert "token-within-reach" in ran.err or "default-unknown" in ran.err
    assert scene.api.asked == []


def test_nothing_is_told_without_a_token(scene: Scene) -> None:
    scene.variables["ITIL_GATE_FORGE_TOKEN"] = ""
    ran = scene.check(*STATUS)
    assert (ran.code, "no-token" in ran.err) == (2, True)
    assert scene.api.asked == []


def refused(status: int = 403) -> Say:
    return Say({"message": "insufficient_scope"}, status=status)


@pytest.mark.parametrize("where", ["comment", "status", "check"])
def test_a_pass_that_cannot_be_told_is_none(scene: Scene, where: str) -> None:
    scene.allow()
    head = scene.heads[PULL]
    path = {
        "comment": f"{API}/merge_requests/{PULL}/notes",
        "status": f"{API}/statuses/{head}",
        "check": f"{API}/merge_requests/{PULL}/status_check_responses",
    }[where]
    scene.api.on("POST", path, refused())
    ran = scene.check(*EVERY)
    assert ran.code == 2
    assert "forge-refused" in ran.err
    last = {one[0]: one[-1] for one in posted(scene.api)}
    # What went out last is no pass, in no channel.
    assert (last["status"], last["check"]) == ("failed", "failed")


@pytest.mark.parametrize("where", ["notes", "statuses", "status_check_responses"])
def test_a_refusal_that_cannot_be_told_is_still_one_and_the_rest_is_told(
    scene: Scene, where: str
) -> None:
    merge = f"{API}/merge_requests/{PULL}"
    path = f"{API}/statuses/{scene.heads[PULL]}" if where == "statuses" else f"{merge}/{where}"
    scene.api.on("POST", path, refused(500))
    ran = scene.check(*EVERY)
    assert ran.code == 3
    assert "could not be posted" in ran.err
    assert [one[0] for one in posted(scene.api)] == ["comment", "status", "check"]


@pytest.mark.parametrize("what", ["people.yaml", "itil-gate.yaml"])
def test_what_cannot_be_decided_takes_back_an_earlier_pass(scene: Scene, what: str) -> None:
    scene.world.repo.checkout("main")
    scene.world.commit({what: "kind: Nonsense\n"}, by="carol")
    scene.publish()
    ran = scene.check(*STATUS)
    assert ran.code == 2
    assert posted(scene.api) == [("status", "itil-gate", "failed")]
    said = scene.api.asked[-1].body["description"]
    assert said.startswith("could not decide: ")


def test_a_forge_that_fails_halfway_takes_back_an_earlier_pass(scene: Scene) -> None:
    scene.allow()
    scene.api.on("GET", f"{API}/merge_requests/{PULL}/approvals", refused(404))
    ran = scene.check(*EVERY)
    assert (ran.code, "forge-not-found" in ran.err) == (2, True)
    assert posted(scene.api) == [("status", "itil-gate", "failed"), ("check", 12, "failed")]


def test_a_merge_request_that_is_not_open_is_told_nothing(scene: Scene) -> None:
    scene.api.on("GET", f"{API}/merge_requests", [])
    ran = scene.check(*STATUS)
    assert (ran.code, "not-open" in ran.err) == (2, True)
    assert posted(scene.api) == []


def test_another_target_than_the_merge_requests_is_not_judged_in_its_name(scene: Scene) -> None:
    scene.world.repo.branch("release", "main")
    scene.allow()
    ran = scene.check("--base", "origin/release", *STATUS)
    assert (ran.code, "forge-differs" in ran.err) == (2, True)
    assert posted(scene.api) == [("status", "itil-gate", "failed")]


def test_a_target_without_a_status_check_says_so(scene: Scene) -> None:
    scene.say(config(scene.api.url, checks={"refs/heads/release": 13}))
    scene.publish()
    ran = scene.check(*EVERY)
    assert (ran.code, "no-status-check" in ran.err) == (2, True)
    assert posted(scene.api) == [("status", "itil-gate", "failed")]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("check", *STATUS), "name it with --pull"),
        (("check", "--merged", "a..b", *STATUS), "--post is about a merge to come"),
        (("sweep",), "Missing option '--post'"),
        (("sweep", "--post", "fax"), "'fax' is not one of"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    scene: Scene, arguments: tuple[str, ...], said: str
) -> None:
    ran = gate_in(scene.clone.path, *arguments, env=scene.variables)
    assert ran.code == 2
    assert said in ran.err
    assert scene.api.asked == []


def test_outside_of_a_forges_ci_the_clone_or_an_option_says_what_the_default_branch_is(
    scene: Scene,
) -> None:
    scene.variables = {"ITIL_GATE_FORGE_TOKEN": TOKEN}
    ran = scene.check(*STATUS)
    assert (ran.code, "default-unknown" in ran.err) == (2, True)
    assert scene.api.asked == []
    for name in ("refs/heads/main", "origin/main"):
        assert scene.check("--default-branch", name, *STATUS).code == 3
    scene.clone.git("remote", "set-head", "origin", "main")
    assert scene.check(*STATUS).code == 3
    assert posted(scene.api) == [("status", "itil-gate", "pending")] * 3
    assert "target_url" not in scene.api.asked[-1].body


def test_github_is_told_the_same_way(scene: Scene) -> None:
    api, world = scene.api, scene.world
    scene.say(github_answers.config(api.url))
    scene.publish()
    github_answers.told(api, scene.heads[PULL])
    pull = api.answer(Asked("GET", f"{github_answers.REPO}/pulls/{PULL}", {}, {}, None))
    api.on("GET", f"{github_answers.REPO}/pulls", [pull])
    world.repo.git("push", "-q", str(scene.server.path), f"{scene.heads[PULL]}:refs/pull/7/head")
    scene.variables = {"ITIL_GATE_FORGE_TOKEN": TOKEN}
    scene.clone.git("remote", "set-head", "origin", "main")
    told_by = ("--post", "comment", "--post", "status")
    ran = scene.check(*told_by)
    assert ran.code == 3, ran.err
    assert scene.sweep(*told_by).code == 0
    said = github_answers.posted(api)
    assert [one[0] for one in said] == ["comment", "status"] * 2
    assert {one[1][0] for one in said if one[0] == "status"} == {"pending"}
    ran = scene.check(*EVERY)
    assert (ran.code, "no-status-check" in ran.err) == (2, True)


def test_the_log_is_cited_in_the_comment_only_where_it_was_written(scene: Scene) -> None:
    assert scene.check("--post", "comment").code == 3
    ((_, text),) = posted(scene.api)
    assert "audit log" not in text


class TestSweep:
    """All that are open, from a job that has fetched one branch and nothing else."""

    @pytest.fixture
    def two(self, scene: Scene) -> Scene:
        scene.world.repo.checkout("main")
        scene.heads[8] = scene.world.propose({"src/b.py": "b\n"}, branch="two", change=OTHER)
        scene.publish()
        return scene

    def test_each_open_one_is_judged_and_told(self, two: Scene) -> None:
        two.allow(8, change=OTHER)
        ran = two.sweep(*EVERY)
        assert ran.code == 0, ran.err
        assert ran.out == "7: pending, into main\n8: allow, into main\n"
        assert [one[-1] for one in posted(two.api) if one[0] == "status"] == ["pending", "success"]

    def test_only_one_may_be_asked_for(self, two: Scene) -> None:
        ran = two.sweep("--pull", "8", "--pull", "9", *STATUS)
        assert ran.code == 0
        assert ran.out == "8: pending, into main\n"
        assert "9: not open" in ran.err

    def test_channels_may_come_from_the_job(self, two: Scene) -> None:
        two.variables["ITIL_GATE_POST"] = "status external-check"
        assert two.sweep("--pull", "7").code == 0
        assert [one[0] for one in posted(two.api)] == ["status", "check"]

    def test_one_that_cannot_be_decided_spares_none_of_the_rest(self, two: Scene) -> None:
        two.api.on("GET", f"{API}/merge_requests/7/approvals", refused(404))
        ran = two.sweep(*STATUS)
        assert ran.code == 2
        assert ran.out == "7: undecided, into main\n8: pending, into main\n"
        assert [one[-1] for one in posted(two.api)] == ["failed", "pending"]

    def test_what_is_not_guarded_is_passed_over(self, two: Scene) -> None:
        two.world.repo.branch("scratch", "main")
        two.into = {8: "scratch"}
        two.publish()
        ran = two.sweep(*STATUS)
        assert (ran.code, ran.out) == (0, "7: pending, into main\n")

    def test_a_default_branch_that_does_not_load_fails_all_of_its_own(self, two: Scene) -> None:
        two.world.repo.checkout("main")
        two.world.commit({"itil-gate.yaml": "kind: Nonsense\n"}, by="carol")
        two.publish()
        ran = two.sweep(*STATUS)
        assert ran.code == 2
        assert posted(two.api) == [("status", "itil-gate", "failed")] * 2
        two.api.on("GET", f"{API}/merge_requests", [])
        assert two.sweep(*STATUS).code == 2

    def test_a_list_that_breaks_off_is_no_list(self, two: Scene) -> None:
        cut = Say(json.dumps([1]).encode()[:-1])
        two.api.on("GET", f"{API}/merge_requests", cut)
        ran = two.sweep(*STATUS)
        assert (ran.code, ran.out) == (2, "")
        assert "forge-answer" in ran.err

    def test_a_review_of_the_forge_is_heard(self, two: Scene) -> None:
        two.publish(approved="erin", when=timedelta(minutes=5))
        assert two.sweep("--pull", "7", "--post", "comment").code == 0
        ((_, text),) = posted(two.api)
        assert "forge review" in text
