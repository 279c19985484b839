"""One function for each parser that reads strangers' bytes; it raises only for a broken contract.

The contract: any bytes end in a value or in a declared error at a place within the text. An
exception of another kind, a place outside the text, two readings of one text, a form that does not
come back as it was: each raises here. How long it may take is asked by whoever calls.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from fuzz import log_targets
from support.examples import REQUEST
from support.ssh_vectors import armor

from itil_gate.decide.ics_events import happenings
from itil_gate.decide.recurrence import Budget
from itil_gate.expressions.environment import Compiled
from itil_gate.expressions.failure import PolicyError
from itil_gate.expressions.functions import Scene
from itil_gate.expressions.templates import Template, compile_template
from itil_gate.git.diff import content_digest, raw_diff
from itil_gate.git.history import parse_commit
from itil_gate.git.objects import GitObject, ObjectReader, is_oid
from itil_gate.git.paths import to_bytes, to_text
from itil_gate.git.tree import parse_tree
from itil_gate.model.calendar import Interval
from itil_gate.model.change import ChangeRequest
from itil_gate.model.environment import (
    DiffView,
    EvidenceView,
    PeopleView,
    RiskView,
    ScheduleView,
    ServiceView,
)
from itil_gate.model.errors import ConfigError, GateError, HistoryError, SourceError
from itil_gate.model.finding import Finding, Place
from itil_gate.policy.conditions import environment
from itil_gate.reading.document import Document
from itil_gate.reading.ics import read_ics
from itil_gate.reading.read import read_text
from itil_gate.reading.requests import read_request
from itil_gate.reading.yaml import decode, parse, parse_all
from itil_gate.signing.commit import SignedObjectError, commit_signature, split_commit, split_tag
from itil_gate.signing.commit import tag_signature as judge_tag
from itil_gate.signing.keys import (
    UnsupportedError,
    parse_public_key_blob,
    parse_public_key_line,
)
from itil_gate.signing.sshsig import BEGIN, SshSignature, parse_armored, parse_blob, verify
from itil_gate.signing.statement import SUFFIX, StatementError, read_statement, split
from itil_gate.signing.wire import WireError, string

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from itil_gate.expressions.environment import Bindings, Environment
    from itil_gate.model.made import Made

MESSAGE = b"a message\n"
"""What the signatures of the corpus are about, in the namespace `git`."""
OID = "3" * 40
_FILE = "changes/2026/CHG-2026-7K3QX9ZB.yaml"
_DEEPEST_KEY = 1000
_SHOWABLE = ("bool", "int", "string", "list(string)")
_YEAR = Interval(start=datetime(2026, 1, 1, tzinfo=UTC), end=datetime(2027, 2, 1, tzinfo=UTC))


def yaml(data: bytes) -> None:
    """Documents: one reading, one value, places inside the text, and JSON of it reads the same."""
    text = _decoded(data)
    if text is None:
        return
    one, many = _outcome(parse, text), _outcome(parse_all, text)
    assert _same(one, _outcome(parse, text)), "the same text was read in two ways"
    if isinstance(one, SourceError):
        _inside(one.place, text)
    if isinstance(many, SourceError):
        _inside(many.place, text)
        assert isinstance(one, SourceError), "one document was read where many are refused"
        return
    for document in many:
        paths = list(_paths(document.data))[:200]
        for path in paths:
            assert document.has(path), path
            _inside(document.place(path), text)
            _inside(document.key_place(path), text)
    if isinstance(one, Document):
        assert (one.data,) == tuple(each.data for each in many)
        assert _comes_back(one.data), "the JSON of the document reads as something else"


def request(data: bytes) -> None:
    """Change requests: a request or findings, each at a place inside the file."""
    text = _decoded(data)
    if text is None:
        return
    plain = read_text(text, _FILE, ChangeRequest)
    whole = read_request(text, file=_FILE)
    assert whole == read_request(text, file=_FILE), "the same text was read in two ways"
    for found in (plain, whole):
        _findings_inside(found, text)
    if isinstance(whole, ChangeRequest):
        assert whole == plain
        dumped = whole.model_dump(mode="json", by_alias=True)
        assert ChangeRequest.model_validate_json(json.dumps(dumped)) == whole


def sshsig(data: bytes) -> None:
    """Signatures, armored or as a blob: fields that are the blob again, and a judgement."""
    if data.startswith(BEGIN[:5].encode()):
        signature = _refusable(lambda: parse_armored(data.decode("utf-8", "replace")), WireError)
        if signature is not None:
            assert parse_armored(armor(_blob(signature))) == signature
    else:
        signature = _refusable(lambda: parse_blob(data), WireError)
        if signature is not None:
            assert _blob(signature) == data, "the fields are not all of the blob"
    if signature is None:
        return
    for namespace in {"git", signature.namespace}:
        found = verify(signature, message=MESSAGE, namespace=namespace)
        assert found == verify(signature, message=MESSAGE, namespace=namespace)
        if found.status == "good":
            assert found.fingerprint
            other = verify(signature, message=MESSAGE + b"!", namespace=namespace)
            assert other.status == "bad-signature", "the key signed everything"


def key(data: bytes) -> None:
    """Public keys, as a line or as a blob."""
    refused = (WireError, UnsupportedError)
    _refusable(lambda: parse_public_key_line(data.decode("utf-8", "replace")), *refused)
    found = _refusable(lambda: parse_public_key_blob(data), *refused)
    assert found is None or found.blob == data


def statement(data: bytes) -> None:
    """Statement files: a fact about any bytes under any name, good only with what was signed."""
    digest = hashlib.sha256(data.partition(b"\n")[0]).hexdigest()
    folder = _folder(data)
    for path in (f"{folder}/{digest}{SUFFIX}", data[:40].decode("utf-8", "surrogateescape")):
        fact = read_statement(path, data)
        assert fact == read_statement(path, data)
        said = (fact.approval, fact.vouch, fact.override, fact.retro, fact.correction)
        assert sum(one is not None for one in said) == (fact.status == "good")
        assert fact.digest == digest
        json.dumps(fact.model_dump(mode="json")).encode("ascii")
    _refusable(lambda: split(data), StatementError)


def signed(data: bytes) -> None:
    """Raw commits and tags with signatures: nothing between payload and signature is lost."""
    for judge in (commit_signature, judge_tag):
        fact = judge(data)
        assert fact == judge(data)
        assert (fact.status == "good") <= (fact.fingerprint is not None)
    commit = _refusable(lambda: split_commit(data), SignedObjectError)
    if commit is not None and commit.signature is None:
        assert commit.payload == data
    tag = _refusable(lambda: split_tag(data), SignedObjectError)
    if tag is not None:
        assert tag.payload + (tag.signature or b"") == data


def expression(data: bytes) -> None:
    """Expressions in the environment of policies: compiled and with a value, or findings."""
    text = data.decode("utf-8", "surrogateescape")
    made = _compiled(text)
    again = _compiled(text)
    if isinstance(made, tuple):
        assert made, "an expression was refused without a finding"
        assert made == again, "the same text was read in two ways"
        return
    assert isinstance(again, Compiled)
    assert (made.type, made.reads, made.needs) == (again.type, again.reads, again.needs)
    for bindings in _situations():
        value = _refusable(lambda bindings=bindings: made.evaluate(bindings), PolicyError)
        expected = {"bool": bool, "int": int, "string": str, "list(string)": tuple}[made.type]
        assert value is None or type(value) is expected


def template(data: bytes) -> None:
    """Messages with expressions in them."""
    text = data.decode("utf-8", "surrogateescape")
    made = compile_template(text, _environment(), place=_places(text))
    if isinstance(made, Template):
        assert "${" not in text or made.text == text
        for bindings in _situations():
            shown = _refusable(lambda bindings=bindings: made.render(bindings), PolicyError)
            assert shown is None or isinstance(shown, str)
    else:
        assert made, "a message was refused without a finding"


def diff(data: bytes) -> None:
    """What `git diff-tree --raw -z` may print: entries that have a digest, sorted by path."""
    view: Any = SimpleNamespace(
        git=lambda *_: SimpleNamespace(out=data), empty_tree=OID, read_many=tuple
    )
    entries = _refusable(lambda: raw_diff(view, None, OID), HistoryError)
    if entries is None:
        return
    names = [to_bytes(entry.path) for entry in entries]
    assert names == sorted(set(names))
    assert content_digest(entries) == content_digest(reversed(entries))
    for entry in entries:
        assert entry.status in {"A", "D", "M", "T"}
        assert is_oid(entry.old_id), entry
        assert is_oid(entry.new_id), entry
        assert entry.old_mode.isdigit(), entry
        assert entry.new_mode.isdigit(), entry


def tree(data: bytes) -> None:
    """Tree objects: names that no path can escape by, ids of the right length, nothing lost."""
    for oid in ("3" * 40, "3" * 64):
        entries = _refusable(lambda oid=oid: parse_tree(data, oid=oid), HistoryError)
        if entries is None:
            continue
        for name, (mode, child) in entries.items():
            assert name not in {b"", b".", b".."}
            assert not {b"/", b"\0"} & {name[i : i + 1] for i in range(len(name))}
            assert is_oid(child)
            assert len(child) == len(oid)
            assert mode.isdigit()
            assert to_bytes(to_text(name)) == name
        assert sum(len(name) + len(oid) // 2 + 2 for name in entries) < len(data) or not entries


def commit(data: bytes) -> None:
    """Commit objects: whatever they say of people, with a tree and parents that are ids."""
    thing = GitObject(OID, "commit", data)
    found = _refusable(lambda: parse_commit(thing), HistoryError)
    if found is None:
        return
    assert found == parse_commit(thing)
    assert all(map(is_oid, (found.tree, *found.parents)))
    assert found.raw == data
    people = (found.author, found.committer, *found.co_authors)
    assert all(isinstance(each.name, str) and isinstance(each.email, str) for each in people)


def header(data: bytes) -> None:
    """What `git cat-file` may answer before an object's bytes."""
    reader = ObjectReader(Path(), {}, algorithm="sha1", missing_hint="")
    try:
        reader._buffer += data.replace(b"\n", b" ") + b"\n"
        info = _refusable(lambda: reader._header(OID), GateError)
    finally:
        reader.close()
    assert info is None or (info.id == OID and info.size >= 0)


