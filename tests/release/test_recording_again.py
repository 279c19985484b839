"""What a revoked key alone had signed is recorded again, once somebody corrected it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.attacks import Victim
from support.books import Bookish, open_books
from support.log import CHECKPOINT, RECORDER, signer
from support.weighing import weighed

from itil_gate.git.discover import discover
from itil_gate.model.errors import LogError
from itil_gate.release.books import books_of
from itil_gate.release.key_changes import revoke_key
from itil_gate.release.keys import LogKeys
from itil_gate.signing.ed25519 import public_line

if TYPE_CHECKING:
    from support.world import World

    from itil_gate.release.books import Books

OTHER = signer(9)
ROW = f'    - {{use: recorder, key: "{public_line(OTHER.public)}"}}\n'


class Successor(Bookish):
    """The books in the hands of the second recorder."""

    @property
    def books(self) -> Books:
        return books_of(
            discover(self.world.repo.path),
            self.config,
            keys=LogKeys(CHECKPOINT, OTHER),
            remote=None,
            now=self.world.now,
        )


@pytest.mark.parametrize("times", weighed([1, 2], 1))
def test_a_corrected_update_is_recorded_again_by_another_key(world: World, times: int) -> None:
    books = open_books(world, more=ROW)
    before = world.repo.tip("main")
    world.on_main({"src/app.py": "straight in\n"})
    books.landed(before)
    lost = len(books.entries()) - 2
    after = Successor(world)
    revoke_key(
        after.books, RECORDER.fingerprint, since=lost, reason="Stolen.", corrected_by="carol"
    )
    for _ in range(times):  # the second time there is nothing left to do
        after.landed(before)
    (update,) = after.known().updates
    assert (update.update.replaces, update.update.standing) == (lost, "unauthorised")
    assert Victim(world, books.config).bad() == set()
    assert Victim(world, books.config).bad(full=True) == set()
    landed = after.land({"src/a.py": "1\n"}, "CHG-2026-AAAA0001", branch="feature")
    assert after.known().updates[-1].update.after == landed


def test_what_nobody_corrected_is_not_replaced(world: World) -> None:
    books = open_books(world, more=ROW)
    before = world.repo.tip("main")
    world.on_main({"src/app.py": "straight in\n"})
    books.landed(before)
    lost = len(books.entries()) - 2
    after = Successor(world)
    revoke_key(after.books, RECORDER.fingerprint, since=lost, reason="Stolen.")
    world.later(minutes=1)
    with pytest.raises(LogError) as caught:
        after.landed(before)
    assert caught.value.code == "event-differs"
