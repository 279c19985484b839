"""Provenance of builders: what a DSSE envelope of theirs proves, and what proves nothing."""

from __future__ import annotations

import base64
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from securesystemslib.dsse import Envelope as OtherEnvelope
from securesystemslib.signer import SSlibKey
from support.books import open_books
from support.keyless import keyless
from support.log import STRANGER, signer
from support.world import CONFIG as WORLD_CONFIG

from itil_gate.model.config import CONFIG_PATH
from itil_gate.model.errors import ConfigError, GateError
from itil_gate.model.policy import Source
from itil_gate.policy.compile import read_config
from itil_gate.release.provenance import (
    MOST_BYTES,
    MOST_LINES,
    MOST_SIGNATURES,
    read_provenance,
)
from itil_gate.signing.dsse import IN_TOTO, compose, pae
from itil_gate.signing.ed25519 import public_line

if TYPE_CHECKING:
    from support.world import World

    from itil_gate.model.config import Config
    from itil_gate.signing.ed25519 import Signer

BUILDER, OTHER = signer(41), signer(42)
ID, OTHER_ID = "https://ci.example/runner/v1", "https://ci.example/other"
ARTIFACT, COMMIT = "a" * 64, "c" * 40
BUILDERS = f"""\
release:
  builders:
    - {{id: {ID}, key: {public_line(BUILDER.public)}}}
    - {{id: {OTHER_ID}, key: {public_line(OTHER.public)}}}
"""
TEXT = f"apiVersion: itil-gate/v1\nkind: Config\nrepository: example.com/a/b\n{BUILDERS}"
CONFIG = read_config({CONFIG_PATH: Source(path=CONFIG_PATH, blob="0" * 40, text=TEXT)})


def v1(artifact: str = ARTIFACT, commit: str = COMMIT, builder: str = ID) -> dict[str, Any]:
    """Return a statement of SLSA provenance v1, as GitHub's generator words it."""
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "app.tar.gz", "digest": {"sha256": artifact}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "https://ci.example/build/v1",
                "externalParameters": {},
                "resolvedDependencies": [
                    {"uri": "git+https://example.com/a/b", "digest": {"gitCommit": commit}}
                ],
            },
            "runDetails": {"builder": {"id": builder}},
        },
    }


def v02(artifact: str = ARTIFACT, commit: str = COMMIT, builder: str = ID) -> dict[str, Any]:
    """Return a statement of SLSA provenance v0.2."""
    return {
        "_type": "https://in-toto.io/Statement/v0.1",
        "subject": [{"name": "app.tar.gz", "digest": {"sha256": artifact}}],
        "predicateType": "https://slsa.dev/provenance/v0.2",
        "predicate": {
            "builder": {"id": builder},
            "buildType": "https://ci.example/build/v1",
            "materials": [{"uri": "git+https://example.com/a/b", "digest": {"sha1": commit}}],
        },
    }


def signed(statement: Any, *signers: Signer) -> bytes:
    """Return the envelope of a statement, in the loose JSON that builders write."""
    payload = json.dumps(statement, indent=1).encode()
    made = compose(payload, payload_type=IN_TOTO, signers=signers or (BUILDER,))
    rows = [
        {"keyid": "", "sig": base64.b64encode(one.signature).decode()} for one in made.signatures
    ]
    said = {
        "payloadType": IN_TOTO,
        "payload": base64.b64encode(payload).decode(),
        "signatures": rows,
    }
    return json.dumps(said, indent=2).encode()


def bundle(statement: Any = None, *, logged: tuple[Any, ...] = ({},)) -> bytes:
    """Return the shape of a sigstore bundle, signed by a key that no certificate names."""
    said = {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"certificate": {"rawBytes": ""}, "tlogEntries": list(logged)},
        "dsseEnvelope": json.loads(signed(statement or v1())),
    }
    return json.dumps(said).encode()


@pytest.mark.parametrize("make", [v1, v02])
def test_a_listed_builder_attests_artefact_and_commit(make: Any) -> None:
    found = read_provenance(signed(make()), CONFIG)
    assert (found.builder, found.fault) == (ID, "")
    assert found.artifacts == {f"sha256:{ARTIFACT}"}
    assert found.commits == {COMMIT}


