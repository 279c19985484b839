"""What the approvals branch holds, and what git says about the content that a statement names."""

from __future__ import annotations

import hashlib
import subprocess
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from support.repository import START

from itil_gate.gather.statements import (
    MOST_BYTES,
    SHOWN_PATHS,
    approval_tips,
    content_looker,
    content_prover,
    list_statements,
    overrides_for,
    read_statements,
    statements_in,
    vouches_for,
)
from itil_gate.git.diff import content_digest, raw_diff
from itil_gate.git.discover import discover
from itil_gate.git.history import merge_base
from itil_gate.git.view import open_view
from itil_gate.model.errors import HistoryError
from itil_gate.model.facts import ApprovedContent, StatementFact
from itil_gate.model.statement import OVERRIDE_FOLDER, ApprovalPredicate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from support.repository import Repo

    from itil_gate.git.view import View

CHANGE = "CHG-2026-7K3QX9ZB"
REQUEST = f"changes/2026/{CHANGE}.yaml"
NOBODY = "9" * 40
BRANCH = "itil-gate-approvals"


@pytest.fixture
def view(repo: Repo) -> Iterator[View]:
    """A view of the repository, opened over a first commit."""
    repo.commit("start", files={"src/a": "a\n", "src/b": "b\n", "src/c": "c\n"})
    with open_view(discover(repo.path)) as opened:
        yield opened


def shelve(repo: Repo, files: Mapping[str, bytes], *, ref: str = f"refs/heads/{BRANCH}") -> str:
    """Put files into a commit of their own, held by a ref, and the work tree back."""
    before = repo.git("symbolic-ref", "--short", "HEAD")
    repo.git("checkout", "--quiet", "--orphan", "shelf")
    repo.git("rm", "-rfq", "--ignore-unmatch", ".")
    commit = repo.commit("statements", files=files)
    repo.git("update-ref", ref, commit)
    repo.checkout(before)
    repo.git("update-ref", "-d", "refs/heads/shelf")
    return commit


# The files of the branch.


def test_files_are_listed_by_their_first_folder_over_all_copies(repo: Repo, view: View) -> None:
    shelve(repo, {f"{CHANGE}/one": b"1", f"{CHANGE}/deep/two": b"2", "README": b"no folder"})
    remote = f"refs/remotes/origin/{BRANCH}"
    shelve(repo, {f"{CHANGE}/one": b"1", f"{CHANGE}/three": b"3", "vouch/x": b"4"}, ref=remote)
    tips = approval_tips(view)
    assert len(tips) == 2
    found = list_statements(view, tips)
    listed = {folder: sorted(entry.path for entry in found[folder]) for folder in found}
    assert listed == {
        CHANGE: [f"{CHANGE}/deep/two", f"{CHANGE}/one", f"{CHANGE}/three"],
        "vouch": ["vouch/x"],
    }
    assert list_statements(view, ()) == {}


def test_two_contents_of_one_name_are_both_listed(repo: Repo, view: View) -> None:
    shelve(repo, {f"{CHANGE}/one": b"here"})
    shelve(repo, {f"{CHANGE}/one": b"there"}, ref=f"refs/remotes/origin/{BRANCH}")
    entries = list_statements(view, approval_tips(view))[CHANGE]
    assert sorted(fact.text for fact in read_statements(view, entries)) == ["here", "there"]


def test_what_is_no_file_or_too_large_is_read_as_nothing(repo: Repo, view: View) -> None:
    # The link leads nowhere, or to a file that is not of the branch: it is not followed.
    repo.git("checkout", "--quiet", "--orphan", "shelf")
    repo.git("rm", "-rfq", ".")
    repo.write(f"{CHANGE}/a-link", "where a link leads", mode=0o120000)
    repo.write(f"{CHANGE}/b-largest", b"x" * MOST_BYTES)
    repo.write(f"{CHANGE}/c-larger", b"x" * (MOST_BYTES + 1))
    tip = repo.commit("strange files")
    facts = read_statements(view, list_statements(view, (tip,))[CHANGE])
    assert [fact.status for fact in facts] == ["malformed"] * 3
    assert [len(fact.text) for fact in facts] == [0, MOST_BYTES, 0]
    nothing = hashlib.sha256(b"").hexdigest()
    assert [fact.digest == nothing for fact in facts] == [True, False, True]


