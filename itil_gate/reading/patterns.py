"""What the patterns of the nouns ask for, in words; for messages and for the JSON Schemas."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import StringConstraints

from itil_gate.model.base import (
    Duration,
    EntityName,
    Glob,
    Line,
    Name,
    Oid,
    RefName,
    RuleId,
    Sha256,
    Text,
    Timezone,
)
from itil_gate.model.calendar import RRule
from itil_gate.model.change import ChangeId
from itil_gate.model.change import Path as ChangePath
from itil_gate.model.change_model import FieldPath
from itil_gate.model.config import ApiUrl, ForgeProject, RepoPath
from itil_gate.model.people import Email, PublicKey


def _pattern(annotation: Any) -> str:
    """Return the pattern of an annotated text type."""
    for part in get_args(annotation)[1:]:
        if isinstance(part, StringConstraints) and isinstance(part.pattern, str):
            return part.pattern
    raise TypeError(f"{annotation} has no pattern")


GLOB, PUBLIC_KEY, TIMEZONE = _pattern(Glob), _pattern(PublicKey), _pattern(Timezone)
PATTERNS: dict[str, str] = {
    _pattern(Text): "a text that is not blank",
    _pattern(Line): "one line of text that is not blank",
    _pattern(Name): "a name of lower-case letters, digits, '.', '_' and '-', beginning with a "
    "letter or digit, at most 100 characters long",
    _pattern(EntityName): "a name of letters, digits, '.', '_' and '-', beginning and ending with "
    "a letter or digit, at most 63 characters long",
    GLOB: "a glob from the root of the repository, such as src/**",
    _pattern(RefName): "a full ref name such as refs/heads/main",
    _pattern(Oid): "a full git object id of 40 or 64 hexadecimal digits in lower case",
    _pattern(Sha256): "a SHA-256 of 64 hexadecimal digits in lower case",
    TIMEZONE: "a zone name such as Europe/Berlin, America/New_York or UTC",
    _pattern(Duration): "a length of time such as 30m, 24h or 2d",
    _pattern(RRule): "an RFC 5545 recurrence rule such as FREQ=WEEKLY;BYDAY=FR",
    _pattern(ChangeId): "an id of the form CHG-<year>-<8 characters of Crockford base32>, such as "
    "CHG-2026-7K3QX9ZB; I, L, O and U are not among the characters",
    r"^(CHG-[0-9]{4}-[0-9A-HJKMNP-TV-Z]{8}|STD-[a-z0-9][a-z0-9._-]{0,99}-[0-9a-f]{12})$": "an id "
    "of a change: CHG-… of a request, or STD-… of a recognised standard change",
    _pattern(ChangePath): "a path from the root of the repository, such as reports/junit.xml",
    _pattern(RepoPath): "a path from the root of the repository, of letters, digits, '.', '_', "
    "'-' and '/', such as policies/team",
    _pattern(ApiUrl): "the base of an API without a slash at its end, such as "
    "https://api.github.com; http only for this machine",
    _pattern(ForgeProject): "a repository of the forge as owner/name, or its number",
    _pattern(Email): "an e-mail address such as alice@example.com",
    _pattern(FieldPath): "the path of a field of a request, such as spec.plans.backout.steps",
    PUBLIC_KEY: "an OpenSSH public key on one line, such as ssh-ed25519 AAAA… alice",
    _pattern(RuleId): "the id of a rule, such as in-freeze",
    r"^backstage\.io/v1(alpha1|beta1)?$": "a Backstage version such as backstage.io/v1alpha1",
}
"""What each pattern of the nouns asks for, to be read after "write"."""
