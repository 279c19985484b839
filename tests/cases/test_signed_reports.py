"""Reports of scanners that somebody forges, borrows or bends on their way to the gate.

The target asks for a scan that the scanner's own service signed. Whoever runs the gate may be
anybody: a job of the head's, with every file and every secret that such a job can reach.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from support.cases import case
from support.log import signer
from support.world import broken, findings

from itil_gate.decide.gate import decide
from itil_gate.gather.inputs import find_commit, gather
from itil_gate.git.discover import discover
from itil_gate.git.view import open_view
from itil_gate.model.facts import Inputs
from itil_gate.signing.dsse import IN_TOTO, compose
from itil_gate.signing.ed25519 import public_line
from itil_gate.signing.report import STATEMENT_TYPE, seal_report

if TYPE_CHECKING:
    from support.world import World

    from itil_gate.model.decision import Decision
    from itil_gate.signing.ed25519 import Signer

SCANNER, OTHER, NEW = signer(71), signer(72), signer(73)
SARIF = "https://itil-gate.dev/report/sarif/v1"


def check_file(name: str = "scan", key: Signer = SCANNER, *, kind: str = "", **spec: str) -> str:
    terms = f"by: [{{id: scanner, key: {public_line(key.public)}}}]"
    if kind:
        terms += f", predicateType: {kind}"
    more = "".join(f", {word}: {value}" for word, value in spec.items())
    return (
        "apiVersion: itil-gate/v1\nkind: ExternalCheck\n"
        f"metadata: {{name: {name}, owner: change-authority, reviewBy: 2027-01-01}}\n"
        f"spec: {{format: sarif, reason: Known weaknesses., signed: {{{terms}}}{more}}}\n"
    )


def sarif(*rules: str) -> dict[str, Any]:
    results = [
        {"ruleId": rule, "level": "error", "message": {"text": f"{rule} found"}} for rule in rules
    ]
    driver = {"name": "scan", "rules": [{"id": "weak-hash"}]}
    passed = [{"ruleId": "weak-hash", "kind": "pass", "message": {"text": "ok"}}]
    return {"version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": passed + results}]}


def signed(
    commit: str, *rules: str, by: Signer = SCANNER, kind: str = SARIF, **subject: str
) -> bytes:
    """Return what the scanner's service writes about a commit, or about something else."""
    if not subject:
        return seal_report(
            sarif(*rules), predicate_type=kind, commit=commit, subject="scan.sarif", signer=by
        ).data
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": "scan", "digest": subject}],
        "predicateType": kind,
        "predicate": sarif(*rules),
    }
    payload = json.dumps(statement).encode()
    return compose(payload, payload_type=IN_TOTO, signers=[by]).data


def gathered(world: World, **external: bytes) -> Inputs:
    with open_view(discover(world.repo.path)) as view:
        return gather(
            view,
            target="refs/heads/main",
            base=find_commit(view, "refs/heads/main"),
            head=find_commit(view, "feature"),
            now=world.now,
            external=external,
        )


def decided(world: World, **external: bytes) -> Decision:
    return decide(gathered(world, **external))


def asked(world: World, text: str | None = None) -> str:
    """Let the target ask for a signed scan, and propose what a colleague approved."""
    world.on_main({"policies/scan.yaml": text or check_file()})
    head = world.propose()
    world.approve("erin")
    return head


def refused(decision: Decision, code: str) -> str:
    """Return why the one report does not count, having seen that everything else is well."""
    assert decision.outcome == "pending"
    assert broken(decision) == {"awaited-evidence"}
    assert {(one.name, one.counted, one.code) for one in decision.reports} == {
        ("scan", False, code)
    }
    (found,) = findings(decision, "awaited-evidence")
    assert f"({code})" in found.message
    return found.message


@case("147")
def test_a_report_that_the_scanner_signed_about_the_head_counts(world: World) -> None:
    head = asked(world)
    decision = decided(world, scan=signed(head))
    assert decision.outcome == "allow"
    (report,) = decision.reports
    assert (report.code, report.signer, report.key) == ("signed", "scanner", SCANNER.fingerprint)
    assert report.payload is not None


@case("147")
def test_what_the_scanner_found_still_denies(world: World) -> None:
    head = asked(world)
    decision = decided(world, scan=signed(head, "weak-hash"))
    assert decision.outcome == "deny"
    assert broken(decision) == {"external:scan:weak-hash"}