def test_a_file_whose_bytes_are_missing_is_an_error(repo: Repo, view: View) -> None:
    tip = shelve(repo, {f"{CHANGE}/one": b"lost"})
    entries = list_statements(view, (tip,))[CHANGE]
    oid = entries[0].oid
    (repo.git_dir / "objects" / oid[:2] / oid[2:]).unlink()
    with pytest.raises(HistoryError) as caught:
        read_statements(view, entries)
    assert caught.value.code == "object-missing"


def test_vouches_are_those_that_name_one_of_the_commits(repo: Repo, view: View) -> None:
    one, other, third = "1" * 40, "2" * 40, "3" * 40
    tip = shelve(
        repo,
        {
            "vouch/a": one.encode(),
            "vouch/b": other.encode(),
            "vouch/c": b"nobody",
            f"{CHANGE}/d": one.encode(),
        },
    )
    folders = list_statements(view, (tip,))

    def named(*commits: str) -> list[str]:
        return [fact.path for fact in vouches_for(view, folders, commits)]

    assert named(one) == ["vouch/a"]
    assert named(third, other, one) == ["vouch/a", "vouch/b"]
    assert named(third) == named() == []
    assert vouches_for(view, {}, [one]) == ()


# What git says about the content.


class Scene:
    """A change on the branch topic, approved as it was at some commit, judged as it is now."""

    def __init__(self, repo: Repo, view: View) -> None:
        self.repo, self.view = repo, view
        self.start = repo.tip("main")

    def propose(self, **files: str) -> str:
        """Commit files to topic; `request` is the request, other names lie below src/."""
        exists = self.repo.git("for-each-ref", "refs/heads/topic") != ""
        self.repo.checkout("topic", create=not exists)
        paths = {REQUEST if name == "request" else f"src/{name}": files[name] for name in files}
        return self.repo.commit("topic", files=paths)

    def advance(self, **files: str) -> str:
        """Commit files to main."""
        self.repo.checkout("main")
        paths = {REQUEST if name == "request" else f"src/{name}": files[name] for name in files}
        return self.repo.commit("main", files=paths)

    def content(self, base: str, head: str) -> str:
        return content_digest(raw_diff(self.view, base, head))

    def said(self, base: str, head: str, **changed: object) -> StatementFact:
        """What somebody says who approved `head` on merge base `base`."""
        issued = datetime.fromtimestamp(START, UTC)
        approval = ApprovalPredicate(
            repository="git.example.com/x",
            target="refs/heads/main",
            change=CHANGE,
            verdict="approve",
            signer="erin",
            requester="alice",
            request="1" * 64,
            request_path=REQUEST,
            scope=("**",),
            content="2" * 64,
            merge_base=base,
            head=head,
            tree="5" * 40,
            risk="low",
            issued_at=issued,
            expires_at=issued,
        ).model_copy(update=changed)
        return StatementFact(path="x", digest="3" * 64, status="good", approval=approval)

    def prove(self, *items: StatementFact, head: str = "topic") -> list[ApprovedContent]:
        """Return what is added to each of these, by one prover."""
        tip, now = self.repo.tip("main"), self.repo.tip(head)
        fork = merge_base(self.view, tip, now)
        diff = raw_diff(self.view, fork, now)
        look = content_looker(
            self.view, tip=tip, fork=fork, head=now, diff=diff, content=content_digest(diff)
        )
        prover = content_prover(look)
        found = [prover(item).approved for item in items]
        assert all(one is not None for one in found)
        return [one for one in found if one is not None]


@pytest.fixture
def scene(repo: Repo, view: View) -> Scene:
    return Scene(repo, view)


