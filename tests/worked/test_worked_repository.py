"""A company's repository under each shipped profile: what the gate says of sixteen changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from worked.company import WITHOUT_RULES
from worked.pages import COMPARISON, GOLDEN, PROFILES, comparison_page, decide_all, golden_page
from worked.scenarios import SCENARIOS

from itil_gate.cli.shipped import profiles

if TYPE_CHECKING:
    from pathlib import Path

    from support.repository import Keyring
    from worked.pages import Decisions

STALE = "run `python tests/worked/regenerate.py` and read the diff"

# Written by hand, and to be changed by hand: the outcome under starter, team and regulated, with
# lane and level where a change is judged.
EXPECTED: dict[str, tuple[str, str, str]] = {
    "direct": ("deny", "deny", "deny"),
    "lock-file": ("deny", "allow express low", "deny"),
    "ordinary-code": ("allow peer low", "allow peer low", "allow peer low"),
    "code-with-a-past": ("allow peer low", "pending team medium", "deny team medium"),
    "deployment-unapproved": ("pending team medium", "pending team medium", "pending team medium"),
    "deployment-approved": ("allow team medium", "allow team medium", "allow team medium"),
    "migration-prepared": ("allow board high", "allow board high", "allow board high"),
    "migration-unprepared": ("allow board high", "deny board high", "deny board high"),
    "in-the-freeze": ("deny team medium", "deny board high", "deny board high"),
    "emergency": ("pending team medium", "allow emergency medium", "allow emergency high"),
    "emergency-without-incident": (
        "pending team medium",
        "deny emergency medium",
        "deny emergency high",
    ),
    "retired-service": ("allow peer low", "deny peer low", "deny peer low"),
    "by-an-agent": ("pending peer low", "pending peer low", "pending peer low"),
    "policies": ("allow board high", "allow board high", "allow board high"),
    "no-runbook": ("allow team medium", "deny team medium", "deny team medium"),
    "no-runbook-waived": ("allow team medium", "allow team medium", "allow team medium"),
}
REFUSED: dict[str, set[str]] = {
    # What refuses a change under the profile team, and nothing beside it.
    "direct": {"uncovered-change"},
    "migration-unprepared": {"window-missing", "test-plan-missing", "backout-missing"},
    "in-the-freeze": {"in-freeze"},
    "emergency-without-incident": {"emergency-without-incident"},
    "retired-service": {"retired-service"},
    "no-runbook": {"runbook-missing"},
}


class Worked(dict[str, "Decisions"]):
    """Everything that was decided, by profile and scenario; a profile is played when asked for."""

    def __init__(self, folder: Path, keyring: Keyring) -> None:
        super().__init__()
        self.folder = folder
        self.keyring = keyring

    def __missing__(self, profile: str) -> Decisions:
        place = self.folder / profile
        place.mkdir()
        self[profile] = decide_all(profile, place, self.keyring)
        return self[profile]


ORDINARY = "team"
BY_PROFILE = {
    name: pytest.param(name, marks=() if name == ORDINARY else pytest.mark.heavy)
    for name in PROFILES
}


@pytest.fixture(scope="session")
def decisions(tmp_path_factory: pytest.TempPathFactory, keyring: Keyring) -> Worked:
    return Worked(tmp_path_factory.mktemp("worked"), keyring)


def test_every_shipped_profile_is_worked_through() -> None:
    assert sorted(PROFILES) == list(profiles())
    assert [scenario.name for scenario in SCENARIOS] == list(EXPECTED)


@pytest.mark.parametrize("profile", BY_PROFILE.values())
def test_each_change_is_judged_as_people_expect(
    decisions: dict[str, Decisions], profile: str
) -> None:
    found = {
        name: " ".join(
            [decision.outcome, *(f"{one.lane} {one.risk.level}" for one in decision.changes)]
        )
        for name, decision in decisions[profile].items()
    }
    column = PROFILES.index(profile)
    assert found == {name: row[column] for name, row in EXPECTED.items()}


def test_a_refusal_has_the_reason_of_its_story_and_no_other(
    decisions: dict[str, Decisions],
) -> None:
    found = {}
    for name, decision in decisions["team"].items():
        states = [*decision.rules, *(state for one in decision.changes for state in one.rules)]
        if rules := {state.rule for state in states if state.state == "UNSATISFIED"}:
            found[name] = rules
    assert found == REFUSED


@pytest.mark.parametrize(
    "profile", [one for name, one in BY_PROFILE.items() if name not in WITHOUT_RULES]
)
def test_the_waiver_is_what_lets_the_last_change_pass(
    decisions: dict[str, Decisions], profile: str
) -> None:
    (verdict,) = decisions[profile]["no-runbook-waived"].changes
    (state,) = (one for one in verdict.rules if one.rule == "runbook-missing")
    assert state.state == "ADVISORY"
    assert "waived by fraud-check-runbook" in state.detail
    assert "carol answers for it" in state.detail


@pytest.mark.parametrize("profile", BY_PROFILE.values())
def test_the_golden_page_is_what_the_gate_says(
    decisions: dict[str, Decisions], profile: str
) -> None:
    text = (GOLDEN / f"{profile}.md").read_text(encoding="utf-8")
    assert golden_page(profile, decisions[profile]) == text, STALE


@pytest.mark.heavy
def test_the_comparison_of_profiles_is_not_stale(decisions: dict[str, Decisions]) -> None:
    assert comparison_page(decisions) == COMPARISON.read_text(encoding="utf-8"), STALE
