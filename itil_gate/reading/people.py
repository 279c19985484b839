"""Whether a roster says of every account, e-mail and key whose it is, and who answers for whom.

An identity that two people share proves nothing about either, so it is refused.
"""

from __future__ import annotations

import re
import unicodedata
from base64 import b64decode
from binascii import Error as Base64Error
from typing import TYPE_CHECKING

from itil_gate.model.errors import SourceError
from itil_gate.model.finding import Effect, Finding
from itil_gate.model.people import PEER, People, Person
from itil_gate.reading.read import read, source_finding
from itil_gate.reading.yaml import parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from itil_gate.reading.document import Document, Path


_ONE_ID = "give each person an id of their own"
_ONCE = "list it once"
_ONE_OWNER = "list it under the one person whose it is"


def read_people(text: str, *, file: str) -> People | tuple[Finding, ...]:
    """Return the roster, or every finding about it if one of them denies."""
    try:
        document = parse(text, file=file)
    except SourceError as error:
        return (source_finding(error),)
    people = read(document, People)
    if isinstance(people, tuple):
        return people
    findings = check_people(people, document)
    return findings if any(finding.effect == "deny" for finding in findings) else people


def check_people(people: People, document: Document) -> tuple[Finding, ...]:
    """Return what the roster's own rules find; look-alike names are advice, the rest denies."""
    return (
        *_identities(people, document),
        *_keys(people, document),
        *_sponsors(people, document),
        *_roles(people, document),
        *_delegations(people, document),
        *_look_alikes(people, document),
    )


def _find(
    document: Document,
    path: Path,
    words: tuple[str, str, str],
    *,
    effect: Effect = "deny",
) -> Finding:
    rule, message, remedy = words
    return Finding(
        rule=rule, message=message, remedy=remedy, effect=effect, place=document.place(path)
    )


def _identities(people: People, document: Document) -> Iterator[Finding]:
    owners: dict[tuple[str, str], str] = {}
    for index, person in enumerate(people.persons):
        for kind, identity, shown, path in _identities_of(person, index):
            owner = owners.get((kind, identity))
            owners.setdefault((kind, identity), person.id)
            if owner is None:
                continue
            if kind == "person id":
                words = ("duplicate-person", f"the person id {shown} is given twice", _ONE_ID)
            elif owner == person.id:
                words = ("shared-identity", f"{person.id} has the {kind} {shown} twice", _ONCE)
            else:
                said = f"the {kind} {shown} belongs to {owner} and to {person.id}"
                words = ("shared-identity", said, _ONE_OWNER)
            yield _find(document, path, words)


def _identities_of(person: Person, index: int) -> Iterator[tuple[str, str, str, Path]]:
    """Return what identifies a person: the sort, its comparable form, how to show it, where."""
    here: Path = ("persons", index)
    yield "person id", person.id, person.id, (*here, "id")
    for at, email in enumerate(person.emails):
        yield "e-mail", email.casefold(), email, (*here, "emails", at)
    for at, account in enumerate(person.accounts):
        shown = f"{account.login} ({account.id}) on {account.forge}"
        identity = f"{account.forge.casefold()} {account.id}"
        yield "account", identity, shown, (*here, "accounts", at)
    for at, key in enumerate(person.keys):
        blob = key.split(" ", 2)[1]
        yield "key", blob.rstrip("="), f"{key.split(' ', 1)[0]} …{blob[-12:]}", (*here, "keys", at)


def _keys(people: People, document: Document) -> Iterator[Finding]:
    for index, person in enumerate(people.persons):
        for at, key in enumerate(person.keys):
            kind, blob = key.split(" ", 2)[:2]
            if not _is_key(kind, blob):
                said = f"a key of {person.id} is not a whole {kind} key"
                hint = "copy the line from the .pub file again"
                yield _find(document, ("persons", index, "keys", at), ("broken-key", said, hint))


def _is_key(kind: str, blob: str) -> bool:
    """Tell whether a key's blob is base64 and begins with its own type (RFC 4253, 6.6)."""
    try:
        data = b64decode(blob, validate=True)
    except Base64Error:
        return False
    name = kind.encode()
    head = len(name).to_bytes(4, "big") + name
    return data.startswith(head) and len(data) > len(head)


