"""The whole gate against a real Gitea or Forgejo server: from the pull request to the record.

Needs ITIL_GATE_TEST_GITEA_URL (the server, without /api/v1) and ITIL_GATE_TEST_GITEA_TOKEN, of an
administrator with all scopes. Makes a repository and people of its own there and removes them.
People ask over the API and push over HTTP; the gate is run as the action runs it.
"""

from __future__ import annotations

import base64
import json
import secrets
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from support.books import LOG, open_books, private_keys
from support.live_gitea import ADMIN, HOST, MISSING, URL, Judged, Stage, enrol, tells_targets
from support.repository import Keyring, Repo
from support.reviewing import COUNTING
from support.runner import Runner
from support.shell import run_gate
from support.world import APPROVALS, CONFIG, RISK, World, adopt, people_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(not (URL and ADMIN), reason=MISSING)
HOME = ("--default-branch", "refs/heads/main")
UNMET = (405, "Not all required status checks successful")
RULE = {
    "rule_name": "main",
    "enable_push": False,
    "enable_status_check": True,
    "status_check_contexts": ["itil-gate"],
    "block_admin_merge_override": True,
    "apply_to_admins": True,  # Forgejo's name for it
}


@pytest.fixture
def stage(tmp_path: Path, keyring: Keyring) -> Iterator[Stage]:
    """A project that has adopted the gate; it and its people are gone afterwards."""
    with ExitStack() as stack:
        tag = secrets.token_hex(3)
        names = ("owner", "alice", "bob", "outsider", "gate")
        owner, alice, bob, outsider, gate = (enrol(one, tag=tag, stack=stack) for one in names)
        world = World(Repo(tmp_path / "repo"), keyring, now=_now())
        found = Stage(
            *(owner, alice, bob, outsider, gate, world),
            Runner(tmp_path / "work", tmp_path / "temp"),
            private_keys(tmp_path),
        )
        _adopt(found)
        owner.ask("POST", "/user/repos", {"name": "live", "default_branch": "main"})
        for person in (alice, bob, gate):
            path = f"{found.repo}/collaborators/{person.login}"
            owner.ask("PUT", path, {"permission": "write"})
        found.push(owner, "main", "main:release", "audit-log")
        owner.ask("POST", f"{found.repo}/branch_protections", RULE)
        _check_out(found)
        yield found


def _now() -> datetime:
    return datetime.now(tz=UTC).replace(microsecond=0)


def _adopt(stage: Stage) -> None:
    """Write configuration, people with the numbers of their accounts, and policies."""
    people = people_file(stage.world.keyring)
    for name, number, account in (("alice", 1001, stage.alice), ("bob", 1002, stage.bob)):
        people = people.replace(
            f"{{forge: github.com, login: {name}, id: {number}}}",
            f"{{forge: '{HOST}', login: {account.login}, id: {account.id}}}",
        )
    trusting = "" if tells_targets() else "trustTargetHistory: true, "
    where = f"{trusting}url: '{URL}/api/v1', host: '{HOST}', project: {stage.project}"
    forge = f"{{kind: gitea, {where}}}"
    config = _late(f"{CONFIG}forge: {forge}\n")
    adopt(
        stage.world.repo,
        stage.world.keyring,
        config=config,
        people=people,
        risk=_late(RISK),
        approvals=_late(APPROVALS + COUNTING),
    )
    open_books(stage.world, config=config)
    assert LOG in (stage.world.repo.path / "itil-gate.yaml").read_text(encoding="utf-8")


def _late(text: str) -> str:
    """Put off the days that these texts name: they come."""
    return text.replace("2027-01-01", "2099-01-01")


