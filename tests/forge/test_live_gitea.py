"""A real Gitea or Forgejo server: every step of a pull request, as the client reads it after.

Needs ITIL_GATE_TEST_GITEA_URL (the server, without /api/v1) and ITIL_GATE_TEST_GITEA_TOKEN, of an
administrator with all scopes. Makes a repository and people of its own there and removes them.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from support.live_gitea import tells_targets

from itil_gate.forge.opening import open_forge
from itil_gate.forge.protocol import ForgeError
from itil_gate.forge.values import RequiredCheck
from itil_gate.model.config import ForgeSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from itil_gate.forge.protocol import Forge
    from itil_gate.forge.values import ForgePull

URL = os.environ.get("ITIL_GATE_TEST_GITEA_URL", "").rstrip("/")
ADMIN = os.environ.get("ITIL_GATE_TEST_GITEA_TOKEN", "")
pytestmark = pytest.mark.skipif(
    not (URL and ADMIN),
    reason="ITIL_GATE_TEST_GITEA_URL and ITIL_GATE_TEST_GITEA_TOKEN name no Gitea server",
)
HOST = "gitea.test"
SCOPES = ("write:repository", "write:issue", "read:user")


def api(token: str, method: str, path: str, body: Any = None) -> Any:
    request = urllib.request.Request(  # noqa: S310 - the server that the environment names
        f"{URL}/api/v1{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": token, "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        text = answer.read()
    return json.loads(text) if text else None


@dataclass
class Person:
    """An account of the test with a token for each set of scopes."""

    login: str
    id: int
    password: str
    whole: str = ""

    def token(self, *scopes: str) -> str:
        basic = base64.b64encode(f"{self.login}:{self.password}".encode()).decode()
        body = {"name": secrets.token_hex(4), "scopes": scopes or SCOPES}
        made = api(f"Basic {basic}", "POST", f"/users/{self.login}/tokens", body)
        return str(made["sha1"])

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        self.whole = self.whole or self.token("all")
        return api(f"token {self.whole}", method, path, body)


@dataclass
class Scene:
    """A repository on the server, the people in it, and a clone."""

    owner: Person
    alice: Person
    bob: Person
    gate: Person
    clone: Path

    @property
    def repo(self) -> str:
        return f"/repos/{self.owner.login}/live"

    def git(self, *words: str) -> str:
        done = subprocess.run(
            ["git", *words], cwd=self.clone, capture_output=True, text=True, check=True, timeout=60
        )
        return done.stdout.strip()

    def commit(self, text: str, *, amend: bool = False) -> str:
        (self.clone / "a.txt").write_text(text)
        self.git("add", "a.txt")
        self.git("commit", "-q", *(["--amend"] if amend else []), "-m", text)
        return self.git("rev-parse", "HEAD")

    def push(self, who: Person, *words: str) -> None:
        bare = URL.partition("://")
        url = f"{bare[0]}://{who.login}:{who.password}@{bare[2]}/{self.owner.login}/live.git"
        self.git("push", "-q", url, *words)

    def forge(self, *scopes: str, trusting: bool = False) -> Forge:
        settings = ForgeSettings(
            kind="gitea",
            url=f"{URL}/api/v1",
            host=HOST,
            project=f"{self.owner.login}/live",
            trust_target_history=trusting,
        )
        return open_forge(settings, token=self.gate.token(*scopes))

    def read(self, number: int, head: str) -> ForgePull:
        """Read the pull request, once the server knows who pushed this head: it takes a while."""
        for _ in range(40):
            scopes = ("read:repository", "read:issue")
            found = self.forge(*scopes, trusting=not tells_targets()).pull(number)
            if found.pull.head == head and found.pull.head_since is not None:
                return found
            time.sleep(0.25)
        return found

    def review(self, who: Person, number: int, **body: Any) -> Any:
        time.sleep(1.1)  # reviews of one second share a place
        return who.ask("POST", f"{self.repo}/pulls/{number}/reviews", {"body": "x", **body})


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """A repository with people; both are gone afterwards."""
    with ExitStack() as stack:
        tag = secrets.token_hex(3)
        people = [
            enrol(f"t-{name}-{tag}", stack=stack) for name in ("owner", "alice", "bob", "gate")
        ]
        found = Scene(*people, clone=tmp_path)
        found.owner.ask("POST", "/user/repos", {"name": "live", "default_branch": "main"})
        for person in people[1:]:
            path = f"{found.repo}/collaborators/{person.login}"
            found.owner.ask("PUT", path, {"permission": "write"})
        found.git("init", "-q", "-b", "main")
        found.git("config", "user.name", "Somebody")
        found.git("config", "user.email", "somebody@example.test")
        found.commit("one")
        found.push(found.owner, "main", "main:release")
        yield found


def enrol(login: str, *, stack: ExitStack) -> Person:
    """Make an account, which is removed with all it has when the stack ends."""
    password = secrets.token_urlsafe(16)
    body = {
        "username": login,
        "email": f"{login}@example.test",
        "password": password,
        "must_change_password": False,
    }
    made = api(f"token {ADMIN}", "POST", "/admin/users", body)
    stack.callback(api, f"token {ADMIN}", "DELETE", f"/admin/users/{login}?purge=true")
    return Person(login, made["id"], password)


def opened(scene: Scene) -> tuple[int, str]:
    scene.git("switch", "-q", "-c", "feature")
    head = scene.commit("two")
    scene.push(scene.alice, "feature")
    return propose(scene, scene.alice, "feature"), head


def propose(scene: Scene, who: Person, head: str) -> int:
    """Open a pull request, once the server knows of the branch: it takes a while."""
    body = {"head": head, "base": "main", "title": "Two"}
    for left in range(20, -1, -1):
        try:
            return int(who.ask("POST", f"{scene.repo}/pulls", body)["number"])
        except urllib.error.HTTPError as error:
            error.close()
            if error.code != 404 or not left:
                raise
            time.sleep(0.25)
    raise AssertionError


def test_a_pull_request_and_its_reviews_are_read_as_they_were_given(scene: Scene) -> None:
    number, first = opened(scene)
    read = scene.read(number, first)
    pull = read.pull
    assert (pull.number, pull.opener.id, pull.opener.forge) == (number, scene.alice.id, HOST)
    assert (pull.state, pull.draft, pull.title) == ("open", False, "Two")
    assert (pull.head, pull.base_ref) == (first, "refs/heads/main")
    assert [who.id for who in pull.pushers] == [scene.alice.id]
    assert pull.head_since is not None
    assert abs(read.server_time - datetime.now(UTC)) < timedelta(minutes=1)
    assert pull.head_since <= read.server_time
    assert (read.reviews, read.from_fork) == ((), False)
    assert pull.base_since is not None
    assert pull.base_since <= read.server_time

    scene.review(scene.bob, number, event="APPROVED")
    (approval,) = scene.read(number, first).reviews
    assert (approval.account, approval.login) == (scene.bob.id, scene.bob.login)
    assert (approval.state, approval.dismissed, approval.commit) == ("approved", False, first)
    assert approval.submitted_at >= pull.head_since

    path = f"{scene.repo}/pulls/{number}/reviews/{approval.id}/dismissals"
    scene.owner.ask("POST", path, {"message": "no"})
    (gone,) = scene.read(number, first).reviews
    assert (gone.state, gone.dismissed) == ("approved", True)

    scene.review(scene.bob, number, event="REQUEST_CHANGES")
    scene.review(scene.bob, number, event="COMMENT")
    scene.review(scene.bob, number, event="APPROVED")
    scene.review(scene.gate, number, event="COMMENT", commit_id="nonsense")
    scene.review(scene.bob, number, event="PENDING", comments=[])
    scene.alice.ask(
        "POST",
        f"{scene.repo}/pulls/{number}/requested_reviewers",
        {"reviewers": [scene.owner.login]},
    )
    reviews = scene.read(number, first).reviews
    assert [review.state for review in reviews] == [
        *("approved", "changes-requested", "commented", "approved", "commented")
    ]
    assert [review.sequence for review in reviews] == sorted({one.sequence for one in reviews})
    assert reviews[-1].commit is None  # what the reviewer sent is no commit


def test_every_push_is_read_with_who_made_it_and_when(scene: Scene) -> None:
    number, first = opened(scene)
    scene.read(number, first)
    scene.review(scene.bob, number, event="APPROVED")
    time.sleep(1.1)
    second = scene.commit("three")
    scene.push(scene.bob, "feature")
    pushed = scene.read(number, second).pull
    assert [who.id for who in pushed.pushers] == [scene.alice.id, scene.bob.id]
    assert pushed.head_since is not None
    assert pushed.head_since > scene.read(number, second).reviews[0].submitted_at

    time.sleep(1.1)
    third = scene.commit("four", amend=True)
    scene.push(scene.alice, "--force", "feature")
    forced = scene.read(number, third).pull
    assert [who.id for who in forced.pushers] == [scene.bob.id, scene.alice.id]
    assert forced.head_since is not None
    assert forced.head_since > pushed.head_since

    time.sleep(1.1)
    scene.push(scene.bob, "--force", f"{second}:feature")  # back to what bob had pushed
    back = scene.read(number, second).pull
    assert [who.id for who in back.pushers] == [scene.alice.id, scene.bob.id]
    assert back.head_since is not None
    assert back.head_since > forced.head_since

    time.sleep(1.1)
    scene.alice.ask("PATCH", f"{scene.repo}/pulls/{number}", {"base": "release"})
    moved = scene.read(number, second).pull
    assert back.base_since is not None
    assert moved.base_since is not None
    assert moved.base_since > back.base_since
    assert moved.base_ref == "refs/heads/release"
    assert (moved.pushers, moved.head_since) == (back.pushers, back.head_since)

    scene.alice.ask("PATCH", f"{scene.repo}/pulls/{number}", {"title": "WIP: Two"})
    assert scene.read(number, second).pull.draft
    scene.alice.ask("PATCH", f"{scene.repo}/pulls/{number}", {"state": "closed"})
    assert scene.read(number, second).pull.state == "closed"


def test_a_change_of_target_is_noticed_behind_what_is_hidden(scene: Scene) -> None:
    """Comments in the code are in no timeline, and take their places all the same."""
    number, head = opened(scene)
    before = scene.read(number, head).pull.base_since
    time.sleep(1.1)
    line = {"path": "a.txt", "new_position": 1, "body": "here"}
    scene.bob.ask(
        "POST",
        f"{scene.repo}/pulls/{number}/reviews",
        {"event": "COMMENT", "body": "x", "comments": [line] * 120},
    )
    scene.alice.ask("PATCH", f"{scene.repo}/pulls/{number}", {"base": "release"})
    scene.alice.ask("PATCH", f"{scene.repo}/pulls/{number}", {"base": "main"})
    page = scene.alice.ask("GET", f"{scene.repo}/issues/{number}/timeline?page=2&limit=50")
    assert not page  # the entries of the change are on the third
    after = scene.forge().pull(number).pull.base_since
    assert before is not None
    assert after is None or after > before


def test_a_branch_that_was_deleted_begins_anew(scene: Scene) -> None:
    number, head = opened(scene)
    scene.read(number, head)
    time.sleep(1.1)
    scene.push(scene.alice, "--delete", "feature")
    time.sleep(1.1)
    again = scene.commit("other", amend=True)
    scene.push(scene.bob, "feature")
    number = propose(scene, scene.bob, "feature")
    assert [who.id for who in scene.read(number, again).pull.pushers] == [scene.bob.id]


def test_a_pull_request_of_a_fork_tells_who_pushed_there(scene: Scene) -> None:
    scene.bob.ask("POST", f"{scene.repo}/forks", {"name": "theirs"})
    scene.git("switch", "-q", "-c", "far")
    head = scene.commit("far")
    bare = URL.partition("://")
    there = f"{bare[0]}://{scene.bob.login}:{scene.bob.password}@{bare[2]}"
    scene.git("push", "-q", f"{there}/{scene.bob.login}/theirs.git", "far")
    number = propose(scene, scene.bob, f"{scene.bob.login}:far")
    read = scene.read(number, head)
    assert read.from_fork
    assert read.source == scene.bob.ask("GET", f"/repos/{scene.bob.login}/theirs")["id"]
    assert [who.id for who in read.pull.pushers] == [scene.bob.id]
    scene.bob.ask("DELETE", f"/repos/{scene.bob.login}/theirs")
    gone = scene.forge().pull(number)
    assert (gone.pull.head_since, gone.pull.pushers, gone.from_fork) == (None, (), True)


def test_a_status_is_posted_and_read_with_who_posted_it(scene: Scene) -> None:
    _, head = opened(scene)
    forge = scene.forge()
    forge.post_status(head, state="pending", description="waits")
    forge.post_status(head, state="success", description="x" * 300, url="https://example.test/1")
    (status,) = forge.statuses(head)
    assert (status.context, status.state) == ("itil-gate", "success")
    assert status.creator is not None
    assert status.creator.id == scene.gate.id
    assert len(status.description) == 140
    theirs = {"state": "success", "context": "itil-gate"}
    scene.alice.ask("POST", f"{scene.repo}/statuses/{head}", theirs)
    (status,) = forge.statuses(head)
    assert status.creator is not None
    assert status.creator.id == scene.alice.id


def test_there_is_one_comment_of_ours_whatever_others_write(scene: Scene) -> None:
    number, _ = opened(scene)
    path = f"{scene.repo}/issues/{number}/comments"
    scene.alice.ask("POST", path, {"body": "<!-- itil-gate -->\nallow, says alice"})
    scene.gate.ask("POST", path, {"body": "not the marker\n<!-- itil-gate -->"})
    forge = scene.forge()
    first = forge.upsert_comment(number, text="denied")
    assert forge.upsert_comment(number, text="allowed") == first
    bodies = [one["body"] for one in scene.gate.ask("GET", path)]
    assert bodies == [
        "<!-- itil-gate -->\nallow, says alice",
        "not the marker\n<!-- itil-gate -->",
        "<!-- itil-gate -->\nallowed",
    ]


def test_protection_is_read_as_far_as_the_token_may(scene: Scene) -> None:
    branches = f"{scene.repo}/branches"
    rule = {
        "rule_name": "main",
        "enable_push": False,
        "enable_status_check": True,
        "status_check_contexts": ["itil-gate"],
        "required_approvals": 2,
        "dismiss_stale_approvals": True,
        "block_admin_merge_override": True,
        "apply_to_admins": True,  # Forgejo's name for it
        "protected_file_patterns": ".gitea/workflows/**;.github/workflows/**",
    }
    scene.owner.ask("POST", f"{scene.repo}/branch_protections", rule)
    for _ in range(80):  # the server looks at a push some time after it
        there = scene.owner.ask("GET", branches) or ()
        if {"main", "release"} <= {one["name"] for one in there}:
            break
        time.sleep(0.25)
    seen = scene.forge().protection("main")
    assert (seen.protected, seen.approvals) == (True, 2)
    assert seen.checks == (RequiredCheck(context="itil-gate", source=None),)
    assert (seen.force_push, seen.bypass, seen.admins_included) == (None, None, None)
    assert seen.unread
    scene.owner.ask(
        "PUT", f"{scene.repo}/collaborators/{scene.gate.login}", {"permission": "admin"}
    )
    whole = scene.forge().protection("refs/heads/main")
    assert (whole.pull_required, whole.force_push, whole.deletion) == (True, False, False)
    assert (whole.dismiss_stale, whole.admins_included, whole.bypass) == (True, True, ())
    assert (whole.workflow, whole.unread) == ("restricted", ())
    bare = scene.forge().protection("release")
    assert (bare.protected, bare.force_push, bare.deletion) == (False, True, True)
    absent = scene.forge().protection("audit-log")
    assert absent.protected is None
    assert absent.unread


@pytest.mark.parametrize(
    ("scopes", "code", "said"),
    [(("read:user",), "forge-refused", "read:repository")],
)
def test_a_token_that_may_too_little_is_told_what_it_lacks(
    scene: Scene, scopes: tuple[str, ...], code: str, said: str
) -> None:
    number, head = opened(scene)
    with pytest.raises(ForgeError) as caught:
        scene.forge(*scopes).pull(number)
    assert caught.value.code == code
    assert said in caught.value.diagnostics()
    with pytest.raises(ForgeError) as caught:
        scene.forge("read:repository", trusting=True).pull(number)
    assert "read:issue" in caught.value.diagnostics()
    with pytest.raises(ForgeError) as caught:
        scene.forge("read:repository").post_status(head, state="success", description="x")
    assert "write:repository" in caught.value.diagnostics()
    with pytest.raises(ForgeError) as caught:
        scene.forge("read:repository").upsert_comment(number, text="x")
    assert "read:user" in caught.value.diagnostics()
    with pytest.raises(ForgeError) as caught:
        scene.forge().pull(number + 100)
    assert caught.value.code == "forge-not-found"
