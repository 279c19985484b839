"""What a pipeline runs: record a decision, record a landing, release, and say how it went."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from support.books import Bookish, open_books, private_keys
from support.repository import Keyring, Repo
from support.shell import run_gate
from support.world import CHG, World, adopt

if TYPE_CHECKING:
    from pathlib import Path

DIGEST = "sha256:" + "a" * 64
ANOTHER = "sha256:" + "b" * 64
START = (
    *("release", "start", "--environment", "production", "--commit", "main"),
    *("--deployer", "pipeline"),
)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The secrets of the environment."""
    return private_keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def books(tmp_path: Path, keyring: Keyring) -> Bookish:
    """A repository whose log is open, by the clock of this machine."""
    repo = Repo(tmp_path / "repo")
    adopt(repo, keyring)
    return open_books(World(repo, keyring, now=datetime.now(tz=UTC).replace(microsecond=0)))


def _propose(books: Bookish) -> None:
    books.world.propose()
    books.world.approve("bob")


def test_a_change_goes_from_decision_to_production(books: Bookish, keys: dict[str, str]) -> None:
    _propose(books)
    here = books.world.repo.path
    checked = run_gate(
        "check", "--base", "main", "--head", "feature", "--record", cwd=here, env=keys
    )
    assert checked.code == 0, checked.err
    assert "recorded as entries 1, 2 of example.com/acme/payments/audit-log" in checked.err
    before, after = books.merge()
    merged = run_gate("check", "--merged", f"{before}..{after}", "--record", cwd=here, env=keys)
    assert merged.code == 0, merged.err
    assert re.match(r"AUTHORISED +[0-9a-f]{12}\.\.[0-9a-f]{12}  refs/heads/main\n", merged.out)
    started = run_gate(
        *START, "--artifact", DIGEST, CHG, "--output", "receipts", cwd=here, env=keys
    )
    assert started.code == 0, started.err
    number = re.search(r"Release (REL-\S+) has begun", started.out)
    assert number is not None
    assert list((here / "receipts").glob("*.tlog-proof"))
    ended = run_gate("release", "finish", number[1], "--outcome", "success", cwd=here, env=keys)
    assert ended.code == 0, ended.err
    assert ended.out.startswith(f"SUCCESS  {number[1]} in production")
    assert books.kinds()[-3:] == ["gate-decision", "release-record", "outcome"]


def test_what_nobody_authorised_ends_with_one_and_is_recorded(
    books: Bookish, keys: dict[str, str]
) -> None:
    world = books.world
    before = world.repo.tip("main")
    after = world.on_main({"src/app.py": "print('straight in')\n"}, by="alice")
    seen = run_gate("check", "--merged", f"{before}..{after}", cwd=world.repo.path)
    assert seen.code == 1
    assert seen.out.startswith("UNAUTHORISED")
    assert books.kinds() == ["log-opened"]  # it was only looked at
    recorded = run_gate(
        "check", "--merged", f"{before}..{after}", "--record", "--format", "json",
        cwd=world.repo.path, env=keys,
    )  # fmt: skip
    assert recorded.code == 1
    (said,) = json.loads(recorded.out)
    assert (said["standing"], said["after"]) == ("unauthorised", after)
    denied = run_gate(
        *START, "--artifact", DIGEST, "--format", "json", cwd=world.repo.path, env=keys
    )
    assert denied.code == 1
    decision = json.loads(denied.out)
    assert decision["outcome"] == "deny"
    assert [one["rule"] for one in decision["reasons"] if not one["passed"]] == [
        "unauthorised-update"
    ]


def test_without_a_key_nothing_is_recorded_and_nothing_passes(books: Bookish) -> None:
    _propose(books)
    checked = run_gate(
        "check", "--base", "main", "--head", "feature", "--record", cwd=books.world.repo.path
    )
    assert checked.code == 2
    assert "no-log-key" in checked.err
    assert checked.out == ""
    assert books.kinds() == ["log-opened"]


def test_a_key_that_is_not_pinned_records_nothing(
    books: Bookish, keyring: Keyring, keys: dict[str, str]
) -> None:
    _propose(books)
    strange = {**keys, "ITIL_GATE_LOG_KEY": keyring.erin.key.read_text()}
    checked = run_gate(
        "check", "--head", "feature", "--record", cwd=books.world.repo.path, env=strange
    )
    assert checked.code == 2
    assert "not pinned" in checked.err
    assert books.kinds() == ["log-opened"]