def with_sources(*sources: tuple[str, str], old: bool = False) -> bytes:
    """Return a signed statement of a build that took in commits of these repositories."""
    statement = v02() if old else v1()
    name = "sha1" if old else "gitCommit"
    rows = [{"uri": uri, "digest": {name: commit}} for uri, commit in sources]
    predicate = statement["predicate"]
    if old:
        predicate["materials"] = rows
    else:
        predicate["buildDefinition"]["resolvedDependencies"] = rows
    return signed(statement)


def from_source(repository: str) -> Config:
    """Return a configuration that says from which repository the builder builds."""
    text = TEXT.replace(f"id: {ID},", f"id: {ID}, sourceRepository: {repository},")
    return read_config({CONFIG_PATH: Source(path=CONFIG_PATH, blob="0" * 40, text=text)})


OURS, THEIRS = "https://git.example/acme/pay", "git+https://git.example/mallory/evil@refs/heads/x"


@pytest.mark.parametrize("old", [False, True])
def test_a_build_of_another_repository_that_lists_ours_proves_nothing(*, old: bool) -> None:
    data = with_sources((THEIRS, "e" * 40), (f"git+{OURS}", COMMIT), old=old)
    fault = read_provenance(data, CONFIG).fault
    assert "it names commits of 2 repositories" in fault
    assert "add sourceRepository" in fault
    found = read_provenance(data, from_source(OURS))
    assert (found.fault, found.commits) == ("", {COMMIT})  # only what is of the source
    fault = read_provenance(with_sources((THEIRS, COMMIT), old=old), from_source(OURS)).fault
    assert f"names no commit of {OURS}" in fault


@pytest.mark.parametrize(
    "uri",
    [
        *(OURS, f"git+{OURS}", f"git+{OURS}.git@refs/heads/main", f"{OURS}/", f"{OURS}@v1"),
        *("git+https://ci@git.example/acme/pay", "HTTPS://Git.Example/acme/pay.git"),
    ],
)
def test_the_source_is_known_however_it_is_fetched(uri: str) -> None:
    assert read_provenance(with_sources((uri, COMMIT)), from_source(OURS)).fault == ""
    assert read_provenance(with_sources((OURS, COMMIT)), from_source(uri)).fault == ""


@pytest.mark.parametrize(
    "uri",
    [
        *(f"{OURS}x", "https://git.example/acme", "http://git.example/acme/pay", "acme/pay", ""),
        *("https://git.example.evil/acme/pay", "https://evil/@git.example/acme/pay"),
        *(
            "https://git.example@evil/acme/pay",
            f"https://evil/{OURS}",
            "https://git.example/Acme/pay",
        ),
    ],
)
def test_what_only_looks_like_the_source_is_another_one(uri: str) -> None:
    assert read_provenance(with_sources((uri, COMMIT)), from_source(OURS)).fault


