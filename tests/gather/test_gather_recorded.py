"""What the log remembers, from logs in memory: whose entries count, and for which branch."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from support import log as logs
from support.books import LOG, open_books
from support.world import CHG, CONFIG, OTHER

from itil_gate.gather.recorded import (
    earlier_commits,
    open_copy,
    recorded_tips,
    refuse_rewound,
    refuse_unrecorded,
    waiver_uses,
)
from itil_gate.git.discover import discover
from itil_gate.git.view import open_view
from itil_gate.log.append import Event
from itil_gate.log.entry import PREDICATE_TYPES, STATEMENT_TYPE
from itil_gate.log.pins import Pin
from itil_gate.log.reader import LogReader
from itil_gate.model.config import Config
from itil_gate.model.errors import HistoryError, LogError
from itil_gate.model.facts import WaiverUse
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


def made(world: World) -> dict[str, dict[str, Any]]:
    """Return the facts of a real commit, as the log holds them, under three ids."""
    world.propose()
    (commit,) = world.inputs().facts.commits
    said = commit.model_dump(mode="json", by_alias=True)
    return {oid: {**said, "id": oid} for oid in (A, B, C)}


def test_commits_of_earlier_heads_are_those_recorded_for_these_changes(world: World) -> None:
    by = made(world)

    def found(
        *said: Any, changes: Iterable[str] = (CHG,), known: Iterable[str] = (), **how: Any
    ) -> list[str]:
        reader = told(opened(), *said, **how)
        return [one.id for one in earlier_commits(reader, {*changes}, known={*known})]

    mine, theirs = decided(CHG, commits=[by[A], by[B]]), decided(OTHER, commits=[by[C]])
    assert found(mine, theirs) == [A, B]
    assert found(mine, theirs, changes=(CHG, OTHER)) == [C, A, B]
    assert found(mine, theirs, changes=()) == []
    assert found(mine, theirs, known=[A]) == [B]
    assert found(mine, decided(CHG, OTHER, commits=[by[B], by[C]])) == [B, C, A]
    assert found(mine, theirs, changes=(CHG, OTHER), doubtful=[2]) == [A, B]
    assert found(mine, theirs, changes=(CHG, OTHER), doubtful=[1]) == [C]
    released = ("gate-decision", {"itilGate": {"deploy": {}}})
    assert found(mine, released, ("gate-decision", {})) == [A, B]
    bare = ("gate-decision", {"itilGate": {"decision": {}, "facts": {}}})
    empty = ("gate-decision", {"itilGate": {"decision": {"changes": [{"id": CHG}]}, "facts": {}}})
    assert found(mine, bare, empty) == [A, B]


def test_of_two_accounts_of_a_commit_the_newer_holds(world: World) -> None:
    new = made(world)[A]
    old = {**new, "author": {"name": "Bob", "email": "bob@example.com"}}
    reader = told(opened(), decided(CHG, commits=[old]), decided(CHG, commits=[new]))
    (one,) = earlier_commits(reader, {CHG}, known=frozenset())
    assert one.author.email == "alice@example.com"


def test_five_hundred_decisions_are_looked_through(world: World) -> None:
    commit = made(world)[A]
    for later, seen in ((499, True), (500, False)):
        files: dict[str, bytes] = {}
        said = [opened(), decided(CHG, commits=[commit]), *[decided(OTHER)] * later]
        events = [event(number, kind, **one) for number, (kind, one) in enumerate(said)]
        for start in range(0, len(events), 256):
            logs.append(files, events[start : start + 256], opening=not start)
        reader = reader_of(files, PINS)
        assert bool(earlier_commits(reader, {CHG}, known=frozenset())) is seen


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
