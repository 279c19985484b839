"""doctor: what is not well is named with what mends it; the exit code says how bad it is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from support.repository import Keyring, Repo
from support.shell import Ran, run_gate
from support.world import MACHINES, World, people_file

if TYPE_CHECKING:
    from pathlib import Path


def doctor(repo: Repo, *arguments: str) -> Ran:
    return run_gate("doctor", *arguments, cwd=repo.path)


def told(ran: Ran) -> dict[str, tuple[str, str]]:
    """Return status and message of each check that was printed, by its name."""
    found = {}
    for line in ran.out.splitlines():
        status, _, rest = line.partition(" ")
        if status in ("OK", "ATTENTION", "FAIL"):
            name, _, message = rest.strip().partition(": ")
            found[name] = (status, message)
    return found


def healthy(world: World) -> None:
    """Let more people hold the roles, so that nothing depends on one."""
    roles = {"service-owner": ("bob", "dave"), "change-authority": ("carol", "dave", "erin")}
    world.repo.checkout("main")
    people = people_file(world.keyring, roles=roles, machines="")
    world.commit({"people.yaml": people}, by="carol")
    world.repo.branch("itil-gate-approvals", "main")


def test_a_repository_that_is_well_ends_with_0(desk: World) -> None:
    healthy(desk)
    ran = doctor(desk.repo)
    assert ran.code == 0, ran.out
    assert {status for status, _ in told(ran).values()} == {"OK"}
    assert "mend:" not in ran.out


def test_whom_a_level_depends_on_is_named(desk: World) -> None:
    healthy(desk)
    people = people_file(
        desk.keyring,
        roles={"service-owner": ("bob",), "change-authority": ("carol", "dave", "erin")},
        machines="",
    )
    desk.commit({"people.yaml": people}, by="carol")
    ran = doctor(desk.repo)
    assert ran.code == 1
    status, message = told(ran)["medium risk"]
    assert status == "ATTENTION"
    assert "depends on bob" in message
    assert "owner needs 1 service-owner" in message
    assert told(ran)["low risk"][0] == "OK"


def test_a_level_nobody_can_approve_is_a_failure(desk: World) -> None:
    healthy(desk)
    people = people_file(
        desk.keyring,
        roles={"service-owner": ("bob", "dave"), "change-authority": ("robo",)},
        machines=MACHINES,
    )
    desk.commit({"people.yaml": people}, by="carol")
    ran = doctor(desk.repo)
    assert ran.code == 2
    assert told(ran)["high risk"][0] == "FAIL"
    assert "nobody's change can be approved" in told(ran)["high risk"][1]


def test_people_without_a_key_are_named_and_not_counted_on(desk: World) -> None:
    healthy(desk)
    path = desk.repo.path / "people.yaml"
    lines = path.read_text().splitlines(keepends=True)
    public = desk.keyring.dave.public
    desk.commit({"people.yaml": "".join(line for line in lines if public not in line)}, by="carol")
    ran = doctor(desk.repo)
    assert ran.code == 1
    assert told(ran)["keys"][0] == "ATTENTION"
    assert told(ran)["keys"][1].endswith(": dave")
    assert "depends on bob" in told(ran)["medium risk"][1]


def test_commits_of_nobody_are_counted(desk: World) -> None:
    healthy(desk)
    for number in range(3):
        desk.repo.commit(author=("Mal \x1b[31m", "mal@example.org"), files={"src/x": f"{number}\n"})
    ran = doctor(desk.repo)
    assert ran.code == 1
    assert told(ran)["identities"][0] == "ATTENTION"
    assert "mal@example.org (6)" in told(ran)["identities"][1]
    assert "\x1b" not in ran.out


def test_a_missing_approvals_branch_is_told(desk: World) -> None:
    healthy(desk)
    desk.repo.git("update-ref", "-d", "refs/heads/itil-gate-approvals")
    ran = doctor(desk.repo)
    assert ran.code == 1
    assert told(ran)["approvals"][0] == "ATTENTION"


def test_a_shallow_clone_is_a_failure_with_the_command_that_deepens_it(
    desk: World, tmp_path: Path
) -> None:
    healthy(desk)
    clone = desk.repo.clone(tmp_path / "clone", "--depth=1")
    ran = doctor(clone)
    assert ran.code == 2
    assert told(ran)["history"][0] == "FAIL"
    assert "git fetch --unshallow origin" in ran.out


def test_a_partial_clone_needs_attention(desk: World, tmp_path: Path) -> None:
    healthy(desk)
    desk.repo.git("config", "uploadpack.allowFilter", "true")
    clone = desk.repo.clone(tmp_path / "clone", "--filter=blob:none")
    ran = doctor(clone)
    assert told(ran)["objects"][0] == "ATTENTION"
    assert "--refetch" in ran.out


def test_policies_that_do_not_load_and_a_target_not_adopted_are_failures(
    desk: World, tmp_path: Path, keyring: Keyring
) -> None:
    healthy(desk)
    desk.commit({"policies/risk.yaml": "kind: Wish\n"}, by="carol")
    ran = doctor(desk.repo)
    assert ran.code == 2
    assert told(ran)["policies"][0] == "FAIL"
    assert "policies/risk.yaml" in told(ran)["policies"][1]
    repo = Repo(tmp_path / "fresh")
    repo.commit(author=keyring.alice.who, files={"a": "1\n"})
    ran = doctor(repo)
    assert ran.code == 2
    assert "not adopted" in ran.out


def test_a_branch_that_is_not_guarded_is_a_failure(desk: World) -> None:
    healthy(desk)
    desk.repo.branch("legacy", "main")
    ran = doctor(desk.repo, "--base", "legacy")
    assert ran.code == 2
    assert told(ran)["target"][0] == "FAIL"


def test_json_holds_the_same_checks(desk: World) -> None:
    healthy(desk)
    checks = json.loads(doctor(desk.repo, "--format", "json").out)["checks"]
    assert {one["check"]: one["status"] for one in checks} == {
        name: status for name, (status, _) in told(doctor(desk.repo)).items()
    }
