"""Signatures of real commits: as `git verify-commit` judges them, and no forged headers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.repository import Repo
from support.ssh_vectors import SK_ED25519, hardware_key, sign

from itil_gate.model.facts import SignatureFact
from itil_gate.model.fingerprint import fingerprint
from itil_gate.signing.commit import (
    SignedObjectError,
    commit_signature,
    split_commit,
    split_tag,
    tag_signature,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.repository import Keyring

FORMATS = ["sha1", "sha256"]
SORTS = ["ed25519", "rsa3072", "ecdsa256", "ecdsa521"]

PGP = b"-----BEGIN PGP SIGNATURE-----\n\niHUEABYKAB0WIQQ=\n=abcd\n-----END PGP SIGNATURE-----\n"
X509 = b"-----BEGIN SIGNED MESSAGE-----\nMIIB\n-----END SIGNED MESSAGE-----\n"
OLD_PGP = b"-----BEGIN PGP MESSAGE-----\n\nowGb\n-----END PGP MESSAGE-----\n"


@pytest.fixture(params=FORMATS)
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Repo:
    """Give an empty repository of either object format."""
    return Repo(tmp_path / "repo", object_format=request.param)


def raw_commit(repo: Repo, revision: str = "HEAD") -> bytes:
    return repo.raw("cat-file", "commit", revision)


def header_of(raw: bytes) -> bytes:
    return b"gpgsig-sha256" if raw.index(b"\n") == len("tree ") + 64 else b"gpgsig"


def with_header(raw: bytes, signature: bytes, *, name: bytes | None = None) -> bytes:
    """Put a signature into a commit as git's add_header_signature does."""
    head, message = raw.split(b"\n\n", 1)
    folded = (name or header_of(raw)) + b" " + signature.rstrip(b"\n").replace(b"\n", b"\n ")
    return head + b"\n" + folded + b"\n\n" + message


def git_verifies(repo: Repo, scratch: Path, raw: bytes, line: str) -> bool:
    """Whether `git verify-commit` finds the object good for a signer who has this key."""
    oid = repo.raw_object("commit", raw)
    allowed = scratch / "allowed_signers"
    allowed.write_text(f"alice@example.com {line}\n")
    setting = f"gpg.ssh.allowedSignersFile={allowed}"
    report = repo.git("-c", setting, "log", "-1", "--no-walk", "--format=%G?", oid, ok=(0, 128))
    return report == "G"


def public_line(key: Path) -> str:
    return key.with_name(f"{key.name}.pub").read_text("utf-8").strip()


@pytest.mark.parametrize("sort", SORTS)
def test_a_commit_that_git_signed_is_good(
    sort: str, either: Repo, key_file: Callable[[str], Path], tmp_path: Path
) -> None:
    key = key_file(sort)
    either.commit("Ä first line\n\nand more", sign_with=key, files={"a": "a\n"})
    raw = raw_commit(either)
    line = public_line(key)
    expected = SignatureFact(kind="ssh", status="good", fingerprint=fingerprint(line))
    assert commit_signature(raw) == expected
    assert git_verifies(either, tmp_path, raw, line)


def test_what_git_signed_is_the_commit_without_the_header(either: Repo, keyring: Keyring) -> None:
    either.commit("message\n\nbody\n\n\n", sign_with=keyring.alice.key)
    signed = split_commit(raw_commit(either))
    payload = signed.payload
    assert signed.signature is not None
    assert signed.signature.endswith(b"-----END SSH SIGNATURE-----\n")
    assert b"gpgsig" not in payload
    assert b"committer" in payload
    again = with_header(payload, signed.signature)
    assert again == raw_commit(either)


def test_an_unsigned_commit_has_no_signature(either: Repo) -> None:
    either.commit("unsigned\n\ngpgsig is a word in this message\n gpgsig -----BEGIN")
    raw = raw_commit(either)
    assert commit_signature(raw) == SignatureFact()
    assert split_commit(raw).payload == raw


def test_a_signed_merge_of_a_signed_tag_is_good(
    repo: Repo, keyring: Keyring, tmp_path: Path
) -> None:
    alice, bob = keyring.alice, keyring.bob
    repo.commit("start", files={"a": "a"})
    repo.checkout("topic", create=True)
    repo.commit("topic", files={"b": "b"}, sign_with=bob.key)
    setting = f"user.signingKey={bob.key}"
    repo.git("-c", setting, "tag", "-s", "-m", "signed tag", "v1")
    repo.checkout("main")
    repo.commit("main", files={"c": "c"})
    repo.merge("v1", sign_with=alice.key)
    raw = raw_commit(repo)
    assert b"\nmergetag object" in raw
    found = commit_signature(raw)
    assert (found.status, found.fingerprint) == ("good", alice.fingerprint)
    assert git_verifies(repo, tmp_path, raw, alice.public)


