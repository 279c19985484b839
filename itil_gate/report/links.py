"""Where people read more: the addresses of rule pages. Nothing is fetched from here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from itil_gate.model.decision import RuleState

HOME = "https://itil-gate.dev/"
RULES = "https://itil-gate.dev/rules/"


_PLAIN_URL = re.compile(r"https://[A-Za-z0-9.-]+(?::[0-9]+)?(?:[/?#][A-Za-z0-9._~/?#@!$&+,;=%-]*)?")


def state_url(state: RuleState) -> str:
    """Return where to read more about a judged rule; empty if its rule set does not say.

    What a rule set names is linked only if it is a plain address: a pull request may propose it.
    """
    if not state.policy:
        return rule_url(state.rule)
    return state.docs if _PLAIN_URL.fullmatch(state.docs) else ""


def rule_url(rule: str) -> str:
    """Return the address of a rule's page.

    The name is percent-encoded, so that a name with a slash or a question mark cannot lead
    elsewhere on the site; a name of nothing but dots gets the list of rules.
    """
    return RULES + quote(rule, safe="") if rule.strip(".") else RULES
