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
from support.log import CHECKPOINT, ORIGIN, REPOSITORY, log_of
from support.peers import on_path
from support.repository import Repo, make_person
from support.shell import Ran, run_gate

from itil_gate.audit.log_folder import FolderFiles
from itil_gate.audit.log_stamps import verdict_of_stamps
from itil_gate.log.checkpoint import Checkpoint, open_checkpoint
from itil_gate.log.verify import Seen
from itil_gate.model.errors import GateError, LogError
from itil_gate.model.record import AUDIT_BRANCH
from itil_gate.release.timestamping import stamp_sizes, stamped_at
from itil_gate.signing.note import named_key

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


def pin(place: Place, roots: str | None) -> None:
    """Name a file of roots on the target, with what it holds; None holds nothing."""
    file = place.clone.path / "itil-gate.yaml"
    text = file.read_text()
    if "timestampRoots" not in text:
        file.write_text(text.replace("log:\n", "log:\n  timestampRoots: security/tsa.pem\n"))
    (place.clone.path / "security").mkdir(exist_ok=True)
    (place.clone.path / "security/tsa.pem").write_text(roots or "")
    place.clone.git("add", "security", "itil-gate.yaml")
    if roots is None:
        place.clone.git("rm", "--quiet", "--force", "security/tsa.pem")
    place.clone.git("commit", "--quiet", "--allow-empty", "-m", "Pin the authority")
    place.clone.git("push", "--quiet", "origin", "HEAD:main")


def kept(place: Place, authority: Authority, folder: Path) -> None:
    """Keep a stamp of the head, under the roots of the authority."""
    asked, answered = folder / "head.tsq", folder / "head.tsr"
    assert place.gate("timestamp", "--request", asked).code == 0
    authority.answer(asked, answered)
    ran = place.gate("timestamp", "--response", answered, "--roots", authority.roots, *place.signed)
    assert ran.code == 0, ran.err


def said_of_stamps(place: Place, *words: str | Path) -> tuple[int, str]:
    """Return the exit code of `log verify`, and its line about time-stamps."""
    ran = place.gate("verify", "--full", *words)
    (line,) = [one for one in ran.out.splitlines() if "  timestamps  " in one]
    return ran.code, line.strip()


def test_a_verification_of_the_log_verifies_its_stamps_under_the_roots_on_the_target(
    place: Place, authority: Authority, tmp_path: Path
) -> None:
    assert said_of_stamps(place) == (0, "ok           timestamps  0 time-stamps")
    kept(place, authority, tmp_path)
    code, line = said_of_stamps(place)
    assert code == 0
    assert line.startswith("not checked  timestamps  there are 1, and no authority is pinned: log.")
    good = (0, "ok           timestamps  1 time-stamp; 1 entries were there by 20")
    code, line = said_of_stamps(place, "--roots", authority.roots)
    assert (code, line[: len(good[1])]) == good
    pin(place, authority.roots.read_text())
    # What lies in the work tree is not asked.
    (place.clone.path / "security/tsa.pem").write_text("nothing")
    code, line = said_of_stamps(place)
    assert (code, line[: len(good[1])]) == good
    assert place.gate("timestamp", "--verify").out.startswith("1 entries: there by ")
    other = Authority.make(tmp_path / "other")
    code, line = said_of_stamps(place, "--roots", other.roots)
    assert (code, line) == (1, "bad          timestamps  1 fault in 1 time-stamp")
    assert place.gate("timestamp", "--verify", "--roots", other.roots).code == 1
    both = other.roots.read_text() + authority.roots.read_text()
    for roots, code in ((other.roots.read_text(), 1), (both, 0)):
        pin(place, roots)
        assert said_of_stamps(place)[0] == code
        assert place.gate("timestamp", "--verify").code == code
    for roots, told in (("no certificates", "roots-unreadable"), (None, "missing-file")):
        pin(place, roots)
        for words in (("verify", "--full"), ("timestamp", "--verify")):
            ran = place.gate(*words)
            assert (ran.code, told in ran.err) == (2, True), ran.err