@pytest.mark.parametrize(
    ("what", "instead"),
    [
        (b"signed by alice", b"signed by Alice"),
        (b"author Alice", b"author Bob"),
        (b"committer Alice Adler <alice@", b"committer Alice Adler <bob@"),
        (b"+0000\ngpgsig", b"+0100\ngpgsig"),
        (b"tree ", b"tree 0000"),
        (b"\ngpgsig", b"\nencoding latin-1\ngpgsig"),
        (b"signed by alice", b"signed by alice\n\nReviewed-by: Bob"),
    ],
)
def test_a_signature_moved_to_another_commit_is_bad(
    what: bytes, instead: bytes, repo: Repo, keyring: Keyring, tmp_path: Path
) -> None:
    repo.commit("signed by alice", sign_with=keyring.alice.key)
    raw = raw_commit(repo)
    forged = raw.replace(what, instead, 1)
    if what == b"tree ":
        forged = b"tree 0000" + raw[len("tree 0000") :]
    assert forged != raw
    found = commit_signature(forged)
    assert (found.kind, found.status) == ("ssh", "bad")
    assert found.fingerprint == keyring.alice.fingerprint
    assert not git_verifies(repo, tmp_path, forged, keyring.alice.public)


def test_a_signature_for_another_purpose_is_bad(
    repo: Repo, keyring: Keyring, tmp_path: Path
) -> None:
    repo.commit("an approval is no commit")
    raw = raw_commit(repo)
    text = sign(keyring.alice.key, raw, namespace="approval@itil-gate")
    forged = with_header(raw, text.encode())
    found = commit_signature(forged)
    assert (found.kind, found.status) == ("ssh", "bad")
    assert "'approval@itil-gate'" in found.detail
    assert not git_verifies(repo, tmp_path, forged, keyring.alice.public)


@pytest.mark.parametrize(("signature", "kind"), [(PGP, "pgp"), (OLD_PGP, "pgp"), (X509, "x509")])
def test_other_signatures_are_neither_good_nor_bad(
    signature: bytes, kind: str, either: Repo
) -> None:
    either.commit("signed otherwise")
    raw = raw_commit(either)
    found = commit_signature(with_header(raw, signature))
    assert (found.kind, found.status, found.fingerprint) == (kind, "not-verified-here", None)
    signed = split_commit(with_header(raw, signature))
    assert (signed.payload, signed.signature) == (raw, signature)


@pytest.mark.parametrize(
    "signature", [b"hello", b"", b" -----BEGIN SSH SIGNATURE-----\n", b"-----BEGIN SSH SIG"]
)
def test_a_signature_of_no_known_kind_is_not_believed(signature: bytes, repo: Repo) -> None:
    repo.commit("signed by whatever")
    found = commit_signature(with_header(raw_commit(repo), signature))
    assert (found.kind, found.status) == ("unknown", "unsupported")


def test_broken_armor_is_bad(repo: Repo, keyring: Keyring) -> None:
    repo.commit("broken", sign_with=keyring.alice.key)
    raw = raw_commit(repo).replace(b" -----END SSH SIGNATURE-----", b" -----END-----")
    found = commit_signature(raw)
    assert (found.kind, found.status, found.fingerprint) == ("ssh", "bad", None)


def test_a_key_that_is_not_believed_is_unsupported(
    repo: Repo, key_file: Callable[[str], Path], tmp_path: Path
) -> None:
    repo.commit("weak", sign_with=key_file("rsa1024"))
    raw = raw_commit(repo)
    line = public_line(key_file("rsa1024"))
    found = commit_signature(raw)
    assert (found.status, found.fingerprint) == ("unsupported", fingerprint(line))
    assert git_verifies(repo, tmp_path, raw, line)


def test_a_hardware_key_signs_commits(repo: Repo, tmp_path: Path) -> None:
    key = hardware_key(SK_ED25519)
    repo.commit("with a touch")
    raw = raw_commit(repo)
    for flags, status in ((0x01, "good"), (0x00, "unsupported")):
        text = key.sign(raw, namespace="git", flags=flags).armored()
        signed = with_header(raw, text.encode())
        found = commit_signature(signed)
        assert (found.status, found.fingerprint) == (status, fingerprint(key.line))
        assert git_verifies(repo, tmp_path, signed, key.line)


def test_headers_that_git_leaves_out_of_what_is_signed_are_refused(
    repo: Repo, keyring: Keyring, tmp_path: Path
) -> None:
    repo.commit("genuine", sign_with=keyring.alice.key)
    raw = raw_commit(repo)
    assert commit_signature(raw).status == "good"
    for smuggled in (
        b"gpgsig-sha256 nobody signed this\n and this\n",
        b"gpgsigned-off-by Bob\n",
        b"gpgsig\n",
    ):
        for place in (b"gpgsig -----", b"author "):
            forged = raw.replace(b"\n" + place, b"\n" + smuggled + place, 1)
            found = commit_signature(forged)
            assert (found.kind, found.status) == ("unknown", "bad")
            assert found.fingerprint is None
            assert git_verifies(repo, tmp_path, forged, keyring.alice.public)


