"""Break-glass as a function: which overrides are heard, what they cover and what they bend."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from support.breakglass import GLASS, STRICT
from support.edits import only_said, under, with_request
from support.pulls import pull_request
from support.rules import rule as rule_of
from support.rules import rule_set
from support.scenes import SCAN, edited, stored
from support.world import CHG, NOW, OTHER, RISK, SERVICES, only, people_file, request_file

from itil_gate.decide.gate import decide
from itil_gate.decide.override import Glass, hear, scope_of
from itil_gate.decide.roster import build_roster
from itil_gate.model.canonical import digest
from itil_gate.model.config import Override
from itil_gate.model.facts import AccountRef, DiffEntry, SignatureFact, StatementFact
from itil_gate.model.finding import Finding
from itil_gate.model.frozen import replace
from itil_gate.model.statement import OverridePredicate
from itil_gate.policy.compile import compile_policies

if TYPE_CHECKING:
    from support.repository import Keyring
    from support.scenes import Scenes

    from itil_gate.model.decision import Decision, OverrideEntry
    from itil_gate.model.facts import Inputs

HOUR = timedelta(hours=1)
REPOSITORY = "example.com/acme/payments"
MAIN = "refs/heads/main"
ALICE = AccountRef(forge="github.com", id=1001, login="alice")


def word(scenes: Scenes, by: str = "carol", *, key: str = "", **edits: Any) -> StatementFact:
    """Return an override of the sealed merge for an hour, as its signer would make it."""
    said = {
        "repository": REPOSITORY,
        "target": MAIN,
        "stage": "merge",
        "changes": (CHG,),
        "head": scenes.sealed.facts.head,
        "reason": "Payments are down.",
        "incident": "INC-42",
        "signer": by,
        "issued_at": NOW,
        "expires_at": NOW + HOUR,
    }
    predicate = OverridePredicate.model_validate(said | edits, by_name=True)
    mark = digest(predicate)
    marks = {
        one.approval.signer: one.fingerprint
        for one in scenes.sealed.facts.statements
        if one.approval
    }
    return StatementFact(
        path=f"override/{mark}.stmt",
        digest=mark,
        status="good",
        fingerprint=marks[key or by],
        override=predicate,
    )


def broken_glass(scenes: Scenes, *files: tuple[str, str], config: str = GLASS) -> Inputs:
    """Return the sealed merge, about which nobody said anything, where overrides are allowed."""
    return only_said(under(scenes.sealed, {"itil-gate.yaml": config, **dict(files)}))


def with_words(inputs: Inputs, *words: StatementFact) -> Decision:
    return decide(edited(inputs, overrides=words))


def one_of(decision: Decision) -> OverrideEntry:
    (entry,) = decision.overrides
    return entry


def stands(decision: Decision) -> bool:
    entry = one_of(decision)
    assert entry.counted is (entry.code == "overrides")
    assert entry.counted is (decision.outcome == "overridden")
    return entry.counted


def glass(scenes: Scenes, **edits: Any) -> Glass:
    """Return what would be bent if Carol or Dave says so."""
    plain = Glass(
        stage="merge",
        bound=(scenes.sealed.facts.head,),
        repository=REPOSITORY,
        target=MAIN,
        now=NOW,
        terms=Override(role="change-authority"),
        roster=build_roster(compile_policies(scenes.sealed.judge).people),
        part=lambda _person: (),
        services=("payments-api",),
        changes=frozenset({CHG}),
        uncovered=lambda _said: (),
        unbending=(),
        failing=True,
    )
    return replace(plain, **edits)


def code(scenes: Scenes, *words: StatementFact, **edits: Any) -> str:
    (entry,) = hear(words or (word(scenes),), glass(scenes, **edits))
    assert entry.counted is (entry.code == "overrides")
    return entry.code


# What is heard at all -----------------------------------------------------------------------------


def test_an_override_is_listed_with_all_that_it_says(scenes: Scenes) -> None:
    said = word(scenes, scope=("src/**",), issued_at=NOW - HOUR)
    (entry,) = hear((said,), glass(scenes))
    assert (entry.person, entry.counted, entry.code, entry.digest) == (
        "carol", True, "overrides", said.digest,
    )  # fmt: skip
    assert (entry.changes, entry.scope) == ((CHG,), ("src/**",))
    assert (entry.reason, entry.incident) == ("Payments are down.", "INC-42")
    assert (entry.issued_at, entry.expires_at) == (NOW - HOUR, NOW + HOUR)


@pytest.mark.parametrize(
    "status", ["malformed", "bad-signature", "unsupported-key", "wrong-namespace"]
)
def test_what_does_not_check_out_is_listed_by_its_fault_whatever_it_says(
    scenes: Scenes, status: str
) -> None:
    bad = word(scenes).model_copy(update={"status": status, "detail": "It is damaged."})
    (entry,) = hear((bad,), glass(scenes))
    assert (entry.person, entry.counted, entry.code) == (None, False, status)
    assert entry.detail == "It is damaged."
    empty = bad.model_copy(update={"override": None})
    assert hear((empty,), glass(scenes))[0].code == status


def test_a_statement_without_an_override_is_none(scenes: Scenes) -> None:
    assert code(scenes, word(scenes).model_copy(update={"override": None})) == "malformed"


def test_a_key_of_nobody_or_of_another_person_speaks_for_nobody(scenes: Scenes) -> None:
    unknown = word(scenes).model_copy(update={"fingerprint": "SHA256:" + "A" * 43})
    assert code(scenes, unknown) == "unknown-key"
    assert code(scenes, word(scenes).model_copy(update={"fingerprint": None})) == "unknown-key"
    lent = word(scenes, "carol", key="dave")
    (entry,) = hear((lent,), glass(scenes))
    assert (entry.person, entry.code, entry.incident) == ("dave", "signer-mismatch", "INC-42")


def test_what_is_about_something_else_says_about_what(scenes: Scenes) -> None:
    other = "f" * 40
    deploy = {"stage": "deploy", "head": None, "commit": other, "environment": "production"}
    for edits, wanted, detail in (
        ({"repository": "example.com/x"}, "not-this-repository", "example.com/x, not example.com/"),
        ({"target": "refs/heads/x"}, "not-this-target", "refs/heads/x, not refs/heads/main"),
        (deploy, "not-this-stage", "the deploy gate, not the merge gate"),
        ({"head": other}, "not-this-head", f"{other}, not {scenes.sealed.facts.head}"),
    ):
        (entry,) = hear((word(scenes, **edits),), glass(scenes))
        assert (entry.person, entry.code, entry.counted) == ("carol", wanted, False)
        assert detail in entry.detail
    released = word(scenes, **deploy)
    at = glass(scenes, stage="deploy", bound=(other, "production"))
    assert hear((released,), at)[0].counted
    for bound in (("e" * 40, "production"), (other, "staging")):
        (entry,) = hear((released,), replace(at, bound=bound))
        assert entry.code == "not-this-release"
        assert f"{other} in production, not {' in '.join(bound)}" in entry.detail


def test_of_one_signer_only_the_latest_word_counts(scenes: Scenes) -> None:
    first = word(scenes)
    second = word(scenes, previous=(first.digest,), reason="Once more.")
    third = word(scenes, previous=(first.digest,), reason="Beside it.")

    def told(*words: StatementFact) -> dict[str, str]:
        entries = hear(words, glass(scenes))
        assert [one.digest for one in entries] == sorted(one.digest for one in words)
        assert [one.person for one in entries] == ["carol"] * len(words)
        return {one.digest: one.code for one in entries}

    assert told(first, second) == {first.digest: "superseded", second.digest: "overrides"}
    assert told(second) == {second.digest: "missing-predecessor"}
    assert told(first, second, third) == {
        first.digest: "superseded", second.digest: "overrides", third.digest: "overrides",
    }  # fmt: skip
    lost = word(scenes, previous=("0" * 64,), reason="After a word that is gone.")
    assert told(first, lost) == dict.fromkeys((first.digest, lost.digest), "missing-predecessor")


def test_every_signer_has_a_chain_of_their_own(scenes: Scenes) -> None:
    words = [word(scenes, by, reason=why) for why in ("One.", "Two.") for by in ("dave", "carol")]
    lost = word(scenes, "dave", previous=("0" * 64,), reason="Lost.")
    found = hear([*words, lost], glass(scenes))
    assert {(one.person, one.code) for one in found} == {
        ("carol", "overrides"), ("dave", "missing-predecessor"),
    }  # fmt: skip
    erin = word(scenes, "erin")
    assert [one.digest for one in hear([*words, erin], glass(scenes))] == sorted(
        one.digest for one in [*words, erin]
    )


# Who may, and when --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("issued", "expires", "wanted"),
    [
        (timedelta(0), HOUR, "overrides"),
        (timedelta(minutes=5), HOUR, "overrides"),
        (timedelta(minutes=5, seconds=1), HOUR, "issued-in-future"),
        (-23 * HOUR, HOUR, "overrides"),
        (-23 * HOUR, HOUR + timedelta(seconds=1), "too-long"),
        (-HOUR, timedelta(seconds=1), "overrides"),
        (-HOUR, timedelta(0), "expired"),
        (-HOUR, timedelta(seconds=-1), "expired"),
    ],
)
def test_an_override_is_good_from_when_it_is_issued_until_it_expires(
    scenes: Scenes, issued: timedelta, expires: timedelta, wanted: str
) -> None:
    said = word(scenes, issued_at=NOW + issued, expires_at=NOW + expires)
    assert code(scenes, said) == wanted


def test_nobody_overrides_where_the_target_names_no_role(scenes: Scenes) -> None:
    assert code(scenes, terms=None) == "switched-off"


def test_the_role_is_held_for_every_service_that_is_touched(
    scenes: Scenes, keyring: Keyring
) -> None:
    text = people_file(keyring).replace(
        "roles:\n", "roles:\n  - {role: pilot, members: [erin], services: [payments-api]}\n", 1
    )
    policies = compile_policies(under(scenes.sealed, {"people.yaml": text}).judge)
    given = {"roster": build_roster(policies.people), "terms": Override(role="pilot")}
    erin = word(scenes, "erin")
    for services, detail in (
        (("payments-api",), ""),
        (("ledger", "payments-api"), "erin does not hold pilot for ledger now"),
        (("ledger", "zoo"), "erin does not hold pilot for ledger, zoo now"),
    ):
        (entry,) = hear((erin,), glass(scenes, services=services, **given))
        assert (entry.code == "role-not-held", entry.counted) == (bool(detail), not detail)
        assert detail in entry.detail
    (entry,) = hear((word(scenes, "bob"),), glass(scenes, services=(), **given))
    assert entry.detail == "bob does not hold pilot for all services, and paths of none change now"
    (entry,) = hear((erin,), glass(scenes, services=(), **given))
    assert entry.code == "role-not-held"
    assert code(scenes, services=()) == "overrides"


def test_an_agent_with_a_key_overrides_nothing(scenes: Scenes, keyring: Keyring) -> None:
    text = people_file(keyring).replace("  - id: carol\n", "  - id: carol\n    kind: bot\n")
    assert text != people_file(keyring)
    roster = build_roster(
        compile_policies(under(scenes.sealed, {"people.yaml": text}).judge).people
    )
    assert code(scenes, roster=roster) == "bot"


def test_whoever_took_part_overrides_where_the_target_lets_them(scenes: Scenes) -> None:
    own = {"part": lambda person: (f"author by {person}", "requester")}
    strict = Override(role="change-authority", own_changes=False)
    assert code(scenes, **own) == "overrides"
    assert code(scenes, terms=strict) == "overrides"
    (entry,) = hear((word(scenes),), glass(scenes, terms=strict, **own))
    assert (entry.code, entry.counted) == ("own-change", False)
    assert entry.detail.startswith("author by carol; requester; ")


# What it covers and bends -------------------------------------------------------------------------


def test_what_fails_nowhere_needs_no_override(scenes: Scenes) -> None:
    assert code(scenes, failing=False) == "not-needed"
    assert code(scenes, failing=False, uncovered=lambda _said: ("x",)) == "not-needed"


def test_what_is_not_covered_is_listed_five_at_most(scenes: Scenes) -> None:
    def detail(count: int, **edits: Any) -> tuple[str, str]:
        paths = tuple(f"p{number}" for number in range(count))
        said = word(scenes, **edits)
        (entry,) = hear((said,), glass(scenes, uncovered=lambda _said: paths, unbending=("x",)))
        assert not entry.counted
        return entry.code, entry.detail

    assert detail(1) == ("not-covering", "it does not cover p0")
    assert detail(5)[1].endswith("p3, p4")
    assert detail(6)[1].endswith("p3, p4 and 1 more")
    other = {"changes": (OTHER,)}
    assert detail(1, **other)[0] == "not-this-change"
    assert detail(1, changes=(OTHER, CHG))[0] == "not-covering"
    assert detail(1, **other, scope=("src/**",))[0] == "not-covering"
    assert detail(1, changes=(), scope=("src/**",))[0] == "not-covering"


def test_what_no_override_bends_is_named(scenes: Scenes) -> None:
    (entry,) = hear((word(scenes),), glass(scenes, unbending=("merge-conflict", "yaml")))
    assert (entry.code, entry.detail) == (
        "cannot-bend", "no override bends merge-conflict, yaml",
    )  # fmt: skip


def test_a_scope_holds_what_its_globs_do_and_an_empty_one_nothing(scenes: Scenes) -> None:
    bare = word(scenes).override
    assert bare is not None
    wide = bare.model_copy(update={"scope": ("src/**",)})
    damaged = bare.model_copy(update={"scope": ("../src",)})
    told = [(scope_of(one)("src/a"), scope_of(one)("db/a")) for one in (bare, wide, damaged)]
    assert told == [(False, False), (True, False), (False, False)]


def covered(scenes: Scenes, inputs: Inputs, **edits: Any) -> str:
    """Return what an override of a merge does not cover; empty if it stands."""
    entry = one_of(with_words(inputs, word(scenes, **edits)))
    assert entry.counted is (not entry.detail.startswith("it does not cover "))
    return entry.detail.removeprefix("it does not cover ") if not entry.counted else ""


NARROW = '"src/**", "deploy/**"'
"""A scope that leaves db/ out."""


def test_every_governed_path_is_covered_by_a_named_change_or_by_the_scope(scenes: Scenes) -> None:
    (asked,) = scenes.sealed.requests
    inputs = broken_glass(scenes).model_copy(
        update={"requests": (stored(asked.path, request_file(scope=NARROW)),)}
    )
    assert covered(scenes, inputs) == "db/schema.sql"
    assert one_of(with_words(inputs, word(scenes))).code == "not-covering"
    assert covered(scenes, inputs, scope=("db/**",)) == ""
    assert covered(scenes, inputs, scope=("docs/**",)) == "db/schema.sql"
    everything = ("src/**", "deploy/**", "db/**")
    assert covered(scenes, inputs, changes=(), scope=everything) == asked.path
    assert covered(scenes, inputs, changes=(), scope=(*everything, "changes/**")) == ""
    assert covered(scenes, inputs, changes=(OTHER,), scope=everything) == asked.path
    some = covered(scenes, inputs, changes=(), scope=("changes/**",))
    assert set(some.split(", ")) == {"db/schema.sql", "deploy/app.yaml", "src/app.py", CHG}


def test_a_change_that_is_not_named_is_covered_where_all_of_its_paths_are(scenes: Scenes) -> None:
    (asked,) = scenes.sealed.requests
    second = f"changes/2026/{OTHER}.yaml"
    inputs = broken_glass(scenes)
    inputs = inputs.model_copy(
        update={
            "requests": (
                stored(asked.path, request_file(scope=NARROW)),
                stored(second, request_file(OTHER, scope='"db/**", "deploy/**"')),
            )
        }
    )
    assert covered(scenes, inputs, changes=(CHG, OTHER)) == ""
    assert covered(scenes, inputs) == f"db/schema.sql, {OTHER}"
    assert covered(scenes, inputs, scope=("db/**",)) == OTHER
    assert covered(scenes, inputs, scope=("db/**", "deploy/**")) == ""
    idle = inputs.model_copy(
        update={"requests": (inputs.requests[0], stored(second, request_file(OTHER, scope="x")))}
    )
    assert covered(scenes, idle, scope=("db/**",)) == OTHER


def test_the_file_of_a_request_is_covered_by_its_change_by_its_name_or_by_the_scope(
    scenes: Scenes,
) -> None:
    """A request that is deleted is no change that could be named, but its id can be."""
    gone = f"changes/2026/{OTHER}.yaml"
    facts = scenes.sealed.facts
    entry = DiffEntry(
        path=gone, status="D", old_mode="100644", new_mode="000000",
        old_id="1" * 40, new_id="0" * 40,
    )  # fmt: skip
    inputs = edited(broken_glass(scenes), diff=(*facts.diff, entry))
    assert covered(scenes, inputs) == gone
    assert covered(scenes, inputs, changes=(CHG, OTHER)) == ""
    assert covered(scenes, inputs, scope=("changes/2026/**",)) == ""
    assert covered(scenes, inputs, scope=("changes/2025/**",)) == gone


def test_the_state_of_all_that_failed_is_bent_and_nothing_else(scenes: Scenes) -> None:
    rule = rule_set(rule_of("false", name="told", enforcement="hard"))
    files = {"policies/scan.yaml": SCAN, "policies/own.yaml": rule}
    inputs = edited(under(broken_glass(scenes), files), draft=True)
    before, after = with_words(inputs), with_words(inputs, word(scenes))
    assert before.overrides == ()
    assert stands(after)
    assert (only(after).outcome, after.unblock) == ("overridden", ())

    def states(decision: Decision) -> list[tuple[str, str]]:
        rules = (*decision.rules, *only(decision).rules)
        return [(one.rule, one.state) for one in rules]

    failing = {"UNSATISFIED", "PENDING"}
    assert {state for _, state in states(before)} == {*failing, "SATISFIED"}
    assert states(after) == [
        (rule, "OVERRIDDEN" if state in failing else state) for rule, state in states(before)
    ]
    assert {one.state for one in only(before).requirements} == {"PENDING"}
    assert {one.state for one in only(after).requirements} == {"OVERRIDDEN"}
    said = scenes.statement(inputs.facts, "bob")
    half = with_words(edited(inputs, statements=(said,)), word(scenes))
    assert [one.state for one in only(half).requirements] == ["SATISFIED", "OVERRIDDEN"]


def test_a_change_that_passes_stays_as_it_is_while_the_merge_is_bent(scenes: Scenes) -> None:
    inputs = edited(under(scenes.sealed, {"itil-gate.yaml": GLASS}), draft=True)
    decision = with_words(inputs, word(scenes))
    assert stands(decision)
    assert only(decision).outcome == "allow"
    assert {one.state for one in only(decision).rules} == {"SATISFIED"}
    passing = under(scenes.sealed, {"itil-gate.yaml": GLASS})
    decision = with_words(passing, word(scenes))
    assert (decision.outcome, one_of(decision).code) == ("allow", "not-needed")


def test_a_change_that_waits_for_approval_alone_is_bent(scenes: Scenes) -> None:
    inputs = broken_glass(scenes)
    assert only(with_words(inputs)).outcome == "pending"
    verdict = only(with_words(inputs, word(scenes)))
    assert verdict.outcome == "overridden"
    assert [one.rule for one in verdict.rules if one.state == "OVERRIDDEN"] == ["missing-approval"]


def test_one_override_that_counts_is_enough(scenes: Scenes) -> None:
    decision = with_words(broken_glass(scenes), word(scenes, "bob"), word(scenes, "carol"))
    assert decision.outcome == "overridden"
    assert {(one.person, one.code) for one in decision.overrides} == {
        ("bob", "role-not-held"), ("carol", "overrides"),
    }  # fmt: skip


CLOSED = pull_request(ALICE, ALICE, state="closed")


@pytest.mark.parametrize(
    ("facts", "rule"),
    [
        ({"diff": ()}, "empty-change"),
        ({"merged_tree": None, "conflicts": ("src/app.py",)}, "merge-conflict"),
        ({"pull_request": CLOSED}, "closed-pull-request"),
    ],
)
def test_what_nobody_could_say_where_it_lands_is_not_bent(
    scenes: Scenes, facts: dict[str, object], rule: str
) -> None:
    inputs = edited(broken_glass(scenes), **facts)
    entry = one_of(with_words(inputs, word(scenes, scope=("**",))))
    assert (entry.code, rule in entry.detail) == ("cannot-bend", True)


def test_what_nobody_could_read_is_not_bent_whoever_could_not(scenes: Scenes) -> None:
    said = word(scenes, scope=("**",))
    inputs = broken_glass(scenes)
    (asked,) = inputs.requests
    fault = Finding(rule="too-large", message="It is too large.", remedy="Make it smaller.")
    garbage = stored(f"changes/2026/{OTHER}.yaml", "a: [\n")
    twice = stored(f"changes/2026/again/{CHG}.yaml", asked.text)
    bad = under(inputs, {"policies/risk.yaml": "kind: Nothing\n"}).judge
    for given, rule in (
        ({"faults": (fault,)}, "too-large"),
        ({"requests": (asked, garbage)}, "not-yaml"),
        ({"requests": (asked, twice)}, "duplicate-change"),
        ({"proposed": bad}, "proposed-policy-invalid"),
    ):
        decision = with_words(inputs.model_copy(update=given), said)
        entry = one_of(decision)
        assert (entry.code, decision.outcome) == ("cannot-bend", "deny"), rule
        assert entry.detail == f"no override bends {rule}"
    assert stands(with_words(inputs, said))


def test_a_request_that_is_a_link_is_not_bent(scenes: Scenes) -> None:
    inputs = broken_glass(scenes)
    diff = tuple(
        one.model_copy(update={"new_mode": "120000"}) if one.path.startswith("changes/") else one
        for one in inputs.facts.diff
    )
    entry = one_of(with_words(edited(inputs, diff=diff), word(scenes, scope=("**",))))
    assert entry.detail == "no override bends irregular-request"


MODEL = """\
apiVersion: itil-gate/v1
kind: ChangeModel
metadata: {name: text, owner: change-authority, reviewBy: 2027-01-01}
spec:
  type: standard
  description: Texts that users read.
  paths: ["text/**"]
  limits: {environments: [production], files: 3, deletions: 0, risk: low}
  recognise: true
  expires: 2026-12-31
