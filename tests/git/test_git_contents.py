"""How much there is to read of what changes: lines, bytes, text or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from itil_gate.git import contents as room
from itil_gate.git.contents import LARGE, measure
from itil_gate.git.diff import counted_diff, raw_diff
from itil_gate.model.errors import HistoryError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from support.repository import Repo

    from itil_gate.git.view import View
    from itil_gate.model.facts import ContentFact

    Viewed = Callable[[Repo], AbstractContextManager[View]]


def measured(view: View, base: str | None, head: str) -> dict[str, ContentFact]:
    diff, counts = counted_diff(view, base, head)
    assert counts is not None
    return {fact.path: fact for fact in measure(view, diff, counts)}


def test_the_diff_is_the_same_with_its_lines_counted(repo: Repo, viewed: Viewed) -> None:
    base = repo.commit(files={"a": "1\n2\n", "d/e": "x\n", "f": "", "gone": "1\n2\n3\n"})
    repo.remove("gone")
    repo.remove("f")
    head = repo.commit(
        files={"a": "1\n3\n4\n", "d/e": b"\0", "f/g": "in a folder", b":\n1\t2": "odd\n"}
    )
    with viewed(repo) as view:
        diff, counts = counted_diff(view, base, head)
        assert diff == raw_diff(view, base, head)
        assert counts == {
            ":\n1\t2": (1, 0),
            "a": (2, 1),
            "d/e": None,
            "f": (0, 0),
            "f/g": (1, 0),
            "gone": (0, 3),
        }


def test_each_kind_of_content_is_told_apart(repo: Repo, viewed: Viewed) -> None:
    repo.commit(files={"kept": "x\n"})
    base = repo.tip("HEAD")
    repo.write("program", b"\x7fELF\0", mode=0o755)
    repo.write("link", "kept", mode=0o120000)
    repo.write("annexed", "../.git/annex/objects/a/b", mode=0o120000)
    repo.write("lfs", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n")
    repo.write("late", b"text\n" * 2000 + b"\0")
    repo.write("no-nul", b"text\n\x01\x8f\x02\n")
    repo.write("colour", b"\x1b[31mred\x1b[0m\f\r\n")
    repo.write("latin-1", "é\n".encode("latin-1"))
    repo.write("large", b"line\n" * (LARGE // 5 + 1))
    repo.write("text", "one\ntwo")
    repo.write("empty", "")
    repo.git("add", "--all")
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},sub")
    head = repo.commit_tree(repo.git("write-tree"), base)
    with viewed(repo) as view:
        found = measured(view, base, head)
    assert {path: (one.kind, one.added) for path, one in found.items()} == {
        "annexed": ("elsewhere", 1),
        "colour": ("text", 1),
        "empty": ("text", 0),
        "large": ("large", None),
        "late": ("binary", None),
        "latin-1": ("text", 1),
        "lfs": ("elsewhere", 3),
        "link": ("text", 1),
        "no-nul": ("binary", None),
        "program": ("binary", None),
        "sub": ("elsewhere", 1),
        "text": ("text", 2),
    }


def test_only_a_line_that_was_not_there_is_long(repo: Repo, viewed: Viewed) -> None:
    old, new = "o" * 5000, "n" * 900
    base = repo.commit(files={"a": f"{old}\nx\n", "b": f"{old}\n", "c": "short\n"})
    head = repo.commit(files={"a": f"{old}\ny\n", "b": f"{old}\n{new}\n", "c": "shorter\n"})
    with viewed(repo) as view:
        found = measured(view, base, head)
    assert {path: one.longest for path, one in found.items()} == {"a": 1, "b": 900, "c": 7}


def test_what_attributes_say_hides_nothing_and_makes_nothing(repo: Repo, viewed: Viewed) -> None:
    base = repo.commit(files={"a": "1\n"})
    said = "hidden -diff linguist-generated\nblob diff\na binary\n*.x text\n"
    files = {".gitattributes": said, "hidden": "1\n2\n", "blob": b"\0", "a": "2\n", "b.x": b"\0"}
    head = repo.commit(files=files)
    (repo.git_dir / "info").mkdir(exist_ok=True)
    (repo.git_dir / "info/attributes").write_text("* binary\nblob text diff\n")
    with viewed(repo) as view:
        found = measured(view, base, head)
    kinds = {path: (one.kind, one.added) for path, one in found.items()}
    assert kinds == {
        ".gitattributes": ("text", 4),
        "a": ("text", 1),
        "b.x": ("binary", None),
        "blob": ("binary", None),
        "hidden": ("text", 2),
    }


def test_a_file_too_large_to_be_held_is_never_read(repo: Repo, viewed: Viewed) -> None:
    """Reading it would be refused: it is above the limit of every reader here."""
    base = repo.commit(files={"a": "1\n"})
    head = repo.commit(files={"huge": bytes(60 << 20)})
    with viewed(repo) as view:
        assert measured(view, base, head)["huge"].kind == "large"
        with pytest.raises(HistoryError, match="at most"):
            view.read(repo.tip(f"{head}:huge"))


def test_beyond_a_sum_of_bytes_nothing_more_is_read(
    repo: Repo, viewed: Viewed, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = repo.commit(files={"z": "1\n"})
    head = repo.commit(files={"a": "a" * 60, "b": "b" * 60, "c": "c" * 40})
    monkeypatch.setattr(room, "MOST_READ", 100)
    monkeypatch.setattr(room, "_HELD", 50)
    with viewed(repo) as view:
        found = measured(view, base, head)
    assert {path: one.kind for path, one in found.items()} == {
        "a": "text",
        "b": "unread",
        "c": "text",
    }


def test_without_the_contents_there_is_a_diff_and_no_count(repo: Repo, viewed: Viewed) -> None:
    base = repo.commit(files={"a": "1\n"})
    head = repo.commit(files={"a": "2\n"})
    blob = repo.tip(f"{head}:a")
    (repo.git_dir / "objects" / blob[:2] / blob[2:]).unlink()
    with viewed(repo) as view:
        diff, counts = counted_diff(view, base, head)
        assert [entry.path for entry in diff] == ["a"]
        assert counts is None