def test_an_answer_is_kept_under_the_roots_on_the_target(
    place: Place, authority: Authority, tmp_path: Path
) -> None:
    asked, answered = tmp_path / "head.tsq", tmp_path / "head.tsr"
    assert place.gate("timestamp", "--request", asked).code == 0
    other = Authority.make(tmp_path / "other")
    other.answer(asked, answered)
    pin(place, authority.roots.read_text())
    keep = ("timestamp", "--response", answered, *place.signed)
    ran = place.gate(*keep)
    assert (ran.code, "does not hold" in ran.out) == (1, True)
    authority.answer(asked, answered)
    assert place.gate(*keep).code == 0
    assert file_at(place.hub, "timestamps/1.tsr") == answered.read_bytes()


def test_an_export_holds_the_stamps_and_is_verified_with_them(
    place: Place, authority: Authority, tmp_path: Path
) -> None:
    kept(place, authority, tmp_path)
    out = tmp_path / "exported"
    ran = place.gate("export", "--dir", out)
    assert ran.code == 0, ran.err
    files = [one for one in out.rglob("*") if one.is_file()]
    assert f"wrote {len(files)} files of 1 entries" in ran.err
    assert "expunged" not in ran.err
    stamp = out / "timestamps/1.tsr"
    assert stamp.read_bytes() == file_at(place.hub, "timestamps/1.tsr")
    pins = ("--dir", out, "--keys", place.clone.path / "itil-gate.yaml")
    assert said_of_stamps(place, *pins)[1].startswith("not checked  timestamps  there are 1")
    rooted = (*pins, "--roots", authority.roots)
    assert said_of_stamps(place, *rooted)[1].startswith("ok           timestamps  1 time-stamp;")
    data = bytearray(stamp.read_bytes())
    data[-20] ^= 1
    stamp.write_bytes(data)
    code, line = said_of_stamps(place, *rooted)
    assert (code, line) == (1, "bad          timestamps  1 fault in 1 time-stamp")
    stamp.unlink()
    stamp.symlink_to(authority.roots)
    assert said_of_stamps(place, *rooted)[0] == 1


@pytest.mark.parametrize(
    ("names", "sizes"),
    [
        (["10.tsr", "9.tsr", "0.tsr"], [0, 9, 10]),
        (["09.tsr", "-1.tsr", "1.tsr.bak", "a.tsr", ".tsr", "1", "\u0661.tsr"], []),
        (["9" * 20 + ".tsr", "9" * 5000 + ".tsr", "9" * 19 + ".tsr"], [int("9" * 19)]),
    ],
)
def test_the_name_of_a_stamp_is_the_size_it_is_about(names: list[str], sizes: list[int]) -> None:
    assert stamp_sizes(names) == sizes


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


def test_without_the_extra_a_verification_says_that_stamps_were_not_checked(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {**log_of(5), "timestamps/5.tsr": b""}
    for path, data in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    keys = [named_key(ORIGIN, CHECKPOINT.public)]
    seen = Seen(open_checkpoint(files["checkpoint"], keys, origin=ORIGIN).checkpoint, {})
    roots = authority.roots.read_bytes()
    assert verdict_of_stamps(FolderFiles(tmp_path), seen, roots).state == "bad"
    monkeypatch.setitem(sys.modules, "rfc3161_client", None)
    found = verdict_of_stamps(FolderFiles(tmp_path), seen, roots)
    assert (found.state, "pip install 'itil-gate[tsa]'" in found.detail) == ("not checked", True)
    assert verdict_of_stamps(FolderFiles(tmp_path), None, b"").state == "not checked"


def test_without_the_extra_it_says_what_to_install(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "rfc3161_client", None)
    with pytest.raises(GateError, match="extra tsa") as caught:
        stamped_at(b"", HEAD, roots=authority.roots.read_bytes())
    assert caught.value.code == "extra-missing"