def test_a_statement_that_approves_nothing_is_left_as_it_is(scene: Scene) -> None:
    scene.propose(a="A\n")
    look = content_looker(scene.view, tip=NOBODY, fork=NOBODY, head=NOBODY, diff=(), content="x")
    prover = content_prover(look)
    item = StatementFact(path="x", digest="3" * 64, status="malformed")
    assert prover(item) is item


def test_the_very_content_that_was_approved_is_known(scene: Scene) -> None:
    head = scene.propose(a="A\n", request="spec\n")
    content = scene.content(scene.start, head)
    (found,) = scene.prove(scene.said(scene.start, head, content=content))
    assert found == ApprovedContent(
        known=True,
        content=content,
        request=hashlib.sha256(b"spec\n").hexdigest(),
        request_text="spec\n",
        in_history=True,
        untouched=True,
    )


def test_a_head_that_has_grown_is_told_from_what_was_approved(scene: Scene) -> None:
    old = scene.propose(a="A\n", b="B\n", request="one\n")
    scene.propose(b="b\n", c="C\n", request="two\n")
    approved = scene.content(scene.start, old)
    (found,) = scene.prove(scene.said(scene.start, old, content=approved))
    assert found.known
    assert found.content == approved
    assert found.request_text == "one\n"
    assert found.in_history
    assert found.untouched
    assert found.changed == (REQUEST, "src/b", "src/c")
    assert found.replay_tree == scene.repo.tree(old)


def test_a_request_that_is_not_in_the_approved_tree_has_no_text(scene: Scene) -> None:
    head = scene.propose(a="A\n")
    (found,) = scene.prove(scene.said(scene.start, head))
    assert (found.known, found.request, found.request_text) == (True, None, None)


def test_a_request_that_is_no_text_is_shown_as_far_as_it_goes(scene: Scene) -> None:
    scene.repo.checkout("topic", create=True)
    head = scene.repo.commit("topic", files={REQUEST: b"spec\xff\n"})
    (found,) = scene.prove(scene.said(scene.start, head))
    assert found.request == hashlib.sha256(b"spec\xff\n").hexdigest()
    assert found.request_text == "spec\ufffd\n"


def test_a_rebased_head_is_replayed_onto_the_new_target(scene: Scene) -> None:
    old = scene.propose(a="A\n")
    scene.advance(b="B\n")
    scene.repo.checkout("topic")
    scene.repo.git("rebase", "--quiet", "main")
    new = scene.repo.tip("topic")
    (found,) = scene.prove(scene.said(scene.start, old))
    assert found.known
    assert found.replay_tree == scene.repo.tree(new)
    assert not found.in_history
    assert found.untouched
    assert found.changed == ()


def test_what_is_said_to_have_the_content_of_now_is_not_replayed(scene: Scene) -> None:
    head = scene.propose(a="A\n")
    same = scene.content(scene.start, head)
    tree = scene.repo.tree(head)
    as_now, otherwise = scene.prove(
        scene.said(scene.start, head, content=same), scene.said(scene.start, head)
    )
    assert (as_now.replay_tree, otherwise.replay_tree) == (None, tree)
    otherwise, as_now = scene.prove(
        scene.said(scene.start, head), scene.said(scene.start, head, content=same)
    )
    assert (as_now.replay_tree, otherwise.replay_tree) == (None, tree)


def test_a_merge_base_that_the_target_has_left_is_not_replayed(scene: Scene) -> None:
    left = scene.advance(b="left\n")
    head = scene.propose(a="A\n")
    scene.repo.branch("main", scene.start)
    (found,) = scene.prove(scene.said(left, head))
    assert (found.known, found.replay_tree) == (True, None)
    assert found.changed == ("src/b",)


def test_a_replay_that_conflicts_gives_no_tree(scene: Scene) -> None:
    head = scene.propose(a="A\n")
    scene.advance(a="other\n")
    (found,) = scene.prove(scene.said(scene.start, head))
    assert (found.known, found.replay_tree) == (True, None)


