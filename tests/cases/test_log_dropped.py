"""A log that somebody would rather not have: taken out of the configuration, or begun anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.books import KEYS, LOG, MAIN, Bookish, git, open_books, private_keys
from support.cases import case
from support.log import signer
from support.shell import run_gate
from support.world import APPROVALS, CHG, CONFIG, OTHER

from itil_gate.gather.dropped import log_config
from itil_gate.gather.remembered import memory_file
from itil_gate.git.discover import discover
from itil_gate.git.view import open_view
from itil_gate.model.config import Config
from itil_gate.reading.read import read
from itil_gate.reading.yaml import parse
from itil_gate.release.bookkeeping import record_landing
from itil_gate.release.books import books_of
from itil_gate.release.keys import LogKeys
from itil_gate.release.recorder import open_new_log
from itil_gate.signing.ed25519 import public_line

if TYPE_CHECKING:
    from pathlib import Path

    from support.world import World

    from itil_gate.model.config import LogSettings

LENIENT = APPROVALS.replace("role: service-owner, of: footprint", "role: peer")
THIRD, FOURTH = "CHG-2026-AAAA0003", "CHG-2026-AAAA0004"
MINE = signer(77)
OWN = f"""\
log:
  keys:
    - {{use: checkpoint, key: "{public_line(MINE.public)}"}}
    - {{use: recorder, key: "{public_line(MINE.public)}"}}
