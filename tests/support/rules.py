"""Rule sets and waivers as cases write them."""

from __future__ import annotations

from support.world import CHG

HEAD = (
    "apiVersion: itil-gate/v1\n"
    "metadata: {name: NAME, owner: change-authority, reviewBy: 2027-01-01}\n"
)


def rule(expect: str, *, name: str = "house-rule", **more: str) -> str:
    """Return one rule, the inside of a flow mapping; `more` are further keys as YAML."""
    words = {"id": name, "expect": f'"{expect}"', "message": "The rule is broken.", **more}
    return ", ".join(f"{key}: {value}" for key, value in words.items())


def rule_set(*rules: str, name: str = "house") -> str:
    """Return a rule set of rules."""
    lines = "".join(f"    - {{{one}}}\n" for one in rules)
    return f"{HEAD.replace('NAME', name)}kind: RuleSet\nspec:\n  rules:\n{lines}"


def waiver(
    *, of: str = "house-rule", by: str = "carol", expires: str = "2026-03-31", change: str = CHG
) -> str:
    """Return a waiver of one rule for one change."""
    return HEAD.replace("NAME", "once") + (
        "kind: Waiver\n"
        "spec:\n"
        f"  rule: {of}\n"
        f"  selector: {{change: {change}}}\n"
        "  reason: There is no other way this once.\n"
        f"  approvedBy: {by}\n"
        "  role: change-authority\n"
        f"  expires: {expires}\n"
    )