def _check_out(stage: Stage) -> None:
    """Leave what a check-out leaves on a runner: origin, its credentials, the target branch."""
    repo = Repo(stage.runner.workspace, branch="unborn")
    basic = base64.b64encode(f"{stage.gate.login}:{stage.gate.whole}".encode()).decode()
    repo.git("config", f"http.{URL}/.extraheader", f"AUTHORIZATION: basic {basic}")
    repo.git("remote", "add", "origin", f"{URL}/{stage.project}.git")
    repo.git("fetch", "-q", "origin", "+refs/heads/main:refs/remotes/origin/main")
    repo.git("checkout", "-q", "--detach", "refs/remotes/origin/main")
    stage.runner.variables |= {
        "GITHUB_API_URL": f"{URL}/api/v1",
        "GITHUB_SERVER_URL": URL,
        "GITHUB_REPOSITORY": stage.project,
        "GITHUB_RUN_ID": "11",
        **stage.keys,
    }


def _is(judged: Judged, outcome: str, *codes: str) -> None:
    """Hold everything that came of a run against one word, and the ledger against its codes."""
    code, status, word = {
        "allow": (0, "success", "ALLOWED"),
        "deny": (1, "failure", "DENIED"),
        "pending": (3, "pending", "PENDING"),
    }[outcome]
    assert (judged.outcome, judged.codes) == (outcome, codes)
    assert (judged.code, judged.status) == (code, status)
    (comment,) = judged.comments
    assert comment.splitlines()[1].startswith(f"### {word}")


def _opened(stage: Stage) -> int:
    stage.world.propose()
    return stage.propose()


def _approved(stage: Stage) -> int:
    number = _opened(stage)
    stage.review(stage.bob, number, "APPROVED")
    _is(stage.judge(number), "allow", "approved")
    return number


def _rewrite(stage: Stage, text: str) -> str:
    """Let Alice put other content in the place of what she proposed, and push it by force."""
    stage.world.repo.checkout("main")
    stage.world.repo.git("branch", "-D", "feature")
    head = stage.world.propose({"src/app.py": text})
    stage.push(stage.alice, "--force", "feature")
    return head


def test_a_change_goes_from_its_pull_request_to_the_record(stage: Stage) -> None:
    number = _opened(stage)
    assert stage.merge(number) == UNMET
    _is(stage.judge(number), "pending")
    assert stage.merge(number) == UNMET

    stage.review(stage.outsider, number, "APPROVED")
    own = f"{stage.repo}/pulls/{number}/reviews"
    refused, _ = stage.alice.refused("POST", own, {"event": "APPROVED", "body": "mine"})
    assert refused == 422
    stage.review(stage.alice, number, "COMMENT")
    nothing = ("unknown-account", "commented")
    _is(stage.judge(number), "pending", *nothing)
    assert stage.merge(number) == UNMET

    first = stage.review(stage.bob, number, "APPROVED")
    _is(stage.judge(number), "allow", *nothing, "approved")

    path = f"{stage.repo}/pulls/{number}/reviews/{first}"
    stage.owner.ask("POST", f"{path}/dismissals", {"message": "not yet"})
    _is(stage.judge(number), "pending", *nothing, "dismissed")
    assert stage.merge(number) == UNMET
    stage.owner.ask("POST", f"{path}/undismissals")
    _is(stage.judge(number), "allow", *nothing, "approved")
    stage.owner.ask("POST", f"{path}/dismissals", {"message": "not yet, once more"})
    _is(stage.judge(number), "pending", *nothing, "dismissed")
    assert stage.merge(number) == UNMET

    stage.review(stage.bob, number, "APPROVED")
    _is(stage.judge(number), "allow", *nothing, "dismissed", "approved")
    before = stage.tip("main")
    assert stage.merge(number) == (0, "")
    landed = stage.landed(before)
    assert landed.code == 0, landed.err
    assert "AUTHORISED" in landed.out
    assert stage.runner.outputs["outcome"] == "allow"
    assert stage.run(number).code == 1  # it is merged: nothing is left to be decided