def ics_reading(data: bytes) -> None:
    """Calendar files before they are accepted: findings inside the file."""
    text = _decoded(data)
    if text is None:
        return
    found = read_ics(text, file="freezes.ics")
    _findings_inside(found, text)
    assert found == read_ics(text, file="freezes.ics"), "the same text was read in two ways"


def ics_deciding(data: bytes) -> None:
    """Calendar files when freezes are decided: spans of time, or the line that is wrong."""
    text = data.decode("utf-8", "replace")
    for wide in (True, False):
        found = _occurring(text, wide=wide)
        if isinstance(found, ConfigError):
            assert found.findings
            lines = len(text.splitlines()) + 1
            for each in found.findings:
                assert each.place is not None
                assert 0 <= each.place.line <= lines, each.place
        elif isinstance(found, tuple):
            assert all(each.interval.start < each.interval.end for each in found)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "yaml": yaml,
    "request": request,
    "sshsig": sshsig,
    "key": key,
    "statement": statement,
    "signed": signed,
    "expression": expression,
    "template": template,
    "diff": diff,
    "tree": tree,
    "commit": commit,
    "header": header,
    "ics-reading": ics_reading,
    "ics-deciding": ics_deciding,
    "log-note": log_targets.note,
    "log-proof": log_targets.proof,
    "log-entry": log_targets.entry,
    "log-bundle": log_targets.bundle,
}