"""


@pytest.fixture
def books(world: World) -> Bookish:
    return open_books(world)


def dropped(books: Bookish) -> str:
    """Weaken the policies and take the log away, in one push; return its commit."""
    books.land({"src/a.py": "1\n"}, THIRD, branch="third")
    files = {"policies/approvals.yaml": LENIENT, "itil-gate.yaml": CONFIG}
    tip = books.world.on_main(files, by="erin")
    books.world.propose({"deploy/app.yaml": "replicas: 0\n"}, branch="evil", change=OTHER)
    return tip


def _settings() -> LogSettings:
    config = read(parse(CONFIG + OWN, file="itil-gate.yaml"), Config)
    assert isinstance(config, Config)
    assert config.log is not None
    return config.log


# Taken out of the configuration -------------------------------------------------------------------


@case("140")
def test_who_takes_the_log_away_is_not_judged_without_it(books: Bookish) -> None:
    world = books.world
    dropped(books)
    assert world.refusal("evil") == "log-dropped"
    memory_file(discover(world.repo.path)).unlink(missing_ok=True)
    assert world.refusal("evil") == "log-dropped"
    # Later pushes hide it no better, and the branch of the log is missed.
    world.on_main({"itil-gate.yaml": "log: [\n"}, by="erin")
    world.on_main({"itil-gate.yaml": f"{CONFIG}# fine\n"}, by="erin")
    assert world.refusal("evil") == "log-dropped"
    git(world, "update-ref", "-d", "refs/heads/audit-log")
    assert world.refusal("evil") == "log-missing"


@case("140")
def test_a_log_that_was_put_back_is_asked_as_before(books: Bookish) -> None:
    world = books.world
    dropped(books)
    world.on_main({"itil-gate.yaml": CONFIG + LOG}, by="carol")
    assert world.refusal("evil") == "policies-unrecorded"
    world.on_main({"policies/approvals.yaml": APPROVALS}, by="carol")
    books.landed()
    assert world.check("evil").outcome == "pending"


def ended(books: Bookish) -> tuple[str, str]:
    """Have the end of the log approved, and merge it; return the ends of the update."""
    world = books.world
    world.propose({"itil-gate.yaml": CONFIG}, branch="end", scope='"itil-gate.yaml"', change=OTHER)
    world.approve("carol", "dave", head="end", change=OTHER)
    books.decide("end")
    return books.merge("end")


@pytest.mark.heavy
def test_a_log_that_was_ended_with_leave_is_asked_no_more(books: Bookish, tmp_path: Path) -> None:
    world = books.world
    before, after = ended(books)
    world.propose({"src/b.py": "1\n"}, branch="next", change=THIRD)
    assert world.refusal("next") == "log-dropped"
    repository = discover(world.repo.path)
    with open_view(repository) as view:
        config = log_config(view, books.config, tip=after)
        whole = books_of(repository, config, keys=KEYS, remote=None, now=world.now)
        tiles, _ = record_landing(whole, view, ref=MAIN, after=after, pushed=before)
    assert [one.update.standing for one in tiles] == ["authorised"]
    assert world.check("next").outcome == "pending"
    git(world, "branch", "release", "main")
    world.propose({"src/c.py": "1\n"}, branch="there", at="release", change=FOURTH)
    assert world.check("there", base="release").outcome == "pending"
    world.on_main({"policies/approvals.yaml": LENIENT})  # nobody records it any more
    assert world.check("next").outcome == "pending"
    gate = ("check", "--merged", f"{before}..{after}", "--record")
    assert "no-log" in run_gate(*gate, cwd=world.repo.path, env=private_keys(tmp_path)).err


@pytest.mark.heavy
def test_a_log_that_was_ended_without_leave_is_recorded_so(books: Bookish, tmp_path: Path) -> None:
    world = books.world
    before = world.repo.tip("main")
    after = dropped(books)
    gate = ("check", "--merged", f"{before}..{after}", "--record")
    found = run_gate(*gate, cwd=world.repo.path, env=private_keys(tmp_path))
    assert found.code == 1, found.err
    assert "UNAUTHORISED" in found.out
    assert world.refusal("evil") == "log-dropped"


def test_a_repository_that_never_had_a_log_is_asked_for_none(world: World) -> None:
    world.propose()
    assert world.check().outcome == "pending"


def test_a_line_is_looked_through_once_and_what_it_gains_is_looked_at(world: World) -> None:
    memo = memory_file(discover(world.repo.path)).with_name("without-log")
    world.propose()
    assert world.check().outcome == "pending"
    assert memo.read_text() == world.repo.tip("main")
    tip = world.on_main({"src/more.py": "1\n"})
    assert world.check().outcome == "pending"
    assert memo.read_text() == tip
    world.on_main({"itil-gate.yaml": CONFIG + OWN}, by="erin")
    world.on_main({"itil-gate.yaml": CONFIG}, by="erin")
    assert world.refusal() == "log-missing"
    assert memo.read_text() == tip


def test_what_a_partial_clone_left_out_is_not_remembered_to_name_no_log(world: World) -> None:
    memo = memory_file(discover(world.repo.path)).with_name("without-log")
    named = world.on_main({"itil-gate.yaml": CONFIG + OWN}, by="erin")
    blob = world.repo.git("rev-parse", f"{named}:itil-gate.yaml")
    world.on_main({"itil-gate.yaml": CONFIG}, by="erin")
    world.propose()
    file = world.repo.git_dir / "objects" / blob[:2] / blob[2:]
    kept = file.read_bytes()
    file.unlink()
    assert world.check().outcome == "pending"
    assert not memo.exists()
    file.write_bytes(kept)
    assert world.refusal() == "log-missing"


def test_what_is_remembered_of_another_line_is_worth_nothing(world: World) -> None:
    """Its own line named no log; that of what was merged into it did, and stands first now."""
    memo = memory_file(discover(world.repo.path)).with_name("without-log")
    world.propose()
    begun = world.repo.tip("main")
    named = world.on_main({"itil-gate.yaml": CONFIG + OWN}, by="erin")
    aside = world.repo.commit_tree(f"{begun}^{{tree}}", begun, named)
    git(world, "update-ref", MAIN, aside)
    assert world.check().outcome == "pending"
    assert memo.read_text() == aside
    git(world, "update-ref", MAIN, world.repo.commit_tree(f"{begun}^{{tree}}", named, aside))
    for known in (aside, "f" * 40, "rubbish\n", ""):
        memo.write_text(known)
        assert world.refusal() == "log-missing", known


def test_odd_configurations_of_long_ago_stop_nobody(world: World) -> None:
    """Whoever once pushed what nobody can read has not named a log with it."""
    good = world.repo.git("show", "main:itil-gate.yaml") + "\n"
    world.repo.checkout("main")
    world.on_main({"itil-gate.yaml": "#" * (1 << 21)})
    world.on_main({"itil-gate.yaml": b"\xff\xfe"})
    world.on_main({"itil-gate.yaml": "log: [\n"})
    file = world.repo.path / "itil-gate.yaml"
    file.unlink()
    file.symlink_to("people.yaml")
    world.repo.git("add", "itil-gate.yaml")
    world.commit(message="a link")
    file.unlink()
    world.on_main({"itil-gate.yaml": good})
    world.propose()
    assert world.check().outcome == "pending"


def test_a_log_that_is_open_and_not_configured_yet_is_not_missed(world: World) -> None:
    """`log init` opens it and prints the section, which is then reviewed."""
    open_new_log(
        discover(world.repo.path),
        keys=LogKeys(MINE, MINE),
        settings=_settings(),
        name="example.com/acme/payments",
        target=MAIN,
        adopted=world.repo.tip("main"),
        remote=None,
        now=world.now,
    )
    world.propose()
    assert world.check().outcome == "pending"


@case("221")
def test_a_history_without_a_log_in_place_of_one_with_it_is_refused(books: Bookish) -> None:
    world = books.world
    books.land({"src/a.py": "1\n"}, THIRD, branch="third")
    root = world.repo.git("rev-list", "--max-parents=0", "main")
    git(world, "checkout", "-q", "main")
    git(world, "reset", "-q", "--hard", root)
    world.propose(branch="evil")
    assert world.refusal("evil") == "log-dropped"
    git(world, "update-ref", "-d", "refs/heads/audit-log")
    assert world.refusal("evil") == "log-dropped"  # this clone remembers it
    memory_file(discover(world.repo.path)).unlink()
    assert world.check("evil").outcome == "pending"


# Begun anew ---------------------------------------------------------------------------------------


def begun_anew(books: Bookish, *, origin: str = "") -> None:
    """Let somebody without a key of the log open it again under their own, from elsewhere."""
    world = books.world
    more = f"  origin: {origin}\n" if origin else ""
    files = {"policies/approvals.yaml": LENIENT, "itil-gate.yaml": CONFIG + OWN + more}
    tip = world.on_main(files, by="erin")
    repository = discover(world.repo.path)
    kept = memory_file(repository).read_bytes()
    memory_file(repository).unlink()
    git(world, "update-ref", "-d", "refs/heads/audit-log")
    settings = books.config.log
    assert settings is not None
    open_new_log(
        repository,
        keys=LogKeys(MINE, MINE),
        settings=settings,
        name=books.config.repository,
        target=MAIN,
        adopted=tip,
        remote=None,
        now=world.now,
    )
    memory_file(repository).write_bytes(kept)


@pytest.mark.parametrize("origin", ["", "logs.example.com/other"])
@case("213")
def test_a_clone_that_remembers_the_log_believes_none_that_was_begun_anew(
    books: Bookish, origin: str
) -> None:
    world = books.world
    books.land({"src/a.py": "1\n"}, THIRD, branch="third")
    begun_anew(books, origin=origin)
    world.propose({"deploy/app.yaml": "replicas: 0\n"}, branch="evil", change=OTHER)
    assert world.refusal("evil") == "log-rewound"
    found = run_gate("log", "verify", cwd=world.repo.path)
    assert (found.code, "bad          remembered" in found.out) == (1, True), found.out
    found = run_gate("audit", "reconcile", cwd=world.repo.path)
    assert (found.code, "log-rewound" in found.err) == (2, True)
    # Where everybody agreed, the message names the way out.
    file = memory_file(discover(world.repo.path))
    assert str(file) in found.err.replace("\n    ", "")
    file.unlink()
    assert world.check("evil").outcome == "pending"


def test_what_a_clone_remembers_by_a_key_that_went_since_is_still_held_against_the_log(
    books: Bookish,
) -> None:
    """Keys are rotated, and what an old one signed is no less what was seen."""
    world = books.world
    books.land({"src/a.py": "1\n"}, THIRD, branch="third")
    file = memory_file(discover(world.repo.path))
    body, _, _ = file.read_bytes().partition(b"\n\n")
    name = body.split(b"\n")[0]
    file.write_bytes(body + b"\n\n\xe2\x80\x94 " + name + b" " + b"A" * 92 + b"\n")
    world.propose({"src/b.py": "1\n"}, branch="next", change=CHG)
    assert world.check("next").outcome == "pending"
    books.decide("next")
