"""`itil-gate log verify` as its users run it: verdicts, exit codes, and what is not checked."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from support.attacks import harmless
from support.repository import Repo
from support.shell import Ran, run_gate

from itil_gate.git.workers import workers
from itil_gate.log.entry import entry_path
from itil_gate.log.verify import CHECKS

if TYPE_CHECKING:
    from pathlib import Path

    from support.attacks import Victim

QUIET = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
SIZE = 13


def verify(where: Path, *words: str | Path) -> Ran:
    ran = run_gate("log", "verify", *words, cwd=where, env=QUIET)
    assert "Traceback" not in ran.err
    return ran


def exported(victim: Victim) -> tuple[Path, Path]:
    """Give the directory of an export, and the configuration beside it."""
    where = victim.world.repo.path
    target = where.parent / "exported"
    assert run_gate("log", "export", "--dir", target, cwd=where, env=QUIET).code == 0
    pins = where.parent / "pins.yaml"
    pins.write_text(victim.world.repo.git("show", "main:itil-gate.yaml"))
    return target, pins


def test_a_log_that_is_well_ends_with_0_and_says_what_was_not_checked(victim: Victim) -> None:
    ran = verify(victim.world.repo.path)
    assert (ran.code, ran.err) == (0, "")
    head, *lines, last = ran.out.splitlines()
    assert head.startswith(f"audit log {victim.terms.origin}: {SIZE} entries, root ")
    assert [line.split()[1 if line.split()[0] != "not" else 2] for line in lines] == [
        *CHECKS,
        "commits",
        "tags",
        "timestamps",
    ]
    assert "  ok           tree        13 entries" in lines
    assert "  not checked  witnesses   no witness is configured" in lines
    assert last == "verified; not checked: witnesses, remembered, tags"


def test_what_was_verified_is_not_verified_again_unless_asked(victim: Victim) -> None:
    where = victim.world.repo.path
    verify(where)
    assert "13 earlier ones were not looked at again" in verify(where).out
    assert "earlier" not in verify(where, "--full").out


def test_a_log_that_was_tampered_with_ends_with_1_and_says_where(victim: Victim) -> None:
    path = entry_path(3)
    victim.commit({path: (victim.read(path) or b"") + b" "})
    ran = verify(victim.world.repo.path)
    assert ran.code == 1
    assert f"    entry 3, {path}: its SHA-256 is not the one that the tree holds" in ran.out
    assert ran.out.splitlines()[-1] == "tampered: entries, commits, since entry 3"


def test_json_says_the_same(victim: Victim) -> None:
    path = entry_path(3)
    victim.commit({path: (victim.read(path) or b"") + b" "})
    ran = verify(victim.world.repo.path, "--format", "json")
    assert ran.code == 1
    said = json.loads(ran.out)
    assert (said["kind"], said["result"]) == ("LogVerification", "tampered")
    assert said["checkpoint"]["size"] == SIZE
    (entries,) = [one for one in said["checks"] if one["check"] == "entries"]
    assert (entries["state"], entries["bad"], entries["since"]) == ("bad", 1, 3)
    assert entries["faults"][0]["path"] == path


def test_a_remembered_checkpoint_tells_that_the_branch_was_moved_back(victim: Victim) -> None:
    note = victim.world.repo.path.parent / "seen.checkpoint"
    note.write_bytes(victim.note)
    where = victim.world.repo.path
    assert verify(where, "--since", note).code == 0
    victim.move(f"{victim.tip}~1")
    victim.forget()
    assert verify(where).code == 0
    victim.forget()
    ran = verify(where, "--since", note)
    assert ran.code == 1
    assert "is remembered with 13: it was cut off or moved back" in ran.out


@pytest.mark.parametrize("text", ["", "no checkpoint\n", "forge.example/x\n1\nAAAA\n\n"])
def test_what_is_no_checkpoint_of_the_log_is_the_operators_mistake(
    victim: Victim, text: str
) -> None:
    file = victim.world.repo.path.parent / "seen"
    file.write_text(text)
    ran = verify(victim.world.repo.path, "--since", file)
    assert (ran.code, ran.out) == (2, "")
    assert "bad-checkpoint" in ran.err


def test_an_exported_log_is_verified_without_a_repository(victim: Victim, tmp_path: Path) -> None:
    target, pins = exported(victim)
    lonely = tmp_path / "lonely"
    lonely.mkdir()
    ran = verify(lonely, "--dir", target, "--keys", pins)
    assert ran.code == 0
    assert "  not checked  commits     exported files have no history" in ran.out
    assert "  not checked  ids         exported files hold no ids/" in ran.out
    file = target / entry_path(0)
    file.write_bytes(file.read_bytes()[:-1])
    assert verify(lonely, "--dir", target, "--keys", pins).code == 1
    file.unlink()
    file.symlink_to(target / entry_path(1))
    ran = verify(lonely, "--dir", target, "--keys", pins)
    assert (ran.code, "its file is missing" in ran.out) == (1, True)


def test_an_export_is_verified_under_the_keys_of_the_repository_too(victim: Victim) -> None:
    target, _ = exported(victim)
    assert verify(victim.world.repo.path, "--dir", target).code == 0


def test_what_cannot_be_looked_at_ends_with_2(victim: Victim, tmp_path: Path) -> None:
    where = victim.world.repo.path
    target, pins = exported(victim)
    assert "no-directory" in verify(where, "--dir", tmp_path / "none").err
    assert "file-unreadable" in verify(where, "--keys", tmp_path / "none").err
    pins.write_text(pins.read_text().partition("log:")[0])
    ran = verify(where, "--dir", target, "--keys", pins)
    assert (ran.code, "no-log" in ran.err) == (2, True)
    victim.world.repo.git("update-ref", "-d", "refs/heads/audit-log")
    ran = verify(where)
    assert (ran.code, "log-not-opened" in ran.err) == (2, True)


def test_a_shallow_clone_says_that_it_does_not_know_the_history(victim: Victim) -> None:
    clone = victim.world.repo.clone(
        victim.world.repo.path.parent / "clone", "--depth=2", "--no-single-branch"
    )
    ran = verify(clone.path, "--local")
    assert ran.code == 0
    assert "  not checked  commits     1 commit; history ends at " in ran.out


def test_the_log_of_a_remote_is_verified_without_its_history(victim: Victim) -> None:
    clone = Repo(victim.world.repo.path.parent / "clone")
    clone.git("remote", "add", "origin", str(victim.world.repo.path))
    clone.git("fetch", "--quiet", "origin", "main")
    ran = verify(clone.path)
    assert ran.code == 0
    assert "the history of origin was not fetched; `git fetch origin audit-log` gets it" in ran.out
    clone.git("fetch", "--quiet", "origin", "audit-log:refs/remotes/origin/audit-log")
    ran = verify(clone.path)
    assert (ran.code, "  ok           commits     9 commits" in ran.out) == (0, True)


def test_a_branch_that_was_deleted_from_the_remote_is_missed(victim: Victim) -> None:
    clone = victim.world.repo.clone(victim.world.repo.path.parent / "clone")
    assert verify(clone.path).code == 0
    victim.world.repo.git("update-ref", "-d", "refs/heads/audit-log")
    ran = verify(clone.path)
    assert (ran.code, "log-rewound" in ran.err) == (1, True)


def test_text_of_strangers_reaches_no_terminal(victim: Victim) -> None:
    victim.append([harmless(1)])
    victim.commit({"evil\x1b[31mname": b"x"})
    ran = verify(victim.world.repo.path)
    assert ran.code == 1
    assert "\x1b" not in ran.out


def test_chunks_come_back_in_their_order_from_several_processes() -> None:
    chunks = [[number, number - 1] for number in range(40)]
    with workers(2) as spread:
        assert list(spread(sorted, iter(chunks))) == [sorted(chunk) for chunk in chunks]


def test_what_a_process_raises_is_raised() -> None:
    with workers(2) as spread, pytest.raises(TypeError):
        list(spread(sorted, [[1], [2], [3], [4], ["a", 1]]))
