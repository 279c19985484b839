"""A clock that went back, or dates that lie: nothing is granted, and nothing falls over."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from support.faulty import plain_ending
from support.shell import run_gate
from support.weighing import weighed
from support.world import CHG, request_file

if TYPE_CHECKING:
    from support.world import World

CHECK = ("check", "--base", "main", "--head", "feature")
DATES = ("4102444800", "253402300799", "253402300800", "99999999999", "18446744073709551615", "0")
"""The years 2100 and 9999, the first second after, and dates that fit no calendar."""


@pytest.mark.parametrize("date", DATES)
def test_commits_from_another_time_change_no_outcome(world: World, date: str) -> None:
    world.approve("bob")
    tree, parent = world.repo.tree("main"), world.repo.tip("main")
    person = f"{world.keyring.carol.name} <{world.keyring.carol.email}> {date} +0000"
    raw = f"tree {tree}\nparent {parent}\nauthor {person}\ncommitter {person}\n\nlater\n"
    world.repo.branch("main", world.repo.raw_object("commit", raw.encode()))
    ran = run_gate(*CHECK, cwd=world.repo.path)
    assert ran.code == 0, ran.err
    plain_ending(ran.err)


@pytest.mark.parametrize("date", DATES)
def test_an_adoption_at_an_impossible_date_is_no_adoption_that_audits(
    world: World, date: str
) -> None:
    config = world.repo.git("show", "main:itil-gate.yaml")
    until = world.now + timedelta(days=30)
    world.repo.checkout("main")
    world.repo.write("itil-gate.yaml", f"{config}\nmode: audit\nauditUntil: {until:%Y-%m-%d}\n")
    world.repo.git("add", "--all")
    tree = world.repo.git("write-tree")
    person = f"{world.keyring.carol.name} <{world.keyring.carol.email}> {date} +0000"
    raw = f"tree {tree}\nauthor {person}\ncommitter {person}\n\nadopt\n"
    world.repo.git("reset", "--quiet", "--hard")
    world.repo.checkout("feature")
    start = world.repo.raw_object("commit", raw.encode())
    world.repo.branch("main", start)
    world.repo.git("reset", "--quiet", "--hard", start)
    world.commit({"src/app.py": "2\n"})
    ran = run_gate(*CHECK, cwd=world.repo.path)
    # Uncovered, and so denied, unless the adoption lies in the last ninety days.
    assert ran.code in (1, 2), (ran.out, ran.err)
    plain_ending(ran.err)


@pytest.mark.parametrize(("minutes", "code"), [(-60, 0), (3, 0), (7, 3), (60 * 24 * 400, 3)])
def test_a_statement_from_the_future_does_not_count(world: World, minutes: int, code: int) -> None:
    world.approve("bob", at=world.now + timedelta(minutes=minutes))
    ran = run_gate(*CHECK, cwd=world.repo.path)
    assert ran.code == code, ran.out
    assert ("NOT COUNTED" in ran.out) == (code == 3)


def test_a_clock_that_went_back_before_every_statement_grants_nothing(world: World) -> None:
    """All of them lie ahead of the clock: the approval does not count, the rejection does."""
    ahead = world.now + timedelta(days=3)
    world.approve("bob", at=ahead)
    assert run_gate(*CHECK, cwd=world.repo.path).code == 3
    world.reject("carol", at=ahead)
    assert run_gate(*CHECK, cwd=world.repo.path).code != 0


@pytest.mark.parametrize(
    ("start", "end", "rule"),
    [
        ("2030-03-31T02:30", "2030-03-31T04:00", "nonexistent-time"),
        ("2030-03-31T01:00", "2030-03-31T02:00", "nonexistent-time"),
        ("2030-10-27T02:30", "2030-10-27T02:45", ""),
        ("2030-10-27T02:45", "2030-10-27T02:30", "invalid"),
        ("2030-03-31T01:59", "2030-03-31T03:00", ""),
        ("9999-12-31T23:00", "9999-12-31T23:59", "?"),
        ("0001-01-01T00:00", "0001-01-01T00:30", "?"),
    ],
)
def test_windows_where_the_clocks_change_are_read_or_refused(
    world: World, start: str, end: str, rule: str
) -> None:
    window = f'  window: {{start: "{start}", end: "{end}", timezone: Europe/Berlin}}\n'
    world.repo.checkout("feature")
    world.commit({f"changes/2026/{CHG}.yaml": request_file(extra=window)})
    ran = run_gate(*CHECK, cwd=world.repo.path)
    plain_ending(ran.err)
    assert ran.code in ({1} if rule in ("nonexistent-time", "invalid") else {1, 3}), ran.out
    if rule == "":
        assert ran.code == 3, ran.out


@pytest.mark.parametrize(
    "zone", weighed(["Europe/Berlin", "Pacific/Apia", "America/St_Johns"], "Europe/Berlin")
)
def test_a_freeze_over_the_change_of_clocks_is_obeyed_to_the_minute(
    world: World, zone: str
) -> None:
    freeze = (
        "apiVersion: itil-gate/v1\nkind: Calendar\n"
        "metadata: {name: year-end, owner: change-authority, reviewBy: 2099-01-01}\n"
        "spec:\n  freezes:\n"
        '    - {id: clocks, reason: The clocks change, start: "2030-03-30T00:00",'
        f' end: "2030-04-01T00:00", timezone: {zone}}}\n'
    )
    world.on_main({"policies/calendar.yaml": freeze})
    world.repo.checkout("feature")
    world.repo.git("merge", "--quiet", "main")
    for start, end, inside in (
        ("2030-03-29T22:00", "2030-03-30T00:00", False),
        ("2030-03-29T22:00", "2030-03-30T00:01", True),
        ("2030-03-31T23:59", "2030-04-01T00:30", True),
        ("2030-04-01T00:00", "2030-04-01T00:30", False),
    ):
        window = f'  window: {{start: "{start}", end: "{end}", timezone: {zone}}}\n'
        world.commit({f"changes/2026/{CHG}.yaml": request_file(extra=window)})
        ran = run_gate(*CHECK, cwd=world.repo.path)
        plain_ending(ran.err)
        assert ran.code in (1, 3), ran.err
        assert ("The clocks change" in ran.out or "clocks (" in ran.out) == inside, ran.out
