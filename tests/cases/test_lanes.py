"""Change models and lanes on a real repository: who is asked, and what passes without asking."""

from __future__ import annotations

import pytest
from support.world import APPROVALS, CHG, World, broken, findings, only, request_file

MODEL = """\
apiVersion: itil-gate/v1
kind: ChangeModel
metadata: {name: text, owner: change-authority, reviewBy: 2027-01-01}
spec:
  type: standard
  description: Texts that users read.
  paths: ["src/texts/**"]
  limits: {files: 2, deletions: 0, environments: [production], risk: low}
  recognise: true
  expires: 2026-12-31
  checks:
    - {id: calm, expect: "!schedule.inFreeze && risk.rank == 0", message: It is calm.}
"""
VENDOR = """\
apiVersion: itil-gate/v1
kind: ChangeModel
metadata: {name: vendor, owner: change-authority, reviewBy: 2027-01-01}
spec: {type: registration, description: The vendor does it., paths: ["src/vendor/**"]}
"""
EMERGENCY = APPROVALS + (
    "    - {id: now, lanes: [emergency], levels: [low, medium, high, critical],"
    " role: change-authority, min: 1}\n"
)
FREEZE = """\
apiVersion: itil-gate/v1
kind: Calendar
metadata: {name: frozen, owner: change-authority, reviewBy: 2027-01-01}
spec:
  freezes:
    - {id: quarter, reason: Books close., start: "2026-03-01T00:00", end: "2026-03-09T00:00",
       timezone: UTC}
"""


@pytest.fixture
def modelled(world: World) -> World:
    world.on_main(
        {"policies/models.yaml": MODEL, "policies/vendor.yaml": VENDOR, "src/texts/a": "1\n"}
    )
    return world


def unasked(world: World, files: dict[str, str | bytes], **options: bool) -> World:
    """Change files without writing a request."""
    world.repo.checkout("feature", create=True, at="main")
    world.commit(files, **options)  # type: ignore[arg-type]
    return world


def test_a_recognised_standard_change_passes_without_a_request(modelled: World) -> None:
    decision = unasked(modelled, {"src/texts/a": "2\n"}).check()
    assert decision.outcome == "allow"
    (verdict,) = decision.changes
    assert (verdict.lane, verdict.model) == ("express", "text")
    assert verdict.id.startswith("STD-text-")
    assert verdict.id == unasked_id(modelled)
    assert verdict.requirements == ()


def unasked_id(world: World) -> str:
    return world.check().changes[0].id


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"src/texts/a": "2\n", "src/app.py": "2\n"}, "src/app.py"),
        ({f"src/texts/{name}": "2\n" for name in "abc"}, "allows at most 2"),
        ({"src/texts/a": "2\n", "policies/risk.yaml": "x: 1\n"}, "policies"),
    ],
)
def test_what_goes_beyond_the_model_needs_a_request(
    modelled: World, files: dict[str, str | bytes], said: str
) -> None:
    decision = unasked(modelled, files).check()
    assert decision.outcome == "deny"
    assert "uncovered-change" in broken(decision)
    (finding,) = findings(decision, "not-recognised")
    assert said in finding.message


def test_what_nobody_is_proved_to_have_made_is_not_recognised(modelled: World) -> None:
    decision = unasked(modelled, {"src/texts/a": "2\n"}, signed=False).check()
    assert decision.outcome == "deny"
    assert "uncovered-change" in broken(decision)


def test_an_expired_model_recognises_nothing(modelled: World) -> None:
    unasked(modelled, {"src/texts/a": "2\n"})
    modelled.later(days=400)
    decision = modelled.check()
    assert decision.outcome == "deny"
    assert "expired" in findings(decision, "not-recognised")[0].message


def test_the_checks_of_a_model_hold_for_what_is_recognised(modelled: World) -> None:
    modelled.on_main({"calendar/frozen.yaml": FREEZE})
    decision = unasked(modelled, {"src/texts/a": "2\n"}).check()
    assert decision.outcome == "deny"
    assert {"model-check", "in-freeze"} <= broken(decision)


