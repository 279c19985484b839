"""What the log remembers, from logs in memory: whose entries count, and for which branch."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from support import log as logs
from support.books import LOG, open_books
from support.world import CHG, CONFIG, OTHER

from itil_gate.gather.earlier import earlier_work, pieces_of
from itil_gate.gather.recorded import (
    open_copy,
    recorded_tips,
    refuse_rewound,
    refuse_unrecorded,
    waiver_uses,
)
from itil_gate.git.discover import discover
from itil_gate.git.view import open_view
from itil_gate.log.append import Event
from itil_gate.log.entry import PREDICATE_TYPES, STATEMENT_TYPE, entry_path
from itil_gate.log.pins import Pin
from itil_gate.log.reader import LogReader
from itil_gate.model.config import Config
from itil_gate.model.errors import HistoryError, LogError
from itil_gate.model.facts import DiffEntry, EarlierElsewhere, PullRequest, WaiverUse
from itil_gate.model.record import KeyRevocation
from itil_gate.reading.read import read
from itil_gate.reading.yaml import parse
from itil_gate.release.entries import plain_event

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from support.world import World

    from itil_gate.git.view import View

MAIN = "refs/heads/main"
A, B, C = "a" * 40, "b" * 40, "c" * 40

PINS = (
    Pin("checkpoint", logs.CHECKPOINT.public, logs.CHECKPOINT.fingerprint),
    Pin("recorder", logs.RECORDER.public, logs.RECORDER.fingerprint),
)


def event(number: int, kind: str, **said: Any) -> Event:
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": "it", "digest": {"sha256": f"{number:064x}"}}],
        "predicateType": PREDICATE_TYPES[kind],
        "predicate": said,
    }
    return Event(kind, f"n-{number}", statement)


def told(*said: tuple[str, dict[str, Any]], doubtful: Iterable[int] = ()) -> LogReader:
    """Return a reader of a log with these entries; some are by a key that is not good there."""
    files: dict[str, bytes] = {}
    for number, (kind, predicate) in enumerate(said):
        logs.append(files, [event(number, kind, **predicate)], opening=not number)
    bad = set(doubtful)
    pins = [Pin("checkpoint", logs.CHECKPOINT.public, logs.CHECKPOINT.fingerprint)]
    pins += [
        Pin("recorder", logs.RECORDER.public, logs.RECORDER.fingerprint, since=at, until=at + 1)
        for at in range(len(said))
        if at not in bad
    ]

    return reader_of(files, pins)


def reader_of(files: dict[str, bytes], pins: Iterable[Pin]) -> LogReader:
    def read_many(paths: Iterable[str]) -> dict[str, bytes | None]:
        return {path: files.get(path) for path in paths}

    return LogReader(read_many, pins=tuple(pins), origin=logs.ORIGIN)


def opened(adopted: str = A) -> tuple[str, dict[str, Any]]:
    return "log-opened", {"adopted": adopted}


def update(
    before: str, after: str, *, ref: str = MAIN, standing: str = "authorised"
) -> tuple[str, dict[str, Any]]:
    return "ref-update", {"ref": ref, "before": before, "after": after, "standing": standing}


def decided(*changes: str, tips: tuple[str, ...] = (), commits: Any = ()) -> tuple[str, Any]:
    facts = {"approvalsTips": list(tips), "commits": list(commits)}
    said = {"decision": {"changes": [{"id": one} for one in changes]}, "facts": facts}
    return "gate-decision", {"itilGate": said}


# Statements ---------------------------------------------------------------------------------------


def test_the_last_believed_decision_says_what_was_on_the_approvals_branch() -> None:
    assert recorded_tips(told(opened())) == ()
    assert recorded_tips(told(opened(), decided(tips=(A,)), decided(tips=(B, C)))) == (B, C)
    doubted = told(opened(), decided(tips=(A,)), decided(tips=(B,)), doubtful=[2])
    assert recorded_tips(doubted) == (A,)
    released = ("gate-decision", {"itilGate": {"deploy": {}}})
    bare = ("gate-decision", {})
    assert recorded_tips(told(opened(), decided(tips=(A,)), released, bare)) == (A,)
    assert recorded_tips(told(opened(), decided(tips=(A,)), decided())) == ()


def test_one_copy_of_the_branch_that_holds_it_is_enough_for_each_tip(world: World) -> None:
    first = world.repo.tip("main")
    second = world.on_main({"docs/a.md": "a\n"})
    world.propose()
    aside = world.repo.tip("feature")
    reader = told(opened(), decided(tips=(first, second)))
    with open_view(discover(world.repo.path)) as view:
        refuse_rewound(view, reader, [second])
        refuse_rewound(view, reader, [first, aside])
        for tips in ([first], []):
            with pytest.raises(HistoryError) as caught:
                refuse_rewound(view, reader, tips)
            assert caught.value.code == "approvals-rewound"
        with pytest.raises(HistoryError) as caught:
            refuse_rewound(view, told(opened(), decided(tips=(C,))), [second])
        assert caught.value.code == "approvals-rewound"
        refuse_rewound(view, told(opened(), decided()), [])


def test_uses_of_waivers_are_those_of_believed_entries() -> None:
    one = ("waiver-used", {"waiver": "w", "change": CHG})
    two = ("waiver-used", {"waiver": "v", "change": OTHER})
    assert waiver_uses(told(opened(), decided())) == ()
    assert waiver_uses(told(opened(), one, decided(CHG), two)) == (
        WaiverUse(waiver="v", change=OTHER),
        WaiverUse(waiver="w", change=CHG),
    )
    assert waiver_uses(told(opened(), one, two, doubtful=[1])) == (
        WaiverUse(waiver="v", change=OTHER),
    )


# Earlier heads ------------------------------------------------------------------------------------

PATH = "src/app.py"
ONE, TWO, NIL = "1" * 40, "2" * 40, "0" * 40
EMPTY = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"


def made(world: World) -> dict[str, dict[str, Any]]:
    """Return the facts of a real commit, as the log holds them, under three ids."""
    world.propose()
    (commit,) = world.inputs().facts.commits
    said = commit.model_dump(mode="json", by_alias=True)
    return {oid: {**said, "id": oid} for oid in (A, B, C)}


def row(
    path: str = PATH, *, old: str = NIL, new: str = ONE, mode: str = "100644"
) -> dict[str, str]:
    return {
        "path": path,
        "oldId": old,
        "newId": new,
        "newMode": mode,
        "oldMode": "000000" if old == NIL else "100644",
        "status": "A" if old == NIL else "M",
    }


def pull(number: int, *accounts: int, forge: str = "github.com") -> dict[str, Any]:
    """Return a pull request that the first of these accounts opened, and the others pushed to."""
    opener, *pushers = [{"forge": forge, "id": one, "login": f"u{one}"} for one in accounts or [9]]
    return {"number": number, "opener": opener, "pushers": pushers, "head": A, "baseRef": MAIN}


def judged(
    *commits: dict[str, Any],
    changes: Iterable[str] = (CHG,),
    diff: Iterable[dict[str, str]] = (),
    pulled: dict[str, Any] | None = None,
) -> tuple[str, Any]:
    facts = {"commits": [*commits], "diff": [*diff], "pullRequest": pulled}
    said = {"decision": {"changes": [{"id": one} for one in changes]}, "facts": facts}
    return "gate-decision", {"itilGate": said}


def landed(*rows: dict[str, str]) -> tuple[str, Any]:
    return "ref-update", {"ref": MAIN, "before": A, "after": B, "manifest": [*rows]}


def remembered(
    *said: Any,
    changes: Iterable[str] = (CHG,),
    diff: Iterable[dict[str, str]] = (),
    pulled: dict[str, Any] | None = None,
    known: Iterable[str] = ("d" * 40,),
    doubtful: Iterable[int] = (),
) -> tuple[list[str], list[str], list[int]]:
    """Return commits of the same work, of other work under the same id, and its accounts."""
    entries = tuple(DiffEntry.model_validate_json(json.dumps(one)) for one in diff)
    config = Config.model_validate_json(
        '{"apiVersion": "itil-gate/v1", "kind": "Config", "repository": "example.com/a/b"}'
    )
    told_of = earlier_work(
        told(opened(), *said, doubtful=doubtful),
        frozenset(changes),
        pieces=pieces_of(entries, config),
        pull=PullRequest.model_validate_json(json.dumps(pulled)) if pulled else None,
        known=frozenset(known),
    )
    other = told_of.elsewhere or EarlierElsewhere()
    return (
        [one.id for one in told_of.commits],
        [one.id for one in other.commits],
        [one.id for one in other.accounts],
    )


def test_what_was_recorded_under_a_change_id_is_known_as_such(world: World) -> None:
    by = made(world)
    mine, theirs = judged(by[A], by[B]), judged(by[C], changes=(OTHER,))
    assert remembered(mine, theirs) == ([], [A, B], [])
    assert remembered(mine, theirs, changes=(CHG, OTHER)) == ([], [C, A, B], [])
    assert remembered(mine, theirs, changes=()) == ([], [], [])
    assert remembered(mine, theirs, known=[A]) == ([], [B], [])
    assert remembered(mine, theirs, changes=(CHG, OTHER), doubtful=[2]) == ([], [A, B], [])
    released = ("gate-decision", {"itilGate": {"deploy": {"change": CHG}}})
    bare = ("gate-decision", {"itilGate": {"decision": {"changes": [{"id": CHG}]}, "facts": {}}})
    assert remembered(mine, released, ("gate-decision", {"change": CHG}), bare) == ([], [A, B], [])


def test_of_two_accounts_of_a_commit_the_newer_holds(world: World) -> None:
    new = made(world)[A]
    old = {**new, "author": {"name": "Bob", "email": "bob@example.com"}}
    found = earlier_work(
        told(opened(), judged(old), judged(new)),
        frozenset({CHG}),
        pieces=frozenset(),
        pull=None,
        known=frozenset(),
    )
    assert found.elsewhere is not None
    assert [one.author.email for one in found.elsewhere.commits] == ["alice@example.com"]


def test_everybody_is_named_who_worked_on_the_same_pull_request(world: World) -> None:
    by = made(world)
    said = (judged(by[A], pulled=pull(7)), judged(by[B], pulled=pull(8, 3, 4)))
    assert remembered(*said, pulled=pull(7)) == ([A], [B], [3, 4])
    assert remembered(*said, pulled=pull(7), changes=(OTHER,)) == ([A], [], [])
    assert remembered(*said, pulled=pull(7, forge="GitHub.com")) == ([A], [B], [3, 4])
    assert remembered(*said, pulled=pull(7, forge="git.example.com")) == ([], [B, A], [3, 4, 9])
    assert remembered(*said) == ([], [B, A], [3, 4, 9])


def test_whoever_first_brought_a_piece_of_it_is_named_whatever_it_was_called(world: World) -> None:
    by = made(world)
    first = judged(by[A], changes=(OTHER,), diff=[row()])
    again = judged(by[A], by[B], changes=(OTHER,), diff=[row(), row("src/b.py", new=TWO)])
    both = [row(), row("src/b.py", new=TWO)]
    assert remembered(first, again, diff=[row()])[0] == [A]
    assert sorted(remembered(first, again, diff=both)[0]) == [A, B]
    assert remembered(first, again, diff=[row(new=TWO)])[0] == []
    assert remembered(first, again, diff=[row("src/c.py")])[0] == []
    ours = row("changes/2026/CHG-2026-AAAA0001.yaml")
    assert remembered(judged(by[A], changes=(OTHER,), diff=[ours]), diff=[ours])[0] == []


def test_a_copy_of_what_was_there_names_nobody(world: World) -> None:
    """Somebody else proposes the same later, or more on top of it, and writes others into it."""
    by = made(world)
    own = judged(by[A], diff=[row()])
    copy = judged(by[B], changes=(OTHER,), diff=[row()])
    on_top = judged(by[A], by[B], changes=(OTHER,), diff=[row()])
    for other in (copy, on_top):
        assert remembered(own, other, diff=[row()], known=[A])[0] == []
    assert remembered(on_top, diff=[row()], known=[A])[0] == []
    assert remembered(own, on_top, diff=[row()], known=[C])[0] == [A]


def test_what_landed_since_was_brought_by_nobody(world: World) -> None:
    by = made(world)
    first, again = (judged(by[name], changes=(OTHER,), diff=[row()]) for name in (A, B))
    assert remembered(first, landed(row()), diff=[row()])[0] == []
    assert remembered(first, landed(row()), again, diff=[row()])[0] == [B]
    assert remembered(first, landed(row(new=TWO)), diff=[row()])[0] == [A]


@pytest.mark.parametrize(
    "guessed", [row(old=ONE, new=NIL), row(new=EMPTY), row(old=ONE, new=ONE, mode="100755")]
)
def test_what_anybody_could_have_thought_of_takes_proof(
    world: World, guessed: dict[str, str]
) -> None:
    by = made(world)
    other = judged(by[A], changes=(OTHER,), diff=[guessed])
    assert remembered(other, diff=[guessed]) == ([], [A], [])


def test_no_number_of_decisions_makes_it_forget(world: World) -> None:
    commit = made(world)[A]
    files: dict[str, bytes] = {}
    said = [opened(), judged(commit), *[decided(OTHER)] * 600]
    events = [event(number, kind, **one) for number, (kind, one) in enumerate(said)]
    for start in range(0, len(events), 256):
        logs.append(files, events[start : start + 256], opening=not start)
    found = earlier_work(
        reader_of(files, PINS), frozenset({CHG}), pieces=frozenset(), pull=None, known=frozenset()
    )
    assert found.elsewhere is not None


def test_what_is_no_entry_is_not_passed_over() -> None:
    files: dict[str, bytes] = {}
    logs.append(files, [event(0, "log-opened", adopted=A)], opening=True)
    kind, said = decided(OTHER)
    logs.append(files, [event(1, kind, **said)], opening=False)
    files[entry_path(1)] += b" "
    with pytest.raises(LogError) as caught:
        earlier_work(
            reader_of(files, PINS),
            frozenset({CHG}),
            pieces=frozenset(),
            pull=None,
            known=frozenset(),
        )
    assert caught.value.code == "log-damaged"


# Policies -----------------------------------------------------------------------------------------


@contextmanager
def at_main(world: World) -> Iterator[tuple[View, Config]]:
    config = read(parse(CONFIG, file="itil-gate.yaml"), Config)
    assert isinstance(config, Config)
    with open_view(discover(world.repo.path)) as view:
        yield view, config


def refused(world: World, *said: Any, tip: str = "main", **how: Any) -> str:
    """Return why the judge's data of main are refused; empty if they are not."""
    with at_main(world) as (view, config):
        try:
            refuse_unrecorded(
                view, config, told(*said, **how), target=MAIN, tip=world.repo.tip(tip)
            )
        except HistoryError as error:
            return error.code
    return ""


