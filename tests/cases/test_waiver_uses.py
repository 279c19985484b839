"""A waiver for more than one change is counted by the audit log, and by nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.attacks import Victim
from support.audits import founds
from support.books import LOG, Bookish, open_books
from support.world import CHG, CONFIG, OTHER, SERVICES, people_file

if TYPE_CHECKING:
    from support.world import World

    from itil_gate.model.decision import Decision

THIRD = "CHG-2026-AAAA0003"
RULES = """\
apiVersion: itil-gate/v1
kind: RuleSet
metadata: {name: style, owner: change-authority, reviewBy: 2027-01-01}
spec:
  rules:
    - id: tested
      enforcement: soft
      expect: "'junit' in evidence.kinds"
      message: It is not tested.
"""
WAIVER = """\
apiVersion: itil-gate/v1
kind: Waiver
metadata: {name: no-tests-yet, owner: change-authority, reviewBy: 2027-01-01}
spec:
  rule: tested
  selector: {services: [payments-api]}
  reason: The tests are written this month.
  approvedBy: carol
  role: change-authority
  expires: 2026-12-31
  maxUses: 2
"""


@pytest.fixture
def books(world: World) -> Bookish:
    world.on_main(
        {
            "itil-gate.yaml": CONFIG + LOG,
            "policies/rules.yaml": RULES,
            "policies/waiver.yaml": WAIVER,
        }
    )
    return open_books(world)


def _land(books: Bookish, change: str, number: int) -> Decision:
    books.world.propose(
        {f"src/f{number}.py": "1\n"}, branch=f"b{number}", change=change, title=f"Part {number}"
    )
    books.world.approve("bob", head=f"b{number}", change=change)
    decision = books.world.check(f"b{number}")
    if decision.outcome == "allow":
        books.decide(f"b{number}")
        before, _ = books.merge(f"b{number}")
        books.landed(before)
    return decision


def _told(decision: Decision) -> str:
    return " ".join(
        rule.detail for change in decision.changes for rule in change.rules if rule.rule == "tested"
    )


def test_a_waiver_holds_for_as_many_changes_as_it_says(books: Bookish) -> None:
    first, second = _land(books, CHG, 1), _land(books, OTHER, 2)
    assert (first.outcome, second.outcome) == ("allow", "allow")
    assert "waived by no-tests-yet" in _told(second)
    third = _land(books, THIRD, 3)
    assert third.outcome == "deny"
    assert "used by 2 changes" in _told(third)
    used = [entry.predicate["change"] for entry in books.entries() if entry.kind == "waiver-used"]
    assert used == [CHG, OTHER]


def test_a_change_that_has_its_use_keeps_it(books: Bookish) -> None:
    _land(books, CHG, 1)
    _land(books, OTHER, 2)
    assert _land(books, CHG, 4).outcome == "allow"  # the request is amended, for its second part
    assert books.kinds().count("waiver-used") == 2


def test_a_waiver_nobody_can_count_waives_nothing(books: Bookish) -> None:
    world = books.world
    world.propose()
    world.approve("bob")
    assert world.check().outcome == "allow"
    world.repo.git("update-ref", "-d", "refs/heads/audit-log")
    assert world.refusal() == "log-missing"


def test_without_a_log_a_waiver_names_its_change(world: World) -> None:
    world.on_main({"policies/rules.yaml": RULES, "policies/waiver.yaml": WAIVER})
    world.propose()
    assert world.refusal() == "invalid-policy-set"


def test_policies_that_change_are_recorded(books: Bookish) -> None:
    world = books.world
    world.propose(
        {"policies/waiver.yaml": WAIVER.replace("maxUses: 2", "maxUses: 1")},
        branch="policy",
        scope='"policies/**"',
        change=OTHER,
        extra="  evidence: [{kind: junit, path: r.xml}]\n",
    )
    world.approve("carol", "dave", head="policy", change=OTHER)
    books.decide("policy")
    before, after = books.merge("policy")
    books.landed(before)
    (said,) = (entry.predicate for entry in books.entries() if entry.kind == "policy-change")
    assert (said["after"], said["paths"]) == (after, ["policies/waiver.yaml"])


@pytest.mark.heavy
def test_a_waiver_that_is_needed_only_when_it_lands_is_used_by_that(world: World) -> None:
    """The rule, and the waiver of it, came after the changes were decided upon."""
    books = open_books(world)
    for number, change in ((1, CHG), (2, OTHER), (3, THIRD)):
        world.propose({f"src/f{number}.py": "1\n"}, branch=f"b{number}", change=change)
        world.approve("bob", head=f"b{number}", change=change)
        books.decide(f"b{number}")
    world.propose(
        {"policies/rules.yaml": RULES, "policies/waiver.yaml": WAIVER, "docs/r.xml": "<x/>\n"},
        branch="rule",
        scope='"policies/**", "docs/r.xml"',
        change="CHG-2026-AAAA0009",
        extra="  evidence: [{kind: junit, path: docs/r.xml}]\n",
    )
    world.approve("carol", "dave", head="rule", change="CHG-2026-AAAA0009")
    books.decide("rule")
    found = []
    for branch in ("rule", "b1", "b2", "b3"):
        before, _ = books.merge(branch)
        found += [one.update.standing for one in books.landed(before)]
    assert found == ["authorised", "authorised", "authorised", "unauthorised"]
    used = [entry.predicate["change"] for entry in books.entries() if entry.kind == "waiver-used"]
    assert used == [CHG, OTHER]
    assert set(founds(books)) == {"authorised", "unauthorised"}
    assert Victim(world, books.config).bad(full=True) == set()


BLOG = "{services: [blog]}", "erin"
TOOLS = '{paths: ["tools/**", "blog/**"]}'
TOOL, POST = {"tools/run.sh": "1\n"}, {"blog/a": "1\n"}


@pytest.mark.parametrize(
    ("selector", "by", "files", "why"),
    [
        (*BLOG, POST, ""),
        (*BLOG, TOOL, "tools/run.sh belongs to no service"),
        (*BLOG, TOOL | POST, "tools/run.sh belongs to no service"),
        (TOOLS, "erin", TOOL, "erin does not hold the role change-authority for all that changes"),
        (TOOLS, "carol", TOOL | POST, ""),
    ],
)
def test_a_waiver_for_a_service_is_for_no_files_that_belong_to_none(
    world: World, selector: str, by: str, files: dict[str, str], why: str
) -> None:
    """Erin is change authority of the blog only; what the request says of itself moves nothing."""
    grant = "  - {role: change-authority, members: [erin], services: [blog]}\n"
    world.on_main(
        {
            "itil-gate.yaml": CONFIG + LOG,
            "people.yaml": people_file(world.keyring, extra=grant),
            "policies/rules.yaml": RULES,
            "policies/waiver.yaml": WAIVER.replace("{services: [payments-api]}", selector).replace(
                "approvedBy: carol", f"approvedBy: {by}"
            ),
            "services/blog.yaml": SERVICES.replace("payments-api", "blog").replace(
                "src/** deploy/** db/**", "blog/**"
            ),
        }
    )
    open_books(world)
    world.propose(files, services="blog", scope='"tools/**", "blog/**"')
    world.approve("bob")
    decision = world.check()
    assert decision.outcome == ("deny" if why else "allow")
    assert why in _told(decision)
