"""GitLab's own Go client beside ours: the same requests, and answers that both can read.

GitLab publishes no description of its API in a registry that could be installed and held against;
its client is the nearest thing. What the client asks of a server is what GitLab understands.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.forge_server import Asked, ForgeServer, Say, forge_server
from support.gitlab_answers import API, CHECKS, PROJECT, told
from support.peers import built, needed

from itil_gate.forge.http import Limits
from itil_gate.forge.opening import open_forge, open_status_checks
from itil_gate.model.config import ForgeSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.peer

HERE = Path(__file__).resolve().parent
HEAD = "b" * 40
TOKEN = "glpat-x"  # noqa: S105 - made up
CHECK = CHECKS["refs/heads/main"]
QUICK = Limits(whole=20, tries=1)
RULES = {
    "id": 1,
    "name": "main",
    "push_access_levels": [{"id": 1, "access_level": 0, "access_level_description": "No one"}],
    "allow_force_push": False,
}
POSTED = {
    "id": 2,
    "name": "itil-gate",
    "status": "failed",
    "author": {"id": 99, "username": "gate"},
}
EXTERNAL = {
    "id": CHECK,
    "name": "itil-gate",
    "project_id": 5,
    "external_url": "https://gate.example.com",
    "hmac": False,
    "protected_branches": [{"id": 14, "project_id": 5, "name": "main"}],
}


@pytest.fixture
def server() -> Iterator[ForgeServer]:
    with forge_server() as running:
        told(running, {7: HEAD}, approved="erin")
        running.on("GET", f"{API}/protected_branches", [RULES])
        running.on("GET", f"{API}/external_status_checks", [EXTERNAL])
        running.on("GET", f"{API}/approval_rules", [{"id": 1, "approvals_required": 2}])
        running.on("GET", f"{API}/approvals", {"reset_approvals_on_push": True})
        running.on("GET", f"{API}/repository/commits/{HEAD}/statuses", [POSTED])
        running.on("GET", API, settings_of_the_project())
        yield running


def settings_of_the_project() -> dict[str, Any]:
    return {
        "merge_method": "merge",
        "squash_option": "never",
        "only_allow_merge_if_pipeline_succeeds": True,
        "only_allow_merge_if_all_status_checks_passed": True,
        "ci_config_path": "",
    }


def theirs(server: ForgeServer) -> tuple[list[Asked], list[Any]]:
    """Let GitLab's client ask; return its requests, and what it read of each answer."""
    program = needed(lambda: built(HERE / "gitlabgo"))
    done = subprocess.run(
        [program, f"{server.url}/api/v4", PROJECT, HEAD],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    asked = list(server.asked)
    server.asked.clear()
    return asked, [json.loads(line) for line in done.stdout.splitlines()]


def ours(server: ForgeServer) -> list[Asked]:
    """Ask and tell everything that we do."""
    settings = ForgeSettings(
        kind="gitlab", url=f"{server.url}/api/v4", host="gitlab.test", project=PROJECT
    )
    forge = open_forge(settings, token=TOKEN, limits=QUICK)
    forge.pull(7)
    forge.open_pulls()
    forge.statuses(HEAD)
    forge.upsert_comment(7, text="text")
    forge.post_status(HEAD, state="failure", description="text")
    forge.protection("main")
    checks = open_status_checks(settings, token=TOKEN, limits=QUICK)
    checks.answer(7, check=CHECK, commit=HEAD, state="failure")
    asked = list(server.asked)
    server.asked.clear()
    return asked


def test_we_ask_where_gitlabs_own_client_asks(server: ForgeServer) -> None:
    asked, _ = theirs(server)
    known = {(one.method, one.path) for one in asked}
    assert len(known) == len(asked) >= 17
    assert known == {(one.method, one.path) for one in ours(server)}


def test_we_tell_what_gitlabs_own_client_tells(server: ForgeServer) -> None:
    asked, _ = theirs(server)
    told_by_us = {one.path: one.body for one in ours(server) if one.method == "POST"}
    told_by_them = {one.path: one.body for one in asked if one.method == "POST"}
    assert told_by_us.keys() == told_by_them.keys()
    note = told_by_us.pop(f"{API}/merge_requests/7/notes")
    assert told_by_them.pop(f"{API}/merge_requests/7/notes").keys() == note.keys()
    assert told_by_us == told_by_them


def test_the_answers_of_our_tests_are_such_as_gitlabs_own_client_reads(
    server: ForgeServer,
) -> None:
    _, read = theirs(server)
    merge, versions, _, approvals, *_ = read
    opened, statuses, events, project, rules, resets, branches, checks = read[-8:]
    assert (merge["iid"], merge["sha"], merge["target_branch"]) == (7, HEAD, "main")
    assert [one["head_commit_sha"] for one in versions] == [HEAD]
    assert [one["User"]["username"] for one in approvals["approved_by"]] == ["erin"]
    assert [one["iid"] for one in opened] == [7]
    assert [(one["name"], one["status"]) for one in statuses] == [("itil-gate", "failed")]
    assert [one["push_data"]["commit_to"] for one in events] == [HEAD]
    assert (project["merge_method"], project["squash_option"]) == ("merge", "never")
    assert (rules[0]["approvals_required"], resets["reset_approvals_on_push"]) == (2, True)
    assert [one["allow_force_push"] for one in branches] == [False]
    assert checks[0]["protected_branches"][0]["name"] == "main"


def test_an_answer_of_another_shape_is_refused_by_both(server: ForgeServer) -> None:
    server.on("GET", f"{API}/merge_requests/7", Say({"iid": "seven"}))
    program = needed(lambda: built(HERE / "gitlabgo"))
    command = [program, f"{server.url}/api/v4", PROJECT, HEAD]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "cannot unmarshal" in done.stderr