def test_the_record_of_a_branch_ends_with_its_own_last_update(world: World) -> None:
    adopted = world.repo.tip("main")
    second = world.on_main({"policies/more.yaml": "x: 1\n"})
    assert refused(world, opened(second)) == ""
    assert refused(world, opened(adopted)) == "policies-unrecorded"
    assert refused(world, opened(adopted), update(adopted, second)) == ""
    elsewhere = update(adopted, second, ref="refs/heads/release")
    assert refused(world, opened(adopted), elsewhere) == "policies-unrecorded"
    assert refused(world, opened(adopted), update(adopted, second), elsewhere) == ""
    assert refused(world, opened(adopted), update(adopted, second), doubtful=[1]) == (
        "policies-unrecorded"
    )
    third = world.on_main({"src/more.py": "1\n"})
    assert refused(world, opened(adopted), update(adopted, second), decided(CHG)) == ""
    both = (update(adopted, second), update(second, third))
    assert refused(world, opened(adopted), *both) == ""
    assert refused(world, opened(C), *both) == ""


def test_a_log_of_which_nothing_can_be_believed_vouches_for_no_policies(world: World) -> None:
    tip = world.repo.tip("main")
    assert refused(world, opened(tip), doubtful=[0]) == "policies-unrecorded"
    assert refused(world, opened(tip), decided(CHG), doubtful=[0]) == "policies-unrecorded"


