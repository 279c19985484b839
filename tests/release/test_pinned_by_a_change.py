"""The keys of a log that was opened later are pinned by a change like any other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.books import KEYS, LOG, MAIN, Bookish
from support.world import CHG, CONFIG

from itil_gate.git.discover import discover
from itil_gate.model.config import LogKey, LogSettings
from itil_gate.release.recorder import open_new_log
from itil_gate.signing.ed25519 import public_line

if TYPE_CHECKING:
    from support.world import World


def _open(world: World) -> None:
    rows = (("checkpoint", KEYS.checkpoint), ("recorder", KEYS.recorders[0]))
    settings = LogSettings(
        keys=tuple(
            LogKey(use=use, key=public_line(key.public), since=0, until=None)  # type: ignore[arg-type]
            for use, key in rows
        )
    )
    open_new_log(
        discover(world.repo.path),
        keys=KEYS,
        settings=settings,
        name="example.com/acme/payments",
        target=MAIN,
        adopted=world.repo.tip("main"),
        remote=None,
        now=world.now,
    )


def test_an_approved_change_that_pins_the_keys_is_authorised_and_judges(world: World) -> None:
    _open(world)
    world.propose({"itil-gate.yaml": CONFIG + LOG}, change=CHG, scope='"itil-gate.yaml"')
    for person in ("bob", "carol", "dave"):
        world.approve(person)
    assert world.check("feature").outcome == "allow"
    books = Bookish(world)
    before, after = books.merge()
    (tile,) = books.landed(before)
    assert (tile.update.standing, tile.update.after) == ("authorised", after)
    world.propose({"src/b.py": "1\n"}, branch="next", change="CHG-2026-AAAA0002")
    assert world.check("next").outcome == "pending"
