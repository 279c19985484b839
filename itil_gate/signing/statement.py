"""Signed statements: files of the approvals branch, read without believing a byte of them.

A file is the RFC 8785 form of an in-toto Statement, one newline and an armored SSHSIG over the
bytes before that newline, so that plain `ssh-keygen -Y verify` checks it too. It is named
`<folder>/<SHA-256 of the signed bytes>.stmt`; the folder is the change id of an approval, else
`vouch`, `override`, `retro` or `correction`.

One statement has one spelling. Refused are JSON that is not byte for byte its own RFC 8785 form
(duplicate keys among it), keys the model does not know or knows by another name, moments other
than `…Z`, a name that does not fit the content, and subjects that say something else than the
predicate. Whether the signer is who the predicate says is decided elsewhere.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import rfc8785
from pydantic import ValidationError

from itil_gate.model.facts import StatementFact
from itil_gate.model.statement import (
    APPROVAL_NAMESPACE,
    APPROVAL_TYPE,
    CORRECTION_FOLDER,
    CORRECTION_NAMESPACE,
    CORRECTION_TYPE,
    OVERRIDE_FOLDER,
    OVERRIDE_NAMESPACE,
    OVERRIDE_TYPE,
    RETRO_FOLDER,
    RETRO_NAMESPACE,
    RETRO_TYPE,
    STATEMENT_TYPE,
    VOUCH_FOLDER,
    VOUCH_NAMESPACE,
    VOUCH_TYPE,
    ApprovalPredicate,
    ApprovalStatement,
    CorrectionPredicate,
    CorrectionStatement,
    OverridePredicate,
    OverrideStatement,
    RetroApprovalPredicate,
    RetroApprovalStatement,
    Subject,
    VouchPredicate,
    VouchStatement,
)
from itil_gate.signing.sshsig import parse_armored, verify_armored
from itil_gate.signing.wire import WireError

if TYPE_CHECKING:
    from typing import Literal

    from itil_gate.signing.sshsig import Status, Verification

Statement = (
    ApprovalStatement
    | VouchStatement
    | OverrideStatement
    | RetroApprovalStatement
    | CorrectionStatement
)

MAX_BYTES = 256 * 1024
MAX_DEPTH = 64
SUFFIX = ".stmt"
_MAX_DETAIL = 500


class StatementError(ValueError):
    """The bytes are no statement file, or the value is none that can be written as one."""


def approval_statement(predicate: ApprovalPredicate) -> ApprovalStatement:
    """Return the statement of an approval, about the request file and the head of the change."""
    subject = (
        Subject(name=predicate.request_path, digest={"sha256": predicate.request}),
        Subject(name=predicate.target, digest={"gitCommit": predicate.head}),
    )
    return ApprovalStatement(
        type_=STATEMENT_TYPE, subject=subject, predicate_type=APPROVAL_TYPE, predicate=predicate
    )


def vouch_statement(predicate: VouchPredicate) -> VouchStatement:
    """Return the statement of a vouch, about one commit of the repository."""
    subject = (Subject(name=predicate.repository, digest={"gitCommit": predicate.commit}),)
    return VouchStatement(
        type_=STATEMENT_TYPE, subject=subject, predicate_type=VOUCH_TYPE, predicate=predicate
    )


def override_statement(predicate: OverridePredicate) -> OverrideStatement:
    """Return the statement of an override, about the head or the commit that it binds."""
    bound = predicate.head or predicate.commit or ""
    subject = (Subject(name=predicate.target, digest={"gitCommit": bound}),)
    return OverrideStatement(
        type_=STATEMENT_TYPE, subject=subject, predicate_type=OVERRIDE_TYPE, predicate=predicate
    )


def retro_statement(predicate: RetroApprovalPredicate) -> RetroApprovalStatement:
    """Return the statement of an approval after the fact, about the commit that landed."""
    subject = (Subject(name=predicate.target, digest={"gitCommit": predicate.after}),)
    return RetroApprovalStatement(
        type_=STATEMENT_TYPE, subject=subject, predicate_type=RETRO_TYPE, predicate=predicate
    )


def correction_statement(predicate: CorrectionPredicate) -> CorrectionStatement:
    """Return the statement of a correction, about the commit that landed."""
    subject = (Subject(name=predicate.target, digest={"gitCommit": predicate.after}),)
    return CorrectionStatement(
        type_=STATEMENT_TYPE, subject=subject, predicate_type=CORRECTION_TYPE, predicate=predicate
    )


def namespace_of(statement: Statement) -> str:
    """Return the SSHSIG namespace in which this statement is signed."""
    return _NAMESPACES[statement.predicate_type]


def signed_bytes(statement: Statement) -> bytes:
    """Return the bytes that are signed: the RFC 8785 form; fields that are None are left out."""
    return canonical(statement.model_dump(mode="json", by_alias=True, exclude_none=True))


def path_of(statement: Statement) -> str:
    """Return the path of the statement's file on the approvals branch."""
    return f"{_folder(statement)}/{hashlib.sha256(signed_bytes(statement)).hexdigest()}{SUFFIX}"