def test_a_target_that_the_record_does_not_lead_to_is_refused(world: World) -> None:
    world.propose()
    adopted = world.repo.tip("main")
    ahead = world.on_main({"docs/a.md": "a\n"})
    assert refused(world, opened(ahead)) == ""
    assert refused(world, opened(adopted)) == ""
    assert refused(world, opened(C)) == "policies-unrecorded"
    side = world.repo.tip("feature")
    assert refused(world, opened(side)) == "policies-unrecorded"
    with at_main(world) as (view, config):  # main itself went back, and is recorded further on
        refuse_unrecorded(view, config, told(opened(ahead)), target=MAIN, tip=adopted)


def test_judges_data_are_the_paths_and_folders_of_that_name_and_no_others(world: World) -> None:
    adopted = world.repo.tip("main")
    world.on_main({"policies.md": "x\n", "policies-old/a.yaml": "x\n", "src/policies/a": "x\n"})
    assert refused(world, opened(adopted)) == ""
    world.on_main({"people.yaml": "x\n"})
    assert refused(world, opened(adopted)) == "policies-unrecorded"


def test_what_came_without_authority_is_asked_about_until_it_is_recorded_anew(
    world: World,
) -> None:
    adopted = world.repo.tip("main")
    second = world.on_main({"policies/more.yaml": "x: 1\n"})
    bad = update(adopted, second, standing="unauthorised")
    good = update(adopted, second, standing="overridden")
    assert refused(world, opened(adopted), bad) == "policies-unauthorised"
    assert refused(world, opened(adopted), bad, good) == ""
    assert refused(world, opened(adopted), good, bad) == "policies-unauthorised"
    assert refused(world, opened(adopted), bad, good, doubtful=[2]) == "policies-unauthorised"
    elsewhere = update(adopted, second, ref="refs/heads/release", standing="overridden")
    assert refused(world, opened(adopted), bad, elsewhere) == "policies-unauthorised"
    other = update(adopted, second, ref="refs/heads/release", standing="unauthorised")
    assert refused(world, opened(adopted), good, other) == ""
    beside = ("policy-change", {"ref": MAIN, "before": adopted, "after": second})
    assert refused(world, opened(adopted), bad, beside) == "policies-unauthorised"
    third = world.on_main({"src/more.py": "1\n"})
    later = update(second, third)
    assert refused(world, opened(adopted), bad, later) == "policies-unauthorised"
    assert refused(world, opened(adopted), bad, later, good) == ""


