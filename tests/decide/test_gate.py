"""The gate as a whole: whom it guards, when it only watches, and what a decision says of itself."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from support.casting import requiring
from support.edits import only_said, under
from support.pulls import pull_request
from support.rules import rule as rule_of
from support.rules import rule_set
from support.scenes import SCAN, edited, stored
from support.world import (
    CHG,
    CONFIG,
    RISK,
    SERVICES,
    broken,
    entry,
    findings,
    people_file,
    request_file,
)

from itil_gate import __version__
from itil_gate.decide.gate import decide, in_audit_mode, read_requests, readings_of
from itil_gate.model.canonical import digest
from itil_gate.model.config import Config
from itil_gate.model.errors import ConfigError, GateError
from itil_gate.model.facts import AccountRef
from itil_gate.model.finding import Finding

if TYPE_CHECKING:
    from support.repository import Keyring
    from support.scenes import Scenes

    from itil_gate.model.facts import Inputs

ADOPTED = datetime(2026, 1, 1, tzinfo=UTC)
LAST = date(2026, 4, 1)
"""The ninetieth day after the adoption."""
ALICE = AccountRef(forge="github.com", id=1001, login="alice")


def audit(**edits: object) -> Config:
    """Return a configuration in audit mode until the last day there may be."""
    given = {"apiVersion": "itil-gate/v1", "kind": "Config", "repository": "example.com/a/b"}
    config = Config.model_validate({**given, "mode": "audit", "auditUntil": LAST})
    return config.model_copy(update=edits)


@pytest.mark.parametrize(
    ("now", "until", "holds"),
    [
        (ADOPTED, LAST, True),
        (datetime(2026, 4, 1, 23, 59, 59, tzinfo=UTC), LAST, True),
        (datetime(2026, 4, 2, tzinfo=UTC), LAST, False),
        (datetime(2026, 4, 2, 12, tzinfo=UTC), LAST, False),
        (ADOPTED, LAST + timedelta(days=1), False),
        (ADOPTED, LAST + timedelta(days=400), False),
        (datetime(2026, 2, 1, 12, tzinfo=UTC), date(2026, 1, 31), False),
        (datetime(2026, 1, 31, 12, tzinfo=UTC), date(2026, 1, 31), True),
    ],
)
def test_audit_mode_ends_with_its_day_and_never_lasts_beyond_ninety_days(
    scenes: Scenes, now: datetime, until: date, *, holds: bool
) -> None:
    facts = scenes.sealed.facts.model_copy(update={"now": now, "adopted_at": ADOPTED})
    assert in_audit_mode(audit(audit_until=until), facts) is holds


def test_audit_mode_needs_the_word_an_end_and_a_known_adoption(scenes: Scenes) -> None:
    facts = scenes.sealed.facts.model_copy(update={"now": ADOPTED, "adopted_at": ADOPTED})
    assert in_audit_mode(audit(), facts)
    assert not in_audit_mode(audit(mode="enforce"), facts)
    assert not in_audit_mode(audit(audit_until=None), facts)
    assert not in_audit_mode(audit(), facts.model_copy(update={"adopted_at": None}))


def test_a_decision_in_audit_mode_says_that_it_is_not_enforced(scenes: Scenes) -> None:
    inputs = with_config(scenes, f"{CONFIG}mode: audit\nauditUntil: 2026-03-31\n")
    assert not decide(edited(inputs, adopted_at=ADOPTED)).enforced
    assert decide(edited(scenes.sealed, adopted_at=ADOPTED)).enforced


def with_config(scenes: Scenes, text: str) -> Inputs:
    """Return the sealed inputs under another configuration of the target."""
    judge = tuple(
        stored(one.path, text) if one.path == "itil-gate.yaml" else one
        for one in scenes.sealed.judge
    )
    return scenes.sealed.model_copy(update={"judge": judge})


def test_a_branch_that_is_not_guarded_is_not_decided_and_the_guarded_are_named(
    scenes: Scenes,
) -> None:
    with pytest.raises(GateError) as refused:
        decide(edited(scenes.sealed, target="refs/heads/elsewhere"))
    assert refused.value.code == "target-not-governed"
    assert refused.value.hint == (
        "guarded are refs/heads/main, refs/heads/release; add it there if it should be"
    )


def test_a_decision_says_what_it_was_made_of(scenes: Scenes) -> None:
    inputs = scenes.sealed
    facts, decision = inputs.facts, decide(inputs)
    assert decision.engine == f"itil-gate/{__version__}"
    assert decision.repository == "example.com/acme/payments"
    assert (decision.target, decision.tip) == (facts.target, facts.tip)
    assert (decision.merge_base, decision.head) == (facts.merge_base, facts.head)
    assert (decision.merged_tree, decision.content) == (facts.merged_tree, facts.content)
    assert decision.now == facts.now
    assert decision.digests.facts == digest(facts)
    assert decision.digests.requests == digest(inputs.requests)
    assert decision.digests.judge == digest(inputs.judge)
    assert decision.digests.proposed is None
    proposed = decide(inputs.model_copy(update={"proposed": inputs.judge}))
    assert proposed.digests.proposed == digest(inputs.judge)
    assert {one.person for one in decision.contributors} == {"alice"}


@pytest.mark.parametrize("state", ["closed", "merged"])
def test_a_pull_request_that_is_not_open_is_refused(scenes: Scenes, state: str) -> None:
    request = pull_request(ALICE, ALICE, state=state)
    decision = decide(edited(scenes.sealed, pull_request=request))
    assert (decision.outcome, broken(decision)) == ("deny", {"closed-pull-request"})
    (found,) = findings(decision, "closed-pull-request")
    assert found.message == f"the pull request is {state}"


@pytest.mark.parametrize("told", ["by git", "by the forge", "by both"])
def test_a_draft_waits_whoever_says_that_it_is_one(scenes: Scenes, told: str) -> None:
    request = pull_request(ALICE, ALICE, draft=told != "by git")
    inputs = edited(scenes.sealed, pull_request=request, draft=told != "by the forge")
    decision = decide(inputs)
    assert (decision.outcome, broken(decision)) == ("pending", {"draft"})


def test_a_merge_that_conflicts_is_refused_and_names_five_paths(scenes: Scenes) -> None:
    paths = tuple(f"src/{letter}" for letter in "abcdef")
    decision = decide(edited(scenes.sealed, merged_tree=None, conflicts=paths))
    (found,) = findings(decision, "merge-conflict")
    assert found.message == (
        "the head does not merge cleanly into refs/heads/main: src/a, src/b, src/c, src/d, src/e"
    )
    assert found.place is not None
    assert (found.place.file, decision.outcome) == ("src/a", "deny")
    bare = decide(edited(scenes.sealed, merged_tree=None, conflicts=()))
    (found,) = findings(bare, "merge-conflict")
    assert found.message.endswith(": unknown paths")
    assert (found.place, bare.outcome) == (None, "deny")


def test_a_merge_that_would_land_elsewhere_is_refused(scenes: Scenes) -> None:
    decision = decide(edited(scenes.sealed, conflicts=("moved/to.py",)))
    (found,) = findings(decision, "merge-conflict")
    assert "moved/to.py, which is not in the diff that is judged" in found.message
    assert found.place is not None
    assert (found.place.file, decision.outcome) == ("moved/to.py", "deny")


def test_a_merge_of_nothing_is_refused(scenes: Scenes) -> None:
    decision = decide(edited(scenes.sealed, diff=()))
    assert decision.outcome == "deny"
    assert "empty-change" in broken(decision)


def test_each_request_that_cannot_be_read_is_told_and_the_others_are_judged() -> None:
    good = stored(f"changes/2026/{CHG}.yaml", request_file())
    broken_yaml = stored("changes/2026/CHG-2026-AAAA0003.yaml", "a: [\n")
    no_request = stored("changes/2026/CHG-2026-AAAA0004.yaml", "kind: ChangeRequest\n")
    misnamed = stored("changes/2026/CHG-2026-AAAA0009.yaml", request_file("CHG-2026-AAAA0005"))
    for order in ((broken_yaml, no_request, misnamed, good), (good, misnamed, no_request)):
        asked, faults = read_requests(order)
        assert [one.source for one in asked] == [good]
        assert {one.place.file for one in faults if one.place} == {
            one.path for one in order if one is not good
        }


def test_a_change_that_three_files_claim_is_told_once_with_all_of_them() -> None:
    sources = [stored(f"{part}/2026/{CHG}.yaml", request_file()) for part in ("a", "b", "c")]
    other = stored("changes/2026/CHG-2026-AAAA0002.yaml", request_file("CHG-2026-AAAA0002"))
    asked, faults = read_requests([*sources, other])
    assert len(asked) == 4
    (found,) = (one for one in faults if one.rule == "duplicate-change")
    assert found.message == f"{CHG} is claimed by 3 files: " + ", ".join(
        one.path for one in sources
    )


def test_a_change_that_two_files_claim_is_refused() -> None:
    sources = [stored(f"{part}/2026/{CHG}.yaml", request_file()) for part in ("a", "b")]
    _, (found,) = read_requests(sources)
    assert (found.rule, found.effect) == ("duplicate-change", "deny")
    assert read_requests(sources[:1])[1] == ()


def test_what_rules_read_is_told_by_change_and_rule(scenes: Scenes) -> None:
    assert readings_of(scenes.sealed) == {}
    text = rule_set(rule_of("diff.files < 4", name="small", enforcement="hard"))
    told = readings_of(under(scenes.sealed, {"policies/own.yaml": text}))
    assert list(told) == [CHG]
    assert list(told[CHG]) == ["small"]
    assert [(one.field, one.value) for one in told[CHG]["small"]] == [("diff.files", "5")]


@pytest.mark.parametrize(
    ("when", "paths", "asked", "awaited"),
    [
        ("", ("src/app.py",), True, True),
        ("", ("docs/index.md",), True, False),
        ("risk.rank >= 0", ("src/app.py",), True, True),
        ("risk.rank >= 3", ("src/app.py",), True, False),
        ("risk.rank >= 3", ("src/app.py",), False, True),
        ("risk.rank >= 3", ("docs/index.md",), False, False),
        ("risk.rank >= 0", ("docs/index.md",), True, False),
    ],
)
def test_a_check_is_awaited_where_it_is_asked_for_or_nothing_can_tell(
    scenes: Scenes, when: str, paths: tuple[str, ...], *, asked: bool, awaited: bool
) -> None:
    """Where no request can be read, its condition has no values, and it is asked for."""
    text = SCAN.replace("sarif,", f'sarif, when: "{when}",') if when else SCAN
    diff = tuple(one for one in scenes.sealed.facts.diff if one.path in paths)
    inputs = under(edited(scenes.sealed, diff=diff), {"policies/scan.yaml": text})
    if not asked:
        inputs = inputs.model_copy(update={"requests": ()})
    assert ("awaited-evidence" in broken(decide(inputs))) is awaited


def test_what_could_not_be_read_is_a_refusal_of_its_own(scenes: Scenes) -> None:
    fault = Finding(rule="invalid-request", message="It is no text.", remedy="Write text.")
    decision = decide(scenes.sealed.model_copy(update={"faults": (fault,)}))
    assert (decision.outcome, broken(decision)) == ("deny", {"invalid-request"})
    assert [(step.who, step.command, step.why) for step in decision.unblock] == [
        ((), "Write text.", "invalid-request")
    ]
    garbage = stored("changes/2026/CHG-2026-AAAA0003.yaml", "a: [\n")
    asked = (*scenes.sealed.requests, garbage)
    decision = decide(scenes.sealed.model_copy(update={"requests": asked}))
    assert decision.outcome == "deny"
    assert [one.outcome for one in decision.changes] == ["allow"]


def test_steps_are_those_of_the_merge_then_those_of_the_changes_each_once(scenes: Scenes) -> None:
    (commit, *rest) = scenes.sealed.facts.commits
    nobody = commit.author.model_copy(update={"email": "x@nowhere.example"})
    stray = commit.model_copy(update={"author": nobody})
    inputs = edited(scenes.sealed, draft=True, commits=(stray, *rest), statements=())
    both = inputs.model_copy(update={"proposed": inputs.judge})
    for given in (inputs, both):
        whys = [step.why for step in decide(given).unblock]
        assert whys == [
            "draft",
            "unattributable-commit",
            "owner: service-owner of payments-api",
            "authority: change-authority",
        ]


def proposing(scenes: Scenes, inputs: Inputs, files: dict[str, str]) -> Inputs:
    """Return inputs in which the pull request proposes to change texts of the judge."""
    return inputs.model_copy(update={"proposed": under(scenes.sealed, files).judge})


CRITICAL = RISK.replace("level: high", "level: critical")
MILD = RISK.replace("level: high", "level: low").replace("level: medium", "level: low")
STRICT = requiring(
    "id: owner, levels: [low, medium, high, critical], role: service-owner, of: footprint, min: 2",
    "id: authority, levels: [high, critical], role: change-authority, min: 1",
)


def test_the_stricter_of_the_old_and_the_proposed_policies_holds(scenes: Scenes) -> None:
    decision = decide(proposing(scenes, scenes.sealed, {"policies/approvals.yaml": STRICT}))
    (verdict,) = decision.changes
    assert (decision.outcome, verdict.outcome) == ("pending", "pending")
    assert [(one.side, one.id, one.needed) for one in verdict.requirements] == [
        ("target", "owner", 1),
        ("target", "authority", 1),
        ("proposed", "owner", 2),
        ("proposed", "authority", 1),
    ]
    lax = requiring("id: any, levels: [low, medium, high, critical], role: peer, min: 1")
    inputs = only_said(scenes.sealed, scenes.statement(scenes.sealed.facts, "erin"))
    assert decide(proposing(scenes, inputs, {"policies/approvals.yaml": lax})).outcome == "pending"


@pytest.mark.parametrize(
    ("text", "level", "lane"), [(CRITICAL, "critical", "board"), (MILD, "high", "board")]
)
def test_the_higher_of_two_risks_holds_with_its_lane(
    scenes: Scenes, text: str, level: str, lane: str
) -> None:
    decision = decide(proposing(scenes, scenes.sealed, {"policies/risk.yaml": text}))
    (verdict,) = decision.changes
    assert (verdict.risk.level, verdict.lane) == (level, lane)


def test_services_of_both_sets_are_listed(scenes: Scenes) -> None:
    more = SERVICES + SERVICES.replace("payments-api", "archive").replace(
        "apiVersion", "---\napiVersion"
    )
    decision = decide(proposing(scenes, scenes.sealed, {"services/payments.yaml": more}))
    assert decision.changes[0].services == ("archive", "payments-api")


def test_an_approval_counts_only_if_it_does_under_both_sets(scenes: Scenes) -> None:
    people = next(one.text for one in scenes.sealed.judge if one.path == "people.yaml")
    without = people.replace("members: [bob, dave]", "members: [dave]")
    assert without != people
    said = [
        scenes.statement(scenes.sealed.facts, who, roles=("service-owner",))
        for who in ("bob", "dave")
    ]
    no = scenes.statement(scenes.sealed.facts, "carol", "reject")
    inputs = only_said(scenes.sealed, *said, no)
    decision = decide(proposing(scenes, inputs, {"people.yaml": without}))
    bob = entry(decision, "bob")
    assert (bob.counted, bob.code) == (False, "role-not-held")
    assert bob.detail == (
        "under the proposed policies: claimed roles: service-owner; "
        "the signer holds none of them now"
    )
    assert entry(decision, "dave").counted
    assert (entry(decision, "carol").counted, entry(decision, "carol").code) == (True, "rejected")


def test_in_the_ledger_only_what_the_proposed_set_takes_away_is_written_anew(
    scenes: Scenes, keyring: Keyring
) -> None:
    """Bob loses the role, carol who rejects leaves, erin counts nowhere and dave everywhere."""
    names = ("alice", "bob", "dave", "erin")
    roles = {"service-owner": ("dave",), "change-authority": ("dave",)}
    without = people_file(keyring, only=names, roles=roles)
    said = [
        scenes.statement(scenes.sealed.facts, who, roles=("service-owner",))
        for who in ("bob", "dave", "erin")
    ]
    no = scenes.statement(scenes.sealed.facts, "carol", "reject")
    inputs = only_said(scenes.sealed, *said, no)
    before = {one.person: one for one in decide(inputs).changes[0].ledger}
    decision = decide(proposing(scenes, inputs, {"people.yaml": without}))
    after = {one.person: one for one in decision.changes[0].ledger}
    assert {who: one.counted for who, one in before.items()} == {
        "bob": True, "carol": True, "dave": True, "erin": False,
    }  # fmt: skip
    assert [who for who in before if before[who] != after[who]] == ["bob"]


def test_a_proposed_set_that_does_not_load_names_where(scenes: Scenes) -> None:
    decision = decide(proposing(scenes, scenes.sealed, {"policies/risk.yaml": "kind: Nothing\n"}))
    (found,) = findings(decision, "proposed-policy-invalid")
    assert decision.outcome == "deny"
    assert found.message.startswith("what the pull request proposes: ")
    assert found.place is not None
    assert found.place.file == "policies/risk.yaml"
    assert found.remedy == "run `itil-gate lint` and mend what it lists"
    assert {one.side for one in decision.rules} == {"target"}
    assert {one.side for one in decision.changes[0].rules} == {"target"}


@pytest.mark.parametrize("rule", ["empty-change", "open-rejection"])
def test_a_rule_set_may_not_take_a_name_of_the_gates_own(scenes: Scenes, rule: str) -> None:
    text = rule_set(rule_of("diff.files < 4", name=rule, enforcement="hard"))
    with pytest.raises(ConfigError) as refused:
        decide(under(scenes.sealed, {"policies/own.yaml": text}))
    assert refused.value.code == "invalid-policy-set"
    assert rule in refused.value.message
    decision = decide(proposing(scenes, scenes.sealed, {"policies/own.yaml": text}))
    assert (decision.outcome, broken(decision)) == ("deny", {"proposed-policy-invalid"})


def test_commits_of_nobody_matter_only_where_something_is_governed(scenes: Scenes) -> None:
    (commit, *_) = scenes.sealed.facts.commits
    nobody = commit.author.model_copy(update={"email": "x@nowhere.example"})
    stray = commit.model_copy(update={"author": nobody})
    request = scenes.sealed.requests[0].path
    for paths, told in (
        (("docs/index.md",), False),
        (("docs/index.md", request), True),
        (("docs/index.md", "src/app.py"), True),
    ):
        diff = tuple(one for one in scenes.sealed.facts.diff if one.path in paths)
        assert len(diff) == len(paths)
        inputs = edited(scenes.sealed, commits=(stray,), diff=diff, statements=())
        asked = inputs.model_copy(update={"requests": inputs.requests if request in paths else ()})
        assert ("unattributable-commit" in broken(decide(asked))) is told, paths


def test_a_check_that_one_of_two_requests_asks_for_is_awaited(scenes: Scenes) -> None:
    (first,) = scenes.sealed.requests
    second = stored(
        "changes/2026/CHG-2026-AAAA0002.yaml",
        request_file("CHG-2026-AAAA0002", extra="  significant: true\n"),
    )
    text = SCAN.replace("sarif,", 'sarif, when: "change.spec.significant",')
    inputs = under(scenes.sealed, {"policies/scan.yaml": text})
    for requests, awaited in (((first,), False), ((second,), True), ((first, second), True)):
        decision = decide(inputs.model_copy(update={"requests": requests}))
        assert ("awaited-evidence" in broken(decision)) is awaited


# Changes that nobody wrote a request for ----------------------------------------------------------

RECOGNISING = """\
apiVersion: itil-gate/v1
kind: ChangeModel
metadata: {name: text, owner: change-authority, reviewBy: 2027-01-01}
spec:
  type: standard
  description: Texts that users read.
  paths: ["src/**"]
  limits: {environments: [production], files: 3, deletions: 0, risk: low}
  recognise: true
  expires: 2026-12-31
