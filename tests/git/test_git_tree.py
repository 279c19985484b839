"""Listing and reading trees, with links and submodules shown for what they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.repository import Repo

from itil_gate.git import tree as room
from itil_gate.git.tree import (
    blob_at,
    entry_at,
    join_tree,
    ls_tree,
    make_record,
    parse_tree,
    read_record,
    split_tree,
)
from itil_gate.model.errors import GateError, HistoryError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from itil_gate.git.view import View

    Viewed = Callable[[Repo], AbstractContextManager[View]]


def _names(repo: Repo) -> list[bytes]:
    return repo.raw("ls-tree", "-r", "-z", "--name-only", "--full-tree", "HEAD").split(b"\0")[:-1]


def test_a_listing_is_what_git_lists(repo: Repo, viewed: Viewed, tmp_path: Path) -> None:
    inner = Repo(tmp_path / "inner")
    inner.commit(files={"a": "1"})
    repo.git("submodule", "--quiet", "add", inner.path, "libs/inner")
    repo.write("bin/run", "#!/bin/sh\n", mode=0o755)
    repo.write("link", "/etc/passwd", mode=0o120000)
    for name in (
        b"a",
        b"a-b",
        b"a.b",
        b"d/e/f",
        b"caf\xe9",
        b"new\nline",
        b"back\\slash",
        b"\xc3\xa9",
    ):
        repo.write(name, "x")
    head = repo.commit()
    listed = repo.raw("ls-tree", "-r", "-z", "--full-tree", "HEAD").split(b"\0")[:-1]
    with viewed(repo) as view:
        found = ls_tree(view, head)
    told = [f"{e.mode} {e.type} {e.oid}\t".encode() + room.to_bytes(e.path) for e in found]
    assert told == sorted(listed, key=lambda line: line.partition(b"\t")[2])
    assert {e.path: e.is_file for e in found}["link"] is False


def test_prefixes_name_files_and_directories(repo: Repo, viewed: Viewed) -> None:
    paths = ["people.yaml", "policies/a.yaml", "policies/deep/b.yaml", "policies-old/c.yaml", "z"]
    head = repo.commit(files=dict.fromkeys(paths, "x"))
    with viewed(repo) as view:
        found = ls_tree(view, head, ["policies/", "people.yaml", "nothing", "people.yaml/below"])
        assert [e.path for e in found] == paths[:3]
        assert [e.path for e in ls_tree(view, head, ["policies/deep"])] == ["policies/deep/b.yaml"]


@pytest.mark.parametrize("kind", ["symlink", "submodule"])
@pytest.mark.parametrize("asked", ["policies", "policies/", "policies/main.yaml", "policies/a/b/c"])
def test_a_link_in_the_way_of_a_prefix_is_shown_not_passed_over(
    repo: Repo, viewed: Viewed, kind: str, asked: str
) -> None:
    repo.commit(files={"real/main.yaml": "x"})
    if kind == "symlink":
        repo.write("policies", "real", mode=0o120000)
        head = repo.commit()
    else:
        repo.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},policies")
        head = repo.commit_tree(repo.git("write-tree"), repo.tip())
    with viewed(repo) as view:
        (entry,) = ls_tree(view, head, [asked])
        assert (entry.path, entry.is_file) == ("policies", False)
        with pytest.raises(HistoryError, match=r"symbolic link|submodule") as caught:
            blob_at(view, head, asked.rstrip("/"))
        assert caught.value.code == "not-a-file"


def test_a_file_is_read_at_a_commit_or_a_tree(repo: Repo, viewed: Viewed) -> None:
    first = repo.commit(files={"a/b.txt": "one"})
    repo.commit(files={"a/b.txt": "two"})
    with viewed(repo) as view:
        assert blob_at(view, first, "a/b.txt") == b"one"
        assert blob_at(view, repo.tree(), "a/b.txt") == b"two"
        assert blob_at(view, first, "a/none.txt") is None
        assert blob_at(view, first, "none/b.txt") is None
        assert blob_at(view, view.empty_tree, "a") is None
        for path in ("a", "a/b.txt/c"):
            with pytest.raises(HistoryError) as caught:
                blob_at(view, first, path)
            assert caught.value.code == "not-a-file"


def test_the_worktree_is_not_read(repo: Repo, viewed: Viewed) -> None:
    head = repo.commit(files={"a": "committed"})
    repo.write("a", "edited")
    repo.write("b", "new")
    repo.git("add", "--all")
    with viewed(repo) as view:
        assert blob_at(view, head, "a") == b"committed"
        assert entry_at(view, head, "b") is None


def test_a_file_larger_than_the_limit_is_refused(repo: Repo, viewed: Viewed) -> None:
    head = repo.commit(files={"a": "x" * 100})
    with viewed(repo) as view, pytest.raises(HistoryError) as caught:
        blob_at(view, head, "a", limit=99)
    assert caught.value.code == "object-too-large"


@pytest.mark.parametrize("names", [[b"a", b"a"], [b""], [b"."], [b".."], [b"a/b"], [b".", b"b"]])
def test_a_tree_no_honest_git_writes_is_refused(
    repo: Repo, viewed: Viewed, names: list[bytes]
) -> None:
    blob = bytes.fromhex(repo.git("hash-object", "-w", "--stdin", stdin=b"x"))
    tree = repo.raw_object("tree", b"".join(b"100644 %s\0%s" % (name, blob) for name in names))
    with viewed(repo) as view, pytest.raises(HistoryError) as caught:
        ls_tree(view, tree)
    assert caught.value.code == "tree-damaged"


@given(st.binary(max_size=80))
def test_no_bytes_make_the_tree_parser_fail_in_another_way(data: bytes) -> None:
    try:
        entries = parse_tree(data, oid="0" * 40)
    except HistoryError as error:
        assert error.code == "tree-damaged"  # noqa: PT017 - both ends are lawful
    else:
        assert sum(len(name) for name in entries) <= len(data)


def test_a_small_tree_that_describes_endless_paths_is_refused(
    repo: Repo, viewed: Viewed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "MOST_ENTRIES", 5000)
    oid = repo.git("hash-object", "-w", "--stdin", stdin=b"x")
    mode = b"100644"
    for _ in range(9):
        rows = [b"%s %d\0%s" % (mode, number, bytes.fromhex(oid)) for number in range(10)]
        oid, mode = repo.raw_object("tree", b"".join(rows)), b"40000"
    with viewed(repo) as view, pytest.raises(HistoryError) as caught:
        ls_tree(view, oid)
    assert caught.value.code == "tree-too-large"


def test_a_very_deep_tree_is_listed_without_running_out_of_stack(
    repo: Repo, viewed: Viewed
) -> None:
    stream = b"commit refs/heads/main\ncommitter A <a> 1 +0000\ndata 0\nM 100644 inline "
    path = b"/".join([b"d"] * 1500)
    repo.fast_import(stream + path + b"\ndata 1\nx\n")
    with viewed(repo) as view:
        (entry,) = ls_tree(view, repo.tip("main"))
        assert entry.path.encode() == path


def test_a_path_that_is_no_path_text_is_refused(repo: Repo, viewed: Viewed) -> None:
    head = repo.commit(files={"a": "1"})
    with viewed(repo) as view, pytest.raises(GateError) as caught:
        blob_at(view, head, r"\x61")
    assert caught.value.code == "path-text"


def test_a_blob_is_not_a_tree(repo: Repo, viewed: Viewed) -> None:
    repo.commit(files={"a": "1"})
    with viewed(repo) as view, pytest.raises(HistoryError) as caught:
        ls_tree(view, repo.tip("HEAD:a"))
    assert caught.value.code == "not-a-commit"
    assert b"a" in _names(repo)


SOME = bytes(range(1, 21))


def test_a_tree_is_parsed_to_its_last_byte() -> None:
    data = b"40000 d\0" + SOME + b"100755 run\0" + bytes(20)
    assert parse_tree(data, oid="0" * 40) == {
        b"d": ("040000", SOME.hex()),
        b"run": ("100755", "00" * 20),
    }
    longer = b"100644 f\0" + bytes(32)
    assert parse_tree(longer, oid="0" * 64) == {b"f": ("100644", "00" * 32)}
    assert parse_tree(b"", oid="0" * 40) == {}


@pytest.mark.parametrize(
    "data",
    [
        b"100644 a",
        b"100644 a" + b"\xff" * 40,
        b"100644 a\0" + SOME[:-1],
        b"100644 a\0" + SOME + b"1",
        b"100644a\0" + SOME,
        b"100x44 a\0" + SOME,
        b" a\0" + SOME,
    ],
)
def test_a_tree_that_is_cut_or_has_no_mode_is_damaged(data: bytes) -> None:
    with pytest.raises(HistoryError) as caught:
        parse_tree(data, oid="0" * 40)
    assert caught.value.code == "tree-damaged"


ROWS = st.lists(
    st.tuples(
        st.sampled_from([b"100644", b"40000", b"040000", b"160000", b"7", b"0100644", b"4x"]),
        st.one_of(
            st.sampled_from([b"a", b"a b", b"..", b".", b"", b"d/e", b"n" * 300]),
            st.binary(max_size=3),
        ),
        st.binary(min_size=20, max_size=20),
    ),
    max_size=5,
)


@given(ROWS, st.integers(0, 40))
def test_a_tree_that_is_split_says_what_a_parsed_one_says(
    rows: list[tuple[bytes, bytes, bytes]], cut: int
) -> None:
    data = b"".join(b"%b %b\0%b" % row for row in rows)
    for whole in (data, data[: len(data) - cut], data[cut:]):
        try:
            wanted: object = list(parse_tree(whole, oid="0" * 40).items())
        except HistoryError as error:
            wanted = error.code
        found: object
        try:
            records = split_tree(whole, oid="0" * 40)
        except HistoryError as error:
            found = error.code
        else:
            found = [(name, read_record(row, name=name)) for name, row in records.items()]
        assert found == wanted


def test_a_tree_is_put_together_as_git_stores_it(repo: Repo) -> None:
    repo.write("bin/run", "#!/bin/sh\n", mode=0o755)
    repo.write("link", "/etc/passwd", mode=0o120000)
    repo.commit(files={"a.b": "1", "a/c": "2", "a-b": "3", "a b": "4", "ab": "5"})
    tree = repo.git("rev-parse", "HEAD^{tree}")
    data = repo.raw("cat-file", "tree", tree)
    records = split_tree(data, oid=tree)
    assert join_tree(records, sort=False) == data
    assert join_tree(dict(reversed(records.items()))) == data
    added = dict(records) | {b"a0": make_record(b"a0", "100644", repo.tip("HEAD:ab"))}
    assert repo.raw_object("tree", join_tree(added))
    repo.git("fsck", "--strict")


def test_a_file_of_just_the_limit_is_read(repo: Repo, viewed: Viewed) -> None:
    head = repo.commit(files={"a": "x" * 100})
    with viewed(repo) as view:
        assert blob_at(view, head, "a", limit=100) == b"x" * 100


def test_a_listing_counts_files_and_folders_up_to_its_bound(
    repo: Repo, viewed: Viewed, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = repo.commit(files={"a": "1", "d/b": "2", "d/e/c": "3"})
    monkeypatch.setattr(room, "MOST_ENTRIES", 5)
    with viewed(repo) as view:
        assert [e.path for e in ls_tree(view, head)] == ["a", "d/b", "d/e/c"]
        monkeypatch.setattr(room, "MOST_ENTRIES", 4)
        with pytest.raises(HistoryError) as caught:
            ls_tree(view, head)
    assert caught.value.code == "tree-too-large"


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_the_tree_of_a_commit_is_found_in_either_format(
    tmp_path: Path, viewed: Viewed, object_format: str
) -> None:
    repo = Repo(tmp_path / "either", object_format=object_format)
    head = repo.commit(files={"a": "1", "d/b": "2"})
    with viewed(repo) as view:
        assert room.tree_id(view, head) == room.tree_id(view, repo.tree()) == repo.tree()
        assert room.tree_id(view, view.empty_tree) == view.empty_tree
        assert blob_at(view, head, "d/b") == b"2"


def test_a_tag_or_a_file_has_no_tree(repo: Repo, viewed: Viewed) -> None:
    repo.commit(files={"a": "1"})
    repo.git("tag", "-a", "-m", "tag", "v1", env=repo._people(("A", "a@example.com"), None, None))
    with viewed(repo) as view:
        for thing in (repo.tip("v1"), repo.tip("HEAD:a")):
            with pytest.raises(HistoryError) as caught:
                room.tree_id(view, thing)
            assert caught.value.code == "not-a-commit"


def test_what_stands_where_a_file_should_be_is_named(repo: Repo, viewed: Viewed) -> None:
    repo.write("link", "a", mode=0o120000)
    repo.write("run", "x", mode=0o755)
    repo.write("d/f", "x")
    repo.git("add", "--all")
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{'2' * 40},sub")
    tree = repo.git("write-tree")
    with viewed(repo) as view:
        assert blob_at(view, tree, "run") == b"x"
        for path, what in {
            "link": "a symbolic link",
            "link/below": "a symbolic link",
            "sub": "a submodule",
            "d": "a directory",
            "run/below": "a file",
        }.items():
            with pytest.raises(HistoryError, match=what):
                blob_at(view, tree, path)


def test_a_prefix_that_is_not_there_hides_no_other(repo: Repo, viewed: Viewed) -> None:
    head = repo.commit(files={"X/X": "1", "b c/d e": "2", "z": "3"})
    with viewed(repo) as view:
        found = ls_tree(view, head, ["nothing", "X", "none/at/all", "b c", "z"])
        assert [e.path for e in found] == ["X/X", "b c/d e", "z"]
        assert blob_at(view, head, "X/X") == b"1"
        assert blob_at(view, head, "b c/d e") == b"2"
        folder = entry_at(view, head, "b c")
        assert folder is not None
        assert (folder.type, folder.is_file, folder.path) == ("tree", False, "b c")