def test_files_are_held_against_what_they_were_before_the_first_of_several(world: World) -> None:
    commits = [world.on_main({"policies/more.yaml": f"x: {text}\n"}) for text in (1, 2, 3)]
    first, second, third = commits
    said = (
        opened(first),
        update(first, second, standing="unauthorised"),
        update(second, third, standing="unauthorised"),
    )
    assert refused(world, *said) == "policies-unauthorised"
    back = world.on_main({"policies/more.yaml": "x: 1\n"})
    assert refused(world, *said, update(third, back)) == ""
    fresh = world.on_main({"policies/more.yaml": "x: 4\n"})
    assert refused(world, *said, update(third, back), update(back, fresh)) == ""
    asked = world.on_main({"policies/more.yaml": "x: 2\n"})  # this time somebody was asked
    so_far = (*said, update(third, back), update(back, fresh))
    assert refused(world, *so_far, update(fresh, asked)) == ""
    assert refused(world, *so_far, update(fresh, asked, standing="unauthorised")) == (
        "policies-unauthorised"
    )


@pytest.mark.parametrize("standing", ["authorised", "overridden"])
def test_no_edit_of_a_tainted_file_makes_it_good_again(world: World, standing: str) -> None:
    first, second, third = (
        world.on_main({"policies/more.yaml": f"x: {text}\n"}) for text in (1, 2, 3)
    )
    bad = (opened(first), update(first, second, standing="unauthorised"))
    edited = update(second, third, standing=standing)
    assert refused(world, *bad, edited) == "policies-unauthorised"
    corrected = update(first, second, standing="overridden")
    assert refused(world, *bad, corrected, edited) == ""
    world.repo.git("rm", "-q", "policies/more.yaml")
    gone = world.on_main({})
    assert refused(world, *bad, edited, update(third, gone)) == "policies-unauthorised"


