"""Signed reports: envelopes of ours and of others, and what each of them says."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from securesystemslib.dsse import Envelope as OtherEnvelope
from securesystemslib.signer import CryptoSigner, SSlibKey
from support.log import signer

from itil_gate.gather.reports import read_report
from itil_gate.signing.dsse import IN_TOTO, MAX_SIGNATURES
from itil_gate.signing.ed25519 import public_line
from itil_gate.signing.report import STATEMENT_TYPE, seal_report

if TYPE_CHECKING:
    from itil_gate.model.facts import ExternalResult

SCANNER, STRANGER = signer(81), signer(82)
KEYS = (public_line(SCANNER.public), public_line(STRANGER.public))
COMMIT = "c" * 40
TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1"
PASSED = {"result": "PASSED", "configuration": [], "passedTests": ["a", "b"]}
WEAK = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"


def sealed(predicate: Any = PASSED, *, kind: str = TEST_RESULT) -> dict[str, Any]:
    envelope = seal_report(
        predicate, predicate_type=kind, commit=COMMIT, subject="tests", signer=SCANNER
    )
    value: dict[str, Any] = json.loads(envelope.data)
    return value


def read(value: Any, keys: tuple[str, ...] = KEYS) -> ExternalResult:
    return read_report(json.dumps(value).encode(), name="scan", keys=keys)


def test_an_envelope_says_what_it_is_about_and_who_signed_it() -> None:
    value = sealed()
    found = read(value)
    assert (found.format, found.tests, found.failures, found.fault) == ("test-result", 2, (), "")
    assert found.digest == hashlib.sha256(json.dumps(value).encode()).hexdigest()
    seal = found.seal
    assert seal is not None
    assert seal.payload == hashlib.sha256(base64.b64decode(value["payload"])).hexdigest()
    assert seal.predicate_type == TEST_RESULT
    assert seal.subjects == (f"gitCommit:{COMMIT}",)
    assert seal.keys == seal.claimed == (SCANNER.fingerprint,)


def test_a_key_that_is_not_asked_about_signs_nothing() -> None:
    assert read(sealed(), KEYS[1:]).seal == read(sealed(), ("no key", WEAK, KEYS[1])).seal
    found = read(sealed(), KEYS[1:]).seal
    assert found is not None
    assert found.keys == ()


def test_an_envelope_of_another_program_is_taken() -> None:
    """Made by securesystemslib, with its own key ids and its own spelling."""
    other = CryptoSigner.generate_ed25519()
    assert isinstance(other.public_key, SSlibKey)
    public = bytes.fromhex(other.public_key.keyval["public"])
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": "x", "digest": {"gitCommit": COMMIT, "sha1": COMMIT}}],
        "predicateType": TEST_RESULT,
        "predicate": PASSED | {"url": "https://ci.example/1", "x-own": 1},
    }
    envelope = OtherEnvelope(json.dumps(statement, indent=2).encode(), IN_TOTO, {})
    envelope.sign(other)
    found = read(envelope.to_dict(), (public_line(public),))
    assert (found.format, found.tests, found.fault) == ("test-result", 2, "")
    assert found.seal is not None
    assert len(found.seal.keys) == 1
    assert found.seal.subjects == (f"gitCommit:{COMMIT}", f"sha1:{COMMIT}")


def test_an_envelope_of_ours_is_taken_by_another_program() -> None:
    key = SSlibKey(SCANNER.fingerprint, "ed25519", "ed25519", {"public": SCANNER.public.hex()})
    assert OtherEnvelope.from_dict(sealed()).verify([key], 1)


def test_base64_may_be_of_the_kind_for_addresses() -> None:
    value = sealed()
    for row in (value, *value["signatures"]):
        for name in ("payload", "sig"):
            if name in row:
                row[name] = row[name].replace("+", "-").replace("/", "_")
    assert read(value).seal == read(sealed()).seal


def test_every_signature_is_tried_and_a_key_counts_once() -> None:
    value = sealed()
    (mine,) = value["signatures"]
    noise = {"keyid": SCANNER.fingerprint, "sig": base64.b64encode(bytes(64)).decode()}
    value["signatures"] = [noise, {"sig": "AAAA"}, mine, mine]
    found = read(value).seal
    assert found is not None
    assert found.keys == (SCANNER.fingerprint,)
    assert found.claimed == (SCANNER.fingerprint, "", SCANNER.fingerprint, SCANNER.fingerprint)


@pytest.mark.parametrize("field", ["payload", "sig"])
@given(data=st.data())
def test_no_byte_that_is_signed_can_be_another(field: str, data: st.DataObject) -> None:
    value = sealed()
    row = value if field == "payload" else value["signatures"][0]
    raw = bytearray(base64.b64decode(row[field]))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    row[field] = base64.b64encode(bytes(raw)).decode()
    found = read(value)
    assert found.seal is None or found.seal.keys == ()
    assert found.seal is not None or found.fault


def statement(**changed: Any) -> dict[str, Any]:
    value = sealed()
    said = json.loads(base64.b64decode(value["payload"])) | changed
    said = {key: item for key, item in said.items() if item is not None}
    value["payload"] = base64.b64encode(json.dumps(said).encode()).decode()
    return value


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (sealed() | {"payloadType": "text/plain"}, "no in-toto Statement but text/plain"),
        (sealed() | {"payloadType": 7}, "no in-toto Statement but no text at all"),
        (sealed() | {"signatures": []}, "1 to 16 signatures"),
        (sealed() | {"signatures": {}}, "1 to 16 signatures"),
        (sealed() | {"signatures": sealed()["signatures"] * (MAX_SIGNATURES + 1)}, "1 to 16"),
        (sealed() | {"signatures": ["x"]}, "a signature of it is no object"),
        (sealed() | {"signatures": [{"keyid": "x"}]}, "its signature is no text of base64"),
        (sealed() | {"signatures": [{"sig": "é"}]}, "its signature is not base64"),
        (sealed() | {"payload": None}, "its payload is no text of base64"),
        (sealed() | {"payload": "e30"}, "its payload is not base64"),
        (sealed() | {"payload": "e30="}, "no Statement of type"),
        (sealed() | {"payload": "W10="}, "no Statement of type"),
        (sealed() | {"payload": "eyJhIjoxLCJhIjoyfQ=="}, "a key is given twice"),
        (statement(_type="https://in-toto.io/Statement/v0.1"), "no Statement of type"),
        (statement(predicateType=None), "no predicateType"),
        (statement(predicateType=""), "no predicateType"),
        (statement(subject=None), "1 to 100 subjects"),
        (statement(subject=[]), "1 to 100 subjects"),
        (statement(subject=[{"name": "x"}]), "a subject of its Statement has no digest"),
        (statement(subject=[{"digest": {"gitCommit": [COMMIT]}}]), "a digest of its Statement"),
        (statement(subject=["x"]), "a subject of its Statement has no digest"),
        (statement(subject=[{"digest": {"sha256": "x"}}] * 101), "1 to 100 subjects"),
    ],
)
def test_what_is_no_signed_report_says_why(value: dict[str, Any], words: str) -> None:
    found = read(value)
    assert found.seal is None
    assert (found.tests, found.format) == (0, None)
    assert words in found.fault
    assert found.fault.startswith("it is an envelope, and ")


def test_an_envelope_around_nothing_that_is_known_keeps_its_seal() -> None:
    found = read(sealed({"scanner": "x"}, kind="https://example.com/x"))
    assert found.seal is not None
    assert found.seal.keys == (SCANNER.fingerprint,)
    assert "neither conftest" in found.fault


def test_a_list_stands_in_an_object_for_a_predicate_is_one() -> None:
    entry = {"filename": "a", "namespace": "main", "successes": 2}
    found = read(sealed({"results": [entry]}, kind="https://itil-gate.dev/report/conftest/v1"))
    assert (found.format, found.tests, found.fault) == ("conftest", 2, "")
    assert read({"results": [entry]}).fault


def test_a_report_that_talks_of_payload_types_is_no_envelope() -> None:
    text = {"result": "PASSED", "configuration": [], "passedTests": ["payloadType"]}
    found = read(text)
    assert (found.seal, found.tests, found.fault) == (None, 1, "")
    assert "not JSON" in read_report(b'{"payloadType"', name="scan", keys=KEYS).fault


def test_numbers_that_have_no_canonical_form_can_be_signed() -> None:
    assert read(sealed(PASSED | {"seconds": 0.5})).tests == 2
    with pytest.raises(ValueError, match="not JSON compliant"):
        sealed(PASSED | {"seconds": float("nan")})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)
WORDS = st.sampled_from(["payload", "payloadType", "signatures", "subject", "predicate", "_type"])


@given(changes=st.dictionaries(WORDS, JSON, max_size=3), inside=st.booleans())
def test_whatever_strangers_write_ends_in_results_or_a_fault(
    changes: dict[str, Any], *, inside: bool
) -> None:
    found = read(statement(**changes) if inside else sealed() | changes)
    assert found.fault or found.format
    assert found.seal is None or inside or found.seal.keys


@pytest.mark.parametrize("deep", ["[" * 100_000, '{"a":' * 100_000])
def test_an_envelope_nested_without_end_is_a_fault(deep: str) -> None:
    payload = base64.b64encode(deep.encode()).decode()
    assert "nested too deeply" in read(sealed() | {"payload": payload}).fault
    text = f'{{"payloadType": {deep}'
    assert "nested too deeply" in read_report(text.encode(), name="scan", keys=KEYS).fault