def test_a_request_for_a_standard_change_takes_the_express_lane(modelled: World) -> None:
    modelled.propose({"src/texts/a": "2\n"}, kind="standard", model="text")
    decision = modelled.check()
    assert decision.outcome == "allow"
    assert decision.changes[0].lane == "express"


def test_a_request_that_does_not_fit_its_model_is_refused_and_asks_as_usual(
    modelled: World,
) -> None:
    modelled.propose({"src/app.py": "2\n"}, kind="standard", model="text")
    decision = modelled.check()
    assert decision.outcome == "deny"
    assert "outside-model" in broken(decision)
    assert decision.changes[0].lane == "peer"


def test_a_vendors_change_is_registered_and_not_approved(modelled: World) -> None:
    modelled.propose({"src/vendor/x": "2\n"}, kind="registration", model="vendor")
    decision = modelled.check()
    assert decision.outcome == "allow"
    assert decision.changes[0].lane == "registration"


def test_a_registration_without_a_model_is_asked_about_as_usual(modelled: World) -> None:
    modelled.propose({"src/vendor/x": "2\n"}, kind="registration")
    decision = modelled.check()
    assert decision.outcome == "pending"
    assert decision.changes[0].lane == "peer"


def test_an_emergency_asks_one_authorised_person_also_in_a_freeze(world: World) -> None:
    world.on_main({"policies/approvals.yaml": EMERGENCY, "calendar/frozen.yaml": FREEZE})
    world.propose({"db/schema.sql": "2\n"}, kind="emergency")
    decision = world.check()
    assert decision.outcome == "pending"
    (verdict,) = decision.changes
    assert verdict.lane == "emergency"
    assert [one.id for one in verdict.requirements] == ["now"]
    assert findings(decision, "in-freeze")[0].effect == "advise"
    world.approve("carol")
    assert world.check().outcome == "allow"


URGENT = VENDOR.replace("vendor", "urgent").replace("registration", "emergency")


def test_an_emergency_is_held_against_the_model_of_emergencies_unnamed(world: World) -> None:
    world.on_main({"policies/approvals.yaml": EMERGENCY, "policies/urgent.yaml": URGENT})
    world.propose({"db/schema.sql": "2\n"}, kind="emergency")
    decision = world.check()
    assert decision.outcome == "deny"
    assert "outside-model" in broken(decision)


def test_an_emergency_names_its_model_where_there_are_several(world: World) -> None:
    other = URGENT.replace("name: urgent", "name: other").replace("src/urgent/**", "db/**")
    world.on_main({"policies/approvals.yaml": EMERGENCY, "policies/urgent.yaml": URGENT})
    world.on_main({"policies/other.yaml": other})
    world.propose({"db/schema.sql": "2\n"}, kind="emergency")
    assert "unknown-model" in broken(world.check())
    world.commit({f"changes/2026/{CHG}.yaml": request_file(kind="emergency", model="other")})
    assert world.check().outcome == "pending"


def test_an_emergency_that_nobody_has_authority_over_goes_by_its_risk(world: World) -> None:
    world.on_main({"calendar/frozen.yaml": FREEZE})
    world.propose({"db/schema.sql": "2\n"}, kind="emergency")
    decision = world.check()
    assert decision.outcome == "deny"
    assert decision.changes[0].lane == "board"


def test_a_standard_change_by_an_agent_needs_a_human(modelled: World) -> None:
    modelled.propose({"src/texts/a": "2\n"}, kind="standard", model="text")
    helper = "Co-authored-by: Helper <helper@example.com>"
    modelled.commit({"src/texts/a": "3\n"}, trailers=[helper])
    assert modelled.check().outcome == "pending"
    modelled.approve("erin")
    assert modelled.check().outcome == "allow"


