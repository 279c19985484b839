"""Public keys are read as ssh-keygen reads them; weak and foreign ones are refused by name."""

from __future__ import annotations

import base64
import hashlib
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.ssh_vectors import SK_ECDSA, SK_ED25519, hardware_key, mpint, string

from itil_gate.model.fingerprint import blob_fingerprint, fingerprint
from itil_gate.signing.keys import (
    Rsa,
    UnsupportedError,
    parse_public_key_blob,
    parse_public_key_line,
)
from itil_gate.signing.wire import WireError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    KeyFile = Callable[[str], Path]

TAKEN = ["ed25519", "rsa2048", "rsa3072", "rsa4096", "ecdsa256", "ecdsa384", "ecdsa521"]
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493


def public_line(key: Path) -> str:
    return key.with_name(f"{key.name}.pub").read_text("utf-8")


def fingerprint_by_ssh_keygen(line: str) -> str:
    done = subprocess.run(
        ["ssh-keygen", "-l", "-f", "-"],
        input=line.encode(),
        capture_output=True,
        check=True,
        timeout=30,
    )
    return done.stdout.decode("utf-8").split(" ")[1]


def rsa_blob(exponent: int, modulus: int) -> bytes:
    return string(b"ssh-rsa") + mpint(exponent) + mpint(modulus)


@pytest.mark.parametrize("sort", TAKEN)
def test_a_key_of_ssh_keygen_has_the_fingerprint_ssh_keygen_prints(
    sort: str, key_file: KeyFile
) -> None:
    line = public_line(key_file(sort))
    key = parse_public_key_line(line)
    assert key.fingerprint == fingerprint(line) == fingerprint_by_ssh_keygen(line)
    assert key.type == line.split(" ")[0]
    assert key.application is None


@pytest.mark.parametrize("key_type", [SK_ED25519, SK_ECDSA])
def test_a_hardware_key_has_the_fingerprint_ssh_keygen_prints(key_type: str) -> None:
    line = hardware_key(key_type).line
    key = parse_public_key_line(line)
    assert key.fingerprint == fingerprint(line) == fingerprint_by_ssh_keygen(line)
    assert key.application == "ssh:"


def test_the_comment_is_no_part_of_the_fingerprint(key_file: KeyFile) -> None:
    key_type, encoded, _ = public_line(key_file("ed25519")).split(" ", 2)
    bare = f"{key_type} {encoded}"
    assert fingerprint(bare) == fingerprint(f"{bare} somebody else")


@pytest.mark.parametrize("spoil", ["type", "padding", "slop", "stray", "nothing", "blank"])
def test_a_line_that_ssh_keygen_would_not_write_has_no_fingerprint(
    spoil: str, key_file: KeyFile
) -> None:
    key_type, encoded, _ = public_line(key_file("ecdsa521")).split(" ", 2)
    assert encoded.endswith("==")
    last = encoded[-3]
    sloppy = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    slop = encoded[:-3] + sloppy[sloppy.index(last) + 1] + "=="
    spoilt = {
        "type": f"ssh-ed25519 {encoded}",
        "padding": f"{key_type} {encoded[:-1]}",
        "slop": f"{key_type} {slop}",
        "stray": f"{key_type} {encoded[:9]}*{encoded[9:]}",
        "nothing": key_type,
        "blank": " ",
    }[spoil]
    with pytest.raises(ValueError, match="public key line"):
        fingerprint(spoilt)
    with pytest.raises(WireError):
        parse_public_key_line(spoilt)


def test_a_file_of_two_lines_is_no_key(key_file: KeyFile) -> None:
    line = public_line(key_file("ed25519"))
    parse_public_key_line(line.replace("\n", "\r\n"))
    with pytest.raises(WireError, match="one line"):
        parse_public_key_line(line + line)


def test_options_before_the_key_are_refused(key_file: KeyFile) -> None:
    with pytest.raises(WireError):
        parse_public_key_line("no-pty " + public_line(key_file("ed25519")))


def test_a_short_rsa_key_is_refused_and_named(key_file: KeyFile) -> None:
    line = public_line(key_file("rsa1024"))
    with pytest.raises(UnsupportedError, match="1024 bits is too short") as caught:
        parse_public_key_line(line)
    assert caught.value.fingerprint == fingerprint(line)


def test_dsa_is_refused(key_file: KeyFile) -> None:
    with pytest.raises(UnsupportedError, match="ssh-dss are not taken"):
        parse_public_key_line(public_line(key_file("dsa")))


def test_a_certificate_is_refused(key_file: KeyFile, tmp_path: Path) -> None:
    plain = tmp_path / "plain.pub"
    plain.write_text(public_line(key_file("ed25519")))
    authority = str(key_file("ecdsa256"))
    command = ["ssh-keygen", "-q", "-s", authority, "-I", "alice", "-n", "alice", str(plain)]
    subprocess.run(command, check=True, capture_output=True, timeout=30)
    certificate = (tmp_path / "plain-cert.pub").read_text("utf-8")
    with pytest.raises(UnsupportedError, match="is a certificate"):
        parse_public_key_line(certificate)


@pytest.mark.parametrize(
    ("exponent", "change"), [(1, 0), (2, 0), (65538, 0), (2**64 + 1, 0), (65537, 1)]
)
def test_an_rsa_key_that_proves_little_is_refused(
    exponent: int, change: int, key_file: KeyFile
) -> None:
    material = parse_public_key_line(public_line(key_file("rsa2048"))).material
    assert isinstance(material, Rsa)
    parse_public_key_blob(rsa_blob(65537, material.modulus))
    with pytest.raises(UnsupportedError, match="exponent"):
        parse_public_key_blob(rsa_blob(exponent, material.modulus + change))


