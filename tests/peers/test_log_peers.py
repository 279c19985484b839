"""Other people's verifiers accept what the audit log writes, and refuse one flipped bit of it."""

from __future__ import annotations

import base64
import json
import subprocess
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from support.log import (
    CHECKPOINT,
    KEYS,
    ORIGIN,
    RECORDER,
    REPOSITORY,
    STRANGER,
    WITNESS,
    append,
    event,
    log_of,
)
from support.peers import FSCK, MissingPeerError, built, installed, needed, program

from itil_gate.log.checkpoint import Checkpoint, cosign_checkpoint, sign_checkpoint
from itil_gate.log.entry import entry_path, leaf
from itil_gate.log.proof import consistency
from itil_gate.log.tiles import grow
from itil_gate.model.record import RELEASE_TYPE, ReleaseRecord
from itil_gate.release.entries import attestation_event
from itil_gate.signing import dsse
from itil_gate.signing.note import COSIGNATURE, named_key, parse_note

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

pytestmark = pytest.mark.peer

HERE = Path(__file__).parent
VKEY = KEYS[0].text
SIZES = [1, 255, 256, 257, 65_537]


@cache
def tree(size: int) -> dict[str, bytes]:
    """Give checkpoint, tiles and bundles of a log; entries are not what is asked about."""
    leaves = [leaf("outcome", b"entry %d" % number).data for number in range(size)]
    growth = grow(0, leaves, {}.get)
    files = {path: data for path, data in growth.files.items() if data is not None}
    note = sign_checkpoint(Checkpoint(ORIGIN, size, growth.root), CHECKPOINT)
    return {"checkpoint": note, **files}


def export(folder: Path, files: Mapping[str, bytes]) -> Path:
    for path, data in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return folder


def flipped(data: bytes, at: int) -> bytes:
    changed = bytearray(data)
    changed[at] ^= 1
    return bytes(changed)


