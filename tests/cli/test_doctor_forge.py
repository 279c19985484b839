"""doctor --forge: through the real client against a server that answers as GitHub and Gitea do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.forge_rules import (
    HIDDEN,
    OPEN,
    REPO,
    TOKEN,
    WHOLE,
    adopt_forge,
    checks,
    doctor,
    ruleset,
)
from support.forge_server import Asked, ForgeServer, Say, forge_server
from support.shell import run_gate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.world import World


@pytest.fixture
def server() -> Iterator[ForgeServer]:
    with forge_server() as running:
        yield running
    assert not running.faults


def test_rules_that_are_tight_are_well_and_the_token_goes_along(
    desk: World, server: ForgeServer
) -> None:
    ruleset(server, *WHOLE)
    adopt_forge(desk, server.url)
    found = checks(doctor(desk))
    assert found["forge"]["status"] == "OK"
    ours = {name: one for name, one in found.items() if name.startswith(("main ", "itil-gate-"))}
    assert {name for name, one in ours.items() if one["status"] != "OK"} == {
        "main changes of the rules"  # nothing is on record here
    }
    assert "2026-07-14 23:42" in found["main changes of the rules"]["message"]
    assert {one.headers["authorization"] for one in server.asked} == {f"Bearer {TOKEN}"}


def test_another_guarded_branch_has_to_wait_for_the_answer_about_itself(
    desk: World, server: ForgeServer
) -> None:
    ruleset(server, *WHOLE)
    whole = server.answer(Asked("GET", f"{REPO}/rules/branches/main", {}, {}, None))
    server.on("GET", f"{REPO}/rules/branches/release", whole)
    server.on("GET", f"{REPO}/branches/release/protection", OPEN)
    adopt_forge(desk, server.url)
    config = (desk.repo.path / "itil-gate.yaml").read_text()
    both = config.replace("[refs/heads/main]", "[refs/heads/main, refs/heads/release]")
    assert both != config
    desk.commit({"itil-gate.yaml": both}, by="carol")
    found = checks(doctor(desk))
    assert found["main required check"]["status"] == "OK"
    # What is required there is the answer about main: it says nothing of release.
    assert found["release required check"]["status"] == "FAIL"
    assert found["release required check"]["mend"] == "require `itil-gate: release` on the branch"
    # The clone was told that release is the default branch: then it is the other way round.
    desk.repo.git("update-ref", "refs/remotes/origin/release", "main")
    desk.repo.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/release")
    found = checks(doctor(desk))
    assert found["main required check"]["mend"] == "require `itil-gate: main` on the branch"
    assert found["release required check"]["status"] == "OK"


def test_what_github_hides_from_the_token_is_not_known_with_the_permission(
    desk: World, server: ForgeServer
) -> None:
    ruleset(server, {"type": "non_fast_forward"}, bypass_actors=None)
    server.on("GET", f"{REPO}/branches/main/protection", HIDDEN)
    server.on("GET", f"{REPO}/branches/main", {"protected": True})
    server.on("GET", REPO, {})
    adopt_forge(desk, server.url)
    ran = doctor(desk)
    found = {
        name.removeprefix("main "): one
        for name, one in checks(ran).items()
        if name.startswith("main ")
    }
    assert {name for name, one in found.items() if one["status"] == "OK"} == {
        "protection",
        "force-push",  # a ruleset forbids it, whatever is hidden
    }
    unread = [one for one in found.values() if one["status"] == "NOT KNOWN"]
    assert len(unread) >= 11
    assert all("Administration" in one["mend"] for one in unread)
    assert ran.code == 1


def test_a_forge_that_cannot_be_asked_is_a_failure_beside_the_other_checks(
    desk: World, server: ForgeServer
) -> None:
    server.on("GET", f"{REPO}/rules/branches/main", Say({"message": "Bad credentials"}, status=401))
    adopt_forge(desk, server.url)
    ran = doctor(desk)
    assert ran.code == 2
    found = checks(ran)
    assert found["forge"]["status"] == "FAIL"
    assert "forge-refused" in found["forge"]["message"]
    assert "ITIL_GATE_FORGE_TOKEN" in found["forge"]["mend"]
    assert found["git"]["status"] == "OK"
    assert TOKEN not in ran.out + ran.err


def test_a_target_that_names_no_forge_is_a_failure_only_where_it_is_asked(desk: World) -> None:
    ran = doctor(desk)
    assert ran.code == 2
    assert "no-forge" in checks(ran)["forge"]["message"]
    assert "forge" not in run_gate("doctor", cwd=desk.repo.path).out


def test_the_branches_of_evidence_are_asked_too(desk: World, server: ForgeServer) -> None:
    ruleset(server, *WHOLE)
    server.on("GET", f"{REPO}/rules/branches/itil-gate-approvals", [])
    adopt_forge(desk, server.url)
    check = checks(doctor(desk))["itil-gate-approvals protection"]
    assert check["status"] == "FAIL"
    assert "can drop approvals and rejections" in check["message"]


def test_what_a_forge_tells_is_escaped_and_what_is_not_known_is_shown(
    desk: World, server: ForgeServer
) -> None:
    checked = [{"context": "\x1b[31mtests", "integration_id": 1}]
    ruleset(
        server,
        {"type": "required_status_checks", "parameters": {"required_status_checks": checked}},
        bypass_actors=None,
    )
    adopt_forge(desk, server.url)
    env = {"ITIL_GATE_FORGE_TOKEN": TOKEN}
    ran = run_gate("doctor", "--forge", cwd=desk.repo.path, env=env)
    assert "\x1b" not in ran.out
    assert "tests" in ran.out
    assert "NOT KNOWN  main who is not bound: who may bypass the rules could not be read" in ran.out
    assert "mend: who may bypass ruleset 5: needs Administration: write" in ran.out


def test_a_branch_of_gitea_is_judged_by_its_one_rule(desk: World, server: ForgeServer) -> None:
    adopt_forge(desk, f"{server.url}/api/v1", kind="gitea")
    api = f"/api/v1{REPO}"
    names = ("merge_commits", "squash_merge", "rebase", "fast_forward_only_merge")
    server.on("GET", api, {f"allow_{name}": True for name in names})
    rule = {
        "rule_name": "main",
        "enable_push": False,
        "enable_push_whitelist": False,
        "enable_status_check": True,
        "status_check_contexts": ["itil-gate"],
        "required_approvals": 1,
        "dismiss_stale_approvals": True,
        "block_on_outdated_branch": True,
        "block_admin_merge_override": True,
        "protected_file_patterns": ".gitea/workflows/**;.github/workflows/**",
        "updated_at": "2026-11-22T23:09:20Z",
    }
    for branch in ("main", "itil-gate-approvals"):
        told = {
            "name": branch,
            "protected": True,
            "required_approvals": 1,
            "enable_status_check": True,
            "status_check_contexts": ["itil-gate"],
            "effective_branch_protection_name": branch,
        }
        server.on("GET", f"{api}/branches/{branch}", told)
        server.on("GET", f"{api}/branch_protections/{branch}", rule | {"rule_name": branch})
    found = checks(doctor(desk))
    loose = {
        name: one["status"]
        for name, one in found.items()
        if name.startswith(("main ", "itil-gate-")) and one["status"] != "OK"
    }
    assert loose == {
        "main source of the check": "ATTENTION",  # Gitea cannot pin it
        "main changes of the rules": "ATTENTION",  # nothing is on record here
        "itil-gate-approvals pushes": "ATTENTION",  # by pull request only: nobody can add
    }


def test_a_branch_of_gitlab_is_judged_as_far_as_gitlab_tells(
    desk: World, server: ForgeServer
) -> None:
    adopt_forge(desk, f"{server.url}/api/v4", kind="gitlab")
    project = "/api/v4/projects/acme%2Fpayments"
    settings = {
        "merge_method": "ff",
        "squash_option": "never",
        "only_allow_merge_if_pipeline_succeeds": True,
        "ci_config_path": "gate.yml@acme/policy",
    }
    server.on("GET", project, settings)
    nobody = {"id": 1, "push_access_levels": [{"access_level": 0}], "allow_force_push": False}
    pushed = {"id": 2, "push_access_levels": [{"access_level": 30}], "allow_force_push": True}
    branches = [{**nobody, "name": "main"}, {**pushed, "name": "itil-gate-*"}]
    server.on("GET", f"{project}/protected_branches", branches)
    server.on("GET", f"{project}/approval_rules", HIDDEN)
    server.on("GET", f"{project}/approvals", HIDDEN)
    ran = doctor(desk)
    found = checks(ran)
    assert ran.code == 2
    assert found["itil-gate-approvals force-push"]["status"] == "FAIL"
    for topic in ("required check", "workflow", "direct pushes", "force-push", "merge methods"):
        assert found[f"main {topic}"]["status"] == "OK", topic
    assert "role:maintainer (deletion in the web" in found["main who is not bound"]["message"]
    assert found["main stale reviews"]["status"] == "NOT KNOWN"
    assert "Premium" in found["main stale reviews"]["mend"]
    assert found["main changes of the rules"]["status"] == "NOT KNOWN"
    assert "no permission shows it here" in found["main changes of the rules"]["mend"]
