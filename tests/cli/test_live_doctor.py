"""doctor --forge against a real Gitea or Forgejo server: protected, unprotected, and again.

Needs ITIL_GATE_TEST_GITEA_URL (the server, without /api/v1) and ITIL_GATE_TEST_GITEA_TOKEN, of an
administrator with all scopes. Makes a repository and people of its own there and removes them.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import time
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from support.books import Bookish, open_books
from support.shell import Ran, run_gate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.world import World

URL = os.environ.get("ITIL_GATE_TEST_GITEA_URL", "").rstrip("/")
ADMIN = os.environ.get("ITIL_GATE_TEST_GITEA_TOKEN", "")
pytestmark = pytest.mark.skipif(
    not (URL and ADMIN),
    reason="ITIL_GATE_TEST_GITEA_URL and ITIL_GATE_TEST_GITEA_TOKEN name no Gitea server",
)
RULE: dict[str, Any] = {
    "enable_push": False,
    "enable_status_check": True,
    "status_check_contexts": ["itil-gate"],
    "required_approvals": 1,
    "dismiss_stale_approvals": True,
    "block_on_outdated_branch": True,
    "block_admin_merge_override": True,
    "apply_to_admins": True,  # Forgejo's name for it
    "protected_file_patterns": ".gitea/workflows/**;.github/workflows/**",
}
PUSHED: dict[str, Any] = {"enable_push": True, "enable_force_push": False}


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
class Stage:
    """A repository on the server, its owner's token, the gate's, and the clone that names it."""

    repo: str
    owner: str
    gate: str
    gate_login: str
    desk: World
    books: Bookish

    def ask(self, method: str, path: str = "", body: Any = None) -> Any:
        return api(f"token {self.owner}", method, f"{self.repo}{path}", body)

    def protect(self, branch: str = "main", **rule: Any) -> None:
        body = {"rule_name": branch, **(RULE if branch == "main" else PUSHED), **rule}
        self.ask("POST", "/branch_protections", body)

    def administers(self) -> None:
        self.ask("PUT", f"/collaborators/{self.gate_login}", {"permission": "admin"})

    def doctor(self) -> tuple[Ran, dict[str, dict[str, str]]]:
        env = {"ITIL_GATE_FORGE_TOKEN": self.gate}
        ran = run_gate("doctor", "--forge", "--format", "json", cwd=self.desk.repo.path, env=env)
        return ran, {one["check"]: one for one in json.loads(ran.out)["checks"]}


def enrol(login: str, stack: ExitStack) -> str:
    """Make an account, which is removed with all it has when the stack ends; return its token."""
    password = secrets.token_urlsafe(16)
    body = {"email": f"{login}@example.test", "password": password, "username": login}
    api(f"token {ADMIN}", "POST", "/admin/users", {**body, "must_change_password": False})
    stack.callback(api, f"token {ADMIN}", "DELETE", f"/admin/users/{login}?purge=true")
    basic = base64.b64encode(f"{login}:{password}".encode()).decode()
    made = {"name": "doctor", "scopes": ["write:repository", "write:user"]}
    return str(api(f"Basic {basic}", "POST", f"/users/{login}/tokens", made)["sha1"])


@pytest.fixture
def stage(desk: World) -> Iterator[Stage]:
    """A repository with the branches that matter, unprotected, and a clone that names it."""
    with ExitStack() as stack:
        owner, gate = f"d-owner-{secrets.token_hex(3)}", f"d-gate-{secrets.token_hex(3)}"
        tokens = enrol(owner, stack), enrol(gate, stack)
        made = {"name": "live", "auto_init": True, "default_branch": "main"}
        api(f"token {tokens[0]}", "POST", "/user/repos", made)
        books = open_books(desk)
        before = desk.repo.tip("main")
        desk.repo.checkout("main")
        config = (desk.repo.path / "itil-gate.yaml").read_text()
        config = config.replace(", refs/heads/release", "")
        forge = f"{{kind: gitea, url: '{URL}/api/v1', host: gitea.test, project: {owner}/live}}"
        desk.commit({"itil-gate.yaml": f"{config}forge: {forge}\n"}, by="carol")
        books.landed(before)
        found = Stage(f"/repos/{owner}/live", *tokens, gate, desk, books)
        for branch in ("itil-gate-approvals", "audit-log"):
            found.ask("POST", "/branches", {"new_branch_name": branch, "old_branch_name": "main"})
        found.ask("PUT", f"/collaborators/{gate}", {"permission": "write"})
        yield found


def test_branches_that_nothing_protects_are_failures(stage: Stage) -> None:
    ran, found = stage.doctor()
    assert ran.code == 2
    for branch in ("main", "itil-gate-approvals", "audit-log"):
        assert found[f"{branch} protection"]["status"] == "FAIL", branch


def test_what_a_writer_may_not_see_is_not_known(stage: Stage) -> None:
    stage.protect()
    _, found = stage.doctor()
    assert found["main protection"]["status"] == "OK"
    assert found["main required check"]["status"] == "OK"
    for topic in ("force-push", "who is not bound", "administrators", "workflow", "stale reviews"):
        assert found[f"main {topic}"]["status"] == "NOT KNOWN", topic
        assert "administration of the repository" in found[f"main {topic}"]["mend"]


def test_a_rule_taken_away_and_made_again_is_told(stage: Stage) -> None:
    """The owner switches protection off and on; the server shows it as younger than the record."""
    for branch in ("main", "itil-gate-approvals", "audit-log"):
        stage.protect(branch)
    stage.administers()
    _, found = stage.doctor()
    loose = {
        name: one["status"]
        for name, one in found.items()
        if name.startswith(("main ", "itil-gate-", "audit-log")) and one["status"] != "OK"
    }
    told = "main changes of the rules"  # younger than the world's clock of March 2026
    assert loose == {"main source of the check": "ATTENTION", told: "ATTENTION"}
    assert found[told]["mend"] == "itil-gate audit reconcile"
    first = found[told]["message"]
    time.sleep(1.1)
    stage.ask("DELETE", "/branch_protections/main")
    _, found = stage.doctor()
    assert found["main protection"]["status"] == "FAIL"
    stage.protect()
    _, found = stage.doctor()
    assert found[told]["status"] == "ATTENTION"
    assert "after the newest landing on record" in first
    record = stage.ask("GET", "/branch_protections/main")["updated_at"]
    assert record[:16].replace("T", " ") in found[told]["message"]


def test_a_rule_that_is_loose_is_told_in_each_of_its_parts(stage: Stage) -> None:
    stage.protect(
        enable_push=True,
        enable_push_whitelist=True,
        push_whitelist_usernames=[stage.gate_login],
        block_admin_merge_override=False,
        apply_to_admins=False,
        dismiss_stale_approvals=False,
        block_on_outdated_branch=False,
        protected_file_patterns="",
        status_check_contexts=["tests"],
    )
    stage.administers()
    ran, found = stage.doctor()
    assert ran.code == 2
    assert found["main required check"]["status"] == "FAIL"
    unbound = found["main who is not bound"]
    assert unbound["status"] == "ATTENTION"
    assert f"user:{stage.gate_login}" in unbound["message"]
    assert "role:admin" in unbound["message"]
    for topic in ("administrators", "stale reviews", "up to date", "workflow"):
        assert found[f"main {topic}"]["status"] == "ATTENTION", topic


def test_a_forge_that_refuses_the_token_is_2(stage: Stage) -> None:
    env = {"ITIL_GATE_FORGE_TOKEN": "0" * 40}
    ran = run_gate("doctor", "--forge", cwd=stage.desk.repo.path, env=env)
    assert ran.code == 2
    assert "forge-refused" in ran.out or "forge-not-found" in ran.out
