"""lint: files are known by place or by their own word; a verdict on a change is never said."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from typing import TYPE_CHECKING
from xml.etree.ElementTree import fromstring

import pytest
from support.shell import GATE, Ran, run_gate
from support.world import CHG, request_file

if TYPE_CHECKING:
    from pathlib import Path

    from support.world import World

GOOD = f"changes/2026/{CHG}.yaml"


def lint(world: World, *arguments: str) -> Ran:
    return run_gate("lint", *arguments, cwd=world.repo.path)


def test_a_repository_in_order_has_no_findings_and_no_verdict(desk: World) -> None:
    desk.repo.write(GOOD, request_file())
    ran = lint(desk)
    assert ran.code == 0, ran.out
    assert "No findings" in ran.out
    assert "allowed is decided by `itil-gate check`" in ran.out
    assert "6 file(s)" in ran.err


@pytest.mark.parametrize(
    ("path", "text", "rule"),
    [
        (GOOD, request_file().replace("reason", "raeson"), "unknown-key"),
        ("changes/2026/other.yaml", request_file(), "wrong-file-name"),
        ("itil-gate.yaml", "apiVersion: itil-gate/v1\nkind: Config\n", "missing-key"),
        ("people.yaml", "apiVersion: itil-gate/v1\nkind: People\npersons: []\n", "wrong-value"),
        ("services/x.yaml", "apiVersion: backstage.io/v1alpha1\nkind: Servce\n", "wrong-value"),
        ("policies/x.yaml", "apiVersion: itil-gate/v1\nkind: Wish\n", "unknown-kind"),
        ("calendar/x.ics", "BEGIN:VCALENDAR\n", "wrong-calendar"),
        ("policies/deep/x.yml", "a: 1\na: 2\n", "duplicate-key"),
    ],
)
def test_each_kind_of_file_is_known_by_its_place(
    desk: World, path: str, text: str, rule: str
) -> None:
    desk.repo.write(path, text)
    for arguments in ((), (path,)):
        ran = lint(desk, *arguments)
        assert ran.code == 1, ran.out
        assert f"{path}:" in ran.out
        assert rule in ran.out


def test_a_file_elsewhere_is_known_by_its_own_word(desk: World) -> None:
    desk.repo.write("drafts/CHG-2026-AAAA0001.yaml", request_file().replace("reason", "raeson"))
    desk.repo.write("drafts/people.yml", "apiVersion: itil-gate/v1\nkind: People\n")
    desk.repo.write("drafts/compose.yaml", "services: {web: {}}\n")
    ran = lint(desk, "drafts")
    assert ran.code == 1
    assert "drafts/CHG-2026-AAAA0001.yaml:" in ran.out
    assert "drafts/people.yml" in ran.out
    assert "compose" not in ran.out
    assert "drafts" not in lint(desk).out


def test_a_named_file_that_nobody_can_place_is_a_finding(desk: World) -> None:
    desk.repo.write("drafts/compose.yaml", "services: {web: {}}\n")
    ran = lint(desk, "drafts/compose.yaml")
    assert ran.code == 1
    assert "unknown-kind" in ran.out


def test_files_are_held_against_each_other_when_all_are_read(desk: World) -> None:
    approvals = (desk.repo.path / "policies/approvals.yaml").read_text()
    desk.repo.write("policies/more.yaml", approvals)
    assert lint(desk, "policies").code == 0
    ran = lint(desk)
    assert ran.code == 1
    assert "duplicate-name" in ran.out


def test_a_role_nobody_holds_is_found_where_it_is_asked_for(desk: World) -> None:
    path = "policies/approvals.yaml"
    text = (desk.repo.path / path).read_text()
    desk.repo.write(path, text.replace("role: change-authority", "role: change-autority"))
    ran = lint(desk)
    assert ran.code == 1
    assert f"{path}:8:" in ran.out
    assert "role-without-holder" in ran.out
    assert "change-autority, which no human holds" in ran.out


def test_a_requirement_that_one_author_makes_impossible_is_found(desk: World) -> None:
    people = (desk.repo.path / "people.yaml").read_text()
    assert "members: [bob, dave]" in people
    desk.repo.write("people.yaml", people.replace("members: [bob, dave]", "members: [bob]"))
    ran = lint(desk)
    assert ran.code == 1
    assert "unsatisfiable-requirement" in ran.out
    assert "changes by bob" in ran.out
    assert "owner needs 1 service-owner for payments-api" in ran.out


def test_one_change_claimed_by_two_files_is_found(desk: World) -> None:
    desk.repo.write(GOOD, request_file())
    desk.repo.write(f"changes/{CHG}.yaml", request_file())
    ran = lint(desk)
    assert ran.code == 1
    assert "duplicate-change" in ran.out


def test_advice_alone_is_no_failure(desk: World) -> None:
    path = "policies/risk.yaml"
    text = (desk.repo.path / path).read_text()
    desk.repo.write(path, text.replace("reviewBy: 2027-01-01", "reviewBy: 2020-01-01"))
    ran = lint(desk)
    assert "review-overdue (advice)" in ran.out
    assert ran.code == 0


def test_a_link_is_not_followed(desk: World, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("top: [secret\n")
    desk.repo.write(GOOD, str(secret), mode=0o120000)
    desk.repo.write("services/linked.yaml", str(secret), mode=0o120000)
    ran = lint(desk)
    assert ran.code == 1
    assert "irregular-request" in ran.out
    assert "irregular-file" in ran.out
    assert "secret" not in ran.out + ran.err
    assert lint(desk, GOOD).code == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_without_permission_is_not_a_finding_but_unread(desk: World) -> None:
    file = desk.repo.write(GOOD, request_file())
    file.chmod(0)
    ran = lint(desk)
    assert ran.code == 2
    assert f"could not be read: {GOOD}" in ran.err


def test_a_path_that_does_not_exist_is_a_usage_error(desk: World) -> None:
    assert lint(desk, "no-such-file.yaml").code == 2


def test_without_a_configuration_it_says_how_to_begin(tmp_path: Path) -> None:
    ran = run_gate("lint", cwd=tmp_path)
    assert ran.code == 1
    assert "itil-gate init" in ran.out


def test_it_reads_the_work_tree_and_not_what_was_committed(desk: World) -> None:
    desk.repo.write("people.yaml", "nonsense\n")
    assert lint(desk).code == 1
    desk.repo.git("checkout", "people.yaml")
    assert lint(desk).code == 0


def test_places_from_the_configuration_are_obeyed(desk: World) -> None:
    config = (desk.repo.path / "itil-gate.yaml").read_text()
    desk.repo.write("itil-gate.yaml", f"{config}locations: {{changes: requests}}\n")
    desk.repo.write("changes/2026/note.yaml", "not: ours\n")
    desk.repo.write(f"requests/{CHG}.yaml", "nonsense: yes\n")
    ran = lint(desk)
    assert f"requests/{CHG}.yaml" in ran.out
    assert "changes/2026" not in ran.out


def test_extension_fields_are_held_against_the_schema_of_the_work_tree(desk: World) -> None:
    config = (desk.repo.path / "itil-gate.yaml").read_text()
    desk.repo.write("itil-gate.yaml", f"{config}extensions: policies/x.json\n")
    desk.repo.write("policies/x.json", '{"properties": {"x-cost": {"type": "integer"}}}')
    desk.repo.write(GOOD, request_file(extra="  x-cost: much\n"))
    ran = lint(desk)
    assert ran.code == 1
    assert "wrong-extension" in ran.out
    desk.repo.write(GOOD, request_file(extra="  x-cost: 3\n"))
    assert lint(desk).code == 0
    desk.repo.write("policies/x.json", "{")
    assert "extension-schema" in lint(desk).out


def test_formats_carry_the_same_finding(desk: World) -> None:
    desk.repo.write(GOOD, request_file().replace("reason", "raeson"))
    found = json.loads(lint(desk, "--format", "json").out)["findings"]
    assert {item["rule"] for item in found} == {"unknown-key"}
    sarif = json.loads(lint(desk, "--format", "sarif").out)
    assert [one["ruleId"] for one in sarif["runs"][0]["results"]] == ["unknown-key"]
    suite = fromstring(lint(desk, "--format", "junit").out)  # noqa: S314 - made by us
    assert len(suite.findall(".//failure")) == 1
    assert "::error" in lint(desk, "--format", "github").out
    assert "unknown-key" in lint(desk, "--format", "markdown").out


def test_progress_is_shown_on_a_terminal_and_only_there(desk: World) -> None:
    folder = desk.repo.path / "changes" / "2026"
    folder.mkdir(parents=True)
    for number in range(1100):
        name = f"CHG-2026-{number:08d}"
        (folder / f"{name}.yaml").write_text(request_file(name))
    ran = lint(desk)
    assert ran.code == 0, ran.out[:500]
    assert ran.err == f"1105 file(s) below {desk.repo.path} were read\n"
    ours, theirs = pty.openpty()
    done = subprocess.Popen(
        [GATE, "lint"], cwd=desk.repo.path, stdout=subprocess.PIPE, stderr=theirs
    )
    out, _ = done.communicate(timeout=120)
    os.close(theirs)
    shown = os.read(ours, 65536)
    os.close(ours)
    assert b"reading" in shown
    assert b"reading" not in out
