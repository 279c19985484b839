"""Who can still approve what was overridden: whoever holds the role for what changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.books import MAIN, Bookish, open_books
from support.breakglass import GLASS, override
from support.world import APPROVALS, SERVICES, people_file

from itil_gate.git.discover import discover
from itil_gate.git.view import open_view
from itil_gate.release.debts import accounts, judge_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from support.world import World

    from itil_gate.release.debts import Account

FREEZE = """\
apiVersion: itil-gate/v1
kind: Calendar
metadata: {name: spring, owner: change-authority, reviewBy: 2027-01-01}
spec:
  freezes:
    - {id: sale, reason: The spring sale., start: "2026-03-01T00:00", end: "2026-03-09T00:00",
       timezone: UTC}
"""
WINDOW = "  window: {start: 2026-03-03T10:00, end: 2026-03-03T11:00, timezone: UTC}\n"
LEDGER = SERVICES.replace("payments-api", "ledger").replace("src/** deploy/** db/**", "ledger/**")
OWNERS = APPROVALS.replace("role: peer", "role: service-owner")
AUTHORITY = "role: change-authority"


def frozen(world: World, *, services: str) -> Bookish:
    """Merge what Carol overrode in a freeze, though Bob had approved; Dave's role is limited."""
    people = people_file(world.keyring, roles={"service-owner": ("bob",), "change-authority": ()})
    more = "".join(
        f"  - {{{AUTHORITY}, members: [{who}]{where}}}\n"
        for who, where in (("carol", ""), ("dave", services))
    )
    people = people.replace("  - {role: change-authority, members: []}\n", more)
    assert more in people
    world.on_main(
        {
            "people.yaml": people,
            "calendar/spring.yaml": FREEZE,
            "policies/approvals.yaml": OWNERS,
            "services/ledger.yaml": LEDGER,
            "ledger/a": "1\n",
        }
    )
    books = open_books(world, config=GLASS)
    world.propose(
        {"src/app.py": "1\n", "ledger/a": "2\n"},
        scope='"src/**", "ledger/**"',
        services="payments-api, ledger",
        extra=WINDOW,
    )
    world.approve("bob")
    override(world)
    books.decide()
    before, _ = books.merge()
    books.landed(before)
    return books


def owed(books: Bookish) -> Account:
    """Return the approval after the fact that is owed."""
    world = books.world
    with open_view(discover(world.repo.path)) as view, books.books.reading() as reader:
        found = accounts(view, reader, target=MAIN, tip=world.repo.tip("main"), now=world.now)
    (one,) = (each for each in found if each.debt.obligation.duty == "retro-approval")
    return one


def why_not(books: Bookish, person: str) -> str:
    world, debt = books.world, owed(books).debt
    with open_view(discover(world.repo.path)) as view:
        judge = judge_of(view, target=MAIN, tip=world.repo.tip("main"), now=world.now)
        return judge.why_not(debt, person)


@pytest.mark.parametrize(
    ("services", "eligible"),
    [
        ("", True),
        (", services: [ledger, payments-api]", True),
        (", services: [ledger]", False),
        (", services: [reports]", False),
    ],
)
def test_whoever_may_not_override_a_service_settles_no_override_of_it(
    world: World, services: str, *, eligible: bool
) -> None:
    books = frozen(world, services=services)
    assert owed(books).debt.obligation.services == ("ledger", "payments-api")
    assert ("dave" in owed(books).eligible) is eligible
    assert (why_not(books, "dave") == "") is eligible


def passed_over(world: World, owners: Sequence[str], authority: str) -> Bookish:
    """Merge what Carol overrode, for which an owner of the service was asked."""
    people = people_file(world.keyring, roles={"change-authority": ("carol",)})
    more = f"  - {{role: service-owner, members: [{', '.join(owners)}]}}\n"
    more += f"  - {{role: service-owner, members: [{authority}], services: [ledger]}}\n"
    world.on_main(
        {
            "people.yaml": people + more,
            "services/ledger.yaml": LEDGER,
            "policies/approvals.yaml": OWNERS,
        }
    )
    books = open_books(world, config=GLASS)
    world.propose()
    override(world)
    books.decide()
    before, _ = books.merge()
    books.landed(before)
    return books


def test_whoever_holds_the_role_for_another_service_approves_nothing_afterwards(
    world: World,
) -> None:
    books = passed_over(world, ["bob"], "dave")
    assert owed(books).eligible == ("bob",)
    assert why_not(books, "dave") == (
        "dave holds none of the roles that were passed over: service-owner, for payments-api"
    )


@pytest.mark.parametrize("role", ["role: service-owner", "role: service-owner, services: [blog]"])
def test_naming_a_service_lets_nobody_settle_what_belongs_to_none(world: World, role: str) -> None:
    """Carol overrode a change of the policies that says it is about the blog."""
    people = people_file(world.keyring, roles={"change-authority": ("carol",)})
    owners = f"  - {{{role}, members: [bob]}}\n"
    world.on_main(
        {
            "people.yaml": people + owners,
            "services/blog.yaml": LEDGER.replace("ledger", "blog"),
            "policies/approvals.yaml": OWNERS.replace(", of: footprint", ""),
        }
    )
    books = open_books(world, config=GLASS)
    lax = {"policies/approvals.yaml": OWNERS.replace(", of: footprint", "") + "# laxer\n"}
    world.propose(lax, scope='"policies/**"', services="blog")
    override(world)
    books.decide()
    before, _ = books.merge()
    books.landed(before)
    assert ("bob" in owed(books).eligible) is ("blog" not in role)
    if "blog" in role:
        assert why_not(books, "bob").endswith("service-owner, for all services")
