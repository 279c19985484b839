"""No environment variable and no setting of the caller changes what is decided."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from support.cases import case
from support.repository import Repo
from support.shell import run_gate
from support.world import broken

from itil_gate.report.json_report import decision_json

if TYPE_CHECKING:
    from pathlib import Path

    from support.world import World

FREEZE = """\
apiVersion: itil-gate/v1
kind: Calendar
metadata: {name: freezes, owner: change-authority, reviewBy: 2027-01-01}
spec:
  freezes:
    - {id: forever, reason: Nothing moves., start: "2020-01-01T00:00",
       end: "2190-01-01T00:00", timezone: UTC}
"""
WINDOW = '  window: {start: "2180-01-01T10:00", end: "2180-01-01T11:00", timezone: UTC}\n'
JUDGING = {
    "ITIL_GATE_NOW": "1999-01-01T00:00:00Z",
    "ITIL_GATE_BASE": "feature",
    "ITIL_GATE_HEAD": "main",
    "ITIL_GATE_TARGET": "refs/heads/elsewhere",
    "ITIL_GATE_REPO": "/nowhere",
    "ITIL_GATE_CONFIG": "/dev/null",
    "ITIL_GATE_POLICIES": "/dev/null",
    "ITIL_GATE_PEOPLE": "/dev/null",
    "ITIL_GATE_KEYS": "/dev/null",
    "ITIL_GATE_MODE": "audit",
    "ITIL_GATE_ENFORCE": "false",
    "ITIL_GATE_DRAFT": "0",
    "ITIL_GATE_SKIP": "1",
    "ITIL_GATE_CHECK_BASE": "feature",
    "ITIL_GATE_CHECK_HEAD": "main",
    "SOURCE_DATE_EPOCH": "0",
    "TZ": "Pacific/Kiritimati",
    "LC_ALL": "tr_TR.UTF-8",
    "CI": "true",
}


def of_git(other: Repo, home: Path) -> dict[str, str]:
    """Return variables that would point git at another repository, clock or configuration."""
    return {
        "GIT_DIR": str(other.git_dir),
        "GIT_WORK_TREE": str(other.path),
        "GIT_COMMON_DIR": str(other.git_dir),
        "GIT_OBJECT_DIRECTORY": str(other.git_dir / "objects"),
        "GIT_INDEX_FILE": "/nowhere/index",
        "GIT_NAMESPACE": "elsewhere",
        "GIT_REPLACE_REF_BASE": "refs/heads/",
        "GIT_GRAFT_FILE": str(home / "grafts"),
        "GIT_SHALLOW_FILE": str(home / "shallow"),
        "GIT_CEILING_DIRECTORIES": "/",
        "GIT_CONFIG_GLOBAL": str(home / "gitconfig"),
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.attributesFile",
        "GIT_CONFIG_VALUE_0": str(home / "attributes"),
        "GIT_CONFIG_PARAMETERS": "'core.bare=true'",
        "GIT_ATTR_SOURCE": "feature",
        "GIT_LITERAL_PATHSPECS": "0",
        "GIT_AUTHOR_DATE": "@1 +0000",
        "GIT_COMMITTER_DATE": "@1 +0000",
        "GIT_TEST_DATE_NOW": "1",
        "XDG_CONFIG_HOME": str(home),
    }


def without_now(text: str) -> dict[str, Any]:
    """Return a printed decision without the moment it was made."""
    decision: dict[str, Any] = json.loads(text)
    assert decision.pop("now")
    assert decision["digests"].pop("facts")
    return decision


@case("316")
def test_no_variable_changes_a_decision(world: World, tmp_path: Path) -> None:
    world.commit({"calendar/freezes.yaml": FREEZE}, by="carol")
    world.propose(extra=WINDOW)
    usual = world.check()
    assert broken(usual) == {"in-freeze", "missing-approval"}
    elsewhere = Repo(tmp_path / "elsewhere")
    elsewhere.commit(files={"itil-gate.yaml": "free: everything\n"})
    home = tmp_path / "home"
    home.mkdir()
    for name, text in {
        "grafts": f"{usual.head}\n",
        "shallow": f"{usual.head}\n",
        "attributes": "* merge=union\n",
        "gitconfig": "[core]\n\tattributesFile = attributes\n",
        ".gitconfig": f"[core]\n\tattributesFile = {home}/attributes\n\tworktree = /nowhere\n",
    }.items():
        (home / name).write_text(text)
    ran = run_gate(
        *("check", "--base", "main", "--head", "feature", "--format", "json"),
        cwd=world.repo.path,
        env={**JUDGING, **of_git(elsewhere, home), "HOME": str(home)},
    )
    assert ran.code == 1, ran.err
    assert without_now(ran.out) == without_now(decision_json(usual))


@case("316")
def test_dates_in_commits_do_not_move_the_clock(world: World) -> None:
    world.propose(
        extra='  window: {start: "2026-03-01T10:00", end: "2026-03-01T11:00", timezone: UTC}\n'
    )
    dates = {"GIT_AUTHOR_DATE": "@1700000000 +0000", "GIT_COMMITTER_DATE": "@1700000000 +0000"}
    world.repo.git("commit", "--quiet", "--amend", "--no-edit", env=dates)
    decision = world.check()
    assert decision.now == world.now
    assert "window-past" in broken(decision)
