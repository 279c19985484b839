"""Who is in a range of commits, and when we may not say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.repository import ALICE, BOB, CAROL, DAVE, ERIN

from itil_gate.git.discover import discover
from itil_gate.git.history import (
    co_authors,
    commits_between,
    is_ancestor,
    last_change,
    merge_base,
    parse_commit,
    read_commit,
)
from itil_gate.git.objects import GitObject
from itil_gate.git.view import open_view
from itil_gate.model.errors import HistoryError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from support.repository import Keyring, Repo

    from itil_gate.git.view import View

    Viewed = Callable[[Repo], AbstractContextManager[View]]


def test_commits_of_all_parents_are_counted(repo: Repo, viewed: Viewed) -> None:
    base = repo.commit("base")
    repo.checkout("inner", create=True)
    inner = repo.commit("inner", author=CAROL)
    repo.checkout("topic", create=True, at=base)
    first = repo.commit("first", author=BOB, committer=DAVE)
    head = repo.merge("inner", author=ERIN)
    with viewed(repo) as view:
        found = commits_between(view, base, head)
    assert {c.id for c in found} == {inner, first, head}
    assert {c.author.email for c in found} == {CAROL[1], BOB[1], ERIN[1]}
    assert {c.committer.email for c in found} == {CAROL[1], DAVE[1], ERIN[1]}
    assert found[0].id == head
    assert found[0].parents == (first, inner)


def test_an_octopus_and_a_second_root_are_counted(repo: Repo, viewed: Viewed) -> None:
    base = repo.commit("base")
    tips = []
    for name in ("one", "two"):
        repo.checkout(name, create=True, at=base)
        tips.append(repo.commit(name, files={name: "x"}))
    root = repo.commit_tree(repo.tree(base), author=DAVE)
    head = repo.commit_tree(repo.tree(base), base, *tips, root)
    with viewed(repo) as view:
        found = commits_between(view, base, head)
        assert {c.id for c in found} == {*tips, root, head}
        assert found[0].parents == (base, *tips, root)
        assert next(c for c in found if c.id == root).parents == ()


def test_an_unborn_target_leaves_everything(repo: Repo, viewed: Viewed) -> None:
    ids = [repo.commit(str(number)) for number in range(3)]
    with viewed(repo) as view:
        assert [c.id for c in commits_between(view, None, ids[-1])] == ids[::-1]


def test_what_a_commit_says_is_read_whole(repo: Repo, keyring: Keyring, viewed: Viewed) -> None:
    message = "title\n\nbody"
    trailers = ["Co-authored-by: Bob Baker <bob@example.com>", "Signed-off-by: Dave <dave@x.org>"]
    oid = repo.commit(message, sign_with=keyring.alice.key, trailers=trailers, when=1_700_000_000)
    with viewed(repo) as view:
        found = read_commit(view, oid)
    assert found.raw == repo.raw("cat-file", "commit", oid)
    assert found.tree == repo.tree(oid)
    assert (found.author.name, found.author.email) == ALICE
    assert found.committed_at == 1_700_000_000
    assert [(p.name, p.email) for p in found.co_authors] == [BOB]
    assert found.message.startswith(message)
    assert b"gpgsig -----BEGIN SSH SIGNATURE-----\n " in found.raw


@pytest.mark.parametrize(
    ("message", "people"),
    [
        ("x\n\nCo-authored-by: Bob <b@x>", [("Bob", "b@x")]),
        ("x\n\nCO-AUTHORED-BY:Bob<b@x>", [("Bob", "b@x")]),
        ("x\n\n  co-authored-by :  Bob   <  b@x >  ", [("Bob", "b@x")]),
        ("x\r\n\r\nCo-Authored-By: Bob <b@x>\r\n", [("Bob", "b@x")]),
        ("Co-authored-by: Bob <b@x>\n\nin the middle\n\nlast", [("Bob", "b@x")]),
        ("x\n\nCo-authored-by: B <b@x>\nCo-authored-by: C <c@x>", [("B", "b@x"), ("C", "c@x")]),
        ("x\n\nCo-authored-by: B <b@x>, C <c@x>", [("B", "b@x"), ("C", "c@x")]),
        ("x\n\nCo-authored-by: b@x", [("b@x", "b@x")]),
        ("x\n\nCo-authored-by: Bob", [("Bob", "")]),
        ("x\n\nCo-authored-by: Bob <b@x", [("Bob", "b@x")]),
        ("x\n\n> Co-authored-by: Bob <b@x>", [("Bob", "b@x")]),
        ("x\n\nCo authored by: Bob <b@x>", [("Bob", "b@x")]),
        ("x\n\nCo-authored-by: B <b@x>\nCo-authored-by: B <b@x>", [("B", "b@x")]),
        ("x\n\nCo-authored-by:\n", []),
        ("x\n\nSigned-off-by: Bob <b@x>\nReviewed-by: C <c@x>", []),
        ("we wrote it Co-authored-by: nobody", []),
        ("", []),
    ],
)
def test_co_authors_are_found_however_they_are_written(
    message: str, people: list[tuple[str, str]]
) -> None:
    assert [(p.name, p.email) for p in co_authors(message)] == people


def _commit(*lines: bytes, message: bytes = b"x") -> GitObject:
    return GitObject("1" * 40, "commit", b"\n".join((*lines, b"", message)))


TREE_LINE = b"tree " + b"2" * 40


@pytest.mark.parametrize(
    ("line", "name", "email"),
    [
        (b"author A <a@x> 1 +0000", "A", "a@x"),
        (b"author <a@x> 1 +0000", "", "a@x"),
        (b"author A <> 1 +0000", "A", ""),
        (b"author A", "A", ""),
        (b"author ", "", ""),
        (b"author A <a@x> <b@x> 1 +0000", "A", "a@x"),
        (b"author A <a@x", "A", "a@x"),
        (b"author > <a@x> 1 +0000", ">", "a@x"),
        ("author É <é@x> 1 +0000".encode(), "É", "é@x"),
        (b"author \xc9 <a@x> 1 +0000", r"\xc9", "a@x"),
    ],
)
def test_an_odd_author_line_is_read_as_git_reads_it(line: bytes, name: str, email: str) -> None:
    found = parse_commit(_commit(TREE_LINE, line, b"committer C <c@x> 2 +0000"))
    assert (found.author.name, found.author.email) == (name, email)


def test_a_second_author_is_not_lost(repo: Repo, viewed: Viewed) -> None:
    raw = b"tree %s\nauthor A <a@x> 1 +0000\nauthor B <b@x> 1 +0000\ncommitter C <c@x> 1 +0000\n"
    raw += b"committer D <d@x> 1 +0000\n\nx"
    oid = repo.raw_object("commit", raw % repo.tree(repo.commit()).encode())
    with viewed(repo) as view:
        found = read_commit(view, oid)
    assert [p.email for p in found.co_authors] == ["b@x", "d@x"]


def test_a_header_inside_the_signature_or_message_is_not_believed() -> None:
    found = parse_commit(
        _commit(
            TREE_LINE,
            b"author A <a@x> 1 +0000",
            b"committer A <a@x> 1 +0000",
            b"gpgsig -----BEGIN",
            b" author Forged <f@x> 1 +0000",
            b" parent " + b"3" * 40,
            message=b"parent " + b"4" * 40,
        )
    )
    assert found.parents == ()
    assert found.co_authors == ()


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        (b"ISO-8859-1", "Jürgen"),
        (b"latin1", "Jürgen"),
        (b"windows-1252", "Jürgen"),
        (b"zip", r"J\xfcrgen"),
        (b"utf-7", r"J\xfcrgen"),
        (b"idna", r"J\xfcrgen"),
        (b"\xff\0", r"J\xfcrgen"),
        (b"gb-nonsense", r"J\xfcrgen"),
    ],
)
def test_a_declared_encoding_is_used_only_if_it_is_a_plain_one(encoding: bytes, name: str) -> None:
    author = b"author J\xfcrgen <j@x> 1 +0000"
    found = parse_commit(_commit(TREE_LINE, author, b"encoding " + encoding))
    assert found.author.name == name
    assert found.committer.email == ""


@given(st.binary())
def test_no_bytes_of_a_commit_make_the_parser_fail(data: bytes) -> None:
    refused = None
    try:
        found = parse_commit(GitObject("1" * 40, "commit", TREE_LINE + b"\n" + data))
    except HistoryError as error:
        refused = error.code
    # Only a second tree, or a parent that is no id, makes it no commit; nothing makes it crash.
    assert refused in (None, "not-a-commit")
    if b"tree" not in data and b"parent" not in data:
        assert refused is None
    if refused is None:
        assert found.tree == "2" * 40


@given(
    st.lists(
        st.sampled_from([b"author ", b"<", b">", b"@", b"a", b" 1 ", b"\n", b"Co-authored-by:"])
    )
)
def test_no_author_line_makes_the_parser_fail(parts: list[bytes]) -> None:
    parse_commit(GitObject("1" * 40, "commit", TREE_LINE + b"\nauthor " + b"".join(parts)))


@pytest.mark.parametrize(
    "data",
    [b"", b"tree x\n\n", b"tree " + b"2" * 40 + b"\nparent -x\n\n", b"\n\ntree " + b"2" * 40],
)
def test_what_has_no_tree_is_not_a_commit(data: bytes) -> None:
    with pytest.raises(HistoryError) as caught:
        parse_commit(GitObject("1" * 40, "commit", data))
    assert caught.value.code == "not-a-commit"


def test_the_merge_base_is_the_one_common_ancestor(repo: Repo, viewed: Viewed) -> None:
    base = repo.commit("base")
    main = repo.commit("main")
    repo.checkout("topic", create=True, at=base)
    topic = repo.commit("topic", author=BOB)
    with viewed(repo) as view:
        assert merge_base(view, main, topic) == base
        assert merge_base(view, base, topic) == base
        assert merge_base(view, topic, topic) == topic
        assert is_ancestor(view, base, topic)
        assert is_ancestor(view, topic, topic)
        assert not is_ancestor(view, topic, base)
        assert not is_ancestor(view, main, topic)


def test_several_merge_bases_are_refused_and_named(repo: Repo, viewed: Viewed) -> None:
    root = repo.commit("root")
    one = repo.commit_tree(repo.tree(), root, message="one")
    two = repo.commit_tree(repo.tree(), root, message="two")
    left = repo.commit_tree(repo.tree(), one, two, message="left")
    right = repo.commit_tree(repo.tree(), two, one, message="right")
    with viewed(repo) as view, pytest.raises(HistoryError) as caught:
        merge_base(view, left, right)
    assert caught.value.code == "ambiguous-merge-base"
    assert one in caught.value.message
    assert two in caught.value.message


def test_histories_without_a_common_commit_are_refused(repo: Repo, viewed: Viewed) -> None:
    main = repo.commit("main")
    other = repo.commit_tree(repo.tree(), message="other")
    with viewed(repo) as view, pytest.raises(HistoryError) as caught:
        merge_base(view, main, other)
    assert caught.value.code == "unrelated-histories"


def test_what_is_no_commit_has_no_ancestors(repo: Repo, viewed: Viewed) -> None:
    main = repo.commit(files={"a": "1"})
    with viewed(repo) as view:
        for thing, code in ((repo.tree(), "not-a-commit"), ("1" * 40, "object-missing")):
            with pytest.raises(HistoryError) as caught:
                is_ancestor(view, thing, main)
            assert caught.value.code == code


def test_the_last_change_of_a_path_is_found_behind_any_parent(repo: Repo, viewed: Viewed) -> None:
    base = repo.commit("base", files={"r.yaml": "1", "other": "1"})
    repo.checkout("side", create=True)
    side = repo.commit("side", files={"r.yaml": "2"})
    repo.checkout("main")
    main = repo.commit("main", files={"other": "2"})
    clean = repo.merge("side")
    undone = repo.commit_tree(repo.tree(main), clean, side, message="throws the change away")
    with viewed(repo) as view:
        assert last_change(view, "r.yaml", since=base, until=main) is None
        assert last_change(view, "r.yaml", since=base, until=clean) == clean
        assert last_change(view, "r.yaml", since=clean, until=undone) == undone
        assert last_change(view, "r.yaml", since=side, until=side) is None
        assert last_change(view, "r.*", since=base, until=clean) is None
        assert last_change(view, "nothing", since=base, until=undone) is None


def _branches(repo: Repo) -> tuple[str, str, str]:
    """Return base, main and topic: four commits, a fork, three on main and three on topic."""
    for number in range(4):
        base = repo.commit(f"base {number}")
    for number in range(3):
        main = repo.commit(f"main {number}")
    repo.checkout("topic", create=True, at=base)
    for number in range(3):
        topic = repo.commit(f"topic {number}", author=BOB if number == 0 else ALICE)
    return base, main, topic


@pytest.mark.parametrize("depth", range(1, 8))
def test_a_shallow_clone_gives_the_whole_answer_or_none(
    repo: Repo, tmp_path: Path, depth: int
) -> None:
    base, main, topic = _branches(repo)
    with open_view(discover(repo.path)) as view:
        whole = commits_between(view, main, topic)
    clone = repo.clone(tmp_path / "clone", f"--depth={depth}", "--no-single-branch")
    enough = depth > 3
    with open_view(discover(clone.path)) as view:
        for ask in (merge_base, commits_between):
            if enough:
                continue
            with pytest.raises(HistoryError) as caught:
                ask(view, main, topic)
            assert caught.value.code == "history-too-shallow"
            assert "git fetch --unshallow" in caught.value.hint
        if enough:
            assert merge_base(view, main, topic) == base
            assert commits_between(view, main, topic) == whole


def test_the_hint_for_a_shallow_clone_mends_it(repo: Repo, tmp_path: Path) -> None:
    base, main, topic = _branches(repo)
    clone = repo.clone(tmp_path / "clone", "--depth=1", "--no-single-branch")
    with open_view(discover(clone.path)) as view, pytest.raises(HistoryError) as caught:
        merge_base(view, main, topic)
    command = caught.value.hint.partition("`git ")[2].partition("`")[0]
    clone.git(*command.split())
    with open_view(discover(clone.path)) as view:
        assert merge_base(view, main, topic) == base


def test_a_shallow_clone_with_an_unborn_target_is_refused(repo: Repo, tmp_path: Path) -> None:
    _, _, topic = _branches(repo)
    clone = repo.clone(tmp_path / "clone", "--depth=5", "--no-single-branch")
    with open_view(discover(clone.path)) as view, pytest.raises(HistoryError) as caught:
        commits_between(view, None, topic)
    assert caught.value.code == "history-too-shallow"


def test_a_branch_cut_off_behind_a_merge_is_noticed(repo: Repo, tmp_path: Path) -> None:
    """The clone ends inside the second parent's side, where the first parent's is complete."""
    base = repo.commit("base")
    repo.checkout("long", create=True)
    for number in range(6):
        repo.commit(
            f"long {number}", author=BOB if number == 0 else ALICE, files={"l": str(number)}
        )
    repo.checkout("topic", create=True, at=base)
    repo.commit("topic", files={"t": "1"})
    head = repo.merge("long")
    clone = repo.clone(tmp_path / "clone", "--depth=4", "--no-single-branch")
    with open_view(discover(clone.path)) as view, pytest.raises(HistoryError) as caught:
        commits_between(view, base, head)
    assert caught.value.code == "history-too-shallow"


def test_a_forged_date_hides_no_commit(repo: Repo, viewed: Viewed) -> None:
    base = repo.commit("base")
    hidden = [repo.commit(f"old {n}", author=BOB, when=1000 + n) for n in range(8)]
    head = repo.commit("head", when=1)
    repo.checkout("main2", create=True, at=base)
    main = base
    for number in range(8):
        main = repo.commit(f"main {number}", when=4_000_000_000 + number)
    with viewed(repo) as view:
        assert {c.id for c in commits_between(view, main, head)} == {head, *hidden}
        assert merge_base(view, main, head) == base
        assert not is_ancestor(view, head, main)


def test_a_shallow_clone_does_not_deny_an_ancestor_it_cannot_see(
    repo: Repo, tmp_path: Path
) -> None:
    base, main, topic = _branches(repo)
    clone = repo.clone(tmp_path / "clone", "--depth=2", "--no-single-branch")
    clone.git("fetch", "--quiet", "--depth=1", "origin", base)
    with open_view(discover(clone.path)) as view:
        assert is_ancestor(view, main, main)
        with pytest.raises(HistoryError) as caught:
            is_ancestor(view, base, topic)
        assert caught.value.code == "history-too-shallow"
    clone = repo.clone(tmp_path / "deeper", "--depth=4", "--no-single-branch")
    with open_view(discover(clone.path)) as view:
        assert is_ancestor(view, base, topic)
        assert not is_ancestor(view, main, topic)
