"""The first-parent record as git streams it: odd names, odd messages, damage and early stops."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from support.repository import BOB, START

from itil_gate.git.record import (
    _batches,
    commits_by_id,
    landings,
    lines_added,
    lines_added_between,
)
from itil_gate.model.errors import HistoryError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from support.repository import Repo

    from itil_gate.git.view import View

    Viewed = Callable[[Repo], AbstractContextManager[View]]


def test_changes_come_newest_first_with_what_they_touched(repo: Repo, viewed: Viewed) -> None:
    first = repo.commit("One", files={"a": "1", "b/c": "1"}, when=START)
    second = repo.commit("Two\n\nBody", files={"a": "2"}, author=BOB, when=START + 60)
    third = repo.commit("Three", when=START + 120)
    with viewed(repo) as view:
        found = list(landings(view, third))
    assert [(item.id, item.paths) for item in found] == [
        (third, ()),
        (second, (b"a",)),
        (first, (b"a", b"b/c")),
    ]
    assert [item.at for item in found] == [START + 120, START + 60, START]
    assert [item.parents for item in found] == [(second,), (first,), ()]
    assert (found[1].email, found[1].name) == (b"bob@example.com", b"Bob Baker")
    assert found[1].message == b"Two\n\nBody\n"


def test_a_merge_is_one_change_against_its_first_parent(repo: Repo, viewed: Viewed) -> None:
    repo.commit("One", files={"a": "1"})
    repo.checkout("side", create=True)
    side = repo.commit("Side", files={"b": "1"})
    repo.checkout("main")
    main = repo.commit("Two", files={"a": "2"})
    tip = repo.merge("side", message="Merge it")
    with viewed(repo) as view:
        found = list(landings(view, tip))
        merged = commits_by_id(view, [side, "0" * 40])
    assert [item.message.strip() for item in found] == [b"Merge it", b"Two", b"One"]
    assert (found[0].paths, found[0].parents) == ((b"b",), (main, side))
    assert [(item.message, item.paths) for item in merged.values()] == [(b"Side\n", ())]
    assert list(merged) == [side]


def test_no_ids_are_no_commits(repo: Repo, viewed: Viewed) -> None:
    repo.commit()
    with viewed(repo) as view:
        assert commits_by_id(view, []) == {}


def test_odd_names_and_messages_cannot_be_taken_for_another_commit(
    repo: Repo, viewed: Viewed
) -> None:
    forged = f"\n{'0' * 40} 1 :x :y"
    names = ["\nfirst", forged.strip("\n").replace("/", "-"), ":", "ü", "a\tb", "  "]
    repo.commit("", files=dict.fromkeys(names, "1"))
    tip = repo.commit(f"\n\n{forged}\n\n\n", files={"\n": "1"})
    with viewed(repo) as view:
        found = list(landings(view, tip))
    assert len(found) == 2
    assert found[0].paths == (b"\n",)
    assert set(found[1].paths) == {name.encode() for name in names}
    assert forged.encode() in found[0].message


def test_a_renamed_file_is_one_that_went_and_one_that_came(repo: Repo, viewed: Viewed) -> None:
    repo.commit(files={"old": "same\n" * 50})
    repo.remove("old")
    tip = repo.commit(files={"new": "same\n" * 50})
    with viewed(repo) as view:
        assert next(landings(view, tip)).paths == (b"new", b"old")


@pytest.mark.parametrize("date", ["99999999999999999999999", "-5", "", "x"])
def test_a_date_that_is_none_does_not_stop_it(repo: Repo, viewed: Viewed, date: str) -> None:
    base = repo.commit("One", files={"a": "1"})
    who = f"A <a@example.com> {date} +0000"
    tip = repo.raw_object(
        "commit",
        f"tree {repo.tree()}\nparent {base}\nauthor {who}\ncommitter {who}\n\nodd\n".encode(),
    )
    with viewed(repo) as view:
        found = list(landings(view, tip))
    assert [item.id for item in found] == [tip, base]
    assert found[0].at >= 0


def test_git_is_stopped_when_the_reader_has_enough(repo: Repo, viewed: Viewed) -> None:
    for number in range(3):
        tip = repo.commit(f"Change {number}", files={"a": str(number)})
    with viewed(repo) as view, closing(landings(view, tip)) as stream:
        assert next(stream).message == b"Change 2\n"
        stream.close()
        with pytest.raises(StopIteration):
            next(stream)


def test_what_came_before_missing_objects_is_still_read(repo: Repo, viewed: Viewed) -> None:
    old = repo.commit("Old", files={"a": "1"})
    for title in ("Middle", "New", "Newest"):
        tip = repo.commit(title, files={"a": title})
    tree = repo.tree(old)
    (repo.git_dir / "objects" / tree[:2] / tree[2:]).unlink()
    seen: list[bytes] = []
    with viewed(repo) as view, pytest.raises(HistoryError) as caught:
        seen.extend(item.message for item in landings(view, tip))
    assert caught.value.code == "object-missing"
    assert seen == [b"Newest\n"]


def test_a_name_that_is_no_commit_is_refused(repo: Repo, viewed: Viewed) -> None:
    repo.commit(files={"a": "1"})
    with viewed(repo) as view, pytest.raises(HistoryError):
        list(landings(view, "0" * 40))


def test_silence_is_not_waited_for_without_end(
    repo: Repo,
    viewed: Viewed,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    tip = repo.commit(files={"a": "1"})
    folder = tmp_path_factory.mktemp("bin")
    slow = folder / "git"
    slow.write_text(
        "#!/bin/sh\ncase $1 in log) exec sleep 60;; version) echo git version 2.45.0;; esac\n"
    )
    slow.chmod(0o755)
    with viewed(repo) as view:
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
        with pytest.raises(HistoryError) as caught:
            list(landings(view, tip, timeout=0.2))
    assert caught.value.code == "git-timeout"


@pytest.mark.parametrize("size", range(1, 12))
def test_records_are_the_same_wherever_the_reads_end(size: int) -> None:
    stream = b"\0one\0:a\0:m\0\nx\0y\0\0two\0:b\0:\0\0three\0:c\0:m\0\nz\0"
    reads = [stream[start : start + size] for start in range(0, len(stream), size)]
    *batches, last = _batches(reads)
    found = [record for batch in batches for record in batch]
    assert found == [b"one\0:a\0:m\0\nx\0y", b"two\0:b\0:"]
    assert last == [b"three\0:c\0:m\0\nz"]


def test_added_lines_are_counted_change_by_change(repo: Repo, viewed: Viewed) -> None:
    base = repo.commit(files={"a": "1\n2\n3\n"})
    repo.commit(files={"a": "1\n2\n3\n4\n", ":": "x\ny\n", "bin": b"\0\1"})
    repo.commit()
    repo.checkout("side", create=True)
    repo.commit(files={"b": "1\n2\n"})
    repo.checkout("main")
    tip = repo.merge("side")
    with viewed(repo) as view:
        assert lines_added(view, tip, changes=10) == (2, 0, 3, 0)
        assert lines_added(view, tip, changes=1) == (2,)
        assert lines_added_between(view, base, tip) is None
        assert lines_added_between(view, f"{tip}^", tip) == 2


def test_a_huge_file_is_not_counted_line_by_line(repo: Repo, viewed: Viewed) -> None:
    base = repo.commit(files={"a": "1\n"})
    tip = repo.commit(files={"huge": "line\n" * 300_000})
    with viewed(repo) as view:
        assert lines_added_between(view, base, tip) is None


def test_the_configuration_of_the_repository_is_not_obeyed(repo: Repo, viewed: Viewed) -> None:
    repo.commit("One", files={"a": "1\n", ".gitattributes": "* diff=evil -text\n"})
    tip = repo.commit("Two", files={"a": "2\n"})
    config = repo.git_dir / "config"
    config.write_text(
        config.read_text()
        + '[log]\n\tshowSignature = true\n\tdate = iso\n[diff "evil"]\n\tcommand = false\n'
        "\ttextconv = false\n[diff]\n\trenames = copies\n\tnoprefix = true\n"
    )
    with viewed(repo) as view:
        assert [item.paths for item in landings(view, tip)] == [(b"a",), (b".gitattributes", b"a")]
        assert lines_added(view, tip, changes=1) == (1,)