"""
SILENT = RECOGNISING.replace("  recognise: true\n", "")


def unwritten_of(scenes: Scenes, *paths: str, model: str = RECOGNISING) -> Inputs:
    """Return the sealed diff of some paths without a request, under a change model."""
    diff = tuple(one for one in scenes.sealed.facts.diff if one.path in paths)
    assert len(diff) == len(paths)
    files = {"policies/model.yaml": model} if model else {}
    inputs = under(edited(scenes.sealed, diff=diff, statements=()), files)
    return inputs.model_copy(update={"requests": ()})


def test_only_what_is_governed_and_has_no_request_is_looked_at_for_a_standard_change(
    scenes: Scenes,
) -> None:
    request = scenes.sealed.requests[0].path
    for model, paths, told in (
        (RECOGNISING, ("src/app.py", "deploy/app.yaml"), True),
        (RECOGNISING, ("docs/index.md",), False),
        (RECOGNISING, ("src/app.py", "deploy/app.yaml", request), False),
        (SILENT, ("src/app.py", "deploy/app.yaml"), False),
        ("", ("src/app.py", "deploy/app.yaml"), False),
    ):
        decision = decide(unwritten_of(scenes, *paths, model=model))
        assert bool(findings(decision, "not-recognised")) is told, (model, paths)
        assert decision.changes == ()
        assert "not-recognised" not in {step.why for step in decision.unblock}


def test_what_could_not_be_read_keeps_a_diff_from_being_recognised(scenes: Scenes) -> None:
    inputs = unwritten_of(scenes, "src/app.py")
    assert [one.path for one in decide(inputs).changes] == [""]
    fault = Finding(rule="invalid-request", message="It is no text.", remedy="Write text.")
    decision = decide(inputs.model_copy(update={"faults": (fault,)}))
    assert (decision.outcome, decision.changes) == ("deny", ())
    assert findings(decision, "not-recognised") == ()


def test_nothing_points_at_the_file_of_a_request_that_nobody_wrote(scenes: Scenes) -> None:
    """What is found is kept, and stands at no place."""
    text = rule_set(rule_of("false", name="told", enforcement="hard"))
    decision = decide(under(unwritten_of(scenes, "src/app.py"), {"policies/own.yaml": text}))
    (verdict,) = decision.changes
    assert (verdict.path, verdict.outcome) == ("", "deny")
    (found,) = findings(decision, "told")
    assert (found.message, found.place) == ("The rule is broken.", None)


# What is proposed ---------------------------------------------------------------------------------

OFTEN = """\
apiVersion: itil-gate/v1
kind: Calendar
metadata: {name: often, owner: change-authority, reviewBy: 2027-01-01}
spec:
  files:
    - {path: calendar/often.ics, means: freeze}
