"""`itil-gate log timestamp`, with a time-stamping authority of our own made of `openssl ts`."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.audit_branch import file_at, make_hub
from support.log import ORIGIN, REPOSITORY
from support.peers import on_path
from support.repository import Repo, make_person
from support.shell import Ran, run_gate

from itil_gate.log.checkpoint import Checkpoint
from itil_gate.model.errors import GateError, LogError
from itil_gate.model.record import AUDIT_BRANCH
from itil_gate.release.timestamping import stamped_at

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.heavy

QUIET = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
SETTINGS = """\
[tsa]
default_tsa = here
[here]
serial = serial
crypto_device = builtin
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
accuracy = secs:1
ordering = no
tsa_name = no
ess_cert_id_chain = no
ess_cert_id_alg = sha256
[stamping]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
[other]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
"""


@dataclass
class Authority:
    """A folder with a root and a certificate that may stamp."""

    folder: Path

    @classmethod
    def make(cls, folder: Path, *, purpose: str = "stamping") -> Authority:
        on_path("openssl")
        folder.mkdir()
        made = cls(folder)
        (folder / "tsa.cnf").write_text(SETTINGS)
        (folder / "serial").write_text("01\n")
        root = ("-subj", "/CN=Root", "-addext", "basicConstraints=critical,CA:TRUE")
        made.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", *root,
                     "-addext", "keyUsage=critical,keyCertSign", "-keyout", "root.key",
                     "-out", "root.pem")  # fmt: skip
        made.openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=TSA", "-keyout",
                     "tsa.key", "-out", "tsa.csr")  # fmt: skip
        made.openssl("x509", "-req", "-in", "tsa.csr", "-CA", "root.pem", "-CAkey", "root.key",
                     "-days", "30", "-extfile", "tsa.cnf", "-extensions", purpose,
                     "-set_serial", "7", "-out", "tsa.pem")  # fmt: skip
        return made

    @property
    def roots(self) -> Path:
        return self.folder / "root.pem"

    def openssl(self, *words: str | Path) -> None:
        subprocess.run(["openssl", *words], cwd=self.folder, check=True, capture_output=True)

    def answer(self, request: Path, response: Path) -> None:
        self.openssl("ts", "-reply", "-config", "tsa.cnf", "-queryfile", request,
                     "-inkey", "tsa.key", "-signer", "tsa.pem", "-out", response)  # fmt: skip


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority for all tests."""
    return Authority.make(tmp_path_factory.mktemp("tsa") / "here")


