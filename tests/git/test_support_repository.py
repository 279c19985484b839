"""The builder that every other test stands on."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from support.repository import BOB, Keyring, Repo, request_text, synthetic_stream

if TYPE_CHECKING:
    from pathlib import Path


def test_a_commit_names_its_author_and_committer_and_a_fixed_date(repo: Repo) -> None:
    oid = repo.commit("first", committer=BOB, files={"a.txt": "1"})
    said = repo.git("show", "-s", "--format=%an %ae %cn %ce %ct", oid)
    assert said == "Alice Adler alice@example.com Bob Baker bob@example.com 1767603600"


def test_two_repositories_built_alike_have_equal_ids(tmp_path: Path) -> None:
    ids = [Repo(tmp_path / name).commit("x", files={"a": "1"}) for name in ("one", "two")]
    assert ids[0] == ids[1]


def test_the_users_configuration_does_not_reach_a_repository(
    repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".gitconfig").write_text("[commit]\n\tgpgSign = true\n[core]\n\thooksPath = /x\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    assert repo.commit() == repo.tip("refs/heads/main")


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("message", ["change", "", "two\n\nparts\n\n", "\u00dcber \u4e2d"])
def test_a_plain_commit_is_what_git_makes_of_it(
    tmp_path: Path, keyring: Keyring, message: str, *, signed: bool
) -> None:
    told = []
    for name in ("ours", "git"):
        repo = Repo(tmp_path / name)
        if name == "git":
            (repo.git_dir / "hooks").mkdir()  # then git itself commits
        for number in range(3):
            repo.commit(
                message,
                author=keyring.alice.who,
                committer=keyring.bob.who,
                sign_with=keyring.bob.key if signed else None,
                trailers=["A: b"] * number,
                files={f"a/{number}": "x"},
            )
        said = repo.git("log", "--show-signature", "--pretty=raw", ok=(0, 1))
        assert repo.git("status", "--porcelain") == ""
        repo.git("fsck", "--strict")
        told.append((said, repo.git("reflog", "--format=%H %gs"), repo.git("reflog", "main")))
    assert told[0] == told[1]
    assert ("gpgsig" in told[0][0]) == signed


def test_a_merge_under_way_is_committed_as_one(repo: Repo) -> None:
    first = repo.commit(files={"a": "1"})
    repo.checkout("side", create=True)
    side = repo.commit(files={"b": "1"})
    repo.checkout("main")
    here = repo.commit(files={"c": "1"})
    repo.git("merge", "--quiet", "--no-ff", "--no-commit", "side")
    assert repo.git("rev-parse", f"{repo.commit()}^@").split() == [here, side]
    assert first == repo.git("merge-base", here, side)


def test_a_signed_commit_verifies_with_ssh_keygen(
    repo: Repo, keyring: Keyring, tmp_path: Path
) -> None:
    oid = repo.commit(author=keyring.bob.who, sign_with=keyring.bob.key)
    allowed = tmp_path / "allowed"
    allowed.write_text(f"{keyring.bob.email} {keyring.bob.public}\n")
    repo.git("-c", f"gpg.ssh.allowedSignersFile={allowed}", "verify-commit", oid)


def test_fingerprints_and_keys_are_all_different(keyring: Keyring) -> None:
    people = keyring.everybody()
    assert len({p.fingerprint for p in people}) == len({p.public for p in people}) == 5
    assert all(p.fingerprint.startswith("SHA256:") for p in people)


def test_the_synthetic_history_has_the_size_asked_for(repo: Repo) -> None:
    started = time.monotonic()
    repo.fast_import(synthetic_stream(commits=500, requests=300, files={"people.yaml": "x"}))
    assert time.monotonic() - started < 20
    assert repo.git("rev-list", "--count", "main") == "501"
    listed = repo.git("ls-tree", "-r", "--name-only", "main").splitlines()
    assert sum(path.startswith("changes/2026/CHG-2026-") for path in listed) == 300
    assert "people.yaml" in listed
    assert "kind: ChangeRequest" in request_text("CHG-2026-00000000")


def test_a_clone_is_cut_off_from_its_origin(repo: Repo, tmp_path: Path) -> None:
    oid = repo.commit()
    clone = repo.clone(tmp_path / "clone", "--depth=1")
    assert clone.tip() == oid
    assert (clone.git_dir / "shallow").exists()