def _refusable(read: Callable[[], Any], *refusals: type[Exception]) -> Any:
    """Return what is read, or None if it is refused in a declared way."""
    try:
        return read()
    except refusals as error:
        said = str(error)
    assert said, "a refusal says nothing"
    return None


def _outcome(read: Callable[..., Any], text: str) -> Any:
    try:
        return read(text, file=_FILE)
    except SourceError as error:
        return error


def _same(one: object, other: object) -> bool:
    if isinstance(one, SourceError) and isinstance(other, SourceError):
        return (str(one), one.code, one.place) == (str(other), other.code, other.place)
    return isinstance(one, Document) and isinstance(other, Document) and one.data == other.data


def _decoded(data: bytes) -> str | None:
    text: str | None = _refusable(lambda: decode(data, file=_FILE), SourceError)
    return text


def _inside(place: Place, text: str) -> None:
    lines = text.split("\n")
    assert 1 <= place.line <= len(lines), place
    assert 1 <= place.column <= len(lines[place.line - 1]) + 1, place


def _findings_inside(found: object, text: str) -> None:
    for each in found if isinstance(found, tuple) else ():
        assert isinstance(each, Finding)
        assert each.message, each
        assert each.place is not None, each
        _inside(each.place, text)


def _paths(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield path
    inner: Iterable[tuple[str | int, Any]] = ()
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, tuple):
        inner = enumerate(value)
    for step, item in inner:
        yield from _paths(item, (*path, step))


