"""The hook post-receive records what a push brought; `hook install` writes both hooks."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from support.books import MAIN, Bookish, open_books, private_keys
from support.hub import APPROVALS, Hub, copy_hub, open_hub
from support.repository import Repo
from support.shell import run_gate
from support.world import World, copy_world

if TYPE_CHECKING:
    from pathlib import Path

    from support.repository import Keyring


KEYS = {"--log-key": "ITIL_GATE_LOG_KEY", "--recorder-key": "ITIL_GATE_RECORDER_KEY"}


@pytest.fixture(scope="session")
def logged(
    tmp_path_factory: pytest.TempPathFactory, adopted_template: Path, keyring: Keyring
) -> Path:
    """Repository and server, made once."""
    folder = tmp_path_factory.mktemp("logged")
    world = copy_world(adopted_template, folder / "repo", keyring)
    open_books(world)
    made = open_hub(world, folder / "hub.git")
    world.propose()
    world.approve("bob")
    assert made.push(APPROVALS).taken
    return folder


@pytest.fixture
def hub(tmp_path: Path, logged: Path, keyring: Keyring) -> Hub:
    """A server that keeps the audit log, and a change that Bob approved."""
    copied = copy_hub(logged, tmp_path, keyring, server="hub.git")
    private_keys(tmp_path)
    given = [part for option, name in KEYS.items() for part in (option, tmp_path / name)]
    done = run_gate("hook", "install", "--repo", tmp_path / "hub.git", *given, cwd=tmp_path)
    assert done.code == 0, done.err
    copied.answer_at_once()
    return copied


def books(hub: Hub) -> Bookish:
    """Return the books of the server."""
    return Bookish(World(hub.server, hub.world.keyring, now=hub.world.now))


def test_decision_and_update_are_recorded_with_the_keys_of_the_server(hub: Hub) -> None:
    hub.start_afresh()
    before, size = hub.tip(), len(books(hub).entries())
    done = hub.push("feature:main")
    assert done.taken, done.said
    assert "recorded as entries" in done.said
    decision, statement, update = books(hub).entries()[size:]
    assert (decision.kind, statement.kind, update.kind) == (
        "gate-decision",
        "approval",
        "ref-update",
    )
    assert decision.believed
    assert update.believed
    said = update.predicate
    assert (said["before"], said["after"]) == (before, hub.tip())
    assert said["standing"] == "authorised"
    assert said["reason"].endswith("landed as it was decided upon; decided before it landed")
    verified = run_gate("log", "verify", cwd=hub.server.path)
    assert verified.code == 0, verified.out


@pytest.mark.heavy
def test_a_merge_is_recorded_as_what_was_approved(hub: Hub) -> None:
    hub.world.repo.checkout("main")
    hub.world.repo.merge("feature", author=hub.world.keyring.bob.who)
    assert hub.push("main").taken
    last = books(hub).entries()[-1]
    assert last.predicate["standing"] == "authorised"
    assert last.predicate["head"] == hub.world.repo.tip("feature")


def test_a_refused_push_records_nothing(hub: Hub) -> None:
    hub.world.propose(branch="other", change="CHG-2026-AAAA0002")
    before = hub.server.tip("audit-log")
    assert not hub.push("other:main").taken
    assert hub.server.tip("audit-log") == before


@pytest.mark.heavy
def test_other_branches_record_nothing(hub: Hub) -> None:
    before = hub.server.tip("audit-log")
    done = hub.push("feature:work")
    assert done.taken
    assert "recorded" not in done.said
    assert hub.server.tip("audit-log") == before


@pytest.mark.heavy
def test_a_lost_key_does_not_fail_the_push_and_is_caught_up_later(hub: Hub, tmp_path: Path) -> None:
    key = tmp_path / "ITIL_GATE_LOG_KEY"
    text = key.read_text()
    before = hub.tip()
    key.unlink()
    done = hub.push("feature:main")
    assert done.taken, done.said
    assert f"not recorded: key-missing: there is no key file {key}" in done.said
    line = f"{before} {hub.tip()} {MAIN}"
    assert f"echo {line} | hooks/post-receive" in done.said
    key.write_text(text)
    key.chmod(0o600)
    for _ in range(2):
        again = subprocess.run(
            ["hooks/post-receive"],
            cwd=hub.server.path,
            input=f"{line}\n".encode(),
            capture_output=True,
            check=True,
        )
        assert b"not recorded" not in again.stderr
    assert b"is recorded up to" in again.stderr
    assert books(hub).entries()[-1].predicate["standing"] == "authorised"
    assert books(hub).kinds().count("ref-update") == 1
    assert books(hub).entries()[-1].predicate["after"] == hub.tip()


@pytest.mark.heavy
def test_a_key_of_the_pusher_signs_nothing(hub: Hub, tmp_path: Path) -> None:
    hook = hub.server.path / "hooks" / "post-receive"
    hook.write_text(hook.read_text().partition(" --log-key")[0] + "\n")
    env = {name: (tmp_path / name).read_text() for name in ("ITIL_GATE_LOG_KEY",)}
    before = hub.server.tip("audit-log")
    done = hub.push("feature:main", env=env)
    assert done.taken
    assert "not recorded: no-log-key" in done.said
    assert hub.server.tip("audit-log") == before


def test_a_server_without_a_log_records_nothing_and_says_nothing(
    tmp_path: Path, adopted_template: Path, keyring: Keyring
) -> None:
    world = copy_world(adopted_template, tmp_path / "repo", keyring)
    hub = open_hub(world, tmp_path / "hub.git")
    world.propose()
    world.approve("bob")
    assert hub.push(APPROVALS).taken
    done = hub.push("feature:main")
    assert done.taken
    assert "record" not in done.said


@pytest.mark.heavy
def test_the_hook_ends_with_nought_whatever_it_is_told(hub: Hub) -> None:
    for said in ("", "rubbish\n"):
        done = run_gate("hook", "post-receive", cwd=hub.server.path, stdin=said)
        assert done.code == 0
        assert "not recorded" in done.err


@pytest.mark.heavy
def test_the_audit_log_only_grows(hub: Hub) -> None:
    repo = hub.world.repo
    first = repo.tip("audit-log")
    assert hub.push("feature:main").taken
    later = hub.server.tip("audit-log")
    assert later != first
    repo.git("fetch", "--quiet", str(hub.server.path), "audit-log:fetched")
    for refspec in (f"+{first}:refs/heads/audit-log", ":audit-log"):
        done = hub.push(refspec)
        assert not done.taken
        assert "branch-re" in done.said
    assert hub.server.tip("audit-log") == later


def test_both_hooks_run_this_interpreter_isolated(tmp_path: Path) -> None:
    server = Repo(tmp_path / "a b'c.git", bare=True)
    done = run_gate("hook", "install", "--repo", server.path, cwd=tmp_path)
    assert done.code == 0, done.err
    assert "until the default branch has adopted the gate" in done.err
    for name in ("pre-receive", "post-receive"):
        file = server.path / "hooks" / name
        assert file.stat().st_mode & 0o777 == 0o755
        assert f"{sys.executable} -I -m itil_gate hook {name}" in file.read_text()
        assert "env -i " in file.read_text()
        assert subprocess.run(["sh", "-n", file], check=False).returncode == 0
    again = run_gate("hook", "install", "--repo", server.path, "--timeout", "7", cwd=tmp_path)
    assert again.code == 0
    assert "--timeout 7" in (server.path / "hooks" / "pre-receive").read_text()


@pytest.mark.parametrize("name", ["pre-receive", "post-receive"])
def test_a_hook_of_somebody_else_is_not_overwritten(tmp_path: Path, name: str) -> None:
    server = Repo(tmp_path / "hub.git", bare=True)
    theirs = server.path / "hooks" / name
    theirs.parent.mkdir()
    theirs.write_text("#!/bin/sh\nexit 0\n")
    done = run_gate("hook", "install", "--repo", server.path, cwd=tmp_path)
    assert done.code == 2
    assert f"hook-exists: {theirs} is there already" in done.err
    assert theirs.read_text() == "#!/bin/sh\nexit 0\n"
    assert os.listdir(theirs.parent) == [name]  # noqa: PTH208 - not the other one either
    theirs.unlink()
    theirs.symlink_to(tmp_path / "elsewhere")
    assert run_gate("hook", "install", "--repo", server.path, cwd=tmp_path).code == 2
    assert not (tmp_path / "elsewhere").exists()


def test_hooks_go_where_git_looks_for_them(
    tmp_path: Path, adopted_template: Path, keyring: Keyring
) -> None:
    world = copy_world(adopted_template, tmp_path / "repo", keyring)
    server = Repo(tmp_path / "hub.git", bare=True)
    server.git("config", "core.hooksPath", str(tmp_path / "shared hooks"))
    hub = open_hub(world, server.path)
    assert (tmp_path / "shared hooks" / "pre-receive").exists()
    world.propose()
    assert "refs/heads/main: PENDING" in hub.push("feature:main").said


def test_a_key_that_is_not_there_is_not_installed(tmp_path: Path) -> None:
    server = Repo(tmp_path / "hub.git", bare=True)
    done = run_gate("hook", "install", "--repo", server.path, "--log-key", "missing", cwd=tmp_path)
    assert done.code == 2
    assert not (server.path / "hooks").exists()