def test_an_envelope_that_another_library_made_is_read() -> None:
    payload = json.dumps(v1()).encode()
    envelope = OtherEnvelope(payload, IN_TOTO, {})
    signature = BUILDER.sign(envelope.pae())
    said = {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": IN_TOTO,
        "signatures": [{"keyid": "k", "sig": base64.b64encode(signature).decode()}],
    }
    parsed = OtherEnvelope.from_dict(json.loads(json.dumps(said)))
    key = SSlibKey("k", "ed25519", "ed25519", {"public": BUILDER.public.hex()})
    parsed.verify([key], 1)
    assert read_provenance(json.dumps(said).encode(), CONFIG).fault == ""
    assert envelope.pae() == pae(IN_TOTO, payload)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (signed(v1(), STRANGER), "not signed by a key of the builder"),
        (signed(v1(), OTHER), "not signed by a key of the builder"),
        (signed(v1(builder=OTHER_ID)), "not signed by a key of the builder"),
        (signed(v1(builder="https://evil.example")), "is not listed in itil-gate.yaml"),
        (signed(v02(builder="")), "is not listed in itil-gate.yaml"),
        (signed({**v1(), "predicateType": "https://slsa.dev/provenance/v9"}), "no SLSA provenance"),
        (signed(v1()).replace(b"in-toto+json", b"in-toto"), "no SLSA provenance"),
        (signed({"predicateType": "https://slsa.dev/provenance/v1"}), "cannot be read"),
        (b"", "cannot be read"),
        (b"null", "cannot be read"),
        (bundle(), "is listed with a key, and this is a bundle"),
        (bundle(v1(builder="https://evil.example")), "is not listed in itil-gate.yaml"),
        (bundle(v02()), "no SLSA provenance v1 but https://slsa.dev/provenance/v0.2"),
        (bundle(logged=()), "without an entry in a transparency log"),
        (bundle().replace(b"dsseEnvelope", b"messageSignature"), "without an attestation"),
        (b"\n".join([bundle(logged=()), signed(v1(), STRANGER)]), "without an entry in"),
        (b"\n".join([signed(v1())] * (MOST_LINES + 1)), "more than 50 attestations"),
        (b"[" * 9000 + b"\n" + b"[" * 9000, "cannot be read"),
        (b"[" * 100_000, "cannot be read"),
        (b"\xff\xfe", "cannot be read"),
        (b" " * (MOST_BYTES + 1), "more than 4 MiB"),
        (b'{"payload": ' + b"9" * 5000 + b"}", "cannot be read"),
    ],
)  # fmt: skip
def test_what_no_listed_builder_signed_proves_nothing(data: bytes, said: str) -> None:
    found = read_provenance(data, CONFIG)
    assert said in found.fault
    assert found.fault.startswith("the provenance proves nothing: ")
    assert not found.artifacts


def test_a_flipped_bit_anywhere_proves_nothing() -> None:
    envelope = json.loads(signed(v1()))
    payload = bytearray(base64.b64decode(envelope["payload"]))
    for at in range(0, len(payload), 7):
        payload[at] ^= 1
        envelope["payload"] = base64.b64encode(payload).decode()
        assert read_provenance(json.dumps(envelope).encode(), CONFIG).fault
        payload[at] ^= 1


def test_one_good_signature_among_others_is_enough_and_many_are_not_looked_at() -> None:
    assert read_provenance(signed(v1(), STRANGER, OTHER, BUILDER), CONFIG).fault == ""
    envelope = json.loads(signed(v1()))
    envelope["signatures"] = [*[{"sig": ""}] * MOST_SIGNATURES, *envelope["signatures"]]
    assert "not signed" in read_provenance(json.dumps(envelope).encode(), CONFIG).fault
    envelope["signatures"] = []
    assert "not signed" in read_provenance(json.dumps(envelope).encode(), CONFIG).fault


def test_a_builder_may_have_two_keys_while_one_takes_over() -> None:
    text = TEXT + f"    - {{id: {ID}, key: {public_line(STRANGER.public)}}}\n"
    two = read_config({CONFIG_PATH: Source(path=CONFIG_PATH, blob="0" * 40, text=text)})
    for one in (BUILDER, STRANGER):
        assert read_provenance(signed(v1(), one), two).fault == ""
    assert read_provenance(signed(v1(), OTHER), two).fault


def test_a_listed_key_that_is_none_is_an_error_of_the_configuration() -> None:
    text = TEXT.replace(public_line(BUILDER.public), "ssh-ed25519 AAAA")
    odd = read_config({CONFIG_PATH: Source(path=CONFIG_PATH, blob="0" * 40, text=text)})
    with pytest.raises(ConfigError) as caught:
        read_provenance(signed(v1()), odd)
    assert caught.value.code == "builder-key"


def test_of_several_lines_the_one_that_is_wanted_counts_and_none_lends_another_its_commit() -> None:
    other = "b" * 64, "d" * 40
    lines = [signed(v1(), STRANGER), signed(v1(*other)), signed(v1())]
    data = b"\n".join(json.dumps(json.loads(one)).encode() for one in lines) + b"\n\n"
    for artifact, commit in (other, (ARTIFACT, COMMIT)):
        found = read_provenance(data, CONFIG, wanted=(f"sha256:{artifact}", commit))
        assert (found.artifacts, found.commits) == ({f"sha256:{artifact}"}, {commit})
    mixed = read_provenance(data, CONFIG, wanted=(f"sha256:{ARTIFACT}", other[1]))
    assert (mixed.artifacts, mixed.commits) == ({f"sha256:{other[0]}"}, {other[1]})


