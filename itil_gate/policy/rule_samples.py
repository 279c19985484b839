"""The texts of which the examples of rules about a policy set are made, each a small file."""

from __future__ import annotations


def approvals(*requirements: str, review: str = "2099-01-01") -> str:
    """Return the text of an approval policy with these requirements, each a flow mapping."""
    lines = "".join(f"    - {text}\n" for text in requirements)
    return (
        "apiVersion: itil-gate/v1\nkind: ApprovalPolicy\n"
        f"metadata: {{name: approvals, owner: authority, reviewBy: {review}}}\n"
        f"spec:\n  requirements:\n{lines}"
    )


def calendar(spec: str, *, name: str = "calendar") -> str:
    """Return the text of a calendar."""
    return (
        "apiVersion: itil-gate/v1\nkind: Calendar\n"
        f"metadata: {{name: {name}, owner: authority, reviewBy: 2099-01-01}}\n"
        f"spec: {spec}\n"
    )


def rotation(*lines: str) -> str:
    """Return the text of a standard model for certificates, with more keys of its spec."""
    return (
        "apiVersion: itil-gate/v1\nkind: ChangeModel\n"
        "metadata: {name: rotation, owner: authority, reviewBy: 2099-01-01}\n"
        "spec:\n  type: standard\n  description: A certificate is replaced.\n"
        "  limits: {files: 2, risk: low}\n" + "".join(f"  {line}\n" for line in lines)
    )


def asking(*entries: str) -> str:
    """Return the text of the standard model, asking for these fields."""
    fields = "".join(f"\n    - {entry}" for entry in entries)
    return rotation("paths: [certificates/**]", "expires: 2098-12-31", f"fields:{fields}")


def risk(spec: str) -> str:
    """Return the text of a risk model."""
    return (
        "apiVersion: itil-gate/v1\nkind: RiskModel\n"
        "metadata: {name: risk, owner: authority, reviewBy: 2099-01-01}\n"
        f"spec: {spec}\n"
    )


def floors(*floors: str) -> str:
    """Return the text of a risk model with these floors."""
    return risk("\n  floors:\n" + "\n".join(f"    - {floor}" for floor in floors))


def bands(*bands: str) -> str:
    """Return the text of a risk model with these bands."""
    rows = "".join("    - [10, 20, 30, 40]\n" for _ in range(5))
    return risk(f"\n  impact: {{}}\n  matrix:\n{rows}  bands: [{', '.join(bands)}]")


def house(enforcement: str = "soft") -> str:
    """Return the text of a rule set with one rule of this enforcement."""
    return (
        "apiVersion: itil-gate/v1\nkind: RuleSet\n"
        "metadata: {name: house, owner: authority, reviewBy: 2099-01-01}\n"
        "spec:\n  rules:\n"
        "    - {id: backout-tested, expect: change.spec.significant, message: It was not.,\n"
        f"       enforcement: {enforcement}}}\n"
    )


def waiver(rule: str, selector: str = "{change: CHG-2026-7K3QX9ZB}") -> str:
    """Return the text of a waiver of a rule, to be appended to another document."""
    return (
        "---\napiVersion: itil-gate/v1\nkind: Waiver\n"
        "metadata: {name: once, owner: authority, reviewBy: 2099-01-01}\n"
        f"spec: {{rule: {rule}, selector: {selector},\n"
        "       reason: There is no way back., approvedBy: kim, role: authority,\n"
        "       expires: 2099-01-01}\n"
    )


def profile(spec: str) -> str:
    """Return the text of a profile that lies in a folder `own`."""
    return (
        "apiVersion: itil-gate/v1\nkind: Profile\n"
        "metadata: {name: own, owner: authority, reviewBy: 2099-01-01}\n"
        f"spec: {spec}\n"
    )


ALL = "{id: review, levels: [low, medium, high, critical], role: peer}"
"""A requirement that every change has to meet."""
