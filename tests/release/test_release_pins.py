"""Whose keys of the log the gates believe: those that were let in, and nobody's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.books import KEYS, LOG, MAIN, Bookish, open_books
from support.log import CHECKPOINT, RECORDER, signer
from support.world import CHG, CONFIG, OTHER

from itil_gate.git.discover import discover
from itil_gate.model.errors import HistoryError
from itil_gate.model.record import PolicyChange, RefUpdate
from itil_gate.release.books import books_of
from itil_gate.release.entries import plain_event, update_event
from itil_gate.release.keys import LogKeys
from itil_gate.release.recorder import open_new_log
from itil_gate.signing.ed25519 import public_line

if TYPE_CHECKING:
    from support.world import World

    from itil_gate.signing.ed25519 import KeySigner

MINE = signer(77)
CHANGE = "CHG-2026-AAAA0009"


@pytest.fixture
def books(world: World) -> Bookish:
    return open_books(world)


def _rows(*rows: tuple[str, KeySigner], more: str = "") -> str:
    return "".join(
        f'    - {{use: {use}, key: "{public_line(key.public)}"{more}}}\n' for use, key in rows
    )


def _failed(found: object) -> list[str]:
    return [reason.rule for reason in found.findings.failed]  # type: ignore[attr-defined]


def _refused(books: Bookish, **given: object) -> str:
    with pytest.raises(HistoryError) as refused:
        books.start(**given)  # type: ignore[arg-type]
    return refused.value.code


def _recorded(books: Bookish, keys: LogKeys, before: str, after: str, **given: object) -> None:
    """Write down oneself that an update was authorised."""
    said = {
        "repository": "example.com/acme/payments",
        "ref": MAIN,
        "before": before,
        "after": after,
        "standing": "authorised",
        "reason": "mine",
        "recorded_at": books.world.now,
    }
    update = RefUpdate.model_validate(said | given)
    books_of(
        discover(books.world.repo.path), books.config, keys=keys, remote=None, now=books.world.now
    ).write([update_event(update)])


def _approved(books: Bookish, log: str, *, change: str) -> None:
    """Propose a change of the log's keys, and have it approved as such a change is."""
    world = books.world
    files = {"itil-gate.yaml": CONFIG + log}
    world.propose(files, branch=change, change=change, scope='"itil-gate.yaml"')
    for person in ("bob", "carol", "dave"):
        world.approve(person, head=change, change=change)


def _changed(books: Bookish, log: str, *, change: str = CHANGE) -> tuple[str, str]:
    """Let a change of the log's keys in; return main around it."""
    _approved(books, log, change=change)
    return books.merge(change)


def test_a_key_that_a_push_brought_vouches_for_nothing(books: Bookish) -> None:
    world = books.world
    adopted = world.repo.tip("main")
    evil = world.on_main({"src/app.py": "evil\n"}, by="erin")
    more = _rows(("checkpoint", MINE), ("recorder", MINE))
    mine = world.on_main({"itil-gate.yaml": CONFIG + LOG + more}, by="erin")
    for span in ((adopted, evil), (evil, mine)):
        _recorded(books, LogKeys(MINE, MINE), *span)
    assert _refused(books) == "pins-unauthorised"
    assert _refused(books, backout=True) == "pins-unauthorised"
    world.propose({"src/b.py": "1\n"}, branch="next", change=OTHER)
    assert world.refusal("next") == "pins-unauthorised"


def test_a_key_that_a_push_ended_is_not_ended(books: Bookish) -> None:
    books.land({"src/a.py": "1\n"}, CHG, branch="feature")
    books.release()
    ended = LOG.replace("use: recorder, ", "use: recorder, until: 1, ")
    books.world.on_main({"itil-gate.yaml": CONFIG + ended}, by="erin")
    assert _refused(books) in {"policies-unrecorded", "pins-unauthorised"}


def test_an_update_needs_the_decision_that_it_rests_on(books: Bookish) -> None:
    """Also under a good key: what nobody decided, or somebody about something else, is not in."""
    world = books.world
    adopted = world.repo.tip("main")
    evil = world.on_main({"src/app.py": "evil\n"}, by="erin")
    _recorded(books, KEYS, adopted, evil)
    examined, _ = books.start()
    assert _failed(examined) == ["unauthorised-update"]
    (said,) = examined.findings.failed
    assert "no decision of the log" in said.message


def test_an_update_does_not_rest_on_a_decision_about_another(books: Bookish) -> None:
    world = books.world
    books.land({"src/a.py": "1\n"}, CHG, branch="feature")
    (good,) = books.known().updates
    before = world.repo.tip("main")
    evil = world.on_main({"src/app.py": "evil\n"}, by="erin")
    _recorded(books, KEYS, before, evil, decision=good.update.decision, head=evil)
    assert _failed(books.start()[0]) == ["unauthorised-update"]


