"""Rule sets and waivers: what a broken rule does, and who may let it pass for whom until when."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from support.books import LOG
from support.edits import under, with_request
from support.rules import HEAD, rule, rule_set
from support.scenes import edited
from support.world import CHG, CONFIG, broken, only

from itil_gate.decide.gate import decide
from itil_gate.model.errors import ConfigError
from itil_gate.model.facts import WaiverUse

if TYPE_CHECKING:
    from support.scenes import Scenes

    from itil_gate.model.decision import Decision, RuleState

BROKEN = "change.spec.significant"
LAST = datetime(2026, 3, 31, 23, 59, 59, tzinfo=UTC)


def waiver(
    selector: str = "{change: CHG-2026-AAAA0001}", *, name: str = "once", **more: str
) -> str:
    fields = {
        "rule": "house-rule",
        "selector": selector,
        "reason": "No other way.",
        "approvedBy": "carol",
        "role": "change-authority",
        "expires": "2026-03-31",
        **more,
    }
    lines = "".join(f"  {key}: {value}\n" for key, value in fields.items())
    return f"{HEAD.replace('NAME', name)}kind: Waiver\nspec:\n{lines}"


def ruled(scenes: Scenes, *waivers: str, at: datetime | None = None, **more: str) -> Decision:
    """Decide the sealed merge, which is approved, under one rule that it breaks, and waivers."""
    more.setdefault("enforcement", "soft")
    files = {"policies/rules.yaml": rule_set(rule(BROKEN, **more))}
    files |= {f"policies/w{number}.yaml": text for number, text in enumerate(waivers)}
    facts = {"now": at} if at else {}
    return decide(under(edited(scenes.sealed, **facts), files))


def of_the_house(decision: Decision) -> RuleState:
    (one,) = (state for state in only(decision).rules if state.rule == "house-rule")
    return one


def test_a_soft_rule_refuses_until_it_is_waived(scenes: Scenes) -> None:
    bare = ruled(scenes)
    assert (bare.outcome, broken(bare)) == ("deny", {"house-rule"})
    one = of_the_house(bare)
    assert (one.state, one.detail, one.policy) == ("UNSATISFIED", "", "house")
    assert (one.enforcement, one.side) == ("soft", "target")
    assert (one.waiver, one.docs, one.findings[0].message) == ("", "", "The rule is broken.")
    waived = ruled(scenes, waiver())
    assert waived.outcome == "allow"
    one = of_the_house(waived)
    assert (one.state, one.waiver) == ("ADVISORY", "once")
    assert one.detail == ("waived by once until 2026-03-31, carol answers for it: No other way.")
    (found,) = one.findings
    assert (found.effect, found.message) == ("advise", f"The rule is broken. ({one.detail})")


def test_a_hard_rule_is_never_waived(scenes: Scenes) -> None:
    with pytest.raises(ConfigError, match="a hard rule is never waived"):
        ruled(scenes, waiver(), enforcement="hard")


@pytest.mark.parametrize(
    ("more", "detail"),
    [
        ({"enforcement": "advisory"}, ""),
        ({"effectiveFrom": "2026-03-03"}, "in force from 2026-03-03"),
        ({"mode": "audit"}, "only watched for now"),
    ],
)
def test_a_rule_that_is_advisory_announced_or_watched_only_advises(
    scenes: Scenes, more: dict[str, str], detail: str
) -> None:
    decision = ruled(scenes, **more)
    one = of_the_house(decision)
    assert (decision.outcome, one.state, one.detail) == ("allow", "ADVISORY", detail)
    assert one.findings[0].effect == "advise"


def test_rules_of_a_set_share_names_that_other_sets_have_not(scenes: Scenes) -> None:
    shared = "spec:\n  variables: {small: diff.files < 3, calm: '!schedule.inFreeze'}\n"
    own = rule_set(rule("small"), rule("calm", name="calm-rule")).replace("spec:\n", shared)
    other = rule_set(rule("diff.files > 3", name="other-rule"), name="other")
    files = {"policies/rules.yaml": own, "policies/other.yaml": other}
    decision = decide(under(scenes.sealed, files))
    states = {one.rule: one.state for one in only(decision).rules}
    assert states["house-rule"] == "UNSATISFIED"
    assert (states["calm-rule"], states["other-rule"]) == ("SATISFIED", "SATISFIED")


def test_a_rule_is_in_force_from_its_day_on(scenes: Scenes) -> None:
    assert ruled(scenes, effectiveFrom="2026-03-02", enforcement="hard").outcome == "deny"
    late = ruled(scenes, effectiveFrom="2026-03-01", enforcement="hard")
    assert late.outcome == "deny"
    assert (of_the_house(late).detail, of_the_house(late).enforcement) == ("", "hard")


def test_a_rule_that_does_not_apply_or_holds_is_listed_as_such(scenes: Scenes) -> None:
    away = of_the_house(ruled(scenes, when='"false"'))
    assert (away.state, away.findings, away.detail) == ("NOT_APPLICABLE", (), "")
    applies = of_the_house(ruled(scenes, when='"true"'))
    assert applies.state == "UNSATISFIED"
    text = rule_set(rule("!change.spec.significant", docs="https://example.com/r"))
    held = of_the_house(decide(under(scenes.sealed, {"policies/rules.yaml": text})))
    assert (held.state, held.findings, held.docs) == ("SATISFIED", (), "https://example.com/r")


def test_a_finding_stands_where_the_rule_says_and_says_how_to_mend_it(scenes: Scenes) -> None:
    plain = of_the_house(ruled(scenes)).findings[0]
    assert plain.remedy == "see the rule house-rule of house"
    assert plain.place is not None
    why = of_the_house(ruled(scenes, rationale="It went wrong.")).findings[0]
    assert why.remedy == "It went wrong."
    text = rule_set(rule(BROKEN, rationale="It went wrong.", remedy="Ask.", at="spec.reason"))
    told = of_the_house(decide(under(scenes.sealed, {"policies/rules.yaml": text}))).findings[0]
    assert told.remedy == "Ask."
    assert told.place is not None
    assert (told.place.file, told.place.line) != (plain.place.file, plain.place.line)


@pytest.mark.parametrize(
    ("at", "outcome"),
    [(LAST, "allow"), (datetime(2026, 4, 1, tzinfo=UTC), "deny")],
)
def test_a_waiver_counts_through_its_last_day(scenes: Scenes, at: datetime, outcome: str) -> None:
    decision = ruled(scenes, waiver(), at=at)
    detail = of_the_house(decision).detail
    assert of_the_house(decision).state == ("ADVISORY" if outcome == "allow" else "UNSATISFIED")
    if outcome == "deny":
        assert detail == "the waiver once does not count: it expired on 2026-03-31"


def test_a_waiver_is_answered_for_by_somebody_with_the_role_for_all_that_changes(
    scenes: Scenes,
) -> None:
    people = next(one.text for one in scenes.sealed.judge if one.path == "people.yaml")
    grants = "  - {role: sponsor, members: [erin], services: [payments-api]}\n"
    for more, outcome in (("", "deny"), (grants.replace("payments-api", "zoo"), "allow")):
        files = {
            "policies/rules.yaml": rule_set(rule(BROKEN, enforcement="soft")),
            "policies/w0.yaml": waiver(approvedBy="erin", role="sponsor"),
            "people.yaml": people.replace("roles:\n", f"roles:\n{grants}{more}", 1),
        }
        inputs = with_request(under(scenes.sealed, files), "[payments-api]", "[payments-api, zoo]")
        decision = decide(inputs)
        state = of_the_house(decision).state
        assert state == ("ADVISORY" if outcome == "allow" else "UNSATISFIED")


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"approvedBy": "bob"}, "bob does not hold the role change-authority for all that changes"),
        (
            {"role": "service-owner"},
            "carol does not hold the role service-owner for all that changes",
        ),
        ({"approvedBy": "robo"}, "robo is no human of people.yaml"),
        ({"approvedBy": "alice", "role": "peer"}, "alice took part in the change"),
    ],
)
def test_a_waiver_by_the_wrong_person_does_not_count_and_says_why(
    scenes: Scenes, more: dict[str, str], why: str
) -> None:
    decision = ruled(scenes, waiver(**more))
    assert decision.outcome == "deny"
    assert of_the_house(decision).detail == f"the waiver once does not count: {why}"


def test_the_role_has_to_be_held_for_everything_that_changes(scenes: Scenes) -> None:
    people = next(one.text for one in scenes.sealed.judge if one.path == "people.yaml")
    for service, outcome in (("other", "deny"), ("payments-api", "allow")):
        grant = f"  - {{role: sponsor, members: [erin], services: [{service}]}}\n"
        files = {
            "people.yaml": people.replace("roles:\n", f"roles:\n{grant}", 1),
            "policies/rules.yaml": rule_set(rule(BROKEN, enforcement="soft")),
            "policies/once.yaml": waiver(approvedBy="erin", role="sponsor"),
        }
        inputs = under(scenes.sealed, files)
        assert decide(inputs).outcome == outcome
        two = with_request(inputs, "[payments-api]", "[payments-api, zoo]")
        assert "house-rule" in broken(decide(two))


@pytest.mark.parametrize(
    ("selector", "holds"),
    [
        ("{change: CHG-2026-AAAA0001}", True),
        ("{change: CHG-2026-AAAA0002}", False),
        ("{change: CHG-2026-AAAA0001, services: [payments-api]}", True),
        ("{change: CHG-2026-AAAA0001, services: [payments-api, other]}", True),
        ('{change: CHG-2026-AAAA0001, paths: ["**"]}', True),
        ('{change: CHG-2026-AAAA0001, paths: ["src/**", "*/*.yaml", "db/*", "docs/**"]}', True),
        ("{change: CHG-2026-AAAA0002, services: [payments-api]}", False),
        ("{change: CHG-2026-AAAA0001, services: [other]}", False),
        ('{change: CHG-2026-AAAA0001, paths: ["src/**"]}', False),
    ],
)
def test_a_waiver_is_for_what_all_of_its_selector_fits(
    scenes: Scenes, selector: str, *, holds: bool
) -> None:
    decision = ruled(scenes, waiver(selector))
    assert (decision.outcome == "allow") is holds
    if not holds:
        assert of_the_house(decision).detail == ""


def test_a_waiver_is_of_one_rule_and_the_first_that_counts_is_named(scenes: Scenes) -> None:
    both = rule_set(
        rule(BROKEN, enforcement="soft"), rule("true", name="other", enforcement="soft")
    )
    files = {"policies/rules.yaml": both, "policies/once.yaml": waiver(rule="other")}
    assert decide(under(scenes.sealed, files)).outcome == "deny"
    late = waiver(name="a-late", expires="2026-03-01")
    wrong = waiver(name="b-wrong", approvedBy="bob")
    good, better = waiver(name="d-good"), waiver(name="c-better")
    decision = ruled(scenes, good, wrong, better, late)
    assert of_the_house(decision).detail.startswith("waived by c-better until ")
    elsewhere = waiver("{change: CHG-2026-AAAA0009}", name="a-elsewhere")
    assert ruled(scenes, elsewhere, good).outcome == "allow"
    decision = ruled(scenes, wrong, late)
    assert decision.outcome == "deny"
    assert of_the_house(decision).detail == (
        "the waiver a-late does not count: it expired on 2026-03-01; the waiver b-wrong does not "
        "count: bob does not hold the role change-authority for all that changes"
    )


def test_whoever_asked_for_the_change_answers_for_no_waiver_of_it(scenes: Scenes) -> None:
    files = {
        "policies/rules.yaml": rule_set(rule(BROKEN, enforcement="soft")),
        "policies/once.yaml": waiver(),
    }
    inputs = under(with_request(scenes.sealed, "requester: alice", "requester: carol"), files)
    decision = decide(inputs)
    assert "house-rule" in broken(decision)
    assert of_the_house(decision).detail.endswith("carol took part in the change")


@pytest.mark.parametrize(
    ("uses", "detail"),
    [
        (None, "the audit log, which counts its uses, is not here"),
        ((), ""),
        ((("shared", "CHG-A"),), ""),
        ((("shared", "CHG-A"), ("shared", "CHG-B")), "it was used by 2 changes, and is for 2"),
        ((("shared", "CHG-A"), ("shared", "CHG-A")), ""),
        ((("shared", "CHG-A"), ("other", "CHG-B"), ("other", "CHG-C")), ""),
        ((("shared", "CHG-A"), ("shared", CHG)), ""),
        ((("shared", "CHG-A"), ("shared", CHG), ("shared", "CHG-B")), "it was used by 2 changes"),
    ],
)
def test_uses_are_counted_by_change_and_by_waiver(
    scenes: Scenes, uses: tuple[tuple[str, str], ...] | None, detail: str
) -> None:
    files = {
        "itil-gate.yaml": CONFIG + LOG,
        "policies/rules.yaml": rule_set(rule(BROKEN, enforcement="soft")),
        "policies/shared.yaml": waiver("{services: [payments-api]}", name="shared", maxUses="2"),
    }
    counted = None if uses is None else [WaiverUse(waiver=w, change=c) for w, c in uses]
    inputs = edited(scenes.sealed, waiver_uses=None if counted is None else tuple(counted))
    decision = decide(under(inputs, files))
    assert (decision.outcome == "allow") is (not detail)
    assert detail in of_the_house(decision).detail
    once = {**files, "policies/shared.yaml": waiver(name="shared")}
    assert decide(under(inputs, once)).outcome == "allow"  # for this change alone, nobody counts