def _comes_back(value: Any) -> bool:
    """Tell whether a document is the same when it is written as JSON, which is YAML too."""
    if any(len(str(step)) > _DEEPEST_KEY for path in _paths(value) for step in path):
        return True  # YAML allows no longer keys on one line
    return bool(parse(json.dumps(value, ensure_ascii=False), file=_FILE).data == value)


def _blob(found: SshSignature) -> bytes:
    fields = (
        found.key_blob,
        found.namespace.encode(),
        found.reserved,
        found.hash_algorithm.encode(),
        found.signature,
    )
    return b"SSHSIG" + (1).to_bytes(4, "big") + b"".join(map(string, fields))


def _folder(data: bytes) -> str:
    """Return the folder in which a statement belongs, as far as its first line tells."""
    try:
        value = json.loads(data.partition(b"\n")[0])
        return str(value["predicate"]["change"])
    except (ValueError, LookupError, TypeError, RecursionError):
        return "vouch"


def _occurring(text: str, *, wide: bool) -> Any:
    try:
        return happenings(text, file="freezes.ics", within=_YEAR, wide=wide, budget=Budget())
    except ConfigError as error:
        return error
    except GateError as error:
        hint = error.hint
    assert hint, "what would satisfy it is not said"
    return None


def _compiled(text: str) -> Compiled[Any] | tuple[Finding, ...]:
    return _environment().compile(text, expect=_SHOWABLE, place=_places(text))


def _places(text: str) -> Callable[[int], Place]:
    """Return a function from offsets to places that takes none outside the text."""

    def place(offset: int) -> Place:
        assert 0 <= offset <= len(text), f"{offset} is outside a text of {len(text)}"
        return Place(file="rules.yaml", line=1, column=offset + 1)

    return place


@cache
def _environment() -> Environment:
    return environment()


@cache
def _situations() -> tuple[Bindings, ...]:
    """Return a situation with everything, and one with next to nothing."""
    now = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
    change = read_text(REQUEST, _FILE, ChangeRequest)
    assert isinstance(change, ChangeRequest)
    paths = ("db/migrations/7.sql", "src/app.py")
    full = {
        "change": change,
        "diff": _made(DiffView, paths=paths, files=2, added=1, modified=1),
        "services": (
            _made(ServiceView, name="payments-api", tier=1, declared=True, annotations={"a": "1"}),
        ),
        "schedule": _made(ScheduleView, planned=True, start=now, end=now, minutes=30),
        "evidence": _made(EvidenceView, kinds=("tests",), checks=("sast",)),
        "people": _made(PeopleView, contributors=1),
        "now": now,
        "risk": _made(RiskView, level="high", rank=2, score=40, impact=3, likelihood="possible"),
        "lane": "normal",
    }
    bare = full | {
        "services": (),
        "schedule": _made(ScheduleView),
        "evidence": _made(EvidenceView),
        "risk": _made(RiskView, level="low", likelihood="unknown"),
        "lane": "standard",
    }
    return tuple(
        _environment().bind(values, scene=Scene(paths=paths, now=now)) for values in (full, bare)
    )


def _made(kind: type[Made], **values: Any) -> Made:
    """Return a view in which what is not given is nothing; views gain fields now and then."""
    nothing: dict[Any, Any] = {bool: False, int: 0, str: ""}
    for name, field in kind.model_fields.items():
        if field.is_required() and name not in values:
            values[name] = nothing.get(field.annotation, ())
    return kind(**values)
