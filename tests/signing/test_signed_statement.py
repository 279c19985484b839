"""Statement files: one spelling, one name, one signature; all else is answered, never raised."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.ssh_vectors import SK_ECDSA, hardware_key, sign, ssh_keygen_verifies

from itil_gate.model.fingerprint import fingerprint
from itil_gate.model.statement import (
    ApprovalPredicate,
    ApprovalStatement,
    BoundRequirement,
    VouchPredicate,
    VouchStatement,
)
from itil_gate.signing.statement import (
    MAX_BYTES,
    MAX_DEPTH,
    StatementError,
    approval_statement,
    canonical,
    compose,
    namespace_of,
    path_of,
    read_statement,
    signed_bytes,
    split,
    vouch_statement,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.repository import Keyring

    from itil_gate.model.facts import StatementFact

CHANGE = "CHG-2026-7K3QX9ZB"

APPROVAL = ApprovalPredicate(
    repository="git.example.com/payments",
    target="refs/heads/main",
    change=CHANGE,
    verdict="approve",
    signer="alice",
    roles=("change-manager",),
    requester="bob",
    request="1" * 64,
    request_path=f"changes/2026/{CHANGE}.yaml",
    scope=("deploy/**", "Zürich/**"),
    content="2" * 64,
    merge_base="3" * 40,
    head="4" * 40,
    tree="5" * 40,
    risk="medium",
    requirements=(BoundRequirement(role="change-manager", min=1),),
    issued_at=datetime(2026, 11, 25, 22, 0, tzinfo=UTC),
    expires_at=datetime(2026, 12, 2, 22, 0, tzinfo=UTC),
    reason="Looked at the certificates: they are \U0001f510 sound.",
)
VOUCH = VouchPredicate(
    repository="git.example.com/payments",
    commit="6" * 64,
    author="Outsider <outsider@example.org>",
    signer="carol",
    issued_at=datetime(2026, 11, 25, 22, 0, tzinfo=UTC),
    reason="We met.",
)


def signed_file(key: Path, statement: ApprovalStatement | VouchStatement) -> bytes:
    text = sign(key, signed_bytes(statement), namespace=namespace_of(statement))
    return compose(statement, text)


def read_raw(key: Path, signed: bytes, *, namespace: str = "approval@itil-gate") -> StatementFact:
    """Sign any bytes and read them under the name they should have."""
    text = sign(key, signed, namespace=namespace)
    name = hashlib.sha256(signed).hexdigest()
    return read_statement(f"{CHANGE}/{name}.stmt", signed + b"\n" + text.encode())


@pytest.fixture(scope="module")
def key(key_file: Callable[[str], Path]) -> Path:
    return key_file("ed25519")


def plain() -> dict[str, Any]:
    value = json.loads(signed_bytes(approval_statement(APPROVAL)))
    assert isinstance(value, dict)
    return value


def test_an_approval_reads_back_as_it_was_signed(keyring: Keyring) -> None:
    statement = approval_statement(APPROVAL)
    data = signed_file(keyring.alice.key, statement)
    fact = read_statement(path_of(statement), data)
    assert (fact.status, fact.detail) == ("good", "")
    assert fact.fingerprint == keyring.alice.fingerprint
    assert (fact.approval, fact.vouch) == (APPROVAL, None)
    assert fact.digest == hashlib.sha256(signed_bytes(statement)).hexdigest()
    assert fact.path == f"{CHANGE}/{fact.digest}.stmt"
    assert fact.text == data.decode("utf-8")


def test_a_vouch_reads_back_as_it_was_signed(keyring: Keyring) -> None:
    statement = vouch_statement(VOUCH)
    data = signed_file(keyring.carol.key, statement)
    fact = read_statement(path_of(statement), data)
    assert (fact.status, fact.vouch, fact.approval) == ("good", VOUCH, None)
    assert fact.fingerprint == keyring.carol.fingerprint
    assert fact.path.startswith("vouch/")


@pytest.mark.parametrize("predicate", [APPROVAL, VOUCH])
def test_plain_ssh_keygen_verifies_the_same_file(
    predicate: ApprovalPredicate | VouchPredicate, keyring: Keyring, tmp_path: Path
) -> None:
    statement: ApprovalStatement | VouchStatement
    if isinstance(predicate, ApprovalPredicate):
        statement = approval_statement(predicate)
    else:
        statement = vouch_statement(predicate)
    signed, armored = split(signed_file(keyring.bob.key, statement))
    namespace = namespace_of(statement)
    line = keyring.bob.public
    assert ssh_keygen_verifies(tmp_path, armored, signed, namespace=namespace, line=line)


def test_what_is_signed_is_an_in_toto_statement_about_request_and_head() -> None:
    value = plain()
    assert value["_type"] == "https://in-toto.io/Statement/v1"
    assert value["predicateType"] == "https://itil-gate.dev/approval/v1"
    assert value["subject"] == [
        {"name": APPROVAL.request_path, "digest": {"sha256": APPROVAL.request}},
        {"name": APPROVAL.target, "digest": {"gitCommit": APPROVAL.head}},
    ]
    assert value["predicate"]["issuedAt"] == "2026-11-25T22:00:00Z"
    vouch = json.loads(signed_bytes(vouch_statement(VOUCH)))
    assert vouch["subject"] == [{"name": VOUCH.repository, "digest": {"gitCommit": VOUCH.commit}}]


def test_what_is_signed_is_one_line_of_canonical_json() -> None:
    signed = signed_bytes(approval_statement(APPROVAL))
    assert b"\n" not in signed
    assert signed.startswith(b'{"_type":"https://in-toto.io/Statement/v1","predicate":{"beyond":')
    assert "Zürich".encode() in signed
    assert b'"service"' not in signed
    assert b'"minimum"' not in signed


def test_a_statement_from_before_appetites_were_named_is_read_and_names_none(
    keyring: Keyring,
) -> None:
    older = approval_statement(APPROVAL.model_copy(update={"beyond": None}))
    assert b'"beyond"' not in signed_bytes(older)
    fact = read_statement(path_of(older), signed_file(keyring.alice.key, older))
    assert fact.status == "good"
    assert fact.approval is not None
    assert fact.approval.beyond == ()


def test_a_hardware_key_signs_statements() -> None:
    hardware = hardware_key(SK_ECDSA)
    statement = approval_statement(APPROVAL)
    for flags, status in ((0x05, "good"), (0x00, "unsupported-key")):
        signed = signed_bytes(statement)
        text = hardware.sign(signed, namespace="approval@itil-gate", flags=flags).armored()
        fact = read_statement(path_of(statement), compose(statement, text))
        assert (fact.status, fact.fingerprint) == (status, fingerprint(hardware.line))
        assert (fact.approval is None) == (status != "good")


def test_a_statement_that_somebody_edited_has_a_bad_signature(keyring: Keyring) -> None:
    data = signed_file(keyring.alice.key, approval_statement(APPROVAL))
    lowered = approval_statement(APPROVAL.model_copy(update={"risk": "low"}))
    edited = signed_bytes(lowered) + data[data.index(b"\n") :]
    fact = read_statement(path_of(lowered), edited)
    assert (fact.status, fact.approval) == ("bad-signature", None)
    assert fact.fingerprint == keyring.alice.fingerprint


@pytest.mark.parametrize("namespace", ["git", "vouch@itil-gate", "file"])
def test_a_signature_for_another_purpose_is_no_approval(namespace: str, key: Path) -> None:
    fact = read_raw(key, signed_bytes(approval_statement(APPROVAL)), namespace=namespace)
    assert (fact.status, fact.approval) == ("wrong-namespace", None)


@pytest.mark.parametrize("namespace", ["vouch@itil-gate", "approval@itil-gate", "git"])
def test_a_vouch_counts_in_the_namespace_of_vouches_only(namespace: str, key: Path) -> None:
    statement = vouch_statement(VOUCH)
    text = sign(key, signed_bytes(statement), namespace=namespace)
    fact = read_statement(path_of(statement), compose(statement, text))
    own = namespace == "vouch@itil-gate"
    assert (fact.status, fact.vouch) == (("good", VOUCH) if own else ("wrong-namespace", None))


def test_a_weak_key_approves_nothing(key_file: Callable[[str], Path]) -> None:
    statement = approval_statement(APPROVAL)
    data = signed_file(key_file("rsa1024"), statement)
    fact = read_statement(path_of(statement), data)
    assert (fact.status, fact.approval) == ("unsupported-key", None)
    assert "1024 bits" in fact.detail


def test_broken_armor_is_malformed(key: Path) -> None:
    statement = approval_statement(APPROVAL)
    data = signed_file(key, statement)
    for spoilt in (data + b"\n", data[:-9], data.replace(b"SSH SIG", b"PGP SIG")):
        assert read_statement(path_of(statement), spoilt).status == "malformed"
    assert read_statement(path_of(statement), data.removesuffix(b"\n")).status == "good"


@pytest.mark.parametrize(
    "path",
    [
        "{name}",
        "{change}/{digest}.json",
        "{change}/{upper}.stmt",
        "{change}/{other}.stmt",
        "vouch/{name}",
        "CHG-2026-00000000/{name}",
        "./{change}/{name}",
        "{change}//{name}",
        "more/{change}/{name}",
        "{change}/\udce9{name}",
        "",
    ],
)
def test_a_file_under_a_name_that_is_not_its_own_is_malformed(path: str, key: Path) -> None:
    statement = approval_statement(APPROVAL)
    data = signed_file(key, statement)
    name = path_of(statement).partition("/")[2]
    digest = name.removesuffix(".stmt")
    other = hashlib.sha256(data).hexdigest()
    wrong = path.format(change=CHANGE, name=name, digest=digest, upper=digest.upper(), other=other)
    fact = read_statement(wrong, data)
    assert (fact.status, fact.approval) == ("malformed", None)
    assert path_of(statement) in fact.detail
    assert fact.model_dump_json()


def test_a_vouch_among_the_approvals_is_malformed(key: Path) -> None:
    statement = vouch_statement(VOUCH)
    data = signed_file(key, statement)
    moved = path_of(statement).replace("vouch/", f"{CHANGE}/")
    assert read_statement(moved, data).status == "malformed"


SPELLINGS: dict[str, Callable[[bytes], bytes]] = {
    "a space": lambda signed: signed.replace(b'","', b'", "', 1),
    "keys in another order": lambda signed: (
        b'{"predicateType":"https://itil-gate.dev/approval/v1",'
        + signed[1:].replace(b',"predicateType":"https://itil-gate.dev/approval/v1"', b"")
    ),
    "a key twice": lambda signed: signed.replace(b'"change":', b'"change":"x","change":', 1),
    "an escape that is not needed": lambda signed: signed.replace(b"alice", b"\\u0061lice"),
    "an upper-case escape": lambda signed: signed.replace(b"sound.", b"\\u001F"),
    "a number as 1.0": lambda signed: signed.replace(b'"min":1', b'"min":1.0'),
    "a byte order mark": lambda signed: b"\xef\xbb\xbf" + signed,
    "a carriage return": lambda signed: signed + b"\r",
    "bytes that are not UTF-8": lambda signed: signed.replace("Zürich".encode(), b"Z\xfcrich"),
    "a lone surrogate": lambda signed: signed.replace(b"sound.", b"\\ud800"),
    "a lone surrogate in a key": lambda signed: signed.replace(b'"risk"', b'"\\ud800":1,"risk"'),
    "a lone surrogate in a key given twice": lambda signed: signed.replace(
        b'"risk"', b'"\\ud800":1,"\\ud800":1,"risk"'
    ),
    "not a number": lambda signed: signed.replace(b'"min":1', b'"min":NaN'),
    "a number beyond all bounds": lambda signed: signed.replace(b'"min":1', b'"min":1e999'),
    "a number of 5000 digits": lambda signed: signed.replace(b'"min":1', b'"min":' + b"1" * 5000),
    "a number beyond 2^53": lambda signed: signed.replace(b'"min":1', b'"min":9007199254740993'),
    "nothing": lambda _: b"",
    "a list": lambda _: b"[]",
    "a text": lambda _: b'"statement"',
    "half of it": lambda signed: signed[: len(signed) // 2],
    "two of them": lambda signed: signed + signed,
}


@pytest.mark.parametrize("what", SPELLINGS)
def test_any_other_spelling_of_a_statement_is_malformed(what: str, key: Path) -> None:
    signed = signed_bytes(approval_statement(APPROVAL))
    respelt = SPELLINGS[what](signed)
    assert respelt != signed
    fact = read_raw(key, respelt)
    assert (fact.status, fact.approval) == ("malformed", None)
    assert fact.detail


def test_a_spelling_is_named_for_what_is_wrong_with_it(key: Path) -> None:
    signed = signed_bytes(approval_statement(APPROVAL))
    spaced = read_raw(key, SPELLINGS["a space"](signed))
    assert "RFC 8785 form" in spaced.detail
    doubled = read_raw(key, SPELLINGS["a key twice"](signed))
    assert "a key twice" in doubled.detail


def change(**predicate: object) -> dict[str, Any]:
    value = plain()
    return value | {"predicate": value["predicate"] | predicate}


def without(name: str) -> dict[str, Any]:
    value = plain()
    del value["predicate"][name]
    return value


def renamed(old: str, new: str) -> dict[str, Any]:
    value = plain()
    value["predicate"][new] = value["predicate"].pop(old)
    return value


def subjects(*subject: object) -> dict[str, Any]:
    return plain() | {"subject": list(subject)}


REQUEST = {"name": APPROVAL.request_path, "digest": {"sha256": APPROVAL.request}}
HEAD = {"name": APPROVAL.target, "digest": {"gitCommit": APPROVAL.head}}

CONTENTS: dict[str, Callable[[], dict[str, Any]]] = {
    "an unknown key": lambda: plain() | {"extra": 1},
    "an unknown key of the predicate": lambda: change(approved=True),
    "a missing key": lambda: without("content"),
    "the name a key has in Python": lambda: renamed("requestPath", "request_path"),
    "both names of a key": lambda: change(request_path=APPROVAL.request_path),
    "another type": lambda: plain() | {"_type": "https://in-toto.io/Statement/v0.1"},
    "an unknown predicate": lambda: plain() | {"predicateType": "https://slsa.dev/vsa/v1"},
    "a predicate type that is a list": lambda: plain() | {"predicateType": ["x"]},
    "the predicate of another type": lambda: (
        plain() | {"predicateType": "https://itil-gate.dev/vouch/v1"}
    ),
    "a verdict nobody knows": lambda: change(verdict="approved"),
    "a number where text belongs": lambda: change(signer=1),
    "text where a number belongs": lambda: change(requirements=[{"role": "peer", "min": "1"}]),
    "a moment as a number": lambda: change(issuedAt=1764108000),
    "a moment as a number in text": lambda: change(issuedAt="1764108000"),
    "a moment in another zone": lambda: change(issuedAt="2026-11-25T23:00:00+01:00"),
    "a moment with +00:00": lambda: change(issuedAt="2026-11-25T22:00:00+00:00"),
    "a moment with a space": lambda: change(issuedAt="2026-11-25 22:00:00Z"),
    "a moment without a zone": lambda: change(issuedAt="2026-11-25T22:00:00"),
    "a digest in capitals": lambda: change(content="A" * 64),
    "no subject": subjects,
    "the request alone": lambda: subjects(REQUEST),
    "the subjects in another order": lambda: subjects(HEAD, REQUEST),
    "a third subject": lambda: subjects(REQUEST, HEAD, HEAD),
    "a subject with two digests": lambda: subjects(
        REQUEST | {"digest": REQUEST["digest"] | {"sha512": "0"}}, HEAD
    ),
    "another request": lambda: subjects(REQUEST | {"digest": {"sha256": "9" * 64}}, HEAD),
    "another head": lambda: subjects(REQUEST, HEAD | {"digest": {"gitCommit": "9" * 40}}),
    "another target": lambda: subjects(REQUEST, HEAD | {"name": "refs/heads/other"}),
    "another head in the predicate": lambda: change(head="9" * 40),
}


@pytest.mark.parametrize("what", CONTENTS)
def test_any_other_content_is_malformed_however_well_it_is_signed(what: str, key: Path) -> None:
    fact = read_raw(key, canonical(CONTENTS[what]()))
    assert (fact.status, fact.approval, fact.vouch) == ("malformed", None, None)
    assert fact.detail


def test_the_table_above_starts_from_a_good_statement(key: Path) -> None:
    assert read_raw(key, canonical(plain())).status == "good"
    assert read_raw(key, canonical(without("reason"))).status == "good"


def test_a_vouch_about_another_commit_than_it_names_is_malformed(key: Path) -> None:
    value = json.loads(signed_bytes(vouch_statement(VOUCH)))
    value["subject"][0]["digest"]["gitCommit"] = "7" * 64
    signed = canonical(value)
    text = sign(key, signed, namespace="vouch@itil-gate").encode()
    path = f"vouch/{hashlib.sha256(signed).hexdigest()}.stmt"
    fact = read_statement(path, signed + b"\n" + text)
    assert (fact.status, fact.vouch) == ("malformed", None)
    assert "subjects" in fact.detail


def test_a_vouch_with_a_bad_signature_vouches_for_nothing(keyring: Keyring) -> None:
    data = signed_file(keyring.carol.key, vouch_statement(VOUCH))
    other = vouch_statement(VOUCH.model_copy(update={"reason": "We never met."}))
    fact = read_statement(path_of(other), signed_bytes(other) + data[data.index(b"\n") :])
    assert (fact.status, fact.vouch) == ("bad-signature", None)


def test_a_fault_is_named_by_its_place_and_not_by_its_value(key: Path) -> None:
    fact = read_raw(key, canonical(change(signer="Not A Name")))
    assert "predicate.signer" in fact.detail
    assert "Not A Name" not in fact.detail


@pytest.mark.parametrize("shape", [(b"[", b"]"), (b'{"a":', b"}")])
def test_nesting_is_bounded(shape: tuple[bytes, bytes], key: Path) -> None:
    left, right = shape
    for depth, named in (
        (MAX_DEPTH, "predicateType"),
        (MAX_DEPTH + 1, "nested"),
        (20_000, "nested"),
    ):
        signed = left * depth + b"1" + right * depth
        fact = read_raw(key, signed)
        assert fact.status == "malformed"
        assert named in fact.detail


def test_a_file_that_is_too_large_is_not_looked_at(key: Path) -> None:
    data = signed_file(key, approval_statement(APPROVAL))
    large = data + b"x" * (MAX_BYTES - len(data) + 1)
    fact = read_statement(path_of(approval_statement(APPROVAL)), large)
    assert (fact.status, fact.text) == ("malformed", "")
    assert str(MAX_BYTES) in fact.detail


def test_a_file_of_the_largest_size_is_looked_at(key: Path) -> None:
    data = signed_file(key, approval_statement(APPROVAL))
    largest = data + b"x" * (MAX_BYTES - len(data))
    assert split(largest)[0] == signed_bytes(approval_statement(APPROVAL))
    fact = read_statement(path_of(approval_statement(APPROVAL)), largest)
    assert (fact.status, fact.text) == ("malformed", largest.decode("utf-8"))
    assert str(MAX_BYTES) not in fact.detail


def test_a_file_that_is_no_text_is_shown_as_none() -> None:
    fact = read_statement("vouch/x.stmt", b"\xff\n\xff")
    assert (fact.status, fact.text) == ("malformed", "")


def test_what_is_wrong_is_said_shortly_however_much_it_is(key: Path) -> None:
    long = read_raw(key, canonical(change(**{"x" * 2000: 1})))
    assert len(long.detail) == 500
    many = read_raw(key, canonical(change(**{f"extra{number}": 1 for number in range(9)})))
    named = [number for number in range(9) if f"extra{number}:" in many.detail]
    assert named == [0, 1, 2]
    assert many.detail.count("; ") == 2


def test_a_file_of_one_line_is_malformed() -> None:
    signed = signed_bytes(approval_statement(APPROVAL))
    fact = read_statement(path_of(approval_statement(APPROVAL)), signed)
    assert (fact.status, fact.text) == ("malformed", signed.decode("utf-8"))
    assert "one line" in fact.detail


def test_a_signature_that_is_not_ascii_is_malformed(key: Path) -> None:
    data = signed_file(key, approval_statement(APPROVAL)) + "ü".encode()
    fact = read_statement(path_of(approval_statement(APPROVAL)), data)
    assert (fact.status, fact.text) == ("malformed", data.decode("utf-8"))


def test_a_file_is_not_composed_from_a_signature_that_is_none() -> None:
    for text in ("", "signed, alice", "-----BEGIN PGP SIGNATURE-----\n"):
        with pytest.raises(StatementError):
            compose(approval_statement(APPROVAL), text)


@given(st.text(st.characters(), max_size=40), st.binary(max_size=300))
def test_any_bytes_under_any_name_get_an_answer(path: str, data: bytes) -> None:
    fact = read_statement(path, data)
    assert fact.status == "malformed"
    assert fact.model_dump_json()


@given(st.integers(min_value=0), st.binary(min_size=1, max_size=3))
def test_a_damaged_file_gets_an_answer_and_no_good_one(place: int, damage: bytes) -> None:
    start = place % len(GOOD)
    spoilt = GOOD[:start] + damage + GOOD[start + len(damage) :]
    fact = read_statement(path_of(approval_statement(APPROVAL)), spoilt)
    assert spoilt == GOOD or fact.status != "good"
    assert (fact.approval is None) == (fact.status != "good")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=8),
    lambda inside: (
        st.lists(inside, max_size=4) | st.dictionaries(st.text(max_size=8), inside, max_size=4)
    ),
    max_leaves=20,
)


@given(JSON)
def test_the_canonical_form_says_the_same_and_is_its_own(value: object) -> None:
    once = canonical(value)
    assert json.loads(once) == value
    assert canonical(json.loads(once)) == once


@pytest.mark.parametrize("value", [2**53, float("nan"), "\ud800", {1: 2}, {"\ud800": 1}, b"x"])
def test_what_json_cannot_say_has_no_canonical_form(value: object) -> None:
    with pytest.raises(StatementError, match="no canonical form"):
        canonical(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        # RFC 8785 section 3.2.3: keys are sorted by UTF-16 code units.
        (
            {"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\x80": 6, "ö": 7},
            '{"\\r":2,"1":4,"\x80":6,"ö":7,"\u20ac":1,"\U0001f600":5,"\ufb33":3}',
        ),
        ({"literals": [None, True, False]}, '{"literals":[null,true,false]}'),
        (
            {"string": '\u20ac$\x0f\nA\'B"\\\\"/'},
            '{"string":"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
        ),
    ],
)
def test_the_examples_of_the_rfc_come_out_as_it_says(value: object, expected: str) -> None:
    assert canonical(value).decode("utf-8") == expected


def test_reading_statements_does_not_load_cryptography_until_one_is_verified() -> None:
    program = (
        "import sys, itil_gate.signing.statement, itil_gate.signing.commit;"
        "sys.exit(any(name.split('.')[0] == 'cryptography' for name in sys.modules))"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


# Hypothesis wants it without a fixture, so it is signed by a hardware key in software.
_KEY = hardware_key(SK_ECDSA)
GOOD = compose(
    approval_statement(APPROVAL),
    _KEY.sign(signed_bytes(approval_statement(APPROVAL)), namespace="approval@itil-gate").armored(),
)