def test_a_request_that_landed_since_is_named_with_its_commit(scene: Scene) -> None:
    head = scene.propose(a="A\n")
    landed = scene.advance(request="landed\n")
    scene.advance(b="B\n")
    (found,) = scene.prove(scene.said(scene.start, head))
    assert (found.known, found.untouched, found.landed) == (True, False, landed)
    gone, nowhere = scene.prove(
        scene.said(scene.start, NOBODY), scene.said(scene.start, NOBODY, request_path="else.yaml")
    )
    assert gone == ApprovedContent(known=False, untouched=False, landed=landed)
    assert nowhere == ApprovedContent(known=False, untouched=True)


def test_each_statement_is_proved_by_what_it_names_itself(scene: Scene) -> None:
    """One prover remembers what it looked up, and mixes up no two statements."""
    one = scene.propose(a="A\n", request="one\n")
    two = scene.propose(b="B\n", request="two\n")
    items = [
        scene.said(scene.start, one),
        scene.said(scene.start, two),
        scene.said(one, two),
        scene.said(scene.start, two, request_path="src/b"),
        scene.said(scene.start, one),
    ]
    together = scene.prove(*items)
    assert together == [scene.prove(item)[0] for item in items]
    assert [found.request_text for found in together] == ["one\n", "two\n", "two\n", "B\n", "one\n"]
    assert len({found.content for found in together}) == 3


def test_a_merge_base_that_is_no_commit_proves_nothing_at_all(scene: Scene) -> None:
    head = scene.propose(a="A\n")
    tree = scene.repo.tree("main")
    blob = scene.repo.tip("main:src/a")
    found = scene.prove(*(scene.said(base, head) for base in (NOBODY, tree, blob)))
    assert found == [ApprovedContent(known=False)] * 3


def test_a_head_that_is_no_commit_proves_nothing_of_its_content(scene: Scene) -> None:
    head = scene.propose(a="A\n")
    tree = scene.repo.tree(head)
    found = scene.prove(*(scene.said(scene.start, one) for one in (NOBODY, tree)))
    assert found == [ApprovedContent(known=False, untouched=True)] * 2


@pytest.mark.parametrize("path", ["src", "a\\q", "link", "large"])
def test_a_request_path_that_leads_to_no_request_is_the_statements_own_fault(
    scene: Scene, path: str
) -> None:
    scene.repo.checkout("topic", create=True)
    scene.repo.write("link", "src/a", mode=0o120000)
    head = scene.propose(large="x")
    scene.repo.write("large", b"x" * (MOST_BYTES + 1))
    head = scene.repo.commit("strange")
    (found,) = scene.prove(scene.said(scene.start, head, request_path=path))
    assert found == ApprovedContent(known=False)


def test_a_request_of_the_largest_size_is_read(scene: Scene) -> None:
    """A quarter of a MiB, to the byte."""
    head = scene.propose(request="x" * 262_144)
    (found,) = scene.prove(scene.said(scene.start, head))
    assert found.request_text == "x" * 262_144
    head = scene.propose(request="x" * 262_145)
    assert not scene.prove(scene.said(scene.start, head))[0].known


def test_histories_without_a_common_commit_prove_nothing(scene: Scene) -> None:
    scene.propose(a="A\n")
    other = scene.repo.commit_tree(scene.repo.tree("topic"), message="of its own")
    head = scene.repo.commit_tree(scene.repo.tree("topic"), other, message="upon it")
    (found,) = scene.prove(scene.said(other, head))
    assert (found.in_history, found.replay_tree) == (False, None)
    assert found.changed == ("src/a",)


def test_at_most_twenty_changed_paths_are_shown_the_first_by_name(scene: Scene) -> None:
    old = scene.propose(a="A\n")
    scene.propose(**{f"n{number:02}": "x" for number in range(30)})
    (found,) = scene.prove(scene.said(scene.start, old))
    assert SHOWN_PATHS == 20
    assert found.changed == tuple(f"src/n{number:02}" for number in range(20))