def test_history_beside_the_branch_restores_nothing(world: World) -> None:
    first = world.on_main({"policies/more.yaml": "x: 1\n"})
    bad = world.on_main({"policies/more.yaml": "x: 2\n"})
    tree = world.repo.git("rev-parse", f"{bad}^{{tree}}")
    merge = world.repo.git("commit-tree", "-p", first, "-p", bad, "-m", "sideways", tree)
    world.repo.git("update-ref", "refs/heads/main", merge)
    said = (opened(first), update(first, bad, standing="unauthorised"))
    assert refused(world, *said, update(bad, merge)) == "policies-unauthorised"
    assert refused(world, *said, tip=first) == ""  # it had not come there yet


def test_a_beginning_that_is_not_here_cannot_be_held_against_anything(world: World) -> None:
    tip = world.repo.tip("main")
    gone = update(C, tip, standing="unauthorised")
    assert refused(world, opened(tip), gone, update(A, tip)) == "policies-unauthorised"


# Copies of the log --------------------------------------------------------------------------------


def test_without_a_log_there_is_nothing_to_open(world: World) -> None:
    with at_main(world) as (view, config):
        world.repo.git("update-ref", "refs/heads/audit-log", world.repo.tip("main"))
        assert open_copy(view, config) is None


def test_a_log_that_is_configured_and_not_here_is_missed(world: World) -> None:
    config = read(parse(CONFIG + LOG, file="itil-gate.yaml"), Config)
    assert isinstance(config, Config)
    with open_view(discover(world.repo.path)) as view, pytest.raises(LogError) as caught:
        open_copy(view, config)
    assert caught.value.code == "log-missing"


def test_a_copy_of_the_log_is_read_under_its_own_name_and_keys(world: World) -> None:
    books = open_books(world)
    with open_view(discover(world.repo.path)) as view:
        reader = open_copy(view, books.config)
    assert reader is not None
    assert reader.size == 1


def test_a_key_is_revoked_under_whatever_name_the_log_has(world: World) -> None:
    """The events of a log are those of its repository, also where it is called otherwise."""
    books = open_books(world, more="  origin: logs.example.com/payments\n")
    said = KeyRevocation(
        repository=books.config.repository,
        key=logs.CHECKPOINT.fingerprint,
        since=0,
        reason="It was stolen.",
    )
    subject = {"sha256": "0" * 64}
    books.books.write([plain_event("key-revocation", said.key, said, subject=subject)])
    with open_view(discover(world.repo.path)) as view, pytest.raises(LogError) as caught:
        open_copy(view, books.config)
    assert caught.value.code == "checkpoint-unsigned"