def bent(files: Mapping[str, bytes]) -> list[dict[str, bytes]]:
    """Give the log once with each of its files changed by a bit; of many files, a few of each."""
    names = [name for name in files if name.startswith(("checkpoint", "tile/"))]
    chosen = names if len(names) < 12 else names[:3] + names[-6:]
    return [{**files, name: flipped(files[name], len(files[name]) // 2)} for name in chosen]


def pem(public: bytes) -> bytes:
    key = Ed25519PublicKey.from_public_bytes(public)
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, timeout=120, check=False
    )


def go(*words: str | Path) -> bool:
    """Whether the Go program says ok; an exit other than 1 is not a refusal but a fault."""
    done = run(needed(lambda: built(HERE / "golang")), *words)
    assert done.returncode in {0, 1}, done.stderr
    return done.returncode == 0


def fsck(folder: Path, key: Path) -> bool:
    """Whether tessera's fsck is content; its exit code does not say so.

    A worker of fsck that finds a fault ends, and of a single one the rest would wait for ever.
    """
    key.write_text(VKEY)
    done = run(
        program(FSCK), "-ui=false", "-N=4", "-logtostderr", f"-storage_url=file://{folder}",
        f"-public_key={key}", f"-origin={ORIGIN}",
    )  # fmt: skip
    good, bad = "Successfully fsck'd log" in done.stderr, "fsck failed" in done.stderr
    assert good != bad, done.stderr
    return good


@pytest.mark.parametrize("size", SIZES)
def test_golang_finds_every_leaf_in_the_tree(tmp_path: Path, size: int) -> None:
    assert go("log", export(tmp_path, tree(size)), VKEY)


@pytest.mark.parametrize("size", [3, 257])
def test_golang_refuses_a_flipped_bit_in_any_file(tmp_path: Path, size: int) -> None:
    for number, files in enumerate(bent(tree(size))):
        assert not go("log", export(tmp_path / str(number), files), VKEY)


@pytest.mark.parametrize("size", SIZES)
def test_tessera_rebuilds_the_same_tiles(tmp_path: Path, size: int) -> None:
    assert fsck(export(tmp_path / "log", tree(size)), tmp_path / "key")


@pytest.mark.parametrize("size", [3, 257])
def test_tessera_refuses_a_flipped_bit_in_any_file(tmp_path: Path, size: int) -> None:
    for number, files in enumerate(bent(tree(size))):
        assert not fsck(export(tmp_path / str(number), files), tmp_path / "key"), number


def test_both_take_a_log_that_grew_by_appends(tmp_path: Path) -> None:
    folder = export(tmp_path / "log", log_of(300, batch=7))
    assert go("log", folder, VKEY)
    assert fsck(folder, tmp_path / "key")


def test_golang_takes_the_receipt_of_an_entry(tmp_path: Path) -> None:
    files = log_of(299)
    (logged,) = append(files, [event(299)]).logged
    entry = files[entry_path(logged.index)]
    lines = logged.proof.count(b"\n")

    def holds(proof: bytes, entry: bytes) -> bool:
        (tmp_path / "proof").write_bytes(proof)
        (tmp_path / "entry").write_bytes(entry)
        return go("receipt", VKEY, tmp_path / "proof", tmp_path / "entry")

    assert holds(logged.proof, entry)
    assert not holds(logged.proof, flipped(entry, 40))
    for line in range(lines):
        parts = logged.proof.split(b"\n")
        if len(parts[line]) > 1:
            parts[line] = flipped(parts[line], len(parts[line]) // 2)
            assert not holds(b"\n".join(parts), entry), line


@pytest.mark.parametrize("old", [1, 255, 256, 257])
@pytest.mark.parametrize("new", [257, 65_537])
def test_golang_takes_our_consistency_proofs(tmp_path: Path, old: int, new: int) -> None:
    before, after = (tmp_path / name for name in ("old", "new"))
    before.write_bytes(tree(old)["checkpoint"])
    after.write_bytes(tree(new)["checkpoint"])
    made, at = (Checkpoint(ORIGIN, size, root_of(tree(size))) for size in (old, new))
    hashes = [base64.b64encode(one).decode() for one in consistency(made, at, tree(new).get)]
    proof = tmp_path / "proof"
    proof.write_text("\n".join(hashes))
    assert go("consistency", VKEY, before, after, proof)
    assert go("log", export(tmp_path / "log", tree(new)), VKEY, before)
    for number, one in enumerate(hashes):
        changed = [*hashes[:number], flipped(one.encode(), 5).decode(), *hashes[number + 1 :]]
        proof.write_text("\n".join(changed))
        assert not go("consistency", VKEY, before, after, proof)


def root_of(files: Mapping[str, bytes]) -> bytes:
    return base64.b64decode(parse_note(files["checkpoint"])[0].split("\n")[2])


def test_golang_sees_a_fork(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.write_bytes(sign_checkpoint(Checkpoint(ORIGIN, 2, bytes(32)), CHECKPOINT))
    assert not go("log", export(tmp_path / "log", tree(257)), VKEY, old)


def test_witnesses_of_others_read_our_cosignatures(tmp_path: Path) -> None:
    key = named_key("witness.example/w1", WITNESS.public, kind=COSIGNATURE)
    note = cosign_checkpoint(tree(3)["checkpoint"], WITNESS, name=key.name, time=1_760_000_000)
    file = tmp_path / "checkpoint"
    file.write_bytes(note)
    assert go("cosigned", key.text, file)
    tail = note.rindex(b" ") + 20
    for at in (len(ORIGIN) + 1, tail):
        file.write_bytes(flipped(note, at))
        assert not go("cosigned", key.text, file)


def openssl(folder: Path, *, public: bytes, message: bytes, signature: bytes) -> bool:
    for name, data in (("key", pem(public)), ("message", message), ("sig", signature)):
        (folder / name).write_bytes(data)
    done = run(
        "openssl", "pkeyutl", "-verify", "-pubin", "-inkey", folder / "key", "-rawin",
        "-in", folder / "message", "-sigfile", folder / "sig",
    )  # fmt: skip
    said = done.stdout.strip()
    assert said in {"Signature Verified Successfully", "Signature Verification Failure"}, done
    return done.returncode == 0


def test_openssl_takes_checkpoint_and_envelope(tmp_path: Path) -> None:
    text, (line,) = parse_note(tree(3)["checkpoint"])
    envelope = dsse.parse(log_of(1)[entry_path(0)])
    signed = dsse.pae(envelope.payload_type, envelope.payload)
    for public, message, signature in (
        (CHECKPOINT.public, text.encode(), line.signature),
        (RECORDER.public, signed, envelope.signatures[0].signature),
    ):
        given: dict[str, Any] = {"public": public, "message": message, "signature": signature}
        assert openssl(tmp_path, **given)
        assert not openssl(tmp_path, **{**given, "message": flipped(message, 9)})
        assert not openssl(tmp_path, **{**given, "signature": flipped(signature, 9)})
        assert not openssl(tmp_path, **{**given, "public": STRANGER.public})


def securesystemslib_takes(data: bytes, _folder: Path) -> bool:
    from securesystemslib.dsse import Envelope  # noqa: PLC0415 - only peers need it
    from securesystemslib.exceptions import VerificationError  # noqa: PLC0415
    from securesystemslib.signer import SSlibKey  # noqa: PLC0415

    value = {"public": RECORDER.public.hex()}
    key = SSlibKey(RECORDER.fingerprint, "ed25519", "ed25519", value)
    try:
        return bool(Envelope.from_dict(json.loads(data)).verify([key], 1))
    except VerificationError:
        return False


def sigstore_takes(data: bytes, folder: Path) -> bool:
    program = needed(lambda: installed(HERE / "node"))
    (folder / "entry").write_bytes(data)
    (folder / "pem").write_bytes(pem(RECORDER.public))
    done = run(
        "node", program / "verify.mjs", folder / "entry", folder / "pem", RECORDER.fingerprint
    )
    assert done.stdout == "ok\n" or "_ERROR: " in done.stderr, done
    return done.returncode == 0


@pytest.mark.parametrize("takes", [securesystemslib_takes, sigstore_takes])
def test_other_readers_of_dsse_take_an_entry(
    tmp_path: Path, takes: Callable[[bytes, Path], bool]
) -> None:
    data = log_of(1)[entry_path(0)]
    assert takes(data, tmp_path)
    for field in (b'"payload":"', b'"payloadType":"', b'"keyid":"', b'"sig":"'):
        at = data.index(field) + len(field) + 12
        assert not takes(flipped(data, at), tmp_path), field


@pytest.mark.parametrize("takes", [securesystemslib_takes, sigstore_takes])
def test_other_readers_of_dsse_take_a_release_attestation(
    tmp_path: Path, takes: Callable[[bytes, Path], bool]
) -> None:
    record = ReleaseRecord(
        repository=REPOSITORY,
        nonce="REL-2026-00000001",
        environment="production",
        commit="a" * 40,
        artifact="sha256:" + "b" * 64,
        purl="pkg:npm/shop@1.4.0",
        deployer="pipeline",
        started_at=datetime(2026, 3, 1, tzinfo=UTC),
        decision=0,
    )
    files = log_of(1)
    append(files, [attestation_event(record, index=0, file="shop-1.4.0.tgz")])
    data = files[entry_path(1)]
    said = json.loads(dsse.parse(data).payload)
    assert (said["predicateType"], said["predicate"]["purl"]) == (RELEASE_TYPE, record.purl)
    assert takes(data, tmp_path)
    assert not takes(flipped(data, data.index(b'"payload":"') + 200), tmp_path)


def test_a_peer_that_cannot_be_had_says_why(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("ITIL_GATE_PEERS", str(tmp_path / "cache"))
    (tmp_path / "broken").mkdir()
    with pytest.raises(MissingPeerError, match="go build"):
        built(tmp_path / "broken")