def small_order_points() -> set[int]:
    """Compute the y of every point of small order from the curve equation of RFC 8032."""
    d = -121665 * pow(121666, -1, P) % P

    def add(left: tuple[int, int], right: tuple[int, int]) -> tuple[int, int]:
        (x1, y1), (x2, y2) = left, right
        t = d * x1 * x2 * y1 * y2 % P
        x = (x1 * y2 + x2 * y1) * pow(1 + t, -1, P) % P
        return x, (y1 * y2 + x1 * x2) * pow(1 - t, -1, P) % P

    found: set[int] = set()
    for y in range(2, 40):
        square = (y * y - 1) * pow(d * y * y + 1, -1, P) % P
        x = pow(square, (P + 3) // 8, P)
        if (x * x - square) % P:
            x = x * pow(2, (P - 1) // 4, P) % P
        if (x * x - square) % P:
            continue
        total, power, rest = (0, 1), (x, y), L
        while rest:
            total = add(total, power) if rest & 1 else total
            power, rest = add(power, power), rest >> 1
        found.add(total[1])
    return found


def test_an_ed25519_point_of_small_order_is_refused() -> None:
    points = small_order_points()
    assert len(points) == 5
    for y in {*points, P, P + 1, P + 2}:
        for sign in (0, 1):
            encoded = (y | sign << 255).to_bytes(32, "little")
            with pytest.raises(UnsupportedError, match="small order"):
                parse_public_key_blob(string(b"ssh-ed25519") + string(encoded))


@pytest.mark.parametrize("sort", ["ecdsa256", "ecdsa384", "ecdsa521"])
def test_a_point_beside_its_curve_is_refused(sort: str, key_file: KeyFile) -> None:
    blob = parse_public_key_line(public_line(key_file(sort))).blob
    with pytest.raises(WireError, match="not an uncompressed point"):
        parse_public_key_blob(blob[:-1] + bytes([blob[-1] ^ 1]))


def test_a_coordinate_beyond_the_prime_is_refused(key_file: KeyFile) -> None:
    blob = parse_public_key_line(public_line(key_file("ecdsa521"))).blob
    y = int.from_bytes(blob[-66:], "big") + 2**521 - 1
    with pytest.raises(WireError, match="not an uncompressed point"):
        parse_public_key_blob(blob[:-66] + y.to_bytes(66, "big"))


@pytest.mark.parametrize("application", [b"ssh:\0", b"ssh:\0more", b"ssh:\xff"])
def test_an_application_that_is_no_text_is_refused(application: bytes) -> None:
    blob = hardware_key(SK_ED25519).blob.removesuffix(string(b"ssh:"))
    parse_public_key_blob(blob + string(b"ssh:more"))
    with pytest.raises(WireError, match="application of a hardware key"):
        parse_public_key_blob(blob + string(application))


def test_a_compressed_point_is_refused() -> None:
    head = string(b"ecdsa-sha2-nistp256") + string(b"nistp256")
    with pytest.raises(WireError, match="not an uncompressed point"):
        parse_public_key_blob(head + string(b"\x02" + bytes(31) + b"\x05"))


def test_a_curve_that_is_not_the_one_of_the_type_is_refused(key_file: KeyFile) -> None:
    blob = parse_public_key_line(public_line(key_file("ecdsa256"))).blob
    swapped = blob.replace(b"ecdsa-sha2-nistp256", b"ecdsa-sha2-nistp384")
    with pytest.raises(WireError, match="names the curve nistp256"):
        parse_public_key_blob(swapped)


@pytest.mark.parametrize("application", ["", "https://example.org", "SSH:"])
@pytest.mark.parametrize("key_type", [SK_ED25519, SK_ECDSA])
def test_a_hardware_key_for_another_application_is_refused(key_type: str, application: str) -> None:
    with pytest.raises(UnsupportedError, match="must begin with ssh:"):
        parse_public_key_line(hardware_key(key_type, application=application).line)


def test_bytes_behind_a_key_are_refused(key_file: KeyFile) -> None:
    for sort in TAKEN:
        blob = parse_public_key_line(public_line(key_file(sort))).blob
        with pytest.raises(WireError, match="left over"):
            parse_public_key_blob(blob + b"\0")


@given(st.binary(max_size=200))
def test_any_bytes_are_a_key_or_one_of_two_errors(blob: bytes) -> None:
    try:
        parse_public_key_blob(blob)
    except (WireError, UnsupportedError):
        return
    raise AssertionError("a key was found by chance")


@given(st.text(st.characters(), max_size=200))
def test_any_text_is_a_key_or_one_of_two_errors(text: str) -> None:
    encoded = base64.b64encode(text.encode("utf-8", "surrogatepass")).decode()
    for line in (text, f"ssh-ed25519 {encoded}", f"{text} {encoded}"):
        with pytest.raises((WireError, UnsupportedError)):
            parse_public_key_line(line)


def test_a_key_type_of_half_a_character_is_refused() -> None:
    with pytest.raises(ValueError, match="names one type"):
        fingerprint("ssh-\ud800 AAAA")


def test_a_fingerprint_is_the_whole_digest_whatever_it_ends_with() -> None:
    ends = set()
    for number in range(500):
        blob = b"%d" % number
        named = blob_fingerprint(blob)
        assert len(named) == len("SHA256:") + 43
        assert (
            base64.b64decode(named.removeprefix("SHA256:") + "=") == hashlib.sha256(blob).digest()
        )
        ends.add(named[-1])
    assert len(ends) == 16