def test_a_key_that_a_change_brought_is_believed(books: Bookish) -> None:
    log = LOG + _rows(("recorder", MINE), more=", since: 1")
    world = books.world
    before, _ = _changed(books, log)
    books.landed(before)
    keys = LogKeys(KEYS.checkpoint, MINE)
    with_mine = books_of(
        discover(world.repo.path), books.config, keys=keys, remote=None, now=world.now
    )
    assert with_mine.keys is keys
    assert books.start()[1] is not None
    world.propose({"src/b.py": "1\n"}, branch="next", change=OTHER)
    assert world.check("next").outcome == "pending"


def test_a_key_ends_by_a_change_and_what_it_signed_stays(
    books: Bookish, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the guide goes: pin the new one, let it sign, end the old one."""
    before, _ = _changed(books, LOG + _rows(("recorder", MINE), more=", since: 1"))
    books.landed(before)
    monkeypatch.setattr("support.books.KEYS", LogKeys(KEYS.checkpoint, MINE))
    end = len(books.entries())
    row = f'{{use: recorder, key: "{public_line(RECORDER.public)}"}}'
    log = LOG.replace(row, f"{row[:-1]}, until: {end}}}")
    before, _ = _changed(
        books, log + _rows(("recorder", MINE), more=", since: 1"), change="CHG-2026-AAAA0008"
    )
    (tile,) = books.landed(before)
    assert tile.update.standing == "authorised"
    books.land({"src/a.py": "1\n"}, CHG, branch="feature")
    assert books.start()[1] is not None


def test_where_the_old_key_is_lost_the_approvals_carry_the_new_one(
    books: Bookish, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = LOG + _rows(("checkpoint", MINE), ("recorder", MINE))
    before, _ = _changed(books, log)
    monkeypatch.setattr("support.books.KEYS", LogKeys(MINE, MINE))
    (tile,) = books.landed(before)
    assert tile.update.standing == "authorised"
    assert books.start()[1] is not None
    books.land({"src/a.py": "1\n"}, CHG, branch="feature")
    assert books.start(artifact="sha256:" + "b" * 64)[1] is not None


def test_a_new_key_is_not_carried_by_people_whom_a_push_made(
    books: Bookish, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = books.world
    adopted = world.repo.tip("main")
    log = LOG + _rows(("checkpoint", MINE), ("recorder", MINE))
    _approved(books, log, change=CHANGE)
    text = (world.repo.path / "people.yaml").read_text()
    people = world.on_main({"people.yaml": f"{text}# mine\n"}, by="erin")
    before, after = books.merge(CHANGE)
    monkeypatch.setattr("support.books.KEYS", LogKeys(MINE, MINE))
    _recorded(books, LogKeys(MINE, MINE), adopted, people)
    _recorded(books, LogKeys(MINE, MINE), before, after, head=world.repo.tip(CHANGE))
    changed = PolicyChange(
        repository="example.com/acme/payments",
        ref=MAIN,
        before=before,
        after=after,
        update=len(books.entries()) - 1,
        paths=("itil-gate.yaml",),
        recorded_at=world.now,
    )
    subject = {"gitCommit": after}
    books.books.write([plain_event("policy-change", after, changed, subject=subject)])
    assert _refused(books) == "pins-unauthorised"


def test_a_spare_key_that_was_pinned_before_the_log_was_opened_is_believed(world: World) -> None:
    books = open_books(world, more=_rows(("recorder", MINE)))
    books.land({"src/a.py": "1\n"}, CHG, branch="feature")
    assert books.start()[1] is not None


@pytest.mark.parametrize("use", ["checkpoint", "recorder"])
def test_a_key_of_the_opening_is_believed_for_its_own_use_only(books: Bookish, use: str) -> None:
    """Who stole the recorder's key, and may push, would sign heads of the log with it as well."""
    world = books.world
    books.land({"src/a.py": "1\n"}, CHG, branch="feature")
    before = world.repo.tip("main")
    key = RECORDER if use == "checkpoint" else CHECKPOINT
    after = world.on_main(
        {"src/app.py": "evil\n", "itil-gate.yaml": CONFIG + LOG + _rows((use, key))}, by="erin"
    )
    world.propose({"src/b.py": "1\n"}, branch="evil", change=OTHER)
    _recorded(books, LogKeys(key, key), before, after)
    assert world.refusal("evil") == "pins-unauthorised"
    assert _refused(books) == "pins-unauthorised"


@pytest.mark.parametrize("spare", [False, True])
def test_one_key_for_both_uses_is_believed_for_both(world: World, *, spare: bool) -> None:
    more = _rows(("checkpoint", MINE), ("recorder", MINE))
    keys = LogKeys(MINE, MINE)
    if spare:
        more += _rows(("recorder", RECORDER))
        keys = LogKeys(MINE, MINE, more_recorders=(RECORDER,))
    tip = world.on_main({"itil-gate.yaml": f"{CONFIG}log:\n  keys:\n{more}"})
    books = Bookish(world)
    settings = books.config.log
    assert settings is not None
    place, name = discover(world.repo.path), books.config.repository
    open_new_log(
        place,
        keys=keys,
        settings=settings,
        name=name,
        target=MAIN,
        adopted=tip,
        remote=None,
        now=world.now,
    )
    world.propose()
    assert world.check().outcome == "pending"