def test_an_approval_is_of_what_was_seen_and_a_no_stays(stage: Stage) -> None:
    number = _approved(stage)
    _rewrite(stage, "print('another')\n")
    stage.settle(number)
    assert stage.merge(number) == UNMET  # nobody has judged this head
    # The push took the older ones from the timeline, and with them what the target was till then.
    _is(stage.judge(number), "pending", "not-this-target" if tells_targets() else "stale")
    # Whoever reviews again has their older reviews dismissed, by the forge.
    stage.review(stage.bob, number, "REQUEST_CHANGES")
    _is(stage.judge(number), "deny", "dismissed", "rejected")
    assert stage.merge(number) == UNMET
    stage.review(stage.bob, number, "APPROVED")
    _is(stage.judge(number), "allow", "dismissed", "dismissed", "approved")


def test_an_approval_is_stale_after_another_commit(stage: Stage) -> None:
    number = _approved(stage)
    stage.world.commit({"src/app.py": "print('more')\n"})
    stage.push(stage.alice, "feature")
    stage.settle(number)
    _is(stage.judge(number), "pending", "stale")
    assert stage.merge(number) == UNMET


def test_requested_changes_stay_when_dismissed_and_on_a_new_head(stage: Stage) -> None:
    number = _opened(stage)
    review = stage.review(stage.bob, number, "REQUEST_CHANGES")
    _is(stage.judge(number), "deny", "rejected")
    path = f"{stage.repo}/pulls/{number}/reviews/{review}/dismissals"
    stage.owner.ask("POST", path, {"message": "never mind"})
    _is(stage.judge(number), "deny", "rejected")  # nobody else takes back what Bob said
    _rewrite(stage, "print('another')\n")
    stage.settle(number)
    _is(stage.judge(number), "deny", "rejected")


def test_whoever_pushed_to_the_branch_does_not_approve_it(stage: Stage) -> None:
    number = _opened(stage)
    stage.world.commit({"src/app.py": "print('with a hand from bob')\n"}, by="alice")
    stage.push(stage.bob, "feature")
    stage.settle(number)
    stage.review(stage.bob, number, "APPROVED")
    _is(stage.judge(number), "pending", "contributor")


def test_an_approval_for_another_target_is_none_for_this_one(stage: Stage) -> None:
    number = _approved(stage)
    first = stage.pull(number)
    stage.alice.ask("PATCH", f"{stage.repo}/pulls/{number}", {"base": "release"})
    ran = stage.run(number, first)
    assert ran.code == 2
    assert "forge-differs" in ran.err
    assert stage.runner.outputs["outcome"] == "undecided"
    (status,) = stage.forge.statuses(first["head"]["sha"])
    assert (status.state, status.description) == ("failure", "could not decide: forge-differs")
    _is(stage.judge(number), "pending", "not-this-target")
    told = {one.context: one.state for one in stage.forge.statuses(first["head"]["sha"])}
    assert told == {"itil-gate": "failure", "itil-gate: release": "pending"}

    stage.alice.ask("PATCH", f"{stage.repo}/pulls/{number}", {"base": "main"})
    time.sleep(1.1)
    _is(stage.judge(number), "pending", "not-this-target")
    assert stage.merge(number) == UNMET
    stage.review(stage.bob, number, "APPROVED")
    _is(stage.judge(number), "allow", "dismissed", "approved")


def test_a_push_right_before_the_merge_lands_nothing_that_was_not_approved(stage: Stage) -> None:
    number = _approved(stage)
    seen, before = stage.world.repo.tip("feature"), stage.tip("main")
    unseen = _rewrite(stage, "print('unseen')\n")
    at_once = stage.alice.refused(
        "POST", f"{stage.repo}/pulls/{number}/merge", {"Do": "merge", "head_commit_id": seen}
    )
    assert at_once[0] in {405, 409}, at_once
    assert stage.merge(number) == UNMET
    assert stage.tip("main") == before
    stage.settle(number)
    judged = stage.judge(number)
    assert (judged.outcome, stage.pull(number)["head"]["sha"]) == ("pending", unseen)
    assert "approved" not in judged.codes