"""


def test_advice_on_what_nobody_asked_for_keeps_no_override_from_counting(scenes: Scenes) -> None:
    inputs = broken_glass(scenes, ("policies/model.yaml", MODEL))
    diff = tuple(one for one in inputs.facts.diff if one.path == "src/app.py")
    bare = edited(inputs, diff=diff).model_copy(update={"requests": ()})
    decision = with_words(bare, word(scenes, changes=(), scope=("src/**",)))
    assert stands(decision)
    states = {one.rule: one.state for one in decision.rules}
    assert (states["not-recognised"], states["uncovered-change"]) == ("ADVISORY", "OVERRIDDEN")


def test_what_fails_for_a_proposed_set_alone_is_bent_too(scenes: Scenes) -> None:
    unguarded = SERVICES.replace("src/** deploy/** db/**", "src/**")
    inputs = under(scenes.sealed, {"itil-gate.yaml": GLASS})
    strict = RISK.replace("default: low", "default: critical")
    proposed = under(inputs, {"policies/risk.yaml": strict, "services/payments.yaml": unguarded})
    (commit, *_) = inputs.facts.commits
    unsigned = commit.model_copy(update={"signature": SignatureFact()})
    both = edited(
        inputs.model_copy(update={"proposed": proposed.judge}), commits=(unsigned,), statements=()
    )
    assert stands(with_words(both, word(scenes)))


# Who took part ------------------------------------------------------------------------------------


def test_one_takes_part_by_asking_or_by_committing(scenes: Scenes) -> None:
    inputs = broken_glass(scenes, config=STRICT)
    asked = with_request(inputs, "requester: alice", "requester: carol")
    assert one_of(with_words(asked, word(scenes))).detail.startswith("requester; ")
    (commit, *_) = inputs.facts.commits
    carol = commit.author.model_copy(update={"email": "carol@example.com"})
    made = edited(asked, commits=(commit.model_copy(update={"co_authors": (carol,)}),))
    entry = one_of(with_words(made, word(scenes)))
    assert entry.code == "own-change"
    assert entry.detail.startswith(f"requester; co-author of {commit.id[:12]}; ")
    assert stands(with_words(made, word(scenes, "dave")))


def test_services_that_change_or_are_named_are_those_one_answers_for(
    scenes: Scenes, keyring: Keyring
) -> None:
    """The change is of paths of payments-api, and one that no service has where none are listed."""
    roles = "role: change-authority, services: [SERVICE]"
    for service, served, good in (
        ("payments-api", "**", True),
        ("payments-api, zoo", "**", True),
        ("zoo", "**", False),
        ("payments-api", "none/**", False),
        ("payments-api", "src/**", False),
    ):
        text = people_file(keyring).replace(
            "role: change-authority", roles.replace("SERVICE", service)
        )
        inputs = broken_glass(
            scenes,
            ("people.yaml", text),
            ("services/payments.yaml", SERVICES.replace("src/** deploy/** db/**", served)),
        )
        assert stands(with_words(inputs, word(scenes))) is good, (service, served)
        more = with_request(inputs, "[payments-api]", "[payments-api, zoo]")
        assert stands(with_words(more, word(scenes))) is (good and "zoo" in service)