def test_a_second_signature_is_refused(repo: Repo, keyring: Keyring, tmp_path: Path) -> None:
    repo.commit("twice", sign_with=keyring.alice.key)
    raw = raw_commit(repo)
    payload = split_commit(raw).payload
    second = sign(keyring.bob.key, payload, namespace="git").encode()
    forged = with_header(raw, second)
    assert forged.count(b"\ngpgsig ") == 2
    found = commit_signature(forged)
    assert (found.kind, found.status) == ("unknown", "bad")
    # git joins the two and ssh-keygen reads the first.
    assert git_verifies(repo, tmp_path, forged, keyring.alice.public)
    behind = raw.replace(b"-----END SSH SIGNATURE-----\n", b"-----END SSH SIGNATURE-----\n more\n")
    assert git_verifies(repo, tmp_path, behind, keyring.alice.public)
    assert commit_signature(behind).status == "bad"


def test_the_header_of_the_other_object_format_is_refused(either: Repo, keyring: Keyring) -> None:
    either.commit("wrong header")
    raw = raw_commit(either)
    text = sign(keyring.alice.key, raw, namespace="git").encode()
    other = b"gpgsig" if header_of(raw) == b"gpgsig-sha256" else b"gpgsig-sha256"
    found = commit_signature(with_header(raw, text, name=other))
    assert (found.kind, found.status) == ("unknown", "bad")
    assert commit_signature(with_header(raw, text)).status == "good"


def test_a_commit_without_a_message_is_split_as_git_splits_it(
    repo: Repo, keyring: Keyring, tmp_path: Path
) -> None:
    repo.commit("short")
    head = raw_commit(repo).split(b"\n\n")[0] + b"\n"
    text = sign(keyring.alice.key, head, namespace="git").encode()
    raw = head + b"gpgsig " + text.rstrip(b"\n").replace(b"\n", b"\n ") + b"\n"
    assert split_commit(raw).payload == head
    assert commit_signature(raw).status == "good"
    assert git_verifies(repo, tmp_path, raw, keyring.alice.public)


def test_carriage_returns_end_no_header(repo: Repo, keyring: Keyring, tmp_path: Path) -> None:
    repo.commit("short")
    payload = raw_commit(repo).replace(b"\nauthor ", b"\nodd a\rgpgsig b\r\nauthor ", 1)
    text = sign(keyring.alice.key, payload, namespace="git").encode()
    raw = with_header(payload, text)
    assert commit_signature(raw).status == "good"
    assert git_verifies(repo, tmp_path, raw, keyring.alice.public)


@pytest.mark.parametrize("raw", [b"", b"\n\n", b"tree abc\n", b"object " + b"a" * 40 + b"\n"])
def test_what_is_no_commit_is_bad(raw: bytes) -> None:
    found = commit_signature(raw)
    assert (found.kind, found.status) == ("unknown", "bad")
    with pytest.raises(SignedObjectError):
        split_commit(raw)


@given(st.binary(max_size=200))
def test_any_bytes_get_an_answer_and_no_good_one(data: bytes) -> None:
    tree = b"tree " + b"0" * 40 + b"\n"
    start = tree + b"gpgsig -----BEGIN SSH SIGNATURE-----\n "
    for raw in (data, tree + data, tree + b"gpgsig " + data, start + data):
        assert commit_signature(raw).status != "good"
        assert tag_signature(raw.replace(b"tree", b"object")).status != "good"


def test_a_signed_tag_is_good_and_a_changed_one_bad(either: Repo, keyring: Keyring) -> None:
    either.commit("start")
    setting = f"user.signingKey={keyring.carol.key}"
    either.git(
        "-c",
        setting,
        "tag",
        "-s",
        "-m",
        "release",
        "v1",
        env={
            "GIT_COMMITTER_NAME": "Carol",
            "GIT_COMMITTER_EMAIL": "carol@example.com",
        },
    )
    raw = either.raw("cat-file", "tag", "v1")
    found = tag_signature(raw)
    assert found == SignatureFact(kind="ssh", status="good", fingerprint=keyring.carol.fingerprint)
    assert tag_signature(raw.replace(b"release", b"Release")).status == "bad"
    smuggled = raw.replace(b"tagger", b"gpgsig nobody signed this\ntagger")
    assert tag_signature(smuggled).kind == "unknown"
    assert tag_signature(smuggled).status == "bad"


def test_a_tag_that_quotes_a_signature_is_read_from_the_last_one(
    repo: Repo, keyring: Keyring
) -> None:
    repo.commit("start")
    repo.git(
        "tag",
        "-a",
        "-m",
        "plain",
        "v1",
        env={
            "GIT_COMMITTER_NAME": "Carol",
            "GIT_COMMITTER_EMAIL": "carol@example.com",
        },
    )
    raw = repo.raw("cat-file", "tag", "v1")
    assert tag_signature(raw) == SignatureFact()
    quoting = raw + PGP
    assert tag_signature(quoting).status == "not-verified-here"
    signed = quoting + sign(keyring.bob.key, quoting, namespace="git").encode()
    assert split_tag(signed).payload == quoting
    assert tag_signature(signed).status == "good"
    assert tag_signature(b"tree " + raw).status == "bad"