KEYLESS = read_config(
    {
        CONFIG_PATH: Source(
            path=CONFIG_PATH,
            blob="0" * 40,
            text=TEXT.partition("release:")[0] + keyless("root.json"),
        )
    }
)
WORKFLOW = KEYLESS.release.builders[0].id
ROOT = '{"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1"}'


def test_a_bundle_of_a_keyless_builder_needs_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sigstore", None)
    with pytest.raises(GateError, match=r"need the extra sigstore") as caught:
        read_provenance(bundle(v1(builder=WORKFLOW)), KEYLESS, roots={"root.json": ROOT})
    assert (caught.value.code, "itil-gate[sigstore]" in caught.value.hint) == (
        "extra-missing",
        True,
    )


def test_no_envelope_of_a_key_stands_in_for_a_keyless_builder() -> None:
    found = read_provenance(signed(v1(builder=WORKFLOW)), KEYLESS, roots={"root.json": ROOT})
    assert "not signed by a key" in found.fault


@pytest.mark.parametrize(
    "root",
    [
        None,
        "",
        "{}",
        "[]",
        "-----BEGIN CERTIFICATE-----",
        ROOT,
        ROOT.replace("0.1", "0.9"),
        "\ud800",
    ],
)
def test_a_root_that_is_none_is_an_error_of_the_configuration(root: str | None) -> None:
    roots = {} if root is None else {"root.json": root}
    with pytest.raises(ConfigError) as caught:
        read_provenance(bundle(v1(builder=WORKFLOW)), KEYLESS, roots=roots)
    assert caught.value.code == "trusted-root"
    assert caught.value.message.startswith("root.json")


@given(st.binary(max_size=400))
def test_any_bytes_prove_nothing_and_break_nothing(data: bytes) -> None:
    found = read_provenance(data, CONFIG)
    assert found.fault
    found.fault.encode()
    assert not found.artifacts | found.commits


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.data())
@settings(max_examples=200)
def test_any_statement_is_judged_and_its_words_can_be_recorded(data: st.DataObject) -> None:
    statement: dict[str, Any] = data.draw(st.sampled_from([v1, v02]))()
    inner: Any = statement
    while True:
        key = data.draw(st.sampled_from(sorted(inner)))
        if isinstance(inner[key], dict) and inner[key] and data.draw(st.booleans()):
            inner = inner[key]
            continue
        inner[key] = data.draw(JSON)
        break
    found = read_provenance(signed(statement), CONFIG)
    found.fault.encode()
    assert found.fault.isprintable()


def test_half_a_character_in_a_builder_does_not_reach_the_log() -> None:
    found = read_provenance(signed(v1(builder="\ud800\n\x1b[2J")), CONFIG)
    assert found.fault.isascii()
    assert "is not listed" in found.fault


def test_a_release_is_attested_denied_or_asserted_by_what_was_given(world: World) -> None:
    books = open_books(world, config=WORLD_CONFIG, more=BUILDERS)
    tip = books.land({"src/app.py": "print(2)\n"}, "CHG-2026-AAAA0001", branch="feature")
    for data in (
        b"",
        b"rubbish",
        signed(v1(ARTIFACT, tip), STRANGER),
        signed(v1("b" * 64, tip)),
        signed(v1(ARTIFACT, "d" * 40)),
        signed(v1(ARTIFACT, tip, "\ud800")),
    ):
        examined, record = books.start(provenance=data)
        assert [one.rule for one in examined.findings.failed] == ["provenance"]
        assert record is None
    examined, record = books.start(provenance=signed(v1(ARTIFACT, tip)))
    assert record is not None
    assert record.provenance == "attested"
    assert books.kinds().count("release-record") == 1
    assert books.entries()[-1].predicate["provenance"] == "attested"
    # The same artefact with an older form of provenance, elsewhere; and with none.
    _, record = books.start(provenance=signed(v02(ARTIFACT, tip)), environment="staging")
    assert record is not None
    assert record.provenance == "attested"
    _, record = books.start(environment="testing")
    assert record is not None
    assert record.provenance == "asserted"