"""


def hourly(events: int) -> str:
    """Return a calendar in which so many things happen every hour from the next day on."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//x//x//EN"]
    for number in range(events):
        lines += [
            *("BEGIN:VEVENT", f"UID:{number}", "DTSTAMP:20260101T000000Z", "SUMMARY:Often"),
            *("DTSTART:20260303T000000Z", "DTEND:20260303T000100Z", "RRULE:FREQ=HOURLY"),
            "END:VEVENT",
        ]
    return "\r\n".join([*lines, "END:VCALENDAR", ""])


@pytest.mark.parametrize(("events", "refused"), [(1, False), (5, True)])
def test_proposed_calendars_that_are_too_large_within_ninety_days_are_refused(
    scenes: Scenes, events: int, *, refused: bool
) -> None:
    files = {"calendar/often.yaml": OFTEN, "calendar/often.ics": hourly(events)}
    decision = decide(proposing(scenes, scenes.sealed, files))
    assert ("proposed-policy-invalid" in broken(decision)) is refused
    if refused:
        (found,) = findings(decision, "proposed-policy-invalid")
        assert "more than 10000 times" in found.message


def test_the_lane_is_that_of_the_higher_of_two_risks(scenes: Scenes) -> None:
    strict = RISK.replace("default: low", "default: critical")
    for target, proposed in ((MILD, strict), (strict, MILD)):
        judged = under(scenes.sealed, {"policies/risk.yaml": target})
        decision = decide(proposing(scenes, judged, {"policies/risk.yaml": proposed}))
        (verdict,) = decision.changes
        assert (verdict.risk.level, verdict.lane) == ("critical", "board")


def test_what_is_found_under_the_proposed_set_alone_is_told_of_the_merge_too(
    scenes: Scenes,
) -> None:
    narrow = f"{CONFIG}governed: ['src/**']\n"
    judged = with_config(scenes, narrow)
    diff = tuple(one for one in scenes.sealed.facts.diff if one.path == "db/schema.sql")
    (asked,) = judged.requests
    elsewhere = stored(asked.path, request_file(scope='"src/**"'))
    inputs = edited(judged, diff=diff).model_copy(
        update={"requests": (elsewhere,), "proposed": scenes.sealed.judge}
    )
    decision = decide(inputs)
    states = {(one.side, one.rule): one.state for one in decision.rules}
    assert states["target", "uncovered-change"] == "SATISFIED"
    assert states["proposed", "uncovered-change"] == "UNSATISFIED"
    assert decision.outcome == "deny"