def take_at_most(
    world: World, maximum: str, exception: str = ", exception: change-authority"
) -> None:
    """Let the risk model say how much risk is taken; nothing of it is said with an empty text."""
    risk = world.repo.git("show", "main:policies/risk.yaml")
    kept = [line for line in risk.splitlines() if "appetite:" not in line]
    text = f"  appetite: {{sponsor: carol, reviewBy: 2027-01-01, maximum: {maximum}{exception}}}"
    kept.insert(kept.index("  default: low") + 1, text)
    world.on_main({"policies/risk.yaml": "\n".join(kept) + "\n"})


def test_a_risk_above_the_appetite_waits_for_its_exception(world: World) -> None:
    take_at_most(world, "medium")
    world.propose({"db/schema.sql": "2\n"})
    world.approve("bob")
    assert findings(world.check(), "beyond-appetite")[0].effect == "pending"
    world.approve("carol")
    assert world.check().outcome == "allow"


def test_what_was_approved_before_there_was_an_appetite_is_no_exception_from_it(
    world: World,
) -> None:
    world.propose({"db/schema.sql": "2\n"})
    world.approve("bob", "carol")
    assert world.check().outcome == "allow"
    take_at_most(world, "medium")
    decision = world.check()
    assert (decision.outcome, broken(decision)) == ("pending", {"beyond-appetite"})
    (found,) = findings(decision, "beyond-appetite")
    assert "what carol approved does not name this appetite" in found.message
    assert {one.counted for one in only(decision).ledger} == {True}
    world.later(minutes=1)
    world.approve("carol")
    assert world.check().outcome == "allow"


@pytest.mark.parametrize(("later", "outcome"), [("low", "pending"), ("high", "allow")])
def test_an_exception_holds_until_less_is_taken_than_whoever_gave_it_knew(
    world: World, later: str, outcome: str
) -> None:
    take_at_most(world, "medium")
    world.propose({"db/schema.sql": "2\n"})
    world.approve("bob", "carol")
    assert world.check().outcome == "allow"
    take_at_most(world, later)
    assert world.check().outcome == outcome


def test_an_appetite_that_comes_with_the_change_is_known_to_who_approves_it(world: World) -> None:
    risk = world.repo.git("show", "main:policies/risk.yaml")
    appetite = (
        "  default: low\n  appetite: {sponsor: carol, reviewBy: 2027-01-01, maximum: medium,"
        " exception: change-authority}"
    )
    files = {"policies/risk.yaml": risk.replace("  default: low", appetite) + "\n"}
    world.propose(files, scope='"policies/**"')
    assert "beyond-appetite" in broken(world.check())
    world.approve("bob", "carol")
    decision = world.check()
    assert decision.outcome == "allow", broken(decision)
    assert [one.side for one in only(decision).beyond] == ["proposed"]


def test_the_id_of_a_recognised_change_cannot_be_claimed_by_a_file(modelled: World) -> None:
    unasked(modelled, {"src/texts/a": "2\n"})
    name = unasked_id(modelled)
    text = modelled.repo.git("show", "feature:src/texts/a")
    assert text == "2"
    modelled.propose({"src/texts/a": "2\n"}, branch="other", change=name)
    assert (
        "invalid-request" in broken(modelled.check("other"))
        or modelled.check("other").outcome == "deny"
    )
    assert CHG not in name


@pytest.mark.parametrize("asked", [False, True])
def test_a_helper_whom_nobody_knows_closes_the_express_lane(modelled: World, asked: bool) -> None:  # noqa: FBT001
    trailer = "Co-authored-by: Some Agent <agent@models.example>"
    if asked:
        modelled.propose({"src/texts/a": "2\n"}, kind="standard", model="text")
        modelled.commit({"src/texts/a": "3\n"}, trailers=[trailer])
        decision = modelled.check()
        assert decision.outcome == "pending"
        assert decision.changes[0].lane == "peer"
    else:
        unasked(modelled, {"src/texts/a": "2\n"}, trailers=[trailer])  # type: ignore[arg-type]
        decision = modelled.check()
        assert decision.outcome == "deny"
        assert "uncovered-change" in broken(decision)
