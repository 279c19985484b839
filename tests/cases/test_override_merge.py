"""Break-glass at the merge gate: who may, for what, how long, and what stays to be seen.

Carol and Dave hold the role that may override; Alice proposes a change that nobody approved.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from support.breakglass import (
    GLASS,
    STRICT,
    heard,
    override,
    refused,
    signed,
    stands,
    switch_on,
)
from support.cases import case
from support.world import (
    APPROVALS,
    CHG,
    CONFIG,
    OTHER,
    SERVICES,
    broken,
    findings,
    only,
    people_file,
    request_file,
    stranger,
)

from itil_gate.model.statement import OverridePredicate
from itil_gate.report import DECISION_FORMATS
from itil_gate.signing.statement import read_statement

if TYPE_CHECKING:
    from pathlib import Path

    from support.world import World

HOUR = timedelta(hours=1)
FREEZE = """\
apiVersion: itil-gate/v1
kind: Calendar
metadata: {name: spring, owner: change-authority, reviewBy: 2027-01-01}
spec:
  freezes:
    - id: sale
      reason: The spring sale.
      start: 2026-03-01T00:00
      end: 2026-03-09T00:00
      timezone: UTC
"""
WINDOW = "  window: {start: 2026-03-03T10:00, end: 2026-03-03T11:00, timezone: UTC}\n"


@pytest.fixture
def world(world: World) -> World:
    switch_on(world)
    world.propose()
    return world


@case("192", "199", "201", "202", "FO-12")
def test_an_override_stands_in_for_the_approval_and_is_listed(world: World) -> None:
    assert world.check().outcome == "pending"
    filed = override(world)
    decision = world.check()
    entry = stands(decision)
    assert (entry.person, entry.reason, entry.incident) == (
        "carol", "Payments are down.", "INC-42",
    )  # fmt: skip
    assert entry.expires_at == world.now + HOUR
    assert filed.path == f"override/{entry.digest}.stmt"
    (state,) = (one for one in only(decision).rules if one.rule == "missing-approval")
    assert (state.state, len(state.findings)) == ("OVERRIDDEN", 1)
    assert [one.state for one in only(decision).requirements] == ["OVERRIDDEN"]
    assert only(decision).outcome == "overridden"
    assert decision.unblock == ()


@case("201", "202")
@pytest.mark.parametrize("name", sorted(DECISION_FORMATS))
def test_every_report_tells_of_the_override(world: World, name: str) -> None:
    override(world, reason="The till ##[error] is down.")
    shown = DECISION_FORMATS[name](world.check())
    assert "carol" in shown
    assert "INC-42" in shown
    assert "2026-03-02" in shown
    assert "is down." in shown
    assert "::error" not in shown
    if name not in ("json", "sarif"):
        assert "##[error]" not in shown


@case("190")
@pytest.mark.parametrize("missing", ["reason", "incident"])
def test_an_override_without_reason_or_incident_cannot_be_read(world: World, missing: str) -> None:
    with pytest.raises(ValueError, match=missing):
        signed(world, "carol", **{missing: " "})
    data = signed(world, "carol").data
    fact = read_statement("override/x.stmt", data.replace(f'"{missing}"'.encode(), b'"note"'))
    assert (fact.status, fact.override) == ("malformed", None)


@case("191", "202")
def test_one_decision_holds_all_that_is_bent(world: World) -> None:
    world.commit({"db/schema.sql": "drop table t;\n", "lib/new.py": "x\n"})
    override(world, scope=("lib/**",))
    decision = world.check()
    stands(decision)
    assert broken(decision) == set()
    assert findings(decision, "uncovered-change")
    bent = [
        state.rule
        for state in (*decision.rules, *only(decision).rules)
        if state.state == "OVERRIDDEN"
    ]
    assert bent == ["uncovered-change", "missing-approval"]
    assert {one.state for one in only(decision).requirements} == {"OVERRIDDEN"}


@case("192")
@pytest.mark.parametrize("who", ["alice", "erin", "bob"])
def test_who_does_not_hold_the_role_overrides_nothing(world: World, who: str) -> None:
    override(world, who)
    assert "change-authority" in refused(world.check(), "role-not-held").detail


@case("192")
def test_a_delegate_of_the_role_overrides(world: World) -> None:
    lent = (
        "delegations:\n  - {role: change-authority, delegator: carol, delegate: erin,\n"
        "     start: 2026-03-01T00:00:00Z, end: 2026-03-03T00:00:00Z}\n"
    )
    world.on_main({"people.yaml": people_file(world.keyring, extra=lent)})
    override(world, "erin")
    assert stands(world.check()).person == "erin"
    world.later(days=1)
    override(world, "erin", expires_at=world.now + HOUR)
    assert not [one for one in world.check().overrides if one.counted]


@case("192")
def test_a_role_for_one_service_bends_nothing_of_another(world: World) -> None:
    text = people_file(world.keyring)
    limited = text.replace("role: change-authority", "role: change-authority, services: [ledger]")
    assert limited != text
    world.on_main({"people.yaml": limited})
    override(world)
    assert "payments-api" in refused(world.check(), "role-not-held").detail


@case("192")
def test_a_role_for_one_service_bends_nothing_of_files_that_belong_to_none(world: World) -> None:
    grant = "  - {role: breaker, members: [erin], services: [blog]}\n"
    grant += "  - {role: breaker, members: [carol]}\n"
    world.on_main(
        {
            "itil-gate.yaml": f"{CONFIG}override: {{role: breaker}}\n",
            "people.yaml": people_file(world.keyring, extra=grant),
            "services/blog.yaml": SERVICES.replace("payments-api", "blog").replace(
                "src/** deploy/** db/**", "blog/**"
            ),
        }
    )
    own, lax = {"blog/a.md": "1\n"}, {"policies/approvals.yaml": f"{APPROVALS}# laxer\n"}
    for number, (files, stood) in enumerate(((own, True), (lax, False), (lax | own, False))):
        head = f"f{number}"
        world.propose(files, branch=head, services="blog", scope='"blog/**", "policies/**"')
        override(world, "erin", head=world.repo.tip(head), scope=("**",))
        decision = world.check(head)
        assert (decision.outcome == "overridden") is stood, files
        if not stood:
            (said,) = (one for one in decision.overrides if one.code == "role-not-held")
            assert "paths of none change" in said.detail
            override(world, "carol", head=world.repo.tip(head), scope=("**",))
            assert world.check(head).outcome == "overridden"


@case("192")
def test_a_name_in_capitals_is_nobody(world: World) -> None:
    with pytest.raises(ValueError, match="signer"):
        signed(world, "carol", signer="CAROL")
    override(world, "erin", signer="carol")
    assert "belongs to erin" in refused(world.check(), "signer-mismatch").detail


@case("192", "FO-12")
def test_a_stranger_overrides_nothing(world: World, tmp_path: Path) -> None:
    world.people["mallory"] = stranger(tmp_path, "mallory")
    override(world, "mallory", signer="carol")
    refused(world.check(), "unknown-key")


@case("193")
@pytest.mark.parametrize("people", ["", "persons: [\n", "apiVersion: itil-gate/v1\nkind: People\n"])
def test_nobody_overrides_where_the_roster_cannot_be_read(world: World, people: str) -> None:
    override(world)
    world.on_main({"people.yaml": people})
    assert world.refusal()


@case("193")
def test_a_role_that_nobody_holds_any_more_overrides_nothing(world: World) -> None:
    override(world)
    roles = {"service-owner": ("bob",), "change-authority": ("dave",)}
    world.on_main({"people.yaml": people_file(world.keyring, roles=roles)})
    refused(world.check(), "role-not-held")


@case("192")
def test_the_head_does_not_say_who_may_override(world: World) -> None:
    roles = {"service-owner": ("bob",), "change-authority": ("carol", "dave", "erin")}
    world.commit({"people.yaml": people_file(world.keyring, roles=roles)})
    override(world, "erin", scope=("people.yaml",))
    refused(world.check(), "role-not-held")


@case("194")
def test_an_override_of_what_passes_does_nothing(world: World) -> None:
    world.approve("erin")
    override(world)
    decision = world.check()
    assert (decision.outcome, heard(decision).code) == ("allow", "not-needed")


@case("194")
def test_an_override_of_another_change_is_told(world: World) -> None:
    override(world, changes=(OTHER,))
    assert CHG in refused(world.check(), "not-this-change").detail


@case("195", "199", "FO-12")
def test_an_override_does_not_outlive_a_push(world: World) -> None:
    override(world)
    old = world.repo.tip("feature")
    stands(world.check())
    world.commit({"src/app.py": "print('worse')\n"})
    assert old in refused(world.check(), "not-this-head").detail


@case("195")
def test_an_override_expires(world: World) -> None:
    override(world)
    world.later(minutes=59)
    stands(world.check())
    world.later(minutes=1)
    refused(world.check(), "expired")


@case("195")
@pytest.mark.parametrize(
    ("edits", "code"),
    [
        ({"expires_at": 25 * HOUR}, "too-long"),
        ({"issued_at": timedelta(minutes=6)}, "issued-in-future"),
    ],
)
def test_times_that_policy_does_not_give_are_refused(
    world: World, edits: dict[str, timedelta], code: str
) -> None:
    override(world, **{name: world.now + length for name, length in edits.items()})
    refused(world.check(), code)


@case("195")
def test_a_later_override_takes_the_earlier_one_back(world: World) -> None:
    first = override(world)
    digest = first.path.partition("/")[2].removesuffix(".stmt")
    override(world, previous=(digest,), expires_at=world.now)
    decision = world.check()
    assert decision.outcome == "pending"
    assert sorted(one.code for one in decision.overrides) == ["expired", "superseded"]


@case("195", "199")
@pytest.mark.parametrize(
    ("edits", "code"),
    [
        ({"repository": "example.com/acme/other"}, "not-this-repository"),
        ({"target": "refs/heads/release"}, "not-this-target"),
        ({"previous": ("0" * 64,)}, "missing-predecessor"),
    ],
)
def test_an_override_of_something_else_counts_for_nothing(
    world: World, edits: dict[str, object], code: str
) -> None:
    override(world, **edits)
    refused(world.check(), code)


@case("195", "199")
def test_an_override_of_a_release_lets_nothing_merge(world: World) -> None:
    head = world.repo.tip("feature")
    override(world, stage="deploy", head=None, commit=head, environment="production")
    refused(world.check(), "not-this-stage")


@case("196", "197")
def test_words_override_nothing(world: World) -> None:
    world.commit(
        {"src/app.py": "print('x')\n", "docs/override.md": "/override INC-42\n"},
        by="carol",
        message="/override INC-42 Codeowners Bypass",
        trailers=["Override: INC-42", "Overridden-by: Carol <carol@example.com>"],
    )
    world.reject("carol", reason="> /override INC-42\nCodeowners Bypass")
    decision = world.check()
    assert (decision.outcome, decision.overrides) == ("deny", ())


@case("196", "197")
def test_an_approval_is_no_override_and_the_other_way_round(world: World) -> None:
    text = signed(world, "carol").data
    fact = read_statement(f"{CHG}/{'0' * 64}.stmt", text)
    assert fact.status == "malformed"
    other = text.replace(b"override/v1", b"approval/v1")
    assert read_statement("override/x.stmt", other).status == "malformed"


@case("196b")
def test_off_means_off(world: World) -> None:
    override(world)
    override(world, "dave")
    world.on_main({"itil-gate.yaml": CONFIG})
    decision = world.check()
    assert decision.outcome == "pending"
    assert {one.code for one in decision.overrides} == {"switched-off"}


@case("196b")
def test_the_pull_request_cannot_switch_it_on(world: World) -> None:
    world.on_main({"itil-gate.yaml": CONFIG})
    world.commit({"itil-gate.yaml": GLASS})
    override(world, scope=("itil-gate.yaml",))
    refused(world.check(), "switched-off")


@case("203")
def test_a_freeze_that_is_overridden_is_named_with_the_reason(world: World) -> None:
    world.on_main({"calendar/spring.yaml": FREEZE})
    world.commit({f"changes/2026/{CHG}.yaml": request_file(extra=WINDOW)})
    assert "in-freeze" in broken(world.check())
    override(world)
    decision = world.check()
    stands(decision)
    (finding,) = findings(decision, "in-freeze")
    assert "sale" in finding.message


@case("203")
def test_a_rejection_is_overridden_and_stays_to_be_seen(world: World) -> None:
    world.reject("dave", reason="It will break.")
    override(world)
    decision = world.check()
    stands(decision)
    assert "It will break." in findings(decision, "open-rejection")[0].message


@case("192")
def test_one_may_override_for_oneself_unless_the_target_forbids_it(world: World) -> None:
    world.repo.checkout("main")
    world.propose(branch="mine", by="carol", change=OTHER)
    mine = {"changes": (OTHER,), "head": world.repo.tip("mine")}
    override(world, **mine)
    assert stands(world.check("mine")).person == "carol"
    world.on_main({"itil-gate.yaml": STRICT})
    assert "requester" in refused(world.check("mine"), "own-change").detail


@pytest.mark.parametrize(
    ("files", "rule"),
    [
        ({f"changes/2026/{CHG}.yaml": "kind: ChangeRequest\n"}, "missing-key"),
        ({f"changes/2026/{CHG}.yaml": "a: [\n"}, "yaml"),
        ({"people.yaml": "persons: [\n"}, "proposed-policy-invalid"),
        ({f"changes/2026/again/{CHG}.yaml": request_file()}, "duplicate-change"),
    ],
)
def test_what_cannot_be_read_or_told_apart_is_not_bent(
    world: World, files: dict[str, str], rule: str
) -> None:
    world.commit(files)
    override(world, scope=("**",))
    decision = world.check()
    assert rule in refused(decision, "cannot-bend").detail
    assert decision.outcome == "deny"


def test_a_conflict_is_not_bent(world: World) -> None:
    world.on_main({"src/app.py": "print('elsewhere')\n"})
    override(world, scope=("**",))
    assert "merge-conflict" in refused(world.check(), "cannot-bend").detail


def test_paths_outside_of_what_is_covered_keep_it_from_counting(world: World) -> None:
    world.commit({"lib/new.py": "x\n"})
    override(world)
    assert "lib/new.py" in refused(world.check(), "not-covering").detail


def test_a_scope_covers_what_nobody_asked_for(world: World) -> None:
    world.repo.checkout("bare", create=True, at="main")
    world.commit({"src/app.py": "print('fixed')\n"})
    bare = {"changes": (), "head": world.repo.tip("bare")}
    override(world, scope=("src/app.py",), **bare)
    decision = world.check("bare")
    stands(decision)
    assert findings(decision, "uncovered-change")


def test_a_scope_does_not_take_along_requests_that_are_removed(world: World) -> None:
    world.on_main({f"changes/2026/{OTHER}.yaml": request_file(OTHER)})
    world.repo.checkout("bare", create=True, at="main")
    world.repo.git("rm", "--quiet", f"changes/2026/{OTHER}.yaml")
    world.commit({"src/app.py": "print('fixed')\n"})
    bare = {"changes": (), "head": world.repo.tip("bare")}
    override(world, scope=("src/**",), **bare)
    assert OTHER in refused(world.check("bare"), "not-covering").detail


@pytest.mark.parametrize(
    "edits",
    [
        {"head": None},
        {"stage": "deploy"},
        {"environment": "production"},
        {"changes": ()},
        {"commit": "a" * 40},
    ],
)
def test_an_override_that_binds_nothing_or_two_things_is_none(
    world: World, edits: dict[str, object]
) -> None:
    with pytest.raises(ValueError, match=r"binds?|covers"):
        signed(world, "carol", **edits)


def test_the_statement_says_what_it_is_about(world: World) -> None:
    fact = read_statement((filed := signed(world, "carol")).path, filed.data)
    assert isinstance(fact.override, OverridePredicate)
    assert (fact.status, fact.override.changes) == ("good", (CHG,))