def test_a_forged_status_lands_and_is_found(stage: Stage) -> None:
    number = _opened(stage)
    _is(stage.judge(number), "pending")
    head, before = stage.world.repo.tip("feature"), stage.tip("main")
    forged = {"state": "success", "context": "itil-gate", "description": "allowed (peer)"}
    stage.alice.ask("POST", f"{stage.repo}/statuses/{head}", forged)
    (status,) = stage.forge.statuses(head)
    assert status.state == "success"
    assert status.creator is not None
    assert status.creator.id == stage.alice.id  # all that tells it from the gate's own
    _is(stage.judge(number), "pending")  # the gate's next word stands over it
    assert stage.merge(number) == UNMET

    checks = _doctor(stage)
    assert checks["main source of the check"] == "ATTENTION"
    assert checks["main required check"] == "OK"

    stage.alice.ask("POST", f"{stage.repo}/statuses/{head}", forged)
    assert stage.merge(number) == (0, "")  # the forge asks for the name and not for the author
    landed = stage.landed(before)
    assert landed.code == 1
    assert "UNAUTHORISED" in landed.out
    assert stage.runner.outputs["outcome"] == "deny"


def _doctor(stage: Stage) -> dict[str, str]:
    env = {"ITIL_GATE_FORGE_TOKEN": stage.gate.whole}
    here = stage.runner.workspace
    ran = run_gate("doctor", "--forge", "--format", "json", cwd=here, env=env)
    return {one["check"]: one["status"] for one in json.loads(ran.out)["checks"]}


def test_what_the_forge_does_not_answer_is_no_decision(stage: Stage) -> None:
    number = _approved(stage)
    ran = stage.run(number, token="0" * 40)
    assert ran.code == 2
    assert "forge-refused" in ran.err
    assert stage.runner.outputs["outcome"] == "undecided"
    ran = stage.run(number, token=stage.gate.token("read:user"))
    assert ran.code == 2
    assert "read:repository" in ran.err
    ran = stage.run(number, token=stage.gate.token("read:repository"))
    assert ran.code == 2
    assert "read:issue" in ran.err
    # Who cannot speak takes nothing back: what an earlier run said stands on the forge.
    (status,) = stage.forge.statuses(stage.world.repo.tip("feature"))
    assert status.state == "success"
    ran = stage.run(number, {**stage.pull(number), "number": number + 100})
    assert ran.code == 2
    assert "forge-not-found" in ran.err
    (status,) = stage.forge.statuses(stage.world.repo.tip("feature"))
    assert (status.state, status.description) == ("failure", "could not decide: forge-not-found")


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("/live}", "/nothing}", "forge-not-found"),
        (f"'{URL}/api/v1'", "'http://127.0.0.1:9/api/v1'", "forge-unreachable"),
    ],
)
def test_a_forge_that_is_named_wrongly_is_no_decision(
    stage: Stage, old: str, new: str, code: str
) -> None:
    number = _opened(stage)
    repo = stage.world.repo
    text = (repo.path / "itil-gate.yaml").read_text(encoding="utf-8")
    assert old in text
    stage.world.on_main({"itil-gate.yaml": text.replace(old, new)})
    env = {"ITIL_GATE_FORGE_TOKEN": stage.gate_token}
    words = (*("check", "--pull", str(number), "--base", "main"), *HOME)
    ran = run_gate(*words, cwd=repo.path, env=env)
    assert ran.code == 2
    assert code in ran.err


def test_check_by_hand_says_what_the_action_says(stage: Stage) -> None:
    number = _approved(stage)
    env = {"ITIL_GATE_FORGE_TOKEN": stage.gate.token("read:repository", "read:issue")}
    words = (*("check", "--pull", str(number), "--base", "main"), *HOME)
    ran = run_gate(*words, "--format", "json", cwd=stage.world.repo.path, env=env)
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["outcome"] == "allow"