@case("147")
def test_a_report_that_nobody_signed_is_no_report(world: World) -> None:
    asked(world)
    refused(decided(world, scan=json.dumps(sarif()).encode()), "unsigned")


@case("147")
def test_a_report_signed_by_another_key_does_not_count(world: World) -> None:
    head = asked(world)
    assert "no key of scanner signed it" in refused(
        decided(world, scan=signed(head, by=OTHER)), "other-key"
    )


@case("147")
def test_a_key_id_that_is_claimed_proves_nothing(world: World) -> None:
    head = asked(world)
    envelope = json.loads(signed(head, by=OTHER))
    envelope["signatures"][0]["keyid"] = SCANNER.fingerprint
    refused(decided(world, scan=json.dumps(envelope).encode()), "bad-signature")


@case("147")
def test_a_finding_cannot_be_cut_out_of_a_signed_report(world: World) -> None:
    head = asked(world)
    envelope = json.loads(signed(head, "weak-hash"))
    clean = json.loads(signed(head))
    envelope["payload"] = clean["payload"][:-8]
    refused(decided(world, scan=json.dumps(envelope).encode()), "malformed")
    statement = json.loads(base64.b64decode(clean["payload"]))
    statement["predicate"]["runs"][0]["properties"] = {"by": "mallory"}
    envelope["payload"] = base64.b64encode(json.dumps(statement).encode()).decode()
    refused(decided(world, scan=json.dumps(envelope).encode()), "bad-signature")


@case("147")
def test_a_signature_over_another_type_of_payload_does_not_count(world: World) -> None:
    """The type is part of what is signed, or text of one kind could be read as another."""
    head = asked(world)
    payload = base64.b64decode(json.loads(signed(head))["payload"])
    envelope = compose(payload, payload_type="text/plain", signers=[SCANNER])
    refused(decided(world, scan=envelope.data), "malformed")
    value = json.loads(envelope.data) | {"payloadType": IN_TOTO}
    refused(decided(world, scan=json.dumps(value).encode()), "bad-signature")


@case("147")
def test_a_clean_report_about_an_earlier_commit_is_not_about_this_one(world: World) -> None:
    earlier = asked(world)
    world.commit({"src/app.py": "print('worse')\n"})
    world.approve("erin")
    assert f"gitCommit {earlier[:12]}" in refused(
        decided(world, scan=signed(earlier)), "other-commit"
    )


@case("147")
@pytest.mark.parametrize(
    ("algorithm", "counts"),
    [("gitCommit", True), ("gitTree", False), ("sha1", False), ("gitcommit", False)],
)
def test_only_the_digest_that_names_a_commit_names_the_head(
    world: World, algorithm: str, *, counts: bool
) -> None:
    head = asked(world)
    decision = decided(world, scan=signed("", **{algorithm: head}))
    if counts:
        assert decision.outcome == "allow"
    else:
        refused(decision, "other-commit")


@case("147")
def test_a_report_may_be_about_the_tree_that_the_merge_gives(world: World) -> None:
    """That is what forges build and scan; a target that moves on makes it another one."""
    asked(world)
    tree = gathered(world).facts.merged_tree
    assert tree is not None
    scan = signed("", gitTree=tree)
    assert decided(world, scan=scan).outcome == "allow"
    world.on_main({"docs/index.md": "# Moved on\n"})
    refused(decided(world, scan=scan), "other-commit")


@case("147")
def test_a_report_of_another_kind_does_not_count(world: World) -> None:
    head = asked(world, check_file(kind="https://acme.example/trivy/v1"))
    refused(decided(world, scan=signed(head)), "other-predicate")
    assert (
        decided(world, scan=signed(head, kind="https://acme.example/trivy/v1")).outcome == "allow"
    )


@case("147")
def test_one_report_is_not_two(world: World) -> None:
    """Two checks that one key signs for would not load; with two keys one envelope can do it."""
    world.on_main({"policies/lint.yaml": check_file("lint", OTHER)})
    head = asked(world)
    both = json.loads(signed(head))
    both["signatures"] += json.loads(signed(head, by=OTHER))["signatures"]
    envelope = json.dumps(both).encode()
    decision = decided(world, scan=envelope, lint=envelope)
    assert decision.outcome == "pending"
    assert {one.code for one in decision.reports} == {"duplicate"}
    assert decided(world, scan=signed(head), lint=signed(head, by=OTHER)).outcome == "pending"
    different = signed(head, "x", by=OTHER)
    assert decided(world, scan=signed(head), lint=different).outcome == "deny"


