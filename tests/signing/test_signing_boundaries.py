"""The last value that is taken and the first that is not, for keys, armor and signed objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from support.ssh_vectors import (
    SK_ED25519,
    Fields,
    fields,
    hardware_key,
    mpint,
    sign,
    ssh_keygen_accepts,
    string,
    to_be_signed,
)

from itil_gate.signing.commit import commit_signature, split_commit, split_tag, tag_signature
from itil_gate.signing.keys import (
    Rsa,
    UnsupportedError,
    parse_public_key_blob,
    parse_public_key_line,
)
from itil_gate.signing.sshsig import parse_armored, verify_armored
from itil_gate.signing.wire import MAX_BYTES, WireError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.repository import Keyring, Repo

    KeyFile = Callable[[str], Path]

NAMESPACE = "approval@itil-gate"
P521 = 2**521 - 1
B521 = 0x0051_953EB961_8E1C9A1F_929A21A0_B68540EE_A2DA725B_99B315F3_B8B48991_8EF109E1_56193951_EC7E937B_1652C0BD_3BB1BF07_3573DF88_3D2C34F1_EF451FD4_6B503F00  # noqa: E501 - FIPS 186-4


def public_line(key: Path) -> str:
    return key.with_name(f"{key.name}.pub").read_text("utf-8").strip()


def point_on_p521(x: bytes, y: bytes) -> bytes:
    head = string(b"ecdsa-sha2-nistp521") + string(b"nistp521")
    return head + string(b"\x04" + x + y)


# Keys.


def test_a_carriage_return_within_a_key_line_is_refused(key_file: KeyFile) -> None:
    line = public_line(key_file("ed25519"))
    with pytest.raises(WireError, match="one line"):
        parse_public_key_line(line.replace(" ", "\r", 1))


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_an_ed25519_key_of_another_length_is_malformed(length: int) -> None:
    key = string(b"ssh-ed25519") + string(b"\x05" * length)
    with pytest.raises(WireError, match="has 32 bytes"):
        parse_public_key_blob(key)
    signature = string(b"ssh-ed25519") + string(bytes(64))
    text = Fields(key, NAMESPACE.encode(), b"sha512", signature).armored()
    assert verify_armored(text, message=b"", namespace=NAMESPACE).status == "malformed"


@pytest.mark.parametrize("exponent", [3, 2**64 - 1])
def test_the_smallest_and_the_largest_rsa_exponent_are_taken(
    exponent: int, key_file: KeyFile
) -> None:
    material = parse_public_key_line(public_line(key_file("rsa2048"))).material
    assert isinstance(material, Rsa)
    blob = string(b"ssh-rsa") + mpint(exponent) + mpint(material.modulus)
    assert parse_public_key_blob(blob).material == Rsa(exponent, material.modulus)


def test_an_rsa_key_of_one_bit_too_few_is_refused() -> None:
    for modulus, bits in ((2**2047 - 1, 2047), (1, 1)):
        with pytest.raises(UnsupportedError, match=f"RSA key of {bits} bits"):
            parse_public_key_blob(string(b"ssh-rsa") + mpint(65537) + mpint(modulus))
    parse_public_key_blob(string(b"ssh-rsa") + mpint(65537) + mpint(2**2047 + 1))


def test_an_rsa_key_whose_bits_do_not_fill_its_first_byte_signs() -> None:
    # OpenSSL makes no such key, other programs do: 1024 bits times 1025 bits are 2049.
    p = rsa.generate_private_key(65537, 2048).private_numbers().p
    q = rsa.generate_private_key(65537, 2050).private_numbers().p
    numbers = rsa.RSAPublicNumbers(65537, p * q)
    d = pow(65537, -1, (p - 1) * (q - 1))
    private = rsa.RSAPrivateNumbers(
        p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), numbers
    ).private_key()
    assert numbers.n.bit_length() == 2049
    data = to_be_signed(b"message", namespace=NAMESPACE)
    value = private.sign(data, PKCS1v15(), hashes.SHA512())
    assert len(value) == 257
    text = Fields(
        string(b"ssh-rsa") + mpint(numbers.e) + mpint(numbers.n),
        NAMESPACE.encode(),
        b"sha512",
        string(b"rsa-sha2-512") + string(value),
    ).armored()
    assert verify_armored(text, message=b"message", namespace=NAMESPACE).status == "good"


def test_rsa_signs_with_the_shorter_hash_too(key_file: KeyFile, scratch: Path) -> None:
    # ssh-keygen asks for rsa-sha2-512; an agent may answer with the other.
    key = key_file("rsa2048")
    private = serialization.load_ssh_private_key(key.read_bytes(), None)
    assert isinstance(private, rsa.RSAPrivateKey)
    data = to_be_signed(b"message", namespace=NAMESPACE)
    good = fields(sign(key, b"message", namespace=NAMESPACE))
    for hashed, expected in ((hashes.SHA256(), "good"), (hashes.SHA512(), "bad-signature")):
        value = private.sign(data, PKCS1v15(), hashed)
        text = good.but(signature=string(b"rsa-sha2-256") + string(value)).armored()
        assert verify_armored(text, message=b"message", namespace=NAMESPACE).status == expected
        taken = ssh_keygen_accepts(scratch, text, b"message", namespace=NAMESPACE)
        assert taken is (expected == "good")


def test_an_rsa_key_with_an_even_modulus_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="modulus is odd"):
        parse_public_key_blob(string(b"ssh-rsa") + mpint(65537) + mpint(2**2047))


@pytest.mark.parametrize("length", [1, 132, 134, 200])
def test_a_point_longer_or_shorter_than_its_curve_wants_is_refused(
    length: int, key_file: KeyFile
) -> None:
    point = parse_public_key_line(public_line(key_file("ecdsa521"))).blob[-133:]
    for spoilt in (point[:length], point[:67] + bytes(max(0, length - 133)) + point[67:]):
        if spoilt != point:
            with pytest.raises(WireError, match="not an uncompressed point"):
                parse_public_key_blob(
                    string(b"ecdsa-sha2-nistp521") + string(b"nistp521") + string(spoilt)
                )


def test_a_point_whose_x_is_the_prime_or_beyond_is_refused(key_file: KeyFile) -> None:
    point = parse_public_key_line(public_line(key_file("ecdsa521"))).blob[-132:]
    x, y = int.from_bytes(point[:66], "big"), point[66:]
    parse_public_key_blob(point_on_p521(point[:66], y))
    with pytest.raises(WireError, match="not an uncompressed point"):
        parse_public_key_blob(point_on_p521((x + P521).to_bytes(66, "big"), y))
    # At x = 0 the curve has the points with y² = b, so the prime itself would name them twice.
    root = pow(B521, (P521 + 1) // 4, P521)
    assert root * root % P521 == B521
    parse_public_key_blob(point_on_p521(bytes(66), root.to_bytes(66, "big")))
    with pytest.raises(WireError, match="not an uncompressed point"):
        parse_public_key_blob(point_on_p521(P521.to_bytes(66, "big"), root.to_bytes(66, "big")))


# Armor.


def test_armor_is_measured_before_it_is_read() -> None:
    with pytest.raises(WireError, match="not lines of base64"):
        parse_armored("x" * 2 * MAX_BYTES)
    with pytest.raises(WireError, match="longer than"):
        parse_armored("x" * (2 * MAX_BYTES + 1))


def test_a_long_namespace_is_not_repeated_at_length(key_file: KeyFile) -> None:
    text = sign(key_file("ed25519"), b"", namespace="n" * 300)
    found = verify_armored(text, message=b"", namespace=NAMESPACE)
    assert found.status == "wrong-namespace"
    assert found.detail.count("n" * 100) == 1
    assert "n" * 101 not in found.detail


def test_the_key_of_no_believed_application_is_named() -> None:
    stranger = hardware_key(SK_ED25519, application="https://example.org")
    text = stranger.sign(b"", namespace=NAMESPACE).armored()
    found = verify_armored(text, message=b"", namespace=NAMESPACE)
    assert found.status == "unsupported"
    assert found.fingerprint is not None


def test_a_plain_signature_says_nothing_of_a_user(key_file: KeyFile) -> None:
    text = sign(key_file("ed25519"), b"", namespace=NAMESPACE)
    assert fields(text).hash_algorithm == b"sha512"
    assert verify_armored(text, message=b"", namespace=NAMESPACE).user_verified is None


# Commits and tags.


def test_an_unsigned_object_is_of_the_kind_none(repo: Repo) -> None:
    repo.commit("unsigned")
    signed = split_commit(repo.raw("cat-file", "commit", "HEAD"))
    assert (signed.signature, signed.kind) == (None, "none")


def test_a_message_that_quotes_headers_between_paragraphs_hides_nothing(
    repo: Repo, keyring: Keyring
) -> None:
    repo.commit(
        "subject\n\ngpgsig hello\n and more\n\nthe end\n\nof it", sign_with=keyring.alice.key
    )
    raw = repo.raw("cat-file", "commit", "HEAD")
    assert commit_signature(raw).status == "good"
    assert split_commit(raw).payload.endswith(
        b"\n\nsubject\n\ngpgsig hello\n and more\n\nthe end\n\nof it\n"
    )
    assert commit_signature(raw.replace(b"gpgsig hello", b"gpgsig hallo")).status == "bad"


def test_a_tag_whose_message_quotes_a_header_is_good(repo: Repo, keyring: Keyring) -> None:
    repo.commit("start")
    setting = f"user.signingKey={keyring.carol.key}"
    names = {"GIT_COMMITTER_NAME": "Carol", "GIT_COMMITTER_EMAIL": "carol@example.com"}
    message = "release\n\ngpgsig is a word of this message\n\nthe end"
    repo.git("-c", setting, "tag", "-s", "-m", message, "v1", env=names)
    raw = repo.raw("cat-file", "tag", "v1")
    assert tag_signature(raw).status == "good"
    assert split_tag(raw).payload.endswith(b"\n\nthe end\n")


def test_a_signature_that_does_not_count_says_why(repo: Repo) -> None:
    repo.commit("unsigned")
    raw = repo.raw("cat-file", "commit", "HEAD")
    oid = raw[len("tree ") : len("tree ") + 40]
    head, message = raw.split(b"\n\n", 1)

    def signed(signature: bytes) -> bytes:
        return head + b"\ngpgsig " + signature + b"\n\n" + message

    assert "no commit" in commit_signature(b"nothing").detail
    assert "no tag" in tag_signature(raw).detail
    assert "of no kind" in commit_signature(signed(b"hello")).detail
    assert "OpenPGP" in commit_signature(signed(b"-----BEGIN PGP SIGNATURE-----")).detail
    smuggled = b"object " + oid + b"\ngpgsig x\n\nmessage\n"
    assert "leaves out" in tag_signature(smuggled).detail
