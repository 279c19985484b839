"""check, approve, reject, withdraw, import, vouch and audit replay, as a user runs them."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from support.repository import Keyring, Repo
from support.shell import GATE, run_gate
from support.world import CHG, NOW, World, adopt, copy_world, request_file

BASE = ("--base", "main")


@pytest.fixture(scope="module")
def adopted(tmp_path_factory: pytest.TempPathFactory, keyring: Keyring) -> Path:
    repo = Repo(tmp_path_factory.mktemp("adopted") / "repo")
    adopt(repo, keyring)
    return repo.path


@pytest.fixture
def world(tmp_path: Path, adopted: Path, keyring: Keyring) -> World:
    return copy_world(adopted, tmp_path / "repo", keyring)


def test_the_exit_code_tells_deny_pending_and_allow_apart(world: World) -> None:
    path = world.repo.path
    world.repo.checkout("feature", create=True)
    world.commit({"src/app.py": "1\n"})
    assert run_gate("check", *BASE, "--head", "feature", cwd=path).code == 1
    world.commit({f"changes/2026/{CHG}.yaml": request_file()})
    head = world.repo.tip("feature")
    ran = run_gate("check", *BASE, cwd=path)
    assert ran.code == 3
    assert f"itil-gate approve {CHG} --head {head}" in ran.out
    signed = run_gate(
        *("approve", CHG, *BASE, "--head", head, "--key", world.keyring.bob.key, "--yes"), cwd=path
    )
    assert signed.code == 0, signed.err
    assert "content    sha256:" in signed.err
    assert run_gate("check", *BASE, cwd=path).code == 0


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
@pytest.mark.parametrize("arguments", [("check", *BASE), ("status", *BASE), ("--help",)])
def test_output_that_nobody_reads_is_neither_a_pass_nor_a_refusal(
    world: World, arguments: tuple[str, ...], stream: str
) -> None:
    world.propose()
    kept, left = os.pipe()
    os.close(kept)

    def code(**streams: Any) -> int:
        everywhere = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL} | streams
        return subprocess.call([GATE, *arguments], **everywhere, cwd=world.repo.path)

    # Nothing is said on standard error but where something is wrong.
    expected = 2 if stream == "stdout" else code()
    with os.fdopen(left, "wb") as pipe:
        assert code(**{stream: pipe}) == expected
    with Path("/dev/full").open("wb") as full:
        assert code(stdout=full) == 2


def test_without_configuration_on_the_target_the_gate_says_how_to_adopt_it(
    tmp_path: Path, keyring: Keyring
) -> None:
    repo = Repo(tmp_path / "bare")
    repo.commit(files={"a": "1\n"}, author=keyring.alice.who)
    repo.checkout("feature", create=True)
    repo.commit(files={"a": "2\n"}, author=keyring.alice.who)
    ran = run_gate("check", *BASE, cwd=repo.path)
    assert ran.code == 2
    assert "not-adopted" in ran.err
    assert "itil-gate init" in ran.err


def test_approve_asks_for_the_head_that_was_looked_at(world: World) -> None:
    world.propose()
    ran = run_gate("approve", CHG, *BASE, "--yes", cwd=world.repo.path)
    assert ran.code == 2
    assert "--head" in ran.err


def test_nothing_is_signed_where_nobody_confirms(world: World) -> None:
    head = world.propose()
    ran = run_gate(
        *("approve", CHG, *BASE, "--head", head, "--key", world.keyring.bob.key),
        cwd=world.repo.path,
    )
    assert ran.code == 2
    assert "not-confirmed" in ran.err
    assert not (world.repo.git_dir / "refs/heads/itil-gate-approvals").exists()


def test_a_contributor_is_refused_at_the_desk(world: World) -> None:
    head = world.propose()
    ran = run_gate(
        *("approve", CHG, *BASE, "--head", head, "--key", world.keyring.alice.key, "--yes"),
        cwd=world.repo.path,
    )
    assert ran.code == 1
    assert "requester" in ran.err


def test_an_approval_can_be_handed_over_as_a_file_and_imported(world: World) -> None:
    head, path = world.propose(), world.repo.path
    ran = run_gate(
        *("approve", CHG, *BASE, "--head", head, "--key", world.keyring.bob.key, "--yes"),
        *("--output", path / "a.stmt"),
        cwd=path,
    )
    assert ran.code == 0, ran.err
    assert run_gate("check", *BASE, cwd=path).code == 3
    world.repo.git("config", "user.name", "Ci")
    world.repo.git("config", "user.email", "ci@example.com")
    imported = run_gate("import", "a.stmt", cwd=path)
    assert imported.code == 0, imported.err
    assert run_gate("check", *BASE, cwd=path).code == 0
    again = run_gate("import", "a.stmt", cwd=path)
    assert again.code == 0
    (path / "a.stmt").write_bytes((path / "a.stmt").read_bytes().replace(b"approve", b"reject ", 1))
    assert run_gate("import", "a.stmt", cwd=path).code == 1


def test_a_rejection_denies_until_its_author_takes_it_back(world: World) -> None:
    world.propose()
    path = world.repo.path
    key = ("--key", world.keyring.carol.key, "--yes")
    rejected = run_gate("reject", CHG, *BASE, "--reason", "no backout", *key, cwd=path)
    assert rejected.code == 0, rejected.err
    denied = run_gate("check", *BASE, cwd=path)
    assert denied.code == 1
    assert "no backout" in denied.out
    assert run_gate("withdraw", CHG, *BASE, *key, cwd=path).code == 0
    assert run_gate("check", *BASE, cwd=path).code == 3


def test_a_rejection_can_be_taken_back_when_its_branch_is_gone(world: World) -> None:
    world.propose()
    path = world.repo.path
    key = ("--key", world.keyring.carol.key, "--yes")
    assert run_gate("reject", CHG, *BASE, "--reason", "no", *key, cwd=path).code == 0
    world.repo.git("checkout", "-q", "main")
    world.repo.git("branch", "-D", "feature")
    nobody = run_gate("withdraw", CHG, *BASE, "--key", world.keyring.bob.key, "--yes", cwd=path)
    assert nobody.code == 2
    assert "nothing-to-withdraw" in nobody.err
    withdrawn = run_gate("withdraw", CHG, *BASE, *key, cwd=path)
    assert withdrawn.code == 0, withdrawn.err
    world.propose()
    assert run_gate("check", *BASE, cwd=path).code == 3


def test_only_the_requester_withdraws_the_change(world: World) -> None:
    world.propose()
    path = world.repo.path
    carol = ("--key", world.keyring.carol.key, "--yes")
    refused = run_gate("withdraw", CHG, "--change", *BASE, *carol, cwd=path)
    assert refused.code == 2
    assert "alice" in refused.err
    alice = ("--key", world.keyring.alice.key, "--yes")
    assert run_gate("withdraw", CHG, "--change", *BASE, *alice, cwd=path).code == 0
    assert run_gate("check", *BASE, cwd=path).code == 1


def test_a_vouch_makes_an_outsiders_commit_attributable(world: World) -> None:
    world.propose()
    commit = world.repo.commit(
        "patch", author=("Vendor", "vendor@elsewhere.example"), files={"src/app.py": "3\n"}
    )
    path = world.repo.path
    denied = run_gate("check", *BASE, cwd=path)
    assert denied.code == 1
    assert "unattributable-commit" in denied.out
    vouched = run_gate(
        *("vouch", commit, *BASE, "--reason", "by mail", "--key", world.keyring.dave.key, "--yes"),
        cwd=path,
    )
    assert vouched.code == 0, vouched.err
    assert run_gate("check", *BASE, cwd=path).code == 3


def test_a_stored_decision_replays_byte_for_byte(world: World) -> None:
    world.propose()
    world.now = NOW
    path = world.repo.path
    ran = run_gate("check", *BASE, "--format", "json", "--output", "d.json", cwd=path)
    assert ran.code == 3
    shown = run_gate("audit", "replay", "--decision", "d.json", "--show", cwd=path)
    assert shown.code == 0
    assert shown.out == ran.out
    said = run_gate("audit", "replay", "--decision", "d.json", cwd=path)
    assert said.out.startswith("identical: pending")


@pytest.mark.parametrize(
    ("name", "edit"),
    [
        ("outcome", lambda d: d["decision"].update(outcome="allow")),
        ("policy", lambda d: d["inputs"]["judge"][0].update(text="kind: Nothing\n")),
        ("clock", lambda d: d["inputs"]["facts"].update(now="2027-01-01T00:00:00Z")),
        ("content", lambda d: d["inputs"]["facts"].update(content="0" * 64)),
    ],
)
def test_an_edited_stored_decision_does_not_replay(world: World, name: str, edit: object) -> None:
    world.propose()
    path = world.repo.path
    run_gate("check", *BASE, "--output", "d.json", cwd=path)
    stored = json.loads((path / "d.json").read_text("utf-8"))
    edit(stored)  # type: ignore[operator]
    (path / "d.json").write_text(json.dumps(stored), "utf-8")
    ran = run_gate("audit", "replay", "--decision", "d.json", cwd=path)
    assert ran.code in (1, 2), name


def test_a_stored_approval_that_nobody_signed_is_found(world: World) -> None:
    head, path = world.propose(), world.repo.path
    key = ("--key", world.keyring.bob.key, "--yes")
    run_gate("approve", CHG, *BASE, "--head", head, *key, cwd=path)
    run_gate("check", *BASE, "--output", "d.json", cwd=path)
    assert run_gate("audit", "replay", "--decision", "d.json", cwd=path).code == 0
    stored = json.loads((path / "d.json").read_text("utf-8"))
    stored["inputs"]["facts"]["statements"][0]["text"] = "{}"
    (path / "d.json").write_text(json.dumps(stored), "utf-8")
    ran = run_gate("audit", "replay", "--decision", "d.json", cwd=path)
    assert ran.code == 1
    assert "not signed as the stored facts say" in ran.err


def test_another_engine_is_compared_by_outcome_and_says_so(world: World) -> None:
    world.propose()
    path = world.repo.path
    run_gate("check", *BASE, "--output", "d.json", cwd=path)
    stored = json.loads((path / "d.json").read_text("utf-8"))
    stored["decision"]["engine"] = "itil-gate/0.0.9"
    (path / "d.json").write_text(json.dumps(stored), "utf-8")
    ran = run_gate("audit", "replay", "--decision", "d.json", cwd=path)
    assert ran.code == 0
    assert ran.out.startswith("engine-differs")


def test_a_draft_is_never_more_than_pending(world: World) -> None:
    world.propose()
    world.now = NOW
    head = world.repo.tip("feature")
    path = world.repo.path
    run_gate(
        *("approve", CHG, *BASE, "--head", head, "--key", world.keyring.bob.key, "--yes"), cwd=path
    )
    assert run_gate("check", *BASE, cwd=path).code == 0
    assert run_gate("check", *BASE, "--draft", cwd=path).code == 3


def test_an_unknown_option_command_or_revision_is_never_a_refusal(world: World) -> None:
    path = world.repo.path
    for arguments in (
        ("check", "--bas", "main"),
        ("chek",),
        ("check", "--base", "nowhere"),
        ("check", "--base", "main", "--head", "nowhere"),
        ("check", "--base", "-main"),
        ("audit", "replay", "--decision", "README.md"),
    ):
        assert run_gate(*arguments, cwd=path).code == 2, arguments


@pytest.mark.parametrize("form", ["text", "markdown", "json", "sarif", "junit", "github"])
def test_every_format_prints_and_keeps_the_exit_code(world: World, form: str) -> None:
    world.propose()
    ran = run_gate("check", *BASE, "--format", form, cwd=world.repo.path)
    assert ran.code == 3
    assert CHG in ran.out
    assert "Traceback" not in ran.err
