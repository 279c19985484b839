"""The bare view obeys nothing that the repository says about itself, and leaves no trace in it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from support.repository import BOB, Repo

from itil_gate.git.diff import raw_diff
from itil_gate.git.discover import discover
from itil_gate.git.history import commits_between
from itil_gate.git.merge import merge_tree
from itil_gate.git.names import ref_tip, resolve
from itil_gate.git.tree import blob_at
from itil_gate.git.view import open_view
from itil_gate.model.errors import GateError, HistoryError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from itil_gate.git.view import View

    Viewed = Callable[[Repo], AbstractContextManager[View]]


def _conflict(repo: Repo) -> tuple[str, str]:
    """Leave two branches that both change the one line of list.txt; return their tips."""
    repo.commit(files={"list.txt": "one\n"})
    repo.checkout("side", create=True)
    side = repo.commit(files={"list.txt": "two\n"})
    repo.checkout("main")
    return repo.commit(files={"list.txt": "three\n"}), side


def _footprint(repo: Repo) -> dict[str, str]:
    files = (file for file in repo.git_dir.rglob("*") if file.is_file())
    return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def _tripwire(repo: Repo) -> tuple[Path, str]:
    """Return a file that appears when the returned command is run."""
    trace = repo.path.parent / "somebody-ran-me"
    script = repo.path.parent / "trip.sh"
    script.write_text(f'#!/bin/sh\ntouch {trace}\ncat "$1" 2>/dev/null\nexit 0\n')
    script.chmod(0o755)
    return trace, str(script)


@pytest.mark.parametrize("place", ["untracked", "committed", "info", "configured"])
def test_a_union_attribute_does_not_turn_a_conflict_clean(
    repo: Repo, viewed: Viewed, place: str
) -> None:
    if place == "committed":
        repo.write(".gitattributes", "* merge=union\n")
    ours, theirs = _conflict(repo)
    if place == "untracked":
        repo.write(".gitattributes", "* merge=union\n")
    if place == "info":
        (repo.git_dir / "info" / "attributes").write_text("* merge=union\n")
    if place == "configured":
        file = repo.path.parent / "attributes"
        file.write_text("* merge=union\n")
        repo.git("config", "core.attributesFile", str(file))
    with viewed(repo) as view:
        assert merge_tree(view, ours, theirs).conflicts == ("list.txt",)


def test_git_itself_would_have_called_that_conflict_clean(repo: Repo) -> None:
    ours, theirs = _conflict(repo)
    repo.write(".gitattributes", "* merge=union\n")
    repo.git("merge-tree", "--write-tree", ours, theirs)


def test_a_merge_driver_of_the_repository_is_not_run(repo: Repo, viewed: Viewed) -> None:
    trace, script = _tripwire(repo)
    repo.write(".gitattributes", "* merge=trip\n")
    ours, theirs = _conflict(repo)
    repo.git("config", "merge.trip.driver", f"{script} %A")
    repo.git("config", "merge.default", "trip")
    with viewed(repo) as view:
        assert merge_tree(view, ours, theirs).tree is None
    assert not trace.exists()


def test_no_program_named_by_the_repository_is_run(repo: Repo, viewed: Viewed) -> None:
    trace, script = _tripwire(repo)
    repo.write(".gitattributes", "* diff=trip filter=trip\n")
    first = repo.commit(files={"a.txt": "1\n"})
    second = repo.commit(files={"a.txt": "2\n"})
    for key in (
        "core.fsmonitor",
        "core.sshCommand",
        "core.pager",
        "core.editor",
        "diff.external",
        "diff.trip.textconv",
        "diff.trip.command",
        "filter.trip.clean",
        "filter.trip.smudge",
        "alias.diff-tree",
        "alias.cat-file",
        "gpg.program",
        "uploadpack.packObjectsHook",
    ):
        repo.git("config", key, f"!{script}" if key.startswith("alias") else script)
    hooks = repo.path.parent / "hooks"
    hooks.mkdir()
    for name in ("reference-transaction", "post-index-change", "pre-auto-gc", "post-checkout"):
        for directory in (hooks, repo.git_dir / "hooks"):
            directory.mkdir(exist_ok=True)
            (directory / name).write_text(f"#!/bin/sh\n{script}\n")
            (directory / name).chmod(0o755)
    repo.git("config", "core.hooksPath", str(hooks))
    with viewed(repo) as view:
        assert [e.path for e in raw_diff(view, first, second)] == ["a.txt"]
        assert resolve(view, "main") == second
        assert blob_at(view, second, "a.txt") == b"2\n"
        assert merge_tree(view, first, second).tree == repo.tree()
        assert len(commits_between(view, first, second)) == 1
    assert not trace.exists()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("diff.ignoreSubmodules", "all"),
        ("diff.renames", "copies"),
        ("diff.orderFile", "/dev/stdin"),
        ("diff.noprefix", "true"),
        ("core.abbrev", "4"),
        ("core.quotePath", "false"),
        ("core.fileMode", "false"),
        ("core.ignoreCase", "true"),
        ("core.precomposeUnicode", "true"),
        ("core.worktree", "/"),
        ("core.bare", "nonsense"),
        ("log.showSignature", "true"),
        ("include.path", "/proc/self/environ"),
        ("merge.renames", "false"),
        ("diff.relative", "true"),
    ],
)
def test_no_setting_of_the_repository_changes_the_diff(
    repo: Repo, viewed: Viewed, key: str, value: str
) -> None:
    first = repo.commit(files={"a.txt": "1\n" * 50, "b/c.txt": "2\n"})
    repo.remove("a.txt")
    second = repo.commit(files={"moved.txt": "1\n" * 50, "b/C.txt": "x"})
    with viewed(repo) as view:
        before = raw_diff(view, first, second)
    section, _, name = key.rpartition(".")
    with (repo.git_dir / "config").open("a") as config:
        config.write(f"[{section}]\n\t{name} = {value}\n")
    with viewed(repo) as view:
        assert raw_diff(view, first, second) == before
        assert [(e.status, e.path) for e in before] == [
            ("D", "a.txt"),
            ("A", "b/C.txt"),
            ("A", "moved.txt"),
        ]


def test_a_replaced_blob_is_read_as_it_was_committed(repo: Repo, viewed: Viewed) -> None:
    commit = repo.commit(files={"policies/main.yaml": "strict\n"})
    forged = repo.git("hash-object", "-w", "--stdin", stdin=b"lax\n")
    repo.git("replace", repo.tip("HEAD:policies/main.yaml"), forged)
    assert repo.git("show", "HEAD:policies/main.yaml") == "lax"
    with viewed(repo) as view:
        assert blob_at(view, commit, "policies/main.yaml") == b"strict\n"


def test_a_replaced_or_grafted_commit_keeps_its_own_parents(repo: Repo, viewed: Viewed) -> None:
    base = repo.commit("base")
    middle = repo.commit("middle", author=BOB)
    head = repo.commit("head")
    repo.git("replace", "--graft", head, base)
    (repo.git_dir / "info" / "grafts").write_text(f"{head} {base}\n")
    with viewed(repo) as view:
        assert [c.id for c in commits_between(view, base, head)] == [head, middle]


def test_a_commit_graph_that_lies_is_not_believed(repo: Repo, viewed: Viewed) -> None:
    base = repo.commit("base")
    hidden = repo.commit("hidden", author=BOB)
    third = repo.commit("third", files={"a": "1"})
    head = repo.commit("head", files={"a": "2"})
    repo.git("commit-graph", "write", "--reachable")
    graph = repo.git_dir / "objects" / "info" / "commit-graph"
    # Each row holds a tree, then the parents as positions in the sorted list of ids.
    order = sorted([base, hidden, third, head])
    tree = bytes.fromhex(repo.tree(third))
    honest, forged = (tree + order.index(oid).to_bytes(4, "big") for oid in (hidden, base))
    data = graph.read_bytes()
    assert data.count(honest) == 1
    graph.chmod(0o644)
    graph.write_bytes(data.replace(honest, forged))
    assert repo.git("rev-list", f"{base}..{head}").split() == [head, third]
    with viewed(repo) as view:
        assert [c.id for c in commits_between(view, base, head)] == [head, third, hidden]


def test_nothing_in_the_repository_changes(repo: Repo, viewed: Viewed) -> None:
    ours, theirs = _conflict(repo)
    repo.checkout("third", create=True, at=ours)
    other = repo.commit(files={"other.txt": "x"})
    before = _footprint(repo)
    with viewed(repo) as view:
        merge_tree(view, ours, theirs)
        assert merge_tree(view, other, ours).tree
        commits_between(view, None, other)
        resolve(view, "HEAD")
        directory = view.directory
        assert any((directory / "objects").rglob("*"))
    assert _footprint(repo) == before
    assert not directory.exists()


def test_the_view_is_removed_after_an_error(repo: Repo) -> None:
    seen: list[Path] = []

    def fail() -> None:
        with open_view(discover(repo.path)) as view:
            seen.append(view.directory)
            raise HistoryError("test", "stop")

    with pytest.raises(HistoryError):
        fail()
    assert not seen[0].exists()


def test_the_callers_environment_does_not_reach_the_view(
    repo: Repo, viewed: Viewed, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = _conflict(repo)
    (repo.path.parent / "home" / "git").mkdir(parents=True)
    (repo.path.parent / "home" / "git" / "attributes").write_text("* merge=union\n")
    (repo.path.parent / "home" / ".gitconfig").write_text("[merge]\n\tdefault = union\n")
    monkeypatch.setenv("HOME", str(repo.path.parent / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(repo.path.parent / "home"))
    for name in ("GIT_DIR", "GIT_OBJECT_DIRECTORY", "GIT_WORK_TREE", "GIT_NAMESPACE"):
        monkeypatch.setenv(name, "/nowhere")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "merge.default")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "union")
    with viewed(repo) as view:
        assert merge_tree(view, ours, theirs).tree is None


def test_objects_of_alternates_of_alternates_are_seen(repo: Repo, tmp_path: Path) -> None:
    commit = repo.commit(files={"a": "1"})
    middle = Repo(tmp_path / "middle", bare=True)
    outer = Repo(tmp_path / 'outer "quoted" \\ é # x')
    (middle.git_dir / "objects/info/alternates").write_text(f"{repo.git_dir}/objects\n")
    (outer.git_dir / "objects/info/alternates").write_text("../../../middle/objects\n")
    with open_view(discover(outer.path)) as view:
        assert blob_at(view, commit, "a") == b"1"


def test_a_path_with_a_newline_can_hold_a_repository(tmp_path: Path, viewed: Viewed) -> None:
    repo = Repo(tmp_path / "new\nline")
    commit = repo.commit(files={"a": "1"})
    with viewed(repo) as view:
        assert blob_at(view, commit, "a") == b"1"


def test_objects_in_quarantine_are_seen_only_when_it_is_named(repo: Repo, tmp_path: Path) -> None:
    base = repo.commit(files={"a": "1"})
    pushed = Repo(tmp_path / "pushed")
    (pushed.git_dir / "objects/info/alternates").write_text(f"{repo.git_dir}/objects\n")
    new = pushed.commit_tree(repo.tree(), base)
    quarantine = {"GIT_OBJECT_DIRECTORY": str(pushed.git_dir / "objects")}
    with open_view(discover(repo.path), quarantine=quarantine) as view:
        assert [c.id for c in commits_between(view, base, new)] == [new]
    with open_view(discover(repo.path)) as view, pytest.raises(HistoryError) as caught:
        view.read(new)
    assert caught.value.code == "object-missing"


def test_packed_refs_and_objects_are_seen(repo: Repo, viewed: Viewed) -> None:
    commit = repo.commit(files={"a": "1"})
    repo.git("pack-refs", "--all")
    repo.git("repack", "-adq")
    assert not (repo.git_dir / "refs/heads/main").exists()
    with viewed(repo) as view:
        assert ref_tip(view, "refs/heads/main") == commit
        assert blob_at(view, commit, "a") == b"1"


def test_an_object_added_while_the_view_is_open_is_seen(repo: Repo, viewed: Viewed) -> None:
    first = repo.commit(files={"a": "1"})
    with viewed(repo) as view:
        assert view.read(first).type == "commit"
        second = repo.commit(files={"a": "2"})
        repo.git("repack", "-adq")
        assert blob_at(view, second, "a") == b"2"
        assert resolve(view, "main") == second


def test_a_linked_work_tree_has_its_own_head(repo: Repo, tmp_path: Path) -> None:
    repo.commit()
    repo.git("worktree", "add", "--quiet", "-b", "side", tmp_path / "linked")
    linked = Repo(tmp_path / "linked")
    commit = linked.commit(files={"a": "1"})
    with open_view(discover(linked.path)) as view:
        assert resolve(view, "HEAD") == resolve(view, "side") == commit


def test_a_sha256_repository_is_read_alike(tmp_path: Path, viewed: Viewed) -> None:
    repo = Repo(tmp_path / "long", object_format="sha256")
    first = repo.commit(files={"list.txt": "one\n"})
    repo.checkout("side", create=True)
    side = repo.commit(files={"other.txt": "two\n"})
    repo.checkout("main")
    main = repo.commit(files={"list.txt": "three\n"})
    with viewed(repo) as view:
        assert len(first) == 64
        assert view.algorithm == "sha256"
        assert [c.id for c in commits_between(view, main, side)] == [side]
        assert raw_diff(view, None, first)[0].old_id == "0" * 64
        merged = merge_tree(view, main, side)
        assert merged.tree
        assert blob_at(view, merged.tree, "other.txt") == b"two\n"


def test_a_reftable_repository_is_refused_with_the_way_out(repo: Repo) -> None:
    with (repo.git_dir / "config").open("a") as config:
        config.write("[Extensions]\n\trefStorage = reftable\n")
    with pytest.raises(GateError) as caught, open_view(discover(repo.path)):
        pass
    assert caught.value.code == "reftable"
    assert "refs migrate" in caught.value.hint


def test_a_partial_clone_names_the_command_that_completes_it(repo: Repo, tmp_path: Path) -> None:
    commit = repo.commit(files={"a": "1"})
    repo.git("config", "uploadpack.allowFilter", "true")
    clone = repo.clone(tmp_path / "partial", "--filter=blob:none", "--no-checkout")
    with open_view(discover(clone.path)) as view:
        assert [e.path for e in raw_diff(view, None, commit)] == ["a"]
        with pytest.raises(HistoryError) as caught:
            blob_at(view, commit, "a")
    assert caught.value.code == "object-missing"
    command = caught.value.hint.partition("`git ")[2].partition("`")[0]
    clone.git(*command.split())
    with open_view(discover(clone.path)) as view:
        assert blob_at(view, commit, "a") == b"1"


def test_a_merge_whose_trees_are_missing_is_an_error_not_an_empty_tree(
    repo: Repo, tmp_path: Path
) -> None:
    first, second = _conflict(repo)
    repo.git("config", "uploadpack.allowFilter", "true")
    clone = repo.clone(tmp_path / "partial", "--filter=tree:0", "--no-checkout")
    with open_view(discover(clone.path)) as view:
        for ask in (raw_diff, merge_tree):
            with pytest.raises(HistoryError) as caught:
                ask(view, first, second)
            assert caught.value.code == "object-missing"
            assert "partial clone" in caught.value.hint
