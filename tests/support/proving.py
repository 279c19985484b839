"""A small set of policies and a policy test about it, for tests of what proves policies."""

from __future__ import annotations

from itil_gate.model.config import Config
from itil_gate.model.policy import Source
from itil_gate.prove import testing

CONFIG = Config(api_version="itil-gate/v1", kind="Config", repository="example.com/acme/shop")
METADATA = "owner: authority, reviewBy: 2099-01-01"
RISK = f"""\
apiVersion: itil-gate/v1
kind: RiskModel
metadata: {{name: risk, {METADATA}}}
spec:
  floors:
    - {{id: schema, paths: [db/**], level: high, reason: Data are hard to bring back.}}
"""
APPROVALS = f"""\
apiVersion: itil-gate/v1
kind: ApprovalPolicy
metadata: {{name: approvals, {METADATA}}}
spec:
  requirements:
    - {{id: review, levels: [low, medium], role: peer}}
    - {{id: board, levels: [high, critical], role: authority, min: 2}}
"""
RULES = f"""\
apiVersion: itil-gate/v1
kind: RuleSet
metadata: {{name: rules, {METADATA}}}
spec:
  rules:
    - id: reason-too-short
      when: risk.rank >= 2
      expect: size(change.spec.reason) >= 10
      message: the reason has ${{string(size(change.spec.reason))}} characters
"""
POLICIES = {
    "policies/risk.yaml": RISK,
    "policies/approvals.yaml": APPROVALS,
    "policies/rules.yaml": RULES,
}
HEAD = """\
apiVersion: itil-gate/v1
kind: PolicyTest
metadata: {name: sample}
spec:
  now: 2026-03-02T12:00:00Z
  people: {alice: [], bob: [], carol: [authority], dave: [authority]}
  services: [{name: shop, tier: 2, paths: [src/**, db/**]}]
  facts: {author: alice, diff: [{path: src/app.py}]}
"""
THOROUGH = (
    HEAD
    + """\
  base: {spec: {reason: ten chars.}}
  cases:
    - name: a small change waits for one colleague
      expect: {outcome: pending, lane: peer, level: low, missing: [peer]}
    - name: a small change passes with one colleague
      facts: {approvals: [{by: bob}]}
      expect: {outcome: allow, rules: {reason-too-short: NOT_APPLICABLE}, missing: []}
    - name: a raised risk asks for one colleague too
      patch: {spec: {risk: medium}}
      expect:
        outcome: pending
        level: medium
        rules: {reason-too-short: NOT_APPLICABLE}
        missing: [peer]
    - name: data need two of the authority
      facts: {diff: [{path: db/a.sql}], approvals: [{by: carol}]}
      expect: {outcome: pending, lane: board, level: high, missing: [authority]}
    - name: two of the authority are enough
      facts: {diff: [{path: db/a.sql}], approvals: [{by: carol}, {by: dave}]}
      expect: {outcome: allow, rules: {reason-too-short: SATISFIED}}
    - name: a reason of nine characters is too short
      patch: {spec: {reason: nine char, risk: critical}}
      facts: {approvals: [{by: carol}, {by: dave}]}
      expect: {outcome: deny, level: critical, rules: {reason-too-short: UNSATISFIED}, missing: []}
    - name: a critical change needs two of the authority
      patch: {spec: {reason: long enough, risk: critical}}
      expect: {outcome: pending, level: critical, missing: [authority, authority]}
"""
)


def source(path: str, text: str) -> Source:
    return Source(path=path, blob="", text=text)


def policies(**changed: str) -> tuple[Source, ...]:
    """Return the policies, some of their files changed; names are those of the files."""
    texts = POLICIES | {f"policies/{name}.yaml": text for name, text in changed.items()}
    return tuple(source(path, text) for path, text in texts.items() if text)


def suite(text: str = THOROUGH, **changed: str) -> testing.Suite:
    """Return the tests of one file about the policies."""
    tests, faults = testing.read_tests([source("policies/tests/sample.yaml", text)])
    assert not faults, faults
    return testing.Suite(tests, policies(**changed), CONFIG)


def only_case(case: str, **changed: str) -> testing.CaseResult:
    """Return how a single case comes out; its lines are written without indentation."""
    lines = "".join(f"      {line}\n" for line in case.strip().splitlines())
    text = f"{HEAD}  cases:\n    - name: the case\n{lines}"
    (result,) = testing.run_tests(suite(text, **changed))
    return result