@case("147")
def test_checks_whose_reports_could_be_exchanged_do_not_load(world: World) -> None:
    asked(world)
    world.on_main({"policies/lint.yaml": check_file("lint")})
    assert world.refusal() == "invalid-policy-set"
    world.on_main({"policies/lint.yaml": check_file("lint", kind="https://acme.example/lint/v1")})
    assert world.check().outcome == "pending"


@case("147")
def test_the_head_cannot_say_whose_signature_counts(world: World) -> None:
    """Neither by another key, nor by asking for none: the target's own policies judge as well."""
    world.on_main({"policies/scan.yaml": check_file()})
    for proposed in (
        check_file(key=OTHER),
        check_file().partition(", signed:")[0] + "}\n",
        None,
    ):
        files = {"src/app.py": "print('new')\n"}
        if proposed is not None:
            files["policies/scan.yaml"] = proposed
        world.propose(files, scope='"**"')
        if proposed is None:
            world.repo.remove("policies/scan.yaml")
            world.commit({})
        world.approve("bob", "carol")
        head = world.repo.tip("feature")
        decision = decided(world, scan=signed(head, by=OTHER))
        target = [one for one in decision.reports if one.side == "target"]
        assert [one.code for one in target] == ["other-key"]
        assert decision.outcome == "pending"
        world.repo.checkout("main")
        world.repo.git("branch", "-D", "feature")


@case("147")
def test_a_key_is_replaced_by_a_change_that_both_keys_sign(world: World) -> None:
    world.on_main({"policies/scan.yaml": check_file()})
    head = world.propose({"policies/scan.yaml": check_file(key=NEW)}, scope='"**"')
    world.approve("bob", "carol")
    assert decided(world, scan=signed(head)).outcome == "pending"
    assert decided(world, scan=signed(head, by=NEW)).outcome == "pending"
    both = json.loads(signed(head))
    both["signatures"] += json.loads(signed(head, by=NEW))["signatures"]
    decision = decided(world, scan=json.dumps(both).encode())
    assert decision.outcome == "allow"
    assert {(one.side, one.key) for one in decision.reports} == {
        ("target", SCANNER.fingerprint),
        ("proposed", NEW.fingerprint),
    }


@case("147")
@pytest.mark.parametrize("expect", ['"scan" in evidence.checks', '!("scan" in evidence.failed)'])
def test_a_rule_sees_no_report_that_does_not_count(world: World, expect: str) -> None:
    rules = (
        "apiVersion: itil-gate/v1\nkind: RuleSet\n"
        "metadata: {name: own, owner: change-authority, reviewBy: 2027-01-01}\n"
        "spec:\n  rules:\n"
        f"    - {{id: scanned, expect: '{expect}', message: nobody scanned it, "
        "remedy: Scan it., enforcement: soft, rationale: A test.}\n"
    )
    world.on_main({"policies/own.yaml": rules})
    head = asked(world, check_file(enforcement="advisory"))
    assert decided(world, scan=signed(head)).outcome == "allow"
    decision = decided(world, scan=signed(head, by=OTHER))
    assert broken(decision) == {"scanned"}


@case("147")
def test_the_decision_is_made_again_without_the_report(world: World) -> None:
    """What was signed, by which key, and about what is sealed with the other facts."""
    head = asked(world)
    inputs = gathered(world, scan=signed(head))
    again = Inputs.model_validate_json(inputs.model_dump_json())
    assert decide(again) == decide(inputs)
    assert decide(again).reports[0].key == SCANNER.fingerprint


def test_a_report_in_an_envelope_does_where_no_signature_is_asked_for(world: World) -> None:
    """So signing can begin before it is asked for."""
    head = asked(world, check_file().partition(", signed:")[0] + "}\n")
    assert decided(world, scan=signed(head)).outcome == "allow"
    assert decided(world, scan=signed(head, "x")).outcome == "deny"
    assert decided(world, scan=json.dumps(sarif()).encode()).outcome == "allow"
