"""A gate that was switched off and on again shows that it was."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from support.books import LOG, Bookish, open_books
from support.cases import case
from support.shell import run_gate
from support.world import CHG, CONFIG, OTHER

if TYPE_CHECKING:
    from support.world import World


def _states(world: World) -> list[str]:
    found = run_gate("audit", "continuity", "--format", "json", cwd=world.repo.path)
    states = [span["state"] for span in json.loads(found.out)["spans"]]
    assert found.code == (0 if states == ["enforced"] else 1)
    return states


def test_a_gate_that_was_always_in_force_is_whole(world: World) -> None:
    assert _states(world) == ["enforced"]
    world.on_main({"itil-gate.yaml": CONFIG + "# a remark\n"})
    assert _states(world) == ["enforced"]


@case("146")
@pytest.mark.parametrize(
    ("config", "state"),
    [
        ("mode: audit\nauditUntil: 2026-03-01\n", "audit"),
        ("mode: nothing\n", "unreadable"),
        ("targets", "not-governed"),
    ],
)
def test_a_gate_that_was_off_for_a_while_shows_the_gap(
    world: World, config: str, state: str
) -> None:
    text = CONFIG + config if config != "targets" else CONFIG.replace("refs/heads/main, ", "")
    world.on_main({"itil-gate.yaml": text})
    world.on_main({"src/app.py": "print('meanwhile')\n"})
    world.on_main({"itil-gate.yaml": CONFIG})
    assert _states(world) == ["enforced", state, "enforced"]


@case("146")
def test_a_gate_whose_configuration_was_taken_away_shows_the_gap(world: World) -> None:
    world.repo.checkout("main")
    world.repo.git("rm", "--quiet", "itil-gate.yaml")
    world.commit(message="no gate today")
    world.on_main({"itil-gate.yaml": CONFIG})
    assert _states(world) == ["enforced", "absent", "enforced"]


@case("146")
def test_what_landed_while_nobody_recorded_is_shown(world: World) -> None:
    books: Bookish = open_books(world)
    books.world.propose()
    books.world.approve("bob")
    books.decide()
    books.merge()  # the run is skipped
    books.land({"src/b.py": "2\n"}, OTHER, branch="second")
    found = run_gate("audit", "continuity", cwd=world.repo.path)
    assert found.code == 1
    assert "LATE" in found.out
    assert "1 recorded late" in found.out


def test_a_shallow_clone_cannot_tell(world: World) -> None:
    world.on_main({"itil-gate.yaml": CONFIG + LOG})
    fresh = world.repo.path.parent / "fresh"
    world.repo.git("clone", "--quiet", "--depth=1", world.repo.path.as_uri(), str(fresh))
    found = run_gate("audit", "continuity", cwd=fresh)
    assert found.code == 2
    assert CHG not in found.err