def compose(statement: Statement, armored: str) -> bytes:
    """Return the file of a statement and the armored signature of its `signed_bytes`.

    Raises StatementError if `armored` is not an armored SSHSIG; it is not verified.
    """
    try:
        parse_armored(armored)
    except WireError as error:
        raise StatementError(str(error)) from error
    return signed_bytes(statement) + b"\n" + armored.encode("ascii")


def split(data: bytes) -> tuple[bytes, str]:
    """Return the signed bytes and the armored signature of a file; StatementError if it has none.

    Canonical JSON holds no raw newline, so the first newline ends the signed bytes.
    """
    if len(data) > MAX_BYTES:
        raise StatementError(f"the file has {len(data)} bytes; a statement has at most {MAX_BYTES}")
    signed, newline, armored = data.partition(b"\n")
    if not newline:
        raise StatementError("the file is one line; a newline and a signature follow a statement")
    try:
        return signed, armored.decode("ascii")
    except UnicodeDecodeError as error:
        raise StatementError("the signature below the statement is not ASCII") from error


def canonical(value: Any) -> bytes:
    """Return the RFC 8785 form of a JSON value, in UTF-8.

    Raises StatementError for what JSON or RFC 8785 cannot express: other types, numbers beyond
    2^53, NaN, lone surrogates.
    """
    try:
        return rfc8785.dumps(value)
    except ValueError as error:
        raise StatementError(f"the value has no canonical form: {error}") from error


def read_statement(path: str, data: bytes) -> StatementFact:
    """Return what a file of the approvals branch says and what its signature proves.

    It never raises, whatever the bytes. Only a `good` fact carries a predicate; then the key
    with `fingerprint` signed exactly this statement, in the namespace of its type.
    """
    digest = hashlib.sha256(data.partition(b"\n")[0]).hexdigest()
    fact = StatementFact(
        path=path.encode("utf-8", "backslashreplace").decode("utf-8"),
        digest=digest,
        status="malformed",
        text=_text(data),
    )
    try:
        signed, armored = split(data)
        statement = _read(signed)
        _check_path(path, statement, digest)
    except StatementError as error:
        return fact.model_copy(update={"detail": str(error)[:_MAX_DETAIL]})
    found = verify_armored(armored, message=signed, namespace=namespace_of(statement))
    return _judged(fact, statement, found)


def _judged(fact: StatementFact, statement: Statement, found: Verification) -> StatementFact:
    update: dict[str, object] = {
        "status": _STATUS[found.status],
        "detail": found.detail,
        "fingerprint": found.fingerprint,
    }
    if found.status == "good":
        update[_FIELDS[statement.predicate_type]] = statement.predicate
    return fact.model_copy(update=update)


def _text(data: bytes) -> str:
    """Return the file word for word, or nothing if it is too large or not text at all."""
    if len(data) > MAX_BYTES:
        return ""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return ""


def _folder(statement: Statement) -> str:
    if isinstance(statement, ApprovalStatement):
        return statement.predicate.change
    return SHARED_FOLDERS[statement.predicate_type]


def _check_path(path: str, statement: Statement, digest: str) -> None:
    expected = f"{_folder(statement)}/{digest}{SUFFIX}"
    if path != expected:
        raise StatementError(f"by its content the file belongs at {expected}")