def test_a_damaged_store_is_an_error_and_no_fault_of_the_statement(scene: Scene) -> None:
    old = scene.propose(a="A\n")
    scene.propose(b="B\n")
    store = scene.repo.git_dir / "objects"
    tree, harmless = scene.repo.tip(f"{old}:src"), scene.repo.tip(f"{scene.start}:src")
    place = store / tree[:2] / tree[2:]
    place.chmod(0o644)
    place.write_bytes((store / harmless[:2] / harmless[2:]).read_bytes())
    with pytest.raises(HistoryError) as caught:
        scene.prove(scene.said(scene.start, old))
    assert caught.value.code == "object-damaged"


def test_overrides_are_those_that_name_a_commit_or_change_by_digest(repo: Repo, view: View) -> None:
    files = {f"{OVERRIDE_FOLDER}/{name}": f"{name} {NOBODY}".encode() for name in "abcdef"}
    shelve(repo, {**files, f"{OVERRIDE_FOLDER}/other": b"of something else", "vouch/x": b"9" * 40})
    found = overrides_for(view, list_statements(view, approval_tips(view)), [CHANGE, NOBODY])
    assert {one.path for one in found} == files.keys()
    assert [one.digest for one in found] == sorted(one.digest for one in found)
    assert [one.path for one in found] != sorted(files)
    assert overrides_for(view, {}, [NOBODY]) == ()


def test_all_statements_of_one_folder_are_read(repo: Repo, view: View) -> None:
    shelve(repo, {f"{CHANGE}/one": b"1", f"{CHANGE}/two": b"2", "vouch/x": b"3"})
    assert sorted(one.text for one in statements_in(view, CHANGE)) == ["1", "2"]
    assert statements_in(view, "elsewhere") == ()


def test_what_is_no_longer_in_the_store_proves_nothing_and_stops_nobody(scene: Scene) -> None:
    old = scene.propose(a="A\n")
    scene.propose(b="B\n")
    tree = scene.repo.tip(f"{old}:src")
    (scene.repo.git_dir / "objects" / tree[:2] / tree[2:]).unlink()
    (found,) = scene.prove(scene.said(scene.start, old))
    assert found == ApprovedContent(known=False)


def _written(repo: Repo, kind: str, data: bytes) -> str:
    """Write an object that git itself would not make."""
    done = subprocess.run(
        ["git", "hash-object", "-t", kind, "-w", "--stdin", "--literally"],
        cwd=repo.path,
        input=data,
        capture_output=True,
        check=True,
    )
    return done.stdout.decode().strip()


def _twice(repo: Repo) -> bytes:
    blob = bytes.fromhex(repo.tip("main:src/a"))
    return b"".join(b"100644 %b\0%b" % (name, blob) for name in (b"a", b"a"))


@pytest.mark.parametrize("place", ["head", "merge base"])
@pytest.mark.parametrize(
    "commit",
    [
        b"tree %(tree)s\nno more\n",
        b"tree 1234\n\n",
        b"tree %(twice)s\nauthor a <a> 1 +0000\ncommitter a <a> 1 +0000\n\nx\n",
        b"tree %(tree)s\nparent 12\nauthor a <a> 1 +0000\ncommitter a <a> 1 +0000\n\nx\n",
        b"tree %(tree)s\nparent %(gone)s\nauthor a <a> 1 +0000\ncommitter a <a> 1 +0000\n\nx\n",
        b"",
    ],
)
def test_a_damaged_commit_proves_nothing_and_stops_nobody(
    scene: Scene, place: str, commit: bytes
) -> None:
    old = scene.propose(a="A\n")
    scene.propose(b="B\n")
    twice = _written(scene.repo, "tree", _twice(scene.repo))
    named = {b"tree": scene.repo.tree("main"), b"twice": twice, b"gone": NOBODY}
    damaged = _written(
        scene.repo, "commit", commit % {name: oid.encode() for name, oid in named.items()}
    )
    said = scene.said(scene.start, damaged) if place == "head" else scene.said(damaged, old)
    (found,) = scene.prove(said)
    whole = commit.startswith(b"tree %(tree)s\n")
    assert found.known <= whole
