"""`itil-gate audit`: reconciled, replayed and told, as a person runs it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from support.books import Bookish, git, open_books
from support.shell import Ran, run_gate
from support.world import CHG, OTHER

from itil_gate.cli.audit_command import COMMANDS
from itil_gate.log.entry import entry_path

if TYPE_CHECKING:
    from pathlib import Path

    from support.world import World


@pytest.fixture
def books(desk: World) -> Bookish:
    books = open_books(desk)
    desk.repo.checkout("main")
    git(desk, "branch", "-D", "feature")
    return books


def audit(books: Bookish, *arguments: str | Path) -> Ran:
    return run_gate("audit", *arguments, cwd=books.world.repo.path)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_explains_itself_with_an_example(name: str, tmp_path: Path) -> None:
    shown = run_gate("audit", name, "--help", cwd=tmp_path)
    assert shown.code == 0
    assert f"itil-gate audit {name}" in shown.out
    assert "Exit codes" in shown.out


def test_a_clean_branch_ends_with_0_and_a_pushed_one_with_1(books: Bookish) -> None:
    books.land({"src/app.py": "print('new')\n"}, CHG, branch="feature")
    clean = audit(books, "reconcile")
    assert clean.code == 0, clean.err
    assert clean.out.startswith("AUTHORISED")
    assert "key SHA256:" in clean.out or "not signed" in clean.out
    books.world.on_main({"src/app.py": "x\n"}, by="alice")
    bad = audit(books, "reconcile", "--since", "last")
    assert bad.code == 1
    assert bad.out.startswith("UNAUTHORISED")
    assert "of alice, proved" in bad.out
    assert bad.out.endswith("; 1 of them by an earlier audit\n")


def test_what_is_not_listed_and_what_is_not_there_is_said(books: Bookish) -> None:
    ran = audit(books, "reconcile")
    assert (ran.code, "note: what is from before adoption is counted" in ran.err) == (0, True)
    assert "note: what" not in audit(books, "reconcile", "--all").err
    beyond = audit(books, "replay", "--all", "--since", "99")
    assert (beyond.code, "none is number 99 yet" in beyond.err) == (2, True)


def test_rows_go_to_a_file_and_totals_to_the_screen(books: Bookish, tmp_path: Path) -> None:
    books.land({"src/app.py": "print('new')\n"}, CHG, branch="feature")
    file = tmp_path / "found.json"
    ran = audit(books, "reconcile", "--format", "json", "--output", file, "--target", "main")
    assert (ran.code, ran.out) == (0, "")
    assert "1 authorised" in ran.err
    said = json.loads(file.read_text())
    assert [row["found"] for row in said["updates"]] == ["authorised"]
    assert said["totals"]["authorised"] == 1


def test_a_log_that_cannot_be_believed_is_2_and_no_verdict(books: Bookish) -> None:
    from support.attacks import Victim  # noqa: PLC0415 - only here

    books.land({"src/app.py": "print('new')\n"}, CHG, branch="feature")
    Victim(books.world, books.config).commit({entry_path(3): b"{}"})
    ran = audit(books, "reconcile")
    assert ran.code == 2
    assert "log-damaged" in ran.err


def test_a_clone_that_is_too_shallow_is_2(books: Bookish, tmp_path: Path) -> None:
    books.land({"src/app.py": "print('new')\n"}, CHG, branch="feature")
    hub = f"file://{books.world.repo.path}"
    git(books.world, "clone", "-q", "--depth=1", "--no-single-branch", hub, str(tmp_path / "thin"))
    ran = run_gate("audit", "reconcile", cwd=tmp_path / "thin")
    assert ran.code == 2
    assert "history-too-shallow" in ran.err
    assert "git fetch --unshallow origin" in ran.err


def test_names_of_strangers_reach_no_terminal(books: Bookish) -> None:
    world = books.world
    world.repo.checkout("main")
    world.repo.write("src/app.py", "x\n")
    git(world, "add", "-A")
    git(world, "-c", "user.name=\x1b[2J::error::", "commit", "-q", "-m", "\x1b[31m")
    ran = audit(books, "reconcile")
    assert ran.code == 1
    assert "\x1b" not in ran.out


@pytest.mark.heavy
def test_every_decision_is_replayed_or_those_of_one_change(books: Bookish) -> None:
    books.land({"src/app.py": "print('new')\n"}, CHG, branch="feature")
    books.land({"src/app.py": "print('newer')\n"}, OTHER, branch="other")
    ran = audit(books, "replay", "--all")
    assert ran.code == 0, ran.err
    assert ran.out.endswith(
        "2 decisions: 2 identical, 0 differs, 0 engine-differs, 0 not-checked\n"
    )
    one = audit(books, "replay", OTHER, "--format", "json")
    assert [row["subject"] for row in json.loads(one.out)["decisions"]] == [OTHER]
    assert audit(books, "replay", "CHG-2026-NOSUCH00").code == 2
    assert audit(books, "replay").code == 2
    assert audit(books, "replay", "--all", CHG).code == 2


def test_a_dossier_is_a_folder_that_stands_for_itself(books: Bookish, tmp_path: Path) -> None:
    books.land({"src/app.py": "print('new')\n"}, CHG, branch="feature")
    books.release()
    folder = tmp_path / "dossier"
    ran = audit(books, "dossier", CHG, "--dir", folder)
    assert (ran.code, ran.out) == (0, ""), ran.err
    told = json.loads((folder / "dossier.json").read_text())
    entries = [one["entry"] for one in told["told"] if one.get("entry") is not None]
    page = (folder / "README.md").read_text()
    vkey = next(line.strip() for line in page.splitlines() if line.startswith("    example.com/"))
    for index in entries:
        proved = run_gate(
            *("log", "verify-proof", folder / "entries" / f"{index}.tlog-proof", "--entry"),
            *(folder / "entries" / f"{index}.intoto.json", "--key", vkey),
            cwd=tmp_path,
        )
        assert proved.code == 0, proved.err
    assert len(list((folder / "statements").iterdir())) == 1
    assert audit(books, "dossier", CHG, "--dir", folder).code == 2


@pytest.mark.parametrize(("form", "first"), [("text", CHG), ("markdown", "# "), ("json", "{")])
def test_a_dossier_is_told_in_three_forms(books: Bookish, form: str, first: str) -> None:
    books.land({"src/app.py": "print('new')\n"}, CHG, branch="feature")
    ran = audit(books, "dossier", CHG, "--format", form)
    assert ran.code == 0
    assert ran.out.startswith(first)
    assert "how release" not in ran.out
    assert "no release of it is recorded" in ran.out.replace("\\", "")