def _sponsors(people: People, document: Document) -> Iterator[Finding]:
    kinds = {person.id: person.kind for person in people.persons}
    for index, person in enumerate(people.persons):
        here: Path = ("persons", index)
        if person.sponsor is not None and person.sponsor not in kinds:
            yield _find(document, (*here, "sponsor"), _unknown("sponsor", person.sponsor))
        elif person.sponsor is not None and kinds[person.sponsor] != "human":
            said = f"{person.sponsor}, the sponsor of {person.id}, is not human"
            words = ("agent-without-sponsor", said, "name a human who answers for it")
            yield _find(document, (*here, "sponsor"), words)
        elif person.kind == "agent" and person.sponsor is None:
            said = f"the agent {person.id} has no sponsor"
            words = ("agent-without-sponsor", said, "add sponsor: the human who answers for it")
            yield _find(document, here, words)


def _unknown(what: str, name: str) -> tuple[str, str, str]:
    return (
        "unlisted-person",
        f"the {what} {name} is not among the persons",
        "add the person, or correct the id",
    )


def _roles(people: People, document: Document) -> Iterator[Finding]:
    known = {person.id for person in people.persons}
    for index, grant in enumerate(people.roles):
        if grant.role == PEER:
            said = "the role peer is built in: every human in this file holds it"
            words = ("reserved-role", said, "give the role another name")
            yield _find(document, ("roles", index, "role"), words)
        for at, member in enumerate(grant.members):
            if member not in known:
                yield _find(document, ("roles", index, "members", at), _unknown("member", member))


def _delegations(people: People, document: Document) -> Iterator[Finding]:
    known = {person.id for person in people.persons}
    for index, delegation in enumerate(people.delegations):
        here: Path = ("delegations", index)
        for key, name in (("delegator", delegation.delegator), ("delegate", delegation.delegate)):
            if name not in known:
                yield _find(document, (*here, key), _unknown(key, name))
        if delegation.delegator == delegation.delegate:
            said = f"{delegation.delegate} delegates to themselves"
            words = ("wrong-delegation", said, "name another person as the delegate")
            yield _find(document, (*here, "delegate"), words)
        if delegation.end <= delegation.start:
            said = "the delegation ends before it begins"
            words = ("wrong-delegation", said, "let end lie after start")
            yield _find(document, (*here, "end"), words)


_CONFUSABLE = {
    ord(strange): latin
    for latin, strangers in {
        "A": "\u0410\u0391",
        "B": "\u0412\u0392",
        "C": "\u0421",
        "E": "\u0415\u0395",
        "G": "\u050c",
        "H": "\u041d\u0397",
        "I": "\u0406\u0399",
        "J": "\u0408",
        "K": "\u041a\u039a",
        "M": "\u041c\u039c",
        "N": "\u039d",
        "O": "\u041e\u039f",
        "P": "\u0420\u03a1",
        "Q": "\u051a",
        "S": "\u0405",
        "T": "\u0422\u03a4",
        "W": "\u051c",
        "X": "\u0425\u03a7",
        "Y": "\u0423\u03a5",
        "Z": "\u0396",
        "a": "\u0430\u03b1",
        "b": "\u042c\u0432\u044c",
        "c": "\u0441",
        "d": "\u0501",
        "e": "\u0435\u03b5",
        "h": "\u04bb\u043d",
        "i": "\u0456\u03b9",
        "j": "\u0458",
        "k": "\u043a\u03ba",
        "l": "\u04cf",
        "m": "\u043c",
        "n": "\u043f",
        "o": "\u043e\u03bf",
        "p": "\u0440\u03c1",
        "q": "\u051b",
        "r": "\u0433",
        "s": "\u0455",
        "t": "\u0442\u03c4",
        "u": "\u03c5",
        "v": "\u0475\u03bd",
        "w": "\u051d",
        "x": "\u0445\u03c7",
        "y": "\u0443\u03b3",
    }.items()
    for strange in strangers
}
"""Cyrillic and Greek letters by the Latin letter they look like."""
_TALL = re.compile(r"(?<=\w)[I1|](?=[a-z])|(?<=[a-z])[I1|]")
_ROUND = re.compile(r"(?<=\w)0")


def _look_alikes(people: People, document: Document) -> Iterator[Finding]:
    seen: dict[str, Person] = {}
    for index, person in enumerate(people.persons):
        form = looks_like(person.name)
        other = seen.setdefault(form, person)
        if other is not person:
            said = (
                f"the names of {other.id} and {person.id} look alike: {other.name}, {person.name}"
            )
            words = ("look-alike-name", said, "tell them apart, for example by a middle name")
            yield _find(document, ("persons", index, "name"), words, effect="advise")


def looks_like(name: str) -> str:
    """Return a form that is equal for names a reader may take for the same (NFKC, confusables)."""
    composed = unicodedata.normalize("NFKC", name)
    visible = "".join(c for c in composed if unicodedata.category(c) != "Cf")
    latin = _ROUND.sub("o", _TALL.sub("l", visible.translate(_CONFUSABLE)))
    return " ".join(latin.casefold().split())