@dataclass
class Place:
    """A clone of a hub whose log has one entry."""

    hub: Repo
    clone: Repo
    signed: tuple[str, ...]

    def gate(self, *words: str | Path) -> Ran:
        ran = run_gate("log", *words, cwd=self.clone.path, env=QUIET)
        assert "Traceback" not in ran.err
        return ran

    def grow(self) -> None:
        """Add an entry: the first one expunges nothing that matters."""
        public = self.clone.path.parent / "third"
        assert self.gate("rotate", "--use", "recorder", "--new-key", public, *self.signed).code == 0


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A log with keys in files, and a recorder key that is pinned to take over."""
    for name, value in (QUIET | {"HOME": str(tmp_path)}).items():
        monkeypatch.setenv(name, value)
    hub = make_hub(tmp_path / "hub.git")
    clone = hub.clone(tmp_path / "clone")
    head, recorder, third = (make_person(tmp_path, name) for name in ("head", "rec", "third"))
    third.key.rename(tmp_path / "third")
    text = f"apiVersion: itil-gate/v1\nkind: Config\nrepository: {REPOSITORY}\n"
    clone.commit(files={"itil-gate.yaml": text})
    clone.git("push", "--quiet", "origin", "HEAD:main")
    signed = ("--log-key", str(head.key), "--recorder-key", str(recorder.key))
    made = Place(hub, clone, signed)
    assert made.gate("init", *signed, "--write-config").code == 0
    file = clone.path / "itil-gate.yaml"
    row = f"    - {{use: recorder, key: {' '.join(third.public.split()[:2])}, since: 1}}\n"
    file.write_text(file.read_text() + row)
    clone.git("commit", "--quiet", "-am", "Pin")
    clone.git("push", "--quiet", "origin", "HEAD:main")
    return made


def test_a_stamp_is_asked_for_kept_and_verified_offline(
    place: Place, authority: Authority, tmp_path: Path
) -> None:
    asked, answered = tmp_path / "head.tsq", tmp_path / "head.tsr"
    ran = place.gate("timestamp", "--request", asked)
    assert (ran.code, f"{ORIGIN} at 1 entries" in ran.err) == (0, True)
    authority.answer(asked, answered)
    # The log goes on while the authority thinks.
    place.grow()
    keep = ("timestamp", "--response", answered, "--roots", authority.roots, *place.signed)
    early = place.gate(*keep)
    assert (early.code, "does not hold" in early.out) == (1, True)
    ran = place.gate(*keep, "--size", "1")
    assert ran.code == 0, ran.err
    assert ran.out.startswith(f"{ORIGIN} had 1 entries by 20")
    assert file_at(place.hub, "timestamps/1.tsr") == answered.read_bytes()
    assert "already" in place.gate(*keep, "--size", "1").err
    verify = ("timestamp", "--verify", "--roots", authority.roots)
    ran = place.gate(*verify)
    assert (ran.code, ran.out[:20]) == (0, "1 entries: there by ")
    whole = place.gate("verify", "--full")
    assert whole.code == 0, whole.out + whole.err
    # Offline, from the copy that is here; and under another root.
    place.clone.git("fetch", "--quiet", "origin", "audit-log:audit-log")
    place.clone.git("remote", "set-url", "origin", str(tmp_path / "nowhere"))
    assert place.gate(*verify, "--local").code == 0
    other = Authority.make(tmp_path / "other")
    ran = place.gate("timestamp", "--verify", "--local", "--roots", other.roots)
    assert (ran.code, "does not hold" in ran.out) == (1, True)
    ran = place.gate(
        "timestamp", "--verify", "--local", "--roots", place.clone.path / "itil-gate.yaml"
    )
    assert (ran.code, "roots-unreadable" in ran.err) == (2, True)


def test_a_stranger_keeps_no_stamp(place: Place, authority: Authority, tmp_path: Path) -> None:
    asked, answered = tmp_path / "head.tsq", tmp_path / "head.tsr"
    assert place.gate("timestamp", "--request", asked).code == 0
    authority.answer(asked, answered)
    tip = place.hub.tip(AUDIT_BRANCH)
    ran = place.gate("timestamp", "--response", answered, "--roots", authority.roots,
                     "--log-key", tmp_path / "third")  # fmt: skip
    assert (ran.code, "key-not-pinned" in ran.err) == (2, True)
    for size in ("0", "2"):
        ran = place.gate("timestamp", "--response", answered, "--roots", authority.roots,
                         "--size", size, *place.signed)  # fmt: skip
        assert ran.code in (1, 2)
    assert place.hub.tip(AUDIT_BRANCH) == tip


@pytest.mark.parametrize(
    "words", [[], ["--verify"], ["--request", "a", "--verify"], ["--response", "a"]]
)
def test_what_is_asked_has_to_be_clear(place: Place, words: list[str]) -> None:
    assert place.gate("timestamp", *words).code == 2


HEAD = Checkpoint(ORIGIN, 5, b"\7" * 32)


@pytest.fixture(scope="module")
def answer(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """An answer about HEAD."""
    return _answered(authority, tmp_path_factory.mktemp("answer"))


def _answered(authority: Authority, folder: Path, text: str = HEAD.text) -> bytes:
    (folder / "text").write_text(text)
    authority.openssl("ts", "-query", "-data", folder / "text", "-sha256", "-cert", "-no_nonce",
                      "-out", folder / "tsq")  # fmt: skip
    authority.answer(folder / "tsq", folder / "tsr")
    return (folder / "tsr").read_bytes()


def test_a_stamp_holds_for_its_head_alone(authority: Authority, answer: bytes) -> None:
    roots = authority.roots.read_bytes()
    assert stamped_at(answer, HEAD, roots=roots).tzinfo is not None
    for other in (
        Checkpoint(ORIGIN, 6, HEAD.root),
        Checkpoint("another/audit-log", 5, HEAD.root),
        Checkpoint(ORIGIN, 5, b"\6" * 32),
    ):
        with pytest.raises(LogError, match="Mismatch"):
            stamped_at(answer, other, roots=roots)


def test_a_certificate_for_something_else_stamps_nothing(tmp_path: Path) -> None:
    odd = Authority.make(tmp_path / "odd", purpose="other")
    try:
        data = _answered(odd, tmp_path)
    except subprocess.CalledProcessError:
        return  # openssl does not even answer with it
    with pytest.raises(LogError):
        stamped_at(data, HEAD, roots=odd.roots.read_bytes())


def test_any_flipped_bit_of_the_signed_parts_is_seen(authority: Authority, answer: bytes) -> None:
    roots = authority.roots.read_bytes()
    good = stamped_at(answer, HEAD, roots=roots)
    for at in range(0, len(answer), 5):
        broken = bytearray(answer)
        broken[at] ^= 1
        assert _outcome(bytes(broken), roots) in (good, "timestamp-bad"), at


def _outcome(answer: bytes, roots: bytes) -> object:
    try:
        return stamped_at(answer, HEAD, roots=roots)
    except LogError as error:
        return error.code


@given(st.binary(max_size=300))
def test_rubbish_is_a_stamp_that_does_not_hold(authority: Authority, data: bytes) -> None:
    with pytest.raises(LogError) as caught:
        stamped_at(data, HEAD, roots=authority.roots.read_bytes())
    assert caught.value.code == "timestamp-bad"


def test_without_the_extra_it_says_what_to_install(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "rfc3161_client", None)
    with pytest.raises(GateError, match="extra tsa") as caught:
        stamped_at(b"", HEAD, roots=authority.roots.read_bytes())
    assert caught.value.code == "extra-missing"