def test_a_file_is_its_digest(books: Bookish, keys: dict[str, str]) -> None:
    books.land({"src/a.py": "1\n"}, CHG, branch="feature")
    here = books.world.repo.path
    (here.parent / "app.bin").write_bytes(b"built\n")
    started = run_gate(*START, "--artifact", "../app.bin", cwd=here, env=keys)
    assert started.code == 0, started.err
    digest = hashlib.sha256(b"built\n").hexdigest()
    assert books.known().releases[0].record.artifact == f"sha256:{digest}"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--artifact", "sha256:abc"), "bad-artifact"),
        (("--artifact", DIGEST, "--commit", "nowhere"), "unknown-revision"),
    ],
)
def test_what_cannot_be_read_is_said_and_ends_with_two(
    books: Bookish, keys: dict[str, str], arguments: tuple[str, ...], said: str
) -> None:
    started = run_gate(*START, *arguments, cwd=books.world.repo.path, env=keys)
    assert started.code == 2
    assert said in started.err
    assert books.kinds() == ["log-opened"]


@pytest.mark.parametrize("span", ["main", "main..", "..main", "main...main"])
def test_a_range_that_is_none_is_refused(books: Bookish, span: str) -> None:
    found = run_gate("check", "--merged", span, cwd=books.world.repo.path)
    assert found.code == 2
    assert "bad-range" in found.err


def test_a_release_ends_once(books: Bookish, keys: dict[str, str]) -> None:
    books.land({"src/a.py": "1\n"}, CHG, branch="feature")
    _, record = books.start()
    assert record is not None
    here = books.world.repo.path
    finish = ("release", "finish", record.nonce, "--outcome")
    at = ("--finished", "2026-11-25T21:00:00Z")
    assert run_gate(*finish, "failed", *at, "--incident", "INC-7", cwd=here, env=keys).code == 0
    again = run_gate(*finish, "success", *at, cwd=here, env=keys)
    assert again.code == 2
    assert "event-differs" in again.err
    unknown = run_gate(
        "release", "finish", "REL-2026-ZZZZZZZZ", "--outcome", "success", cwd=here, env=keys
    )
    assert unknown.code == 2
    assert "no-such-release" in unknown.err
    assert run_gate(*finish, "success", "--finished", "yesterday", cwd=here, env=keys).code == 2


def test_a_repository_without_a_log_says_how_to_open_one(
    tmp_path: Path, keyring: Keyring, keys: dict[str, str]
) -> None:
    repo = Repo(tmp_path / "repo")
    adopt(repo, keyring)
    found = run_gate(*START, "--artifact", DIGEST, cwd=repo.path, env=keys)
    assert found.code == 2
    assert "itil-gate log init" in found.err


def test_somebody_has_to_be_named_who_releases(books: Bookish, keys: dict[str, str]) -> None:
    start = ("release", "start", "--environment", "production", "--commit", "main")
    found = run_gate(*start, "--artifact", DIGEST, cwd=books.world.repo.path, env=keys)
    assert found.code == 2
    assert "--deployer" in found.err


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--environment", "prod\x1b[2J", "is not a name"),
        ("--environment", "Production", "is not a name"),
        ("--environment", "production\n", "is not a name"),
        ("--deployer", "x\n::error::y", "is not one line"),
        ("--deployer", " ", "is not one line"),
        ("--deployer", "x" * 301, "is not one line"),
    ],
)
def test_what_the_log_could_not_hold_is_told_with_its_option(
    books: Bookish, keys: dict[str, str], option: str, value: str, said: str
) -> None:
    here = books.world.repo.path
    done = run_gate(*START, "--artifact", DIGEST, option, value, cwd=here, env=keys)
    assert (done.code, done.out) == (2, "")
    assert option in done.err
    assert said in done.err
    assert "internal-error" not in done.err
    assert "\x1b" not in done.err
    assert books.kinds() == ["log-opened"]


def test_an_incident_of_two_lines_and_no_remarks_are_no_fault_of_the_gate(
    books: Bookish, keys: dict[str, str]
) -> None:
    books.land({"src/a.py": "1\n"}, CHG, branch="feature")
    _, record = books.start()
    assert record is not None
    here = books.world.repo.path
    ending = ("release", "finish", record.nonce, "--outcome", "success")
    wrong = run_gate(*ending, "--incident", "INC-1\nINC-2", cwd=here, env=keys)
    assert wrong.code == 2
    assert "--incident" in wrong.err
    assert "internal-error" not in wrong.err
    assert run_gate(*ending, "--remarks", " ", cwd=here, env=keys).code == 0


def test_an_override_names_an_environment_that_there_could_be(
    books: Bookish, keys: dict[str, str]
) -> None:
    named = ("--environment", "prod\x1b", "--commit", "main", "--incident", "INC-1")
    done = run_gate("override", *named, "--reason", "x", cwd=books.world.repo.path, env=keys)
    assert done.code == 2
    assert "'--environment'" in done.err
    assert "internal-error" not in done.err
