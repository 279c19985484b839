"""The raw diff and its digest."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from itil_gate.git import diff as room
from itil_gate.git.diff import content_digest, raw_diff
from itil_gate.git.paths import to_text
from itil_gate.model.errors import HistoryError
from itil_gate.model.facts import DiffEntry

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from support.repository import Repo

    from itil_gate.git.view import View

    Viewed = Callable[[Repo], AbstractContextManager[View]]

ZERO = "0" * 40


def test_every_kind_of_change_is_one_entry(repo: Repo, viewed: Viewed) -> None:
    for path in ("edited", "gone", "chmod", "to-link", "moved", "file-to-dir"):
        repo.write(path, f"{path}\n" * 20)
    repo.write("binary", bytes(range(256)))
    repo.write("dir-to-file/inner", "x")
    repo.git("add", "--all")
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},sub")
    base = repo.commit_tree(repo.git("write-tree"))
    repo.git("update-ref", "HEAD", base)
    for path in ("gone", "moved", "file-to-dir", "dir-to-file/inner", "to-link"):
        repo.remove(path)
    (repo.path / "dir-to-file").rmdir()
    repo.write("edited", "other")
    repo.write("chmod", "chmod\n" * 20, mode=0o755)
    repo.write("to-link", "edited", mode=0o120000)
    repo.write("moved-here", "moved\n" * 20)
    repo.write("binary", bytes(range(255)))
    repo.write("file-to-dir/inner", "x")
    repo.write("dir-to-file", "x")
    repo.git("add", "--all")
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{'2' * 40},sub")
    head = repo.commit_tree(repo.git("write-tree"), base)
    with viewed(repo) as view:
        found = raw_diff(view, base, head)
    assert [(e.path, e.status, e.old_mode, e.new_mode) for e in found] == [
        ("binary", "M", "100644", "100644"),
        ("chmod", "M", "100644", "100755"),
        ("dir-to-file", "A", "000000", "100644"),
        ("dir-to-file/inner", "D", "100644", "000000"),
        ("edited", "M", "100644", "100644"),
        ("file-to-dir", "D", "100644", "000000"),
        ("file-to-dir/inner", "A", "000000", "100644"),
        ("gone", "D", "100644", "000000"),
        ("moved", "D", "100644", "000000"),
        ("moved-here", "A", "000000", "100644"),
        ("sub", "M", "160000", "160000"),
        ("to-link", "T", "100644", "120000"),
    ]
    by_path = {e.path: e for e in found}
    assert (by_path["sub"].old_id, by_path["sub"].new_id) == ("1" * 40, "2" * 40)
    assert by_path["gone"].new_id == by_path["moved-here"].old_id == ZERO
    assert by_path["chmod"].old_id == by_path["chmod"].new_id


def test_paths_of_any_bytes_are_sorted_by_their_bytes(repo: Repo, viewed: Viewed) -> None:
    paths = [
        b"\xff",
        b"z",
        b"a\nb",
        b"caf\xe9",
        "é".encode(),
        b"a\\b",
        b"a b",
        b"-x",
        b":x",
        b'"q"',
    ]
    for path in paths:
        repo.write(path, "x")
    head = repo.commit()
    with viewed(repo) as view:
        assert [e.path for e in raw_diff(view, None, head)] == [to_text(p) for p in sorted(paths)]


def test_equal_trees_have_no_diff_and_a_fixed_digest(repo: Repo, viewed: Viewed) -> None:
    head = repo.commit(files={"a": "1"})
    with viewed(repo) as view:
        assert raw_diff(view, head, repo.tree()) == ()
    assert content_digest(()) == hashlib.sha256(b"itil-gate-content-v1\0").hexdigest()


def test_the_digest_is_the_one_that_is_written_down(repo: Repo, viewed: Viewed) -> None:
    base = repo.commit(files={"a": "1"})
    repo.write(b"caf\xe9\\", "x")
    head = repo.commit(files={"a": "2"})
    old, new = repo.tip(f"{base}:a"), repo.tip(f"{head}:a")
    added = repo.git("hash-object", "--stdin", stdin=b"x")
    wanted = hashlib.sha256(
        b"itil-gate-content-v1\0"
        + b"\0".join([b"100644", b"100644", old.encode(), new.encode(), b"M", b"a"])
        + b"\0"
        + b"\0".join([b"000000", b"100644", ZERO.encode(), added.encode(), b"A", b"caf\xe9\\"])
        + b"\0"
    ).hexdigest()
    with viewed(repo) as view:
        found = raw_diff(view, base, head)
    assert content_digest(found) == content_digest(reversed(found)) == wanted


_MODES = st.sampled_from(["000000", "100644", "100755", "120000", "160000"])
_IDS = st.sampled_from([ZERO, "1" * 40, "2" * 40])
_PATHS = st.binary(min_size=1, max_size=6).filter(lambda p: b"\0" not in p).map(to_text)
_ENTRIES = st.tuples(_MODES, _MODES, _IDS, _IDS, st.sampled_from("ADMT"), _PATHS).map(
    lambda row: DiffEntry.model_validate(
        dict(zip(DiffEntry.model_fields, row, strict=True)), by_name=True
    )
)
_DIFFS = st.lists(_ENTRIES, max_size=4, unique_by=lambda e: e.path)


@given(_DIFFS, _DIFFS)
def test_two_diffs_have_one_digest_only_if_they_are_equal(
    one: list[DiffEntry], other: list[DiffEntry]
) -> None:
    same = {e.path: e for e in one} == {e.path: e for e in other}
    assert (content_digest(one) == content_digest(other)) == same


@pytest.mark.heavy
def test_a_hundred_thousand_files_are_compared_in_seconds(repo: Repo, viewed: Viewed) -> None:
    rows = b"".join(
        b"M 100644 inline d%d/f%d\ndata 1\n%d\n" % (n % 300, n, n % 10) for n in range(100_000)
    )
    repo.fast_import(b"commit refs/heads/main\ncommitter A <a> 1 +0000\ndata 0\n" + rows)
    started = time.monotonic()
    with viewed(repo) as view:
        found = raw_diff(view, None, repo.tip("main"))
    assert len(found) == 100_000
    assert content_digest(found)
    assert time.monotonic() - started < 20


@pytest.mark.parametrize("order", [(b"a", b"a"), (b"b", b"a", b"b")])
def test_a_tree_that_names_a_path_twice_is_refused(
    repo: Repo, viewed: Viewed, order: tuple[bytes, ...]
) -> None:
    blobs = [repo.git("hash-object", "-w", "--stdin", stdin=b"%d" % n) for n in range(len(order))]
    rows = [b"100644 %s\0%s" % (n, bytes.fromhex(b)) for n, b in zip(order, blobs, strict=True)]
    tree = repo.raw_object("tree", b"".join(rows))
    with viewed(repo) as view, pytest.raises(HistoryError) as caught:
        raw_diff(view, None, tree)
    assert caught.value.code == "tree-damaged"


@pytest.mark.parametrize("side", ["old", "new"])
@pytest.mark.parametrize("depth", ["d", "d/e"])
def test_a_tree_that_lies_under_another_trees_id_is_refused(
    repo: Repo, viewed: Viewed, side: str, depth: str
) -> None:
    base = repo.commit("base", files={"d/e/f": "1", "d/g": "1", "x/y": "elsewhere"})
    head = repo.commit("head", files={"d/e/f": "2", "d/g": "2"})
    harmless = repo.tip(f"{base}:x")
    forged = repo.tip(f"{base if side == 'old' else head}:{depth}")
    with viewed(repo) as view:
        assert [entry.path for entry in raw_diff(view, base, head)] == ["d/e/f", "d/g"]
    store = repo.git_dir / "objects"
    place = store / forged[:2] / forged[2:]
    place.chmod(0o644)
    place.write_bytes((store / harmless[:2] / harmless[2:]).read_bytes())
    told = repo.git("diff-tree", "-r", "--name-only", base, head)
    assert "y" in told  # git believes it
    with viewed(repo) as view, pytest.raises(HistoryError) as caught:
        raw_diff(view, base, head)
    assert caught.value.code == "object-damaged"


def test_more_paths_than_anybody_judges_are_refused(
    repo: Repo, viewed: Viewed, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = repo.commit(files={name: name for name in "abcde"})
    monkeypatch.setattr(room, "MOST_PATHS", 5)
    with viewed(repo) as view:
        assert len(raw_diff(view, None, head)) == 5
        monkeypatch.setattr(room, "MOST_PATHS", 4)
        with pytest.raises(HistoryError) as caught:
            raw_diff(view, None, head)
    assert caught.value.code == "diff-too-large"
    assert caught.value.message == "5 paths differ; at most 4 are judged at once"


def test_a_file_that_becomes_a_folder_and_a_folder_that_becomes_a_file_are_told_whole(
    repo: Repo, viewed: Viewed
) -> None:
    base = repo.commit(files={"a": "file", "b/c": "below", "empty/x": "1"})
    for path in ("a", "b/c", "empty/x"):
        repo.remove(path)
    for path in ("b", "empty"):
        (repo.path / path).rmdir()
    head = repo.commit(files={"a/c": "below", "b": "file"})
    with viewed(repo) as view:
        told = [(entry.path, entry.status) for entry in raw_diff(view, base, head)]
        back = [(entry.path, entry.status) for entry in raw_diff(view, head, base)]
        none = raw_diff(view, head, view.empty_tree)
    assert told == [("a", "D"), ("a/c", "A"), ("b", "A"), ("b/c", "D"), ("empty/x", "D")]
    assert back == [("a", "A"), ("a/c", "D"), ("b", "D"), ("b/c", "A"), ("empty/x", "A")]
    assert [entry.status for entry in none] == ["D", "D"]


def test_the_digest_does_not_depend_on_the_order_of_the_entries(repo: Repo, viewed: Viewed) -> None:
    # As text, an escaped byte sorts before letters that as bytes it follows.
    repo.write(b"\xe9", "x")
    head = repo.commit(files={"b": "1", "z": "1", "é": "1"})
    with viewed(repo) as view:
        found = raw_diff(view, None, head)
    assert [entry.path for entry in found] == ["b", "z", "é", "\\xe9"]
    assert content_digest(found) == content_digest(reversed(found))
    by_hand = hashlib.sha256(b"itil-gate-content-v1\0")
    for entry, path in zip(found, (b"b", b"z", "é".encode(), b"\xe9"), strict=True):
        words = (entry.old_mode, entry.new_mode, entry.old_id, entry.new_id, entry.status)
        by_hand.update("\0".join(words).encode() + b"\0" + path + b"\0")
    assert content_digest(found) == by_hand.hexdigest()
