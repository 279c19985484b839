"""Reading objects: whole, checked, in order, within limits."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from itil_gate.git.objects import hash_object, is_oid
from itil_gate.model.errors import HistoryError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from support.repository import Repo

    from itil_gate.git.view import View

    Viewed = Callable[[Repo], AbstractContextManager[View]]


def test_many_objects_come_in_the_order_asked(repo: Repo, viewed: Viewed) -> None:
    texts = [f"{number}\n".encode() * (number % 7) for number in range(500)]
    stream = b"".join(b"blob\ndata %d\n%s\n" % (len(text), text) for text in texts)
    repo.raw("fast-import", "--quiet", stdin=stream)
    ids = [hash_object("blob", text, algorithm="sha1") for text in texts]
    with viewed(repo) as view:
        assert [thing.data for thing in view.read_many(reversed(ids))] == texts[::-1]
        assert {thing.type for thing in view.read_many(ids)} == {"blob"}


def test_more_than_fits_a_pipe_is_asked_and_read(repo: Repo, viewed: Viewed) -> None:
    texts = [b"%d" % number * (number % 300) for number in range(4000)]
    stream = b"".join(b"blob\ndata %d\n%s\n" % (len(text), text) for text in texts)
    repo.raw("fast-import", "--quiet", stdin=stream)
    ids = [hash_object("blob", text, algorithm="sha1") for text in texts]
    with viewed(repo) as view:
        assert [thing.data for thing in view.read_many(ids)] == texts
        told = view.reader.info([*ids, "0" * 40])
        assert [one.size if one else None for one in told] == [*map(len, texts), None]
        assert list(view.reader.info([])) == []


def test_a_ref_is_read_anew_each_time(repo: Repo, viewed: Viewed) -> None:
    with viewed(repo) as view:
        assert view.reader.held_by("refs/heads/main") is None
        for number in range(2):
            head = repo.commit(files={"a": str(number)})
            assert view.reader.held_by("refs/heads/main") == head
        repo.git("pack-refs", "--all")
        assert view.reader.held_by("refs/heads/main") == head
        repo.git("tag", "-a", "-m", "x", "v1")
        assert view.reader.held_by("refs/tags/v1") == repo.tip("refs/tags/v1")
        (repo.path / ".git/refs/heads/lost").write_text("1" * 40 + "\n")
        assert view.reader.held_by("refs/heads/lost") is None
        assert view.read(head).type == "commit"


@pytest.mark.parametrize("data", [b"", b"\n", b"\0", b"x" * 3_000_000, b"missing\n" * 3])
def test_any_bytes_are_read_as_they_are(repo: Repo, viewed: Viewed, data: bytes) -> None:
    oid = repo.git("hash-object", "-w", "--stdin", stdin=data)
    with viewed(repo) as view:
        assert view.read(oid).data == data
        assert view.read(oid).data == data


def test_an_object_over_the_limit_is_refused_and_the_next_is_read(
    repo: Repo, viewed: Viewed
) -> None:
    big = repo.git("hash-object", "-w", "--stdin", stdin=b"x" * 1001)
    small = repo.git("hash-object", "-w", "--stdin", stdin=b"y" * 1000)
    with viewed(repo) as view:
        with pytest.raises(HistoryError) as caught:
            view.read(big, limit=1000)
        assert caught.value.code == "object-too-large"
        assert view.read(small, limit=1000).data == b"y" * 1000


def test_a_missing_object_is_an_error_and_the_next_is_read(repo: Repo, viewed: Viewed) -> None:
    commit = repo.commit()
    with viewed(repo) as view:
        with pytest.raises(HistoryError) as caught:
            list(view.read_many([commit, "0" * 39 + "1", commit]))
        assert caught.value.code == "object-missing"
        assert view.read(commit).id == commit
        there, gone = view.reader.info([commit, "0" * 39 + "1"])
        assert there
        assert (there.type, gone) == ("commit", None)


def test_an_object_stored_under_anothers_id_is_refused(repo: Repo, viewed: Viewed) -> None:
    good = repo.git("hash-object", "-w", "--stdin", stdin=b"strict\n")
    evil = repo.git("hash-object", "-w", "--stdin", stdin=b"lax!!!\n")
    store = repo.git_dir / "objects"
    there = store / good[:2] / good[2:]
    there.unlink()
    there.write_bytes((store / evil[:2] / evil[2:]).read_bytes())
    assert repo.git("cat-file", "--batch", stdin=good.encode()).endswith("lax!!!")
    with viewed(repo) as view, pytest.raises(HistoryError) as caught:
        view.read(good)
    assert caught.value.code == "object-damaged"


def test_a_corrupt_object_is_an_error_with_what_git_said(repo: Repo, viewed: Viewed) -> None:
    oid = repo.git("hash-object", "-w", "--stdin", stdin=b"x" * 100)
    file = repo.git_dir / "objects" / oid[:2] / oid[2:]
    file.chmod(0o644)
    file.write_bytes(b"rubbish")
    with viewed(repo) as view, pytest.raises(HistoryError):
        view.read(oid)


@pytest.mark.parametrize("name", ["HEAD", "main:file", "", "--batch-all-objects", "a" * 39])
def test_only_full_ids_are_read(repo: Repo, viewed: Viewed, name: str) -> None:
    repo.commit()
    with viewed(repo) as view, pytest.raises(HistoryError) as caught:
        view.read(name)
    assert caught.value.code == "not-an-object-id"


def test_a_reader_that_dies_is_an_error_not_an_empty_object(repo: Repo, viewed: Viewed) -> None:
    commit = repo.commit()
    with viewed(repo) as view:
        view.read(commit)
        process = view.reader._process
        assert process is not None
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        with pytest.raises(HistoryError) as caught:
            view.read(commit)
    assert caught.value.code == "git-failed"


def test_a_reader_that_says_nothing_is_stopped(repo: Repo, viewed: Viewed) -> None:
    commit = repo.commit()
    with viewed(repo) as view:
        view.read(commit)
        process = view.reader._process
        assert process is not None
        view.reader._timeout = 0.1
        os.kill(process.pid, signal.SIGSTOP)
        try:
            with pytest.raises(HistoryError) as caught:
                view.read(commit)
        finally:
            os.kill(process.pid, signal.SIGCONT)
    assert caught.value.code == "git-timeout"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a" * 40, True),
        ("0" * 64, True),
        ("A" * 40, False),
        ("a" * 41, False),
        ("a" * 40 + "\n", False),
    ],
)
def test_a_full_id_is_forty_or_sixty_four_small_hexadecimal_digits(
    text: str,
    wanted: bool,  # noqa: FBT001
) -> None:
    assert is_oid(text) is wanted


def test_ids_are_the_ones_git_gives(repo: Repo) -> None:
    for data in (b"", b"x\n"):
        told = repo.git("hash-object", "--stdin", stdin=data)
        assert hash_object("blob", data, algorithm="sha1") == told
