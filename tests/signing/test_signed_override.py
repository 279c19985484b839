"""Overrides, approvals after the fact, corrections: one file, one namespace, one meaning each."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from support.ssh_vectors import sign, ssh_keygen_verifies

from itil_gate.model.statement import (
    CorrectionPredicate,
    OverridePredicate,
    RetroApprovalPredicate,
)
from itil_gate.signing.statement import (
    Statement,
    compose,
    correction_statement,
    namespace_of,
    override_statement,
    path_of,
    read_statement,
    retro_statement,
    signed_bytes,
    split,
)

if TYPE_CHECKING:
    from pathlib import Path

    from support.repository import Keyring

NOW = datetime(2026, 11, 25, 22, 0, tzinfo=UTC)
WHERE = {"repository": "git.example.com/payments", "target": "refs/heads/main"}
STATEMENTS: dict[str, Statement] = {
    "override": override_statement(
        OverridePredicate(
            **WHERE,
            stage="merge",
            changes=("CHG-2026-7K3QX9ZB",),
            scope=("Zürich/**",),
            head="1" * 40,
            reason="Down.",
            incident="INC-1",
            signer="carol",
            issued_at=NOW,
            expires_at=NOW + timedelta(hours=1),
        )
    ),
    "retro": retro_statement(
        RetroApprovalPredicate(
            **WHERE,
            change="CHG-2026-7K3QX9ZB",
            before="1" * 40,
            after="2" * 40,
            content="3" * 64,
            signer="carol",
            issued_at=NOW,
        )
    ),
    "correction": correction_statement(
        CorrectionPredicate(
            **WHERE,
            before="1" * 40,
            after="2" * 40,
            reason="Locked out.",
            signer="carol",
            issued_at=NOW,
        )
    ),
}


def signed(statement: Statement, key: Path, *, namespace: str = "") -> bytes:
    used = namespace or namespace_of(statement)
    return compose(statement, sign(key, signed_bytes(statement), namespace=used))


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_reads_back_and_plain_ssh_keygen_verifies_it(
    name: str, keyring: Keyring, tmp_path: Path
) -> None:
    statement = STATEMENTS[name]
    data = signed(statement, keyring.carol.key)
    fact = read_statement(path_of(statement), data)
    assert (fact.status, fact.detail) == ("good", "")
    assert fact.path.startswith(f"{name}/")
    assert fact.fingerprint == keyring.carol.fingerprint
    assert getattr(fact, name) == statement.predicate
    kinds = ("approval", "vouch", "override", "retro", "correction")
    assert [kind for kind in kinds if getattr(fact, kind) is not None] == [name]
    message, armored = split(data)
    line = keyring.carol.public
    for used in ("approval@itil-gate", namespace_of(statement)):
        good = ssh_keygen_verifies(tmp_path, armored, message, namespace=used, line=line)
        assert good is (used == namespace_of(statement))


@pytest.mark.parametrize("name", STATEMENTS)
@pytest.mark.parametrize("other", ["approval", "vouch", "override", "retro-approval", "correction"])
def test_a_signature_made_for_something_else_is_none(
    name: str, other: str, keyring: Keyring
) -> None:
    statement = STATEMENTS[name]
    namespace = f"{other}@itil-gate"
    if namespace == namespace_of(statement):
        return
    data = signed(statement, keyring.carol.key, namespace=namespace)
    fact = read_statement(path_of(statement), data)
    assert (fact.status, getattr(fact, name)) == ("wrong-namespace", None)


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_in_the_folder_of_another_sort_is_none(name: str, keyring: Keyring) -> None:
    statement = STATEMENTS[name]
    data = signed(statement, keyring.carol.key)
    mark = path_of(statement).partition("/")[2]
    for folder in ("vouch", "CHG-2026-7K3QX9ZB", *sorted(STATEMENTS.keys() - {name})):
        assert read_statement(f"{folder}/{mark}", data).status == "malformed"


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_flipped_letter_is_noticed(name: str, keyring: Keyring) -> None:
    statement = STATEMENTS[name]
    data = signed(statement, keyring.carol.key)
    turned = data.replace(b'"signer":"carol"', b'"signer":"caral"')
    message = turned.partition(b"\n")[0]
    path = f"{name}/{hashlib.sha256(message).hexdigest()}.stmt"
    fact = read_statement(path, turned)
    assert (fact.status, getattr(fact, name)) == ("bad-signature", None)