def _read(signed: bytes) -> Statement:
    value = _parse(signed)
    if canonical(value) != signed:
        raise StatementError("the statement is not in its RFC 8785 form, byte for byte")
    predicate_type = value.get("predicateType") if isinstance(value, dict) else None
    model = _MODELS.get(predicate_type) if isinstance(predicate_type, str) else None
    if model is None:
        raise StatementError(f"the predicateType is not one of {', '.join(_MODELS)}")
    try:
        statement = model.model_validate_json(signed)
    except ValidationError as error:
        raise StatementError(_summary(error)) from error
    again = statement.model_dump(mode="json", by_alias=True, exclude_unset=True)
    if canonical(again) != signed:
        raise StatementError("a field is known by another name or written in another form")
    if statement.subject != _built(statement).subject:
        raise StatementError("the subjects of the statement are not those of its predicate")
    return statement


def _built(statement: Statement) -> Statement:
    match statement:
        case ApprovalStatement():
            return approval_statement(statement.predicate)
        case OverrideStatement():
            return override_statement(statement.predicate)
        case RetroApprovalStatement():
            return retro_statement(statement.predicate)
        case CorrectionStatement():
            return correction_statement(statement.predicate)
        case _:
            return vouch_statement(statement.predicate)


def _parse(signed: bytes) -> Any:
    too_deep = f"the statement is nested deeper than {MAX_DEPTH} levels"
    try:
        text = signed.decode("utf-8")
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    except StatementError:
        raise
    except RecursionError as error:
        raise StatementError(too_deep) from error
    except ValueError as error:
        raise StatementError(f"the statement is not JSON in UTF-8: {error}") from error
    if _deeper(value, MAX_DEPTH):
        raise StatementError(too_deep)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise StatementError("the statement has a key twice in one object")
    return value


def _constant(name: str) -> Any:
    raise StatementError(f"{name} is not JSON")


def _deeper(value: Any, levels: int) -> bool:
    """Whether lists and objects are nested more than `levels` deep; level by level, unrecursive."""
    inside = [value]
    for _ in range(levels + 1):
        lists = [item for item in inside if isinstance(item, list)]
        objects = [item.values() for item in inside if isinstance(item, dict)]
        inside = [child for group in (*lists, *objects) for child in group]
        if not inside:
            return False
    return True


def _summary(error: ValidationError) -> str:
    """Return the first faults a model found, without the values, which are a stranger's."""
    faults = error.errors(include_url=False, include_input=False, include_context=False)
    places = (f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}" for fault in faults)
    return "; ".join(list(places)[:3])


_MODELS: dict[str, type[Statement]] = {
    APPROVAL_TYPE: ApprovalStatement,
    VOUCH_TYPE: VouchStatement,
    OVERRIDE_TYPE: OverrideStatement,
    RETRO_TYPE: RetroApprovalStatement,
    CORRECTION_TYPE: CorrectionStatement,
}
_NAMESPACES = {
    APPROVAL_TYPE: APPROVAL_NAMESPACE,
    VOUCH_TYPE: VOUCH_NAMESPACE,
    OVERRIDE_TYPE: OVERRIDE_NAMESPACE,
    RETRO_TYPE: RETRO_NAMESPACE,
    CORRECTION_TYPE: CORRECTION_NAMESPACE,
}
SHARED_FOLDERS = {
    VOUCH_TYPE: VOUCH_FOLDER,
    OVERRIDE_TYPE: OVERRIDE_FOLDER,
    RETRO_TYPE: RETRO_FOLDER,
    CORRECTION_TYPE: CORRECTION_FOLDER,
}
"""By predicate type, the folder of statements that are not filed under their change."""
_FIELDS = {
    APPROVAL_TYPE: "approval",
    VOUCH_TYPE: "vouch",
    OVERRIDE_TYPE: "override",
    RETRO_TYPE: "retro",
    CORRECTION_TYPE: "correction",
}
"""By predicate type, where a fact holds what was signed."""
_STATUS: dict[
    Status, Literal["good", "malformed", "bad-signature", "unsupported-key", "wrong-namespace"]
] = {
    "good": "good",
    "malformed": "malformed",
    "bad-signature": "bad-signature",
    "unsupported": "unsupported-key",
    "wrong-namespace": "wrong-namespace",
}
