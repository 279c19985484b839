"""The way back where the rules lock out their own repair: a correction by the recovery role."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from support.attacks import Victim
from support.audits import reconciled
from support.books import MAIN, Bookish, open_books
from support.breakglass import REPOSITORY
from support.cases import case
from support.shell import run_gate
from support.world import APPROVALS, CONFIG, people_file, stranger

from itil_gate.git.discover import discover
from itil_gate.git.view import open_view
from itil_gate.model.record import Correction
from itil_gate.model.statement import CorrectionPredicate
from itil_gate.release.correcting import Heard, record_corrections
from itil_gate.release.entries import plain_event, update_event
from itil_gate.release.signing_desk import sign_statement
from itil_gate.signing.statement import correction_statement

if TYPE_CHECKING:
    from pathlib import Path

    from support.world import World

RECOVERY = f"{CONFIG}recovery: change-authority\n"


@pytest.fixture
def books(world: World) -> Bookish:
    return open_books(world, config=RECOVERY)


def push(books: Bookish, text: str = "1\n") -> tuple[str, str]:
    """Let an administrator merge over the gate, recorded; return the two ends."""
    before = books.world.repo.tip("main")
    after = books.world.on_main({"src/app.py": text})
    books.landed(before)
    return before, after


def correct(books: Bookish, by: str, before: str, after: str, **edits: object) -> None:
    """Let somebody sign a correction."""
    said = {
        "repository": REPOSITORY, "target": MAIN, "before": before, "after": after,
        "reason": "Nobody held the role.", "signer": by, "issued_at": books.world.now,
    }  # fmt: skip
    predicate = CorrectionPredicate.model_validate(said | edits, by_name=True)
    key = str(books.world.person(by).key)
    books.world.file(sign_statement(correction_statement(predicate), key=key, interactive=False))


def recorded(books: Bookish) -> tuple[Heard, ...]:
    with open_view(discover(books.world.repo.path)) as view:
        return record_corrections(books.books, view, target=MAIN)


def standings(books: Bookish) -> list[str]:
    return [one.update.standing for one in books.known().updates]


def codes(books: Bookish) -> list[str]:
    return [one.code for one in recorded(books)]


@case("187", "205")
def test_a_correction_makes_an_update_overridden_and_is_recorded_with_its_reason(
    books: Bookish,
) -> None:
    ends = push(books)
    assert books.start()[0].decision.outcome == "deny"
    correct(books, "carol", *ends)
    assert codes(books) == ["corrects"]
    assert standings(books) == ["unauthorised", "overridden"]
    last = books.known().updates[-1].update
    assert last.reason == "corrected by carol: Nobody held the role."
    assert last.correction is not None
    assert books.entries()[last.correction].predicate["by"] == "carol"
    owed = [(one.duty, one.owner) for one in books.known().debts]
    assert owed == [("review", "nobody"), ("retro-approval", "carol")]
    assert books.start(nonce="REL-2026-AAAAAAAA")[0].decision.outcome == "allow"
    assert recorded(books) == ()
    rows, audit = reconciled(books)
    assert (rows[0].found, audit.totals.bad) == ("overridden", 0)
    assert "NOTHING LET IT IN; corrected by carol: Nobody held the role." in rows[0].how


@case("205")
def test_what_a_correction_leaves_out_stays_unauthorised(books: Bookish) -> None:
    push(books, "1\n")
    before, after = push(books, "2\n")
    correct(books, "carol", before, after)
    assert codes(books) == ["corrects"]
    examined, _ = books.start()
    assert [one.rule for one in examined.findings.failed] == ["unauthorised-update"]
    assert standings(books) == ["unauthorised", "unauthorised", "overridden"]


@pytest.mark.heavy
@case("205")
def test_a_correction_that_goes_back_too_far_counts_for_nothing(books: Bookish) -> None:
    before, _ = push(books, "1\n")
    _, after = push(books, "2\n")
    correct(books, "carol", before, after)
    assert codes(books) == ["no-such-update"]
    assert standings(books) == ["unauthorised", "unauthorised"]


@case("205")
def test_a_correction_of_nothing_counts_for_nothing(books: Bookish) -> None:
    before = books.world.repo.tip("main")
    after = books.world.on_main({"src/app.py": "not recorded\n"})
    correct(books, "carol", before, after)
    assert codes(books) == ["no-such-update"]


@case("205")
def test_a_correction_of_what_was_authorised_counts_for_nothing(books: Bookish) -> None:
    before = books.world.repo.tip("main")
    after = books.land({"src/a.py": "1\n"}, "CHG-2026-AAAA0001", branch="feature")
    correct(books, "carol", before, after)
    assert codes(books) == ["not-unauthorised"]
    assert standings(books) == ["authorised"]


def test_a_correction_that_a_recorder_made_up_is_found(books: Bookish) -> None:
    push(books)
    (landed,) = books.known().updates
    said = Correction(
        repository=REPOSITORY, corrects=landed.index, statement="0" * 64, reason="x", by="carol"
    )
    event = plain_event("correction", "0" * 64, said, subject={"sha256": "0" * 64})
    index = books.books.write([event]).indices[0]
    update = landed.update.model_copy(update={"standing": "overridden", "correction": index})
    books.books.write([update_event(update)])
    rows, audit = reconciled(books)
    assert rows[0].found == "unauthorised"
    assert "is not in the log" in rows[0].how
    assert audit.totals.bad == 1


@case("141")
def test_who_names_themselves_later_corrects_nothing(books: Bookish) -> None:
    roles = {"service-owner": ("bob",), "change-authority": ("erin",)}
    before = books.world.repo.tip("main")
    after = books.world.on_main({"people.yaml": people_file(books.world.keyring, roles=roles)})
    books.landed(before)
    correct(books, "erin", before, after)
    assert codes(books) == ["role-not-held"]
    correct(books, "carol", before, after)
    assert sorted(codes(books)) == ["corrects", "role-not-held"]


def test_a_role_that_is_named_later_recovers_nothing(world: World) -> None:
    books = open_books(world)
    before = world.repo.tip("main")
    after = world.on_main({"itil-gate.yaml": RECOVERY + books_log(books)})
    books.landed(before)
    correct(books, "carol", before, after)
    assert codes(books) == ["no-recovery"]


def books_log(books: Bookish) -> str:
    """Return the section log of the configuration as it is."""
    text = (books.world.repo.path / "itil-gate.yaml").read_text()
    return text[text.index("log:") :]


@pytest.mark.parametrize(
    ("edits", "code"),
    [
        ({"repository": "example.com/other"}, "not-this-repository"),
        ({"target": "refs/heads/release"}, "not-this-target"),
        ({"issued_at": timedelta(minutes=6)}, "issued-in-future"),
        ({"signer": "dave"}, "signer-mismatch"),
    ],
)
def test_a_correction_of_something_else_counts_for_nothing(
    books: Bookish, edits: dict[str, object], code: str
) -> None:
    ends = push(books)
    if isinstance(shift := edits.get("issued_at"), timedelta):
        edits = {"issued_at": books.world.now + shift}
    correct(books, "carol", *ends, **edits)
    assert codes(books) == [code]
    assert standings(books) == ["unauthorised"]


def test_a_stranger_corrects_nothing(books: Bookish, tmp_path: Path) -> None:
    ends = push(books)
    books.world.people["mallory"] = stranger(tmp_path, "mallory")
    correct(books, "mallory", *ends, signer="carol")
    assert codes(books) == ["unknown-key"]


def test_a_log_with_a_correction_verifies(books: Bookish) -> None:
    ends = push(books)
    correct(books, "carol", *ends)
    assert codes(books) == ["corrects"]
    books.landed()  # nothing is left to catch up with
    found = run_gate("log", "verify", "--full", cwd=books.world.repo.path)
    assert found.code == 0, found.out
    assert "ok           meaning" in found.out


@pytest.mark.heavy
def test_a_correction_of_an_older_update_does_not_move_the_end_of_the_record(
    books: Bookish,
) -> None:
    first = push(books, "1\n")
    _, end = push(books, "2\n")
    victim = Victim(books.world, books.config)
    assert victim.bad() == set()
    correct(books, "carol", *first)
    assert codes(books) == ["corrects"]
    assert standings(books) == ["unauthorised", "unauthorised", "overridden"]
    # Neither is anything recorded twice nor is what follows the end taken for unrecorded.
    assert books.landed() == ()
    after = books.land({"src/a.py": "1\n"}, "CHG-2026-AAAA0001", branch="feature")
    last = books.known().updates[-1].update
    assert (last.before, last.after, last.standing) == (end, after, "authorised")
    assert victim.bad(again=True) == set()
    assert victim.bad(full=True) == set()


@pytest.mark.heavy
def test_policies_that_changed_before_a_later_correction_are_still_recorded(
    books: Bookish,
) -> None:
    first = push(books, "1\n")
    before = books.world.repo.tip("main")
    books.world.on_main({"docs/a.md": "2\n"})
    books.landed(before)
    correct(books, "carol", *first)
    assert codes(books) == ["corrects"]
    books.world.propose({"src/b.py": "1\n"}, branch="next", change="CHG-2026-AAAA0002")
    assert books.world.check("next").outcome == "pending"


def test_policies_that_a_corrected_update_mended_judge_when_it_is_the_newest(
    books: Bookish,
) -> None:
    before = books.world.repo.tip("main")
    after = books.world.on_main({"policies/approvals.yaml": f"{APPROVALS}# mended\n"})
    books.landed(before)
    books.world.propose({"src/b.py": "1\n"}, branch="next", change="CHG-2026-AAAA0002")
    assert books.world.refusal("next") == "policies-unauthorised"
    correct(books, "carol", before, after)
    assert codes(books) == ["corrects"]
    assert books.world.check("next").outcome == "pending"
    _, record = books.start()
    assert record is not None
    books.world.on_main({"policies/approvals.yaml": APPROVALS})
    assert books.world.refusal("next") == "policies-unrecorded"


def test_a_correction_that_was_recorded_has_its_update_beside_it(books: Bookish) -> None:
    ends = push(books)
    correct(books, "carol", *ends)
    recorded(books)
    kinds = books.kinds()
    at = kinds.index("correction")
    assert kinds[at + 1] == "ref-update"
    commits = books.world.repo.git("log", "--format=%s", "audit-log").splitlines()
    assert "Append 2 entries" in commits
