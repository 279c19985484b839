"""Where people read more: the addresses of rule pages. Nothing is fetched from here."""

from __future__ import annotations

from urllib.parse import quote

HOME = "https://itil-gate.dev/"
RULES = "https://itil-gate.dev/rules/"


def rule_url(rule: str) -> str:
    """Return the address of a rule's page.

    The name is percent-encoded, so that a name with a slash or a question mark cannot lead
    elsewhere on the site; a name of nothing but dots gets the list of rules.
    """
    return RULES + quote(rule, safe="") if rule.strip(".") else RULES
